"""What the page's script adds to Gradio's components: keys, names, and pictures from anywhere."""

import base64

import pytest

from dfine.figures import style
from dfine.page.tabs import TABS
from tests.page.visitor import EXAMPLES, LOW, PHOTO, bars, boxes, drawn, example, tab_to, timed

DROPPED = """([data, type]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], 'dropped.jpg', {type: 'image/jpeg'}));
    const place = document.querySelector('#scene');
    const event = type === 'drop' ? new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})
        : new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true});
    place.dispatchEvent(event);
}"""


def test_a_picture_can_be_dropped_on_the_big_one_or_pasted_anywhere(page):
    data = base64.b64encode(PHOTO.read_bytes()).decode()
    for way in ("drop", "paste"):
        example(page, 1)
        page.wait_for_selector("#status:has-text('640 × 640 pixels')")
        page.evaluate(DROPPED, [data, way])
        page.wait_for_selector("#status:has-text('256 × 256 pixels')")


DRAGGED = """([place, name, type, data]) => ['dragenter', 'dragover', 'drop'].map((kind) => {
    const transfer = new DataTransfer(), bytes = Uint8Array.from(atob(data ?? ''), (c) => c.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type}));
    const event = new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true});
    document.querySelector(place).dispatchEvent(event);
    return event.defaultPrevented;
}).pop()"""


def test_what_is_dropped_and_is_no_picture_is_named(page):
    """Wherever it is dropped, also on the input itself or on a figure; the answer that is there stays."""
    example(page, 1)
    page.wait_for_selector("#status:has-text('640 × 640 pixels')")
    for place, name, kind, said in (
        ("#scene", "notes.txt", "text/plain", "notes.txt is no picture: drop a photograph or a drawing."),
        ("#source img", "sheet.pdf", "application/pdf", "sheet.pdf is no picture: drop a photograph or a drawing."),
        ("#views .panel", "list.csv", "text/csv", "list.csv is no picture: drop a photograph or a drawing."),
        ("#scene", "clip.mp4", "video/mp4", "clip.mp4 is a video: the tab Video takes it."),
    ):
        assert page.evaluate(DRAGGED, [place, name, kind]), "else the browser would open it"
        assert page.inner_text("#status [role=status]") == said
        assert page.locator("#scene [role=option]").count()
    assert not page.locator("#source.border_focus").count(), "no input waits for what it will not get"
    example(page, 2)
    page.wait_for_selector("#status:not(:has-text('clip.mp4'))")


def test_a_video_can_be_dropped_on_its_tab(page, tmp_path):
    pytest.importorskip("av")
    from tests.video.clips import clip

    data = base64.b64encode(clip(tmp_path / "a.mp4").read_bytes()).decode()
    page.locator("#tab-video").click()
    page.evaluate(DRAGGED, ["#panel-video", "a.mp4", "video/mp4", data])
    page.wait_for_selector("#panel-video:has-text('a.mp4')")
    page.locator(f"#tab-{TABS[0].key}").click()


def test_who_waits_is_told_how_many_are_before_them(page):
    """In the words that Gradio writes into its place for them."""
    add = """text => {
        document.querySelector('#spoken')?.replaceChildren();
        const place = document.createElement('div');
        place.className = 'progress-text'; place.textContent = text;
        document.querySelector('#scene').append(place);
    }"""
    for written, said in (
        ("queue: 3/5 | 0.4s", "2 before you | 0.4s"),
        ("queue: 1/1 |", "you are next |"),
        ("0.4s", "0.4s"),
    ):
        page.evaluate(add, written)
        page.wait_for_function(
            "said => document.querySelector('#scene > .progress-text').textContent === said", arg=said
        )
        page.wait_for_selector("#spoken:text-is('Looking at the picture …')")
        page.evaluate("document.querySelector('#scene > .progress-text').remove()")


def test_the_row_of_tabs_is_one_stop_and_arrows_go_through_it(page):
    example(page, 1)
    bars(page)
    stops = "[...document.querySelectorAll('#tabs [role=tab]')].filter(e => e.offsetParent && e.tabIndex === 0).length"
    assert page.evaluate(stops) == 1
    page.locator("#tabs [role=tab]").first.focus()
    page.keyboard.press("ArrowRight")
    bars(page, "weighted")
    assert page.evaluate("document.activeElement.dataset.key") == TABS[1].key
    assert page.evaluate(stops) == 1 and page.locator("[role=tabpanel]:visible").count() == 1
    page.keyboard.press("Home")
    page.wait_for_selector("#shape", state="visible")


