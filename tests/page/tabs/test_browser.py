"""The tabs that the browser draws."""

import pytest

gr = pytest.importorskip("gradio")

from dfine.figures.glossary import GLOSSARY
from dfine.page.tabs.browser import drawn
from tests.page.conftest import visitors
from tests.page.visitor import example, open_tab
from tests.pointer import FRAMES, at_rest, hover


def test_such_a_tab_is_a_component_of_its_name_and_asks_the_server_nothing():
    tab = drawn("shape", "How sure")
    with gr.Blocks() as page:
        parts = tab.build()
    assert (tab.key, tab.label, tab.draw, tab.wire, tab.ask, tab.controls) == (
        "shape",
        "How sure",
        None,
        None,
        None,
        (),
    )
    assert [part.elem_id for part in parts.values()] == ["shape"]
    assert not page.fns and tab.of_object


@pytest.fixture(scope="module")
def page(browser, url):
    with visitors(browser, url) as opened:
        page = opened()
        example(page, 3)
        page.evaluate("lens.store.set({edge: 0})")
        yield page


@pytest.fixture(autouse=True)
def nothing_over_the_page(request):
    """What a failed test left open does not stand before the next one."""
    yield
    if "page" in request.fixturenames:
        request.getfixturevalue("page").evaluate("lens.store.set({present: false})")


def state(page, of):
    return page.evaluate(f"(() => {{ const s = lens.store.state; return {of}; }})()")


def drag_bar(page, bin_, share):
    """Drag a bar of the edited Pr(n) to a height, in parts of the plot's."""
    plot = page.locator("#lab .hand svg")
    box = at_rest(plot)
    x, y = box["x"] + (bin_ + 0.5) / 33 * box["width"], box["y"] + (1 - share) * box["height"]
    page.mouse.move(x, box["y"] + 0.95 * box["height"])
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.mouse.up()


def test_bars_are_dragged_and_the_edge_and_the_pictures_follow(page):
    open_tab(page, "lab")
    before = page.locator("#scene .chosen .frame").get_attribute("width")
    drag_bar(page, 26, 0.9)
    page.wait_for_function("lens.store.state.hand !== null")
    p = state(page, "s.hand.edges[s.edge]")
    assert sum(p) == pytest.approx(1, abs=1e-6) and max(range(33), key=p.__getitem__) == 26
    page.wait_for_function(f"document.querySelector('#scene .chosen .frame').getAttribute('width') !== '{before}'")
    said = page.inner_text("#lab .hand .outcome")
    assert "The network said" in said and "Σ W(n)·Pr(n) = +" in said
    mean = state(page, "s.hand.edges[s.edge].reduce((sum, v, n) => sum + v * s.trace.w[n], 0)")
    assert f"= {mean:+.2f} " in said
    page.keyboard.press("Control+z")  # the whole drag
    page.wait_for_function("lens.store.state.hand === null")


