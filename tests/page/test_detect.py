"""Detect: pictures from anywhere, boxes that react, and settings that select without the network."""

from PIL import Image

from dfine.data import scenes
from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.page import answer
from dfine.page.tabs import TABS
from tests.page.conftest import ROOT
from tests.page.visitor import (
    EXAMPLES,
    LOW,
    PHOTO,
    SCENES,
    bars,
    boxes,
    click_at,
    example,
    on_scene,
    open_tab,
    seconds,
    set_threshold,
    tab_to,
    timed,
    upload,
)
from tests.pointer import hover

# How many labels cover a part of the chosen object.
COVERING = """() => {
    const own = document.querySelector('#scene .frames .chosen .frame').getBoundingClientRect();
    return [...document.querySelectorAll('#scene .labels rect')].map((e) => e.getBoundingClientRect()).filter((r) =>
        r.left < own.right - 3 && own.left < r.right - 3 && r.top < own.bottom - 3 && own.top < r.bottom - 3).length;
}"""

# The colours of every label's plate and text in the picture.
LABELS = """() => [...document.querySelectorAll('#scene .labels g')].map(g =>
    [g.querySelector('rect'), g.querySelector('text')].map(e => getComputedStyle(e).fill.match(/[0-9.]+/g)))"""

PHONE = "seen closely views listed sources"
ORDER = """(ids) => [...document.querySelectorAll('#sources, #seen, #closely, #listed, #views')]
    .map((e) => e.id).join(' ') === ids"""

# What follows the width of the window does so with the next frames.
FITS = "document.documentElement.scrollWidth <= 390"


def middle(box):
    x1, y1, x2, y2 = box.tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2


def label(found, number):
    """What a label says of a detection."""
    return f"{found.class_names[number]} {found.scores[number]:.2f}"


def test_a_click_on_a_box_of_a_scene_leads_to_its_distributions(page, model):
    example(page, 1)
    result = model(EXAMPLES[1], LOW)
    boxes(page, len(result.detections))
    for wanted in (len(result.detections) - 1, 0, 3):
        place = middle(result.detections.boxes[wanted])
        hit = pictures.at(result.detections, *place)  # another, smaller one may lie in its middle
        click_at(page, place, result.picture.size)
        page.wait_for_selector(f"#headline:has-text('{style.title(result.history(hit))}')")
        chosen = page.locator("#scene [role=option][aria-selected=true]")
        assert chosen.get_attribute("id") == f"object-{hit}"
    layers = model.config.layers
    assert bars(page) == 4 * layers
    assert page.locator("#scene img").get_attribute("alt").startswith(f"The picture with {len(result.detections)} ")


def test_the_box_under_the_pointer_is_set_off_and_told(page, model):
    example(page, 1)
    result = model(EXAMPLES[1], LOW)
    found = result.detections
    boxes(page, len(found))
    for index in (2, 0):
        place = middle(found.boxes[index])
        hit = pictures.at(found, *place)
        hover(
            page,
            lambda place=place: page.mouse.move(*on_scene(page, place, result.picture.size)),
            f"(document.querySelector('#scene .tip')?.innerText ?? '').includes('{label(found, hit)}')",
        )
        corners = ", ".join(f"{v:.0f}" for v in found.boxes[hit].tolist())
        assert corners.replace("-0", "0") in page.inner_text("#scene .tip").replace("-0", "0")
        assert page.locator("#scene svg").get_attribute("aria-activedescendant") == f"object-{hit}"
    page.mouse.move(5, 5)
    page.wait_for_selector("#scene .tip", state="hidden")


def test_boxes_are_chosen_on_the_picture_by_keyboard(page, model):
    example(page, 3)
    found = model(EXAMPLES[3], LOW)
    boxes(page, len(found.detections))
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(0))}')")
    page.locator("#several").focus()
    tab_to(page, "e.closest('#scene')", most=5)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for key, told in (("PageDown", 1), ("PageDown", 2), ("PageUp", 1), ("End", len(found.detections) - 1)):
        page.keyboard.press(key)
        expected = f"{found.detections.class_names[told]} {found.detections.scores[told]:.2f}"
        assert page.inner_text("#scene .tip").startswith(expected)
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(1))}')")
    assert page.evaluate("document.activeElement.closest('#scene') !== null")  # and goes on from there
    label = page.locator("#scene [role=option]").nth(1).get_attribute("aria-label")
    assert label.startswith(f"{found.detections.class_names[1]} {found.detections.scores[1]:.2f}, box ")