COUNTED = """() => {
    window.said = {};
    for (const place of ['#status', '#headline .sure']) new MutationObserver(() =>
        (window.said[place] ??= []).push(document.querySelector(place).textContent)
    ).observe(document.querySelector(place), {childList: true, subtree: true, characterData: true});
}"""


def test_what_was_found_is_announced_and_once_however_far_a_slider_is_turned(page):
    example(page, 1)
    assert page.locator("#status [role=status]").get_attribute("aria-live") == "polite"
    page.evaluate(COUNTED)
    page.locator("#threshold input[type=range]").focus()
    with timed(page, "after === 300 ? 3000 : after"):  # between two keys a slow machine may take longer than 300 ms
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        drawn(page)
    page.wait_for_function("window.said['#status']")
    assert page.evaluate("window.said['#status'].length") == 1 and "at least 0.15" in page.inner_text("#status")
    page.evaluate("lens.store.set({object: 1})")
    page.wait_for_function("window.said['#headline .sure']?.length === 1")
    assert page.locator("#headline .sure").get_attribute("role") == "status"
    page.evaluate("lens.store.set({threshold: 0.2})")
    page.wait_for_function("window.said['#status'].length === 2")
    assert page.evaluate("window.said['#headline .sure'].length") == 1, "the object is the same"


def test_a_button_that_has_done_its_work_keeps_the_focus_until_the_visitor_goes_on(page):
    example(page, 1)
    page.evaluate("lens.store.set({edge: (lens.store.state.edge + 1) % 4})")
    undo = page.get_by_role("button", name="Undo", exact=True)
    undo.focus()
    while page.evaluate("lens.store.canUndo"):
        page.keyboard.press("Enter")
    page.wait_for_selector("#headline button[aria-disabled=true]:focus")
    before = page.evaluate("JSON.stringify(lens.store.state.edge)")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.wait_for_selector("#headline button:disabled:text-is('Undo')")
    assert page.evaluate("document.activeElement.textContent") == "Copy link"
    assert page.evaluate("JSON.stringify(lens.store.state.edge)") == before
    page.evaluate("lens.store.set({edge: (lens.store.state.edge + 1) % 4})")
    page.wait_for_selector("#headline button:enabled:text-is('Undo')")


def test_where_a_button_of_another_part_leads_is_read_aloud(page):
    bars(page)
    page.locator("#headline .cards button").nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#spoken:text-is('One edge, to the pixel: bottom edge')")
    page.locator(f"#tab-{TABS[0].key}").click()
    bars(page)
    page.wait_for_timeout(500)
    assert page.inner_text("#spoken").startswith("One edge"), (
        "who goes through the row of tabs hears the tabs themselves"
    )


def test_the_list_of_all_models_says_whether_it_is_open(page):
    models = page.get_by_role("button", name="All models", exact=True)
    for said in ("true", "false"):
        models.click()
        page.wait_for_selector(f"button[aria-expanded={said}]:has-text('All models')")


def test_headings_come_in_order(page):
    example(page, 1)
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(e => +e.tagName[1])")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:]))


def test_arrows_on_the_picture_go_to_the_neighbour(page, model):
    example(page, 1)
    result = model(EXAMPLES[1], LOW)
    found = result.detections
    boxes(page, len(found))
    page.wait_for_selector(f"#headline:has-text('{style.title(result.history(0))}')")
    centres = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in found.boxes.tolist()]
    page.mouse.move(0, 0)  # what scrolls away from under the pointer is not set off any more
    page.locator("#several").focus()
    tab_to(page, "e.closest('#scene')")
    here = "document.querySelector('#scene svg[role=listbox]').getAttribute('aria-activedescendant')"
    page.keyboard.press("Home")
    before = int(page.evaluate(here).split("-")[1])
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowDown", 1, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, -1)):
        page.keyboard.press(key)
        after = int(page.evaluate(here).split("-")[1])
        assert after == before or sign * (centres[after][axis] - centres[before][axis]) > 0
        before = after
    page.keyboard.press("PageDown")
    assert int(page.evaluate(here).split("-")[1]) == (before + 1) % len(found)
