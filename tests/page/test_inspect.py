"""Inspect: an object in motion, an edge and its sum, where it looked, why not here; by pointer and by keyboard."""

import pytest

from dfine.config import EDGES
from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.page.tabs import BY_KEY, TABS
from dfine.trace.stages import stage_names
from tests.page.visitor import EXAMPLES, LOW, bars, boxes, click_at, example, open_tab, tab_to

TITLE = "() => document.querySelector('#object .x2y2 text').textContent"


def opened(page, model, index):
    """An example with its boxes drawn and its best object chosen."""
    example(page, index)
    found = model(EXAMPLES[index], LOW)
    boxes(page, len(found.detections))
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(0))}')")
    return found


def test_every_tab_shows_the_chosen_object(page, model):
    opened(page, model, 1)
    layers = model.config.layers
    open_tab(page, "weighted")
    page.locator("#weighted .trace.bars").first.wait_for()
    assert bars(page, "#weighted")[0] == 4 * layers
    open_tab(page, "layers")
    page.wait_for_selector("#numbers table")
    numbers = page.inner_text("#numbers")
    assert all(stage in numbers for stage in stage_names(layers))
    assert "±" in numbers
    open_tab(page, "shape")


def test_the_layers_play_in_the_browser_without_the_server(page, model):
    opened(page, model, 1)
    page.wait_for_selector("#object .js-plotly-plot .updatemenu-button")
    page.wait_for_timeout(1500)  # whatever is on its way has come
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#object .updatemenu-button").first.click()
    page.wait_for_function(f"({TITLE})().includes('initial box')")
    page.wait_for_function(f"/layer \\d+ *score/.test(({TITLE})())")
    assert [url for url in asked if "heartbeat" not in url] == []


def test_play_pause_and_step_by_keyboard_without_the_server(page, model):
    opened(page, model, 1)
    page.wait_for_selector("#object .slider-group[role=slider]")
    page.wait_for_timeout(1000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#scene svg").focus()
    tab_to(page, "e.matches('#object .slider-group')", most=6)
    steps = model.config.layers
    for key, stage in (("End", steps), ("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        name = "initial box" if stage == 0 else f"layer {stage}"
        page.wait_for_function(f"name => new RegExp(name + ' *score').test(({TITLE})())", arg=name)
        slider = page.locator("#object .slider-group")
        assert slider.get_attribute("aria-valuenow") == str(stage)
        assert slider.get_attribute("aria-valuetext") == ("initial" if stage == 0 else name)
    tab_to(page, "e.getAttribute('aria-label') === 'Play'", most=3)
    page.keyboard.press("Enter")
    page.wait_for_function(f"({TITLE})().includes('initial box')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Pause"
    page.keyboard.press("Space")
    paused = page.evaluate(TITLE)
    page.wait_for_timeout(1200)  # longer than any stage rests
    assert page.evaluate(TITLE) == paused
    assert [url for url in asked if "heartbeat" not in url] == []


def test_one_edge_is_chosen_by_keyboard_and_its_sum_ends_at_the_drawn_box(page, model):
    found = opened(page, model, 1)
    open_tab(page, "edge")
    page.wait_for_selector("#sum:has-text('Left edge')")
    page.locator("#which input").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_selector("#sum:has-text('Top edge')")
    drawn = page.locator("#sum .drawn").inner_text().replace("−", "-")
    assert float(drawn) == pytest.approx(float(found.history(0).xyxy_pixels[-1, 1]), abs=0.051)
    assert page.locator("#edge-plot .trace.bars").count() == 2 * model.config.layers
    page.locator("#layer input").first.check()
    page.wait_for_selector("#sum:has-text('Top edge of the'):has-text(', layer 1')")
    open_tab(page, "shape")


def test_the_page_shows_where_a_query_looked(page, model):
    opened(page, model, 1)
    open_tab(page, "sampling")
    page.wait_for_selector("#sampling .js-plotly-plot .scatterlayer .point")
    said = page.inner_text("#about-sampling")
    assert all(f"Layer {i + 1}:" in said for i in range(model.config.layers))
    steps = page.locator("#sampling .js-plotly-plot").evaluate(
        "e => e.layout.sliders[0].steps.map(s => s.args[0].length)"
    )
    assert steps == [1] * model.config.layers
    open_tab(page, "shape")


def test_a_click_beside_every_box_asks_why_not_here(page, model):
    found = opened(page, model, 0)
    size = found.picture.size
    free = [(x, y) for x in range(20, size[0], 40) for y in range(20, size[1], 40)]
    free = [place for place in free if pictures.at(found.detections, *place) is None]
    click_at(page, free[0], size)
    page.wait_for_selector("#why:has-text('query')")
    assert abs(float(page.input_value("#x input")) - free[0][0]) <= 2
    page.wait_for_selector("#probe img")
    x1, y1, x2, y2 = found.detections.boxes[0].tolist()
    click_at(page, ((x1 + x2) / 2, (y1 + y2) / 2), size)
    bars(page)
    page.wait_for_selector("#unweighted", state="visible")


def test_pictures_and_figures_have_text_alternatives(page, model):
    opened(page, model, 1)
    unnamed = """() => [...document.querySelectorAll('.js-plotly-plot')].filter(e => e.offsetParent)
        .filter(e => !['img', 'group'].includes(e.getAttribute('role')) || !e.getAttribute('aria-label')).length"""
    plots = dict(shape="#unweighted", weighted="#weighted", edge="#edge-plot", layers="#rungs", sampling="#sampling")
    for key, plot in plots.items():
        open_tab(page, key)
        page.wait_for_selector(f"{plot} .js-plotly-plot[aria-label]")
        page.wait_for_function(f"({unnamed})() === 0")
    for key, picture in (("why", "#probe img"), ("paper", "#paper img")):
        open_tab(page, key)
        page.wait_for_selector(f"{picture}[alt]:not([alt=''])")
    silent = "() => [...document.images].filter(e => e.offsetParent && !e.hasAttribute('alt')).map(e => e.src)"
    assert page.evaluate(silent) == []
    open_tab(page, "shape")


def test_keyboard_alone_leads_from_the_start_to_an_edges_sum(visit, model):
    """Nothing but keys, from a page just opened: the picture, a box, playing it, a tab, an edge, its sum."""
    page = visit()
    found = model(EXAMPLES[3], 0.5)  # half hidden: the one that the page begins with
    boxes(page, len(found.detections))
    page.wait_for_selector("#object .slider-group[role=slider]")
    tab_to(page, "e.closest('#scene')")
    page.wait_for_selector("ul[role=listbox]", state="detached")  # the list of models closes behind us
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(1))}')")
    page.wait_for_selector("#object .slider-group[role=slider]")
    tab_to(page, "e.matches('#object .updatemenu-button')")
    page.keyboard.press("Space")
    tab_to(page, "e.getAttribute('role') === 'tab'")
    for _ in range([tab.key for tab in TABS].index("edge")):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent.trim()") == BY_KEY["edge"].label
    page.wait_for_selector("#sum:has-text('Left edge')")
    tab_to(page, "e.closest('#which')")
    tab_to(page, "e.closest('#which') && e.closest('label').textContent.trim() === 'bottom'")
    page.keyboard.press("Space")
    page.wait_for_selector("#sum:has-text('Bottom edge')")
    drawn = page.locator("#sum .drawn").inner_text().replace("−", "-")
    assert float(drawn) == pytest.approx(float(found.history(1).xyxy_pixels[-1, EDGES.index("bottom")]), abs=0.051)
    page.close()