def test_the_table_chooses_by_keyboard_and_shows_what_is_chosen(page, model):
    example(page, 3)
    found = model(EXAMPLES[3], LOW)
    assert len(found.detections) >= 3
    boxes(page, len(found.detections))
    page.locator("#objects tbody tr[data-number='0']").click()
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(0))}')")
    page.locator("#scene svg").focus()
    tab_to(page, "e.closest('#objects tbody')", most=40)  # past the object's view and the threshold
    assert page.locator("#objects tr[aria-selected=true]").get_attribute("data-number") == "0"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert style.title(found.history(0)) in page.inner_text("#headline"), "walking does not choose"
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(2))}')")
    assert page.evaluate("document.activeElement.dataset.number") == "2"
    assert page.locator("#scene [role=option][aria-selected=true]").get_attribute("id") == "object-2"
    page.locator("#scene svg").focus()  # and the other way round
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector("#objects tr[aria-selected=true][data-number='0']")


def test_the_table_is_sorted_in_the_browser(page, model):
    example(page, 1)
    found = model(EXAMPLES[1], LOW).detections
    boxes(page, len(found))

    def column(n):
        return page.locator(f"#objects td:nth-child({n})").all_inner_texts()

    assert column(1) == [str(i + 1) for i in range(len(found))]
    page.get_by_role("button", name="class", exact=True).click()
    assert [name.strip() for name in column(2)] == sorted(found.class_names)
    page.get_by_role("button", name="class", exact=True).click()
    assert [name.strip() for name in column(2)] == sorted(found.class_names, reverse=True)
    page.get_by_role("button", name="#", exact=True).click()


def test_classes_are_filtered_without_the_network(page, model):
    example(page, 1)
    found = model(EXAMPLES[1], LOW).detections
    boxes(page, len(found))
    before = seconds(page)
    name = found.class_names[1]
    count = found.class_names.count(name)
    page.locator(f"#classes button[data-name='{name}']").click()
    boxes(page, count)
    assert seconds(page) == before
    page.fill("#top", "1")
    page.keyboard.press("Tab")
    page.wait_for_selector("#status:has-text('1 object ')")
    boxes(page, 1)
    page.fill("#top", "")
    boxes(page, count)
    page.locator(f"#classes button[data-name='{name}']").click()


def test_the_classes_to_choose_from_are_those_in_sight(page, model):
    example(page, 2)
    set_threshold(page, 0.5)
    names = model(EXAMPLES[2], 0.5).detections.class_names
    expected = [f"{name} ({names.count(name)})" for name in dict.fromkeys(names)]
    boxes(page, len(names))
    assert page.locator("#classes button").all_inner_texts() == expected
    page.locator("#classes button").first.click()
    boxes(page, names.count(names[0]))
    set_threshold(page, 0.95)  # a class that is chosen stays, also where nothing of it is left
    left = model(EXAMPLES[2], 0.95).detections.class_names.count(names[0])
    boxes(page, left)
    assert "of the classes that you chose" in page.inner_text("#status")
    assert page.locator("#classes button[aria-pressed=true]").all_inner_texts() == [f"{names[0]} ({left})"]
    page.locator("#classes button[aria-pressed=true]").click()


def test_where_nothing_is_found_a_button_shows_what_came_nearest(page, model):
    example(page, 3)
    set_threshold(page, 0.95)
    boxes(page, 0)
    best = model(EXAMPLES[3], answer.FLOOR).detections
    assert f"Best guess: {best.class_names[0]} {best.scores[0]:.2f}." in page.inner_text("#status")
    page.get_by_role("button", name="Lower the threshold to 0.").press("Enter")
    page.wait_for_selector("#status:has-text('1 object ')")
    boxes(page, 1)
    assert page.evaluate("document.activeElement.matches('#scene svg')"), "the keyboard goes on at what is shown"
    assert page.locator("#status button:visible").count() == 0
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_selector("#status:has-text('at least 0.95')")