def test_bars_are_moved_by_keys_and_a_link_restores_them(page, url):
    open_tab(page, "lab")
    page.locator("#lab .hand [role=slider][tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    raised = """() => document.activeElement.dataset.n === '1'
      && Math.abs(document.activeElement.getAttribute('aria-valuenow') - 0.1) < 0.01"""
    page.wait_for_function(raised)
    value = float(page.locator("#lab .hand [data-n='1']").get_attribute("aria-valuenow"))
    page.wait_for_function("location.hash.includes('pr-')")
    hash_ = page.evaluate("location.hash")
    page.goto("about:blank")
    page.goto(url + hash_)
    page.wait_for_function("window.lens && lens.store.state.hand !== null")
    assert state(page, "Object.values(s.hand.edges)[0][1]") == pytest.approx(value, abs=0.01)
    page.get_by_role("button", name="What the network said").click()
    assert state(page, "s.hand") is None


def test_a_click_on_the_heat_map_and_a_turn_of_a_dial_are_one_step_each(page):
    open_tab(page, "lab")
    page.locator("#lab .heat svg").scroll_into_view_if_needed()
    page.locator("#lab .heat svg").click(position={"x": 60, "y": 20})
    assert state(page, "s.lab.a") == pytest.approx(1) and state(page, "s.lab.c") == pytest.approx(1 / 32)
    page.evaluate("""() => {
      const dial = document.querySelector('#lab .dial input');
      for (const value of [100, 200, 300]) { dial.value = value; dial.dispatchEvent(new Event('input')); }
      dial.dispatchEvent(new Event('change'));
    }""")
    assert state(page, "s.lab.a") < 0.5
    page.evaluate("lens.store.undo()")
    assert state(page, "s.lab.a") == pytest.approx(1)
    page.evaluate("lens.store.undo()")
    assert state(page, "s.lab") is None
    page.evaluate(FRAMES)  # the dial is back where it was
    page.locator("#lab .dial input").first.focus()
    page.keyboard.press("ArrowRight")  # away from a stop, at once
    assert state(page, "s.lab.a") > 0.5
    page.wait_for_selector("#spoken:has-text('The network was not retrained')")
    page.get_by_role("button", name="The network’s own").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#lab .back[aria-disabled=true]:focus")
    page.wait_for_selector("#spoken:has-text('This is the network’s own W(n)')")


def test_what_layers_added_and_lqe_read_stand_beside_the_layers(page):
    open_tab(page, "layers")
    layers = state(page, "s.trace.layers")
    page.wait_for_selector("#layers .deltas .panel")
    assert page.locator("#layers .deltas .panel").count() == 4 * layers
    assert page.locator("#layers .lqe tbody tr").count() == layers
    assert page.locator("#layers :is(#numbers, .lqe) tbody th[scope=row]").count() == 2 * layers + 1
    letters = page.locator("#layers .chart .letter").all_text_contents()
    assert sorted(letters) == ["b", "l", "r", "t"], "lines are not told apart by colours only"
    row = page.locator("#numbers tbody button").nth(1)
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#numbers tbody tr[data-layer='1'] [aria-pressed=true]")
    assert state(page, "s.layer") == 1


def test_present_mode_steps_by_arrows_stands_in_the_address_and_ends_by_escape(page):
    page.get_by_role("button", name="Present", exact=True).click()
    page.wait_for_selector("#present[open]")
    for part in (".hint", ".stops button", ".axis"):
        assert page.evaluate(f"getComputedStyle(document.querySelector('#present {part}')).fontSize") == "18px", part
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#present h2:has-text('layer 1'):has-text('top edge')")
    assert state(page, "[s.layer, s.edge]") == [1, 1]
    page.wait_for_selector("#present .sum:text-matches('^top edge of the .*, layer 1: Σ')")
    page.wait_for_function("location.hash.includes('present=1')")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('#present').open && !location.hash.includes('present')")


def test_a_word_is_explained_where_it_stands(page):
    page.locator("#headline [data-word=Query]").click()
    assert GLOSSARY["Query"] in page.inner_text("#meaning")
    page.keyboard.press("Escape")
    page.wait_for_selector("#meaning", state="hidden")
    page.wait_for_function("document.activeElement.dataset.word === 'Query'")
    open_tab(page, "sampling")
    page.wait_for_selector("#about-sampling [data-word=Stride]")  # also in what the server draws
    explained = set(page.evaluate("[...document.querySelectorAll('button.info')].map((b) => b.dataset.word)"))
    assert {"Pr(n)", "W(n)", "IoU", "LQE", "Query", "Stride"} <= explained <= set(GLOSSARY)
    assert {"Calibrated", "Uncalibrated"} & explained


def test_four_cards_say_where_each_edge_lies_and_how_sure_that_is(page):
    history = "lens.store.state.trace.history(lens.store.state.object)"
    said = page.locator("#headline .cards button").all_inner_texts()
    boxes, reach = page.evaluate(f"[{history}.boxes.at(-1), {history}.intervals.at(-1)]")
    for text, name, at, (low, high) in zip(said, ("left", "top", "right", "bottom"), boxes, reach, strict=True):
        assert text.split()[0] == name and f"{at:.1f} px" in text
        assert float(text.split("within ")[1].split()[0]) == pytest.approx(high - low, rel=0.01)
    hover(page, page.locator("#headline .cards button").nth(2).hover, "lens.store.state.over === 2")
    page.locator("#headline .cards button").nth(2).click()
    page.wait_for_function("lens.store.state.edge === 2 && lens.store.state.tab === 'edge'")