def test_undo_takes_back_a_typed_number_at_once(page):
    """Not digit by digit, over thresholds that nobody asked for."""
    example(page, 1)
    set_threshold(page, 0.5)
    page.fill("#threshold input[type=number]", "")
    page.locator("#threshold input[type=number]").press_sequentially("0.35")
    page.keyboard.press("Tab")
    page.wait_for_selector("#status:has-text('at least 0.35')")
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_selector("#status:has-text('at least 0.50')")


def test_numbers_out_of_range_are_taken_as_the_nearest_there_is(page, model):
    example(page, 3)
    failed = []
    page.on("response", lambda answer: answer.status >= 500 and failed.append(answer.url))
    for typed, meant in (("0", answer.FLOOR), ("2", answer.CEILING), ("0.5", 0.5)):
        page.fill("#threshold input[type=number]", typed)
        page.wait_for_selector(f"#status:has-text('at least {meant:.2f}')")
        boxes(page, len(model(EXAMPLES[3], meant).detections))
    page.fill("#top", "0")
    page.keyboard.press("Tab")
    page.wait_for_selector("#status:has-text('1 object (the best of ')")
    assert page.input_value("#top") == "1", "what is typed is put right"
    page.fill("#top", "300")
    page.keyboard.press("Tab")
    boxes(page, len(model(EXAMPLES[3], 0.5).detections))
    page.fill("#top", "")
    assert not failed


def test_the_cross_takes_the_picture_and_all_that_was_said_of_it_away(page, model):
    example(page, 1)
    page.get_by_label("Remove Image").click()
    page.wait_for_selector("#status:has-text('Nothing to show yet: choose a picture.')")
    boxes(page, 0)
    assert "No object chosen" in page.inner_text("#headline")
    for tab in TABS:
        open_tab(page, tab.key)
        assert page.locator("[id^=panel-] .empty .icon:visible").count() == 0, "no icon of a broken plot"
    open_tab(page, TABS[0].key)
    example(page, 1)
    boxes(page, len(model(EXAMPLES[1], LOW).detections))


def test_a_photo_can_be_uploaded_and_a_threshold_selects_without_the_network(page, model):
    upload(page, PHOTO, Image.open(PHOTO).size)
    before = seconds(page)
    counts = []
    for threshold in (answer.FLOOR, LOW, 0.95):
        set_threshold(page, threshold)
        counts.append(len(model(PHOTO, threshold).detections))
        said = page.inner_text("#status")
        assert said.startswith((f"{counts[-1]} object", f"{counts[-1]} detection") if counts[-1] else "Nothing"), said
        assert seconds(page) == before, "the time of the one run of the network"
        boxes(page, counts[-1])
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_what_is_not_a_picture_gets_a_sentence_and_no_stale_result(page, tmp_path):
    cases = [
        ("empty.jpg", b"", "'empty.jpg' is empty"),
        ("letter.png", b"Dear Sir or Madam", "'letter.png' is not a picture"),
        ("half.jpg", PHOTO.read_bytes()[:9000], "'half.jpg' is damaged or cut off"),
    ]
    with timed(page, "after > 9000 ? 2 ** 31 - 1 : after"):  # by itself a notice would go after ten seconds
        for name, content, said in cases:
            (tmp_path / name).write_bytes(content)
            page.set_input_files("#source input[type=file]", tmp_path / name)
            toast = page.locator(f"[data-testid=toast-body]:has-text('{name}')")
            toast.wait_for()
            page.wait_for_selector("#status:has-text('That did not work')")
            for text in (toast.inner_text(), page.inner_text("#status")):
                assert said in text and "Traceback" not in text and str(ROOT) not in text and "gradio" not in text
            assert not page.locator("#scene img").is_visible() and page.locator("#scene [role=option]").count() == 0
            page.wait_for_selector("#scene .nothing")
            place, picture = toast.bounding_box(), page.locator("#scene").bounding_box()
            assert place["x"] + place["width"] <= picture["x"] or place["y"] >= picture["y"] + picture["height"]
            example(page, 0)
            toast.wait_for(state="hidden")


def test_a_phone_can_scroll_to_everything_without_scrolling_sideways(page):
    example(page, 2)
    page.set_viewport_size({"width": 390, "height": 844})
    bars(page)
    page.wait_for_function(f"({ORDER})('{PHONE}')")  # in the document, and so for Tab, as on the screen
    tops = page.evaluate(f"'{PHONE}'.split(' ').map((id) => document.getElementById(id).getBoundingClientRect().top)")
    assert tops == sorted(tops)
    page.wait_for_function(FITS)
    lines = page.evaluate("[...document.querySelectorAll('#headline .term')].map((e) => e.getClientRects().length)")
    assert len(lines) == 3 and set(lines) == {1}, "a word stands in one line with its sign and what follows that"
    for tab in TABS:
        open_tab(page, tab.key)
        page.wait_for_timeout(150)
        page.wait_for_function(FITS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_function(f"({ORDER})('sources seen closely listed views')")


def test_a_phone_leads_down_to_the_pictures_and_up_again_to_the_one_that_is_chosen(page):
    seen = "id => { const {top, bottom} = document.querySelector(id).getBoundingClientRect(); return top > -3 && %s }"
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(f"({ORDER})('{PHONE}')")
    page.get_by_role("button", name="Choose a picture").click()
    page.wait_for_function(seen % "top < innerHeight / 2", arg="#source")
    before = page.locator("#scene img").get_attribute("src")
    page.get_by_role("button", name=f"Example: {SCENES[1].label}").click()
    page.wait_for_function("src => document.querySelector('#scene img').getAttribute('src') !== src", arg=before)
    page.wait_for_function(seen % "bottom <= innerHeight", arg="#scene")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_function(f"({ORDER})('sources seen closely listed views')")
    assert not page.get_by_role("button", name="Choose a picture").is_visible()


def test_two_visitors_do_not_see_each_others_pictures(page, visit, tmp_path):
    sizes = [(320, 200), (200, 320)]
    visitors = [page, visit()]
    for visitor, size in zip(visitors, sizes):
        path = tmp_path / f"{size[0]}.png"
        Image.fromarray(scenes.draw(10_000_000, size).image).save(path)
        visitor.set_input_files("#source input[type=file]", path)
    for visitor, (width, height) in zip(visitors, sizes):
        visitor.wait_for_selector(f"#status:has-text('{width} × {height}')")
    visitors[1].locator("#source button[aria-label*='Clear'], #source button[aria-label*='Remove']").first.click()
    visitors[1].wait_for_selector("#status:has-text('Nothing to show yet')")
    visitors[1].wait_for_selector("#scene .nothing")
    assert "320 × 200" in visitors[0].inner_text("#status")
    visitors[1].close()


def test_labels_can_be_read_on_any_background(page):
    """The contrast of every label to its own plate, as the browser paints them in the dark and in the light."""
    example(page, 1)
    sides = """lens.inSight(lens.store.state).map(({box, number}) => [(box[2] - box[0]) * (box[3] - box[1]), number])"""
    number = min(page.evaluate(sides))[1]
    page.evaluate("number => lens.store.set({object: number})", number)
    page.wait_for_selector(f"#scene [aria-selected=true]#object-{number}", state="attached")
    assert page.evaluate(COVERING) == 0, "a small object that is chosen can be seen whole"
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
        page.wait_for_function("document.querySelectorAll('#scene .labels g').length > 3")
        for plate, ink in page.evaluate(LABELS):
            colour = "#" + "".join(f"{int(v):02X}" for v in plate[:3])
            assert style.rgb(style.ink_on(colour)) == tuple(map(int, ink[:3]))
