"""Inspect: an object in motion, an edge and its sum, where it looked, why not here; by pointer and by keyboard."""

import pytest

from dfine.config import EDGES
from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.page.tabs import BY_KEY, TABS
from dfine.trace.stages import stage_names
from tests.page.visitor import (
    EXAMPLES,
    LOW,
    SCENES,
    asked_of,
    bars,
    boxes,
    click_at,
    drawn,
    example,
    open_tab,
    set_threshold,
    tab_to,
    upload,
)
from tests.pointer import hover

STAGE = "() => document.querySelector('#object .head').textContent"
# All that is told while the layers play, and what the button then does: each stage passes, looked at or not.
PLAYED = """() => {
    const head = document.querySelector('#object .head'), play = document.querySelector('#object .play');
    window.played = [];
    const say = () => window.played.push(`${head.textContent}; ${play.ariaLabel}`);
    new MutationObserver(say).observe(head, {childList: true});
}"""
# Time that goes on by a little with every frame, however long the frame takes.
STEADY = """() => {
    let now = performance.now();
    window.inFrame = requestAnimationFrame;
    window.requestAnimationFrame = (act) => inFrame(() => act(now += 40));
}"""


def opened(page, model, index):
    """An example with its boxes drawn and its best object chosen."""
    example(page, index)
    found = model(EXAMPLES[index], LOW)
    boxes(page, len(found.detections))
    page.locator("#objects tbody tr[data-number='0']").click()
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(0))}')")
    return found


def test_choosing_hovering_and_every_tab_of_the_browser_ask_the_server_nothing(page, model):
    found = opened(page, model, 1)
    layers = model.config.layers
    asked = asked_of(page)
    set_threshold(page, 0.3)
    boxes(page, len(found.detections.above(0.3)))
    set_threshold(page, LOW)
    page.locator("#objects tbody tr[data-number='2']").click()
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(2))}')")
    for key in ("shape", "weighted"):
        open_tab(page, key)
        assert bars(page, key) == 4 * layers
    panel = page.locator("#weighted .panel").nth(4 * layers - 1)
    told = "(document.querySelector('#weighted .tip')?.innerText ?? '').includes('Pr(n)')"
    hover(page, panel.hover, f"{told} && document.querySelector('#scene line.bin:not([display])')")
    assert page.locator("#weighted .panel .ghost[d^=M]").count() == 4 * (layers - 1), "the outline of the layer before"
    line = page.locator("#object .hits line").nth(2)
    lit = ("#headline .cards button:nth-child(3).over", "#weighted .panel.column")
    shown = " && ".join(f"document.querySelector('{part}')" for part in lit)
    hover(page, lambda: line.hover(force=True), f"lens.store.state.over === 2 && {shown}")
    open_tab(page, "layers")
    numbers = page.inner_text("#numbers")
    assert all(stage in numbers for stage in stage_names(layers)) and "±" in numbers
    page.locator("#numbers tbody tr").nth(1).click()
    page.wait_for_function(f"({STAGE})().includes('layer 1')")
    open_tab(page, "edge")
    page.wait_for_selector("#sum:has-text(', layer 1')")
    page.wait_for_timeout(600)
    assert asked == []
    open_tab(page, "shape")


def test_the_layers_play_and_are_stepped_through_by_keyboard_without_the_server(page, model):
    opened(page, model, 1)
    asked = asked_of(page)
    slider, steps = page.locator("#object input[type=range]"), model.config.layers
    page.locator("#scene svg").focus()
    tab_to(page, "e.matches('#object input[type=range]')", most=12)
    for key, stage in (("End", steps), ("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        name = "initial box" if stage == 0 else f"layer {stage}"
        page.wait_for_function(f"name => new RegExp(name + ' *score').test(({STAGE})())", arg=name)
        assert slider.input_value() == str(stage)
        assert slider.get_attribute("aria-valuetext").startswith(f"{name}: score 0.")
    page.evaluate(PLAYED)
    page.locator("#object .play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("window.played.some((said) => /initial box score.*; Pause$/.test(said))")
    page.wait_for_function("window.played.some((said) => /→ layer 1; Pause$/.test(said))")
    page.keyboard.press("Space")
    page.wait_for_selector("#object .play[aria-label=Play]")
    drawn(page)
    paused = page.evaluate(STAGE)
    page.wait_for_timeout(1200)  # longer than any stage rests
    assert page.evaluate(STAGE) == paused
    page.keyboard.press("Space")
    page.wait_for_function(f"({STAGE})().includes('layer {steps} score')")
    page.wait_for_selector(
        f"#spoken[role=status]:text-matches('^layer {steps}: score 0')"
    )  # who does not see it hears it
    for name, button in zip(EDGES, page.locator("#object .lengths button").all(), strict=True):
        assert button.get_attribute("aria-label") == f"{name} edge, 80 % within {button.inner_text()}: see its sum"
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("""() => {
      window.stages = [];
      lens.store.subscribe(({layer}, changed) => changed.has('layer') && window.stages.push(layer));
    }""")
    page.evaluate(STEADY)
    page.locator("#object .play").click()
    page.wait_for_function(f"window.stages.at(-1) === {steps}")
    page.evaluate("requestAnimationFrame = inFrame, 0")
    assert page.evaluate("[...new Set(window.stages)]") == list(range(steps + 1)), "from stage to stage at once"
    page.emulate_media(reduced_motion="no-preference")
    assert asked == []


def test_one_edge_is_chosen_by_keyboard_and_its_sum_ends_at_the_drawn_box(page, model):
    found = opened(page, model, 1)
    open_tab(page, "edge")
    page.locator("#which input").first.check()
    page.wait_for_selector("#sum:has-text('Left edge')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#sum:has-text('Top edge')")
    drawn = page.locator("#sum .drawn").inner_text().replace("−", "-")
    exact = float(found.history(0).xyxy_pixels[-1, 1])
    assert float(drawn) == pytest.approx(exact, abs=0.051)
    assert float(page.locator("#sum b.edge").inner_text().replace("−", "-")) == pytest.approx(exact, abs=0.03)
    terms = page.locator("#sum .bins td:nth-child(4)").all_text_contents()
    *terms, total = (float(term.replace("−", "-")) for term in terms)
    assert sum(terms) == pytest.approx(total, abs=1e-9), "every number follows from the ones above it"
    assert page.locator("#edge-plot .panel").count() == 2 * model.config.layers
    reached = page.locator(":is(a[href], button, input, [tabindex='0'])")
    assert page.locator("[role=img]").filter(has=reached).count() == 0, "a picture's parts are not read out"
    page.locator("#layer input").first.check()
    page.wait_for_selector("#sum:has-text('Top edge of the'):has-text(', layer 1')")
    page.locator("#object .lengths button").nth(2).click()
    page.wait_for_selector("#sum:has-text('Right edge')")
    open_tab(page, "shape")


def test_edges_are_drawn_as_densities_and_movements_ten_times_as_far(page, model):
    opened(page, model, 1)
    densities, tenfold = (page.locator("#object .switches input").nth(i) for i in (0, 1))
    densities.check()
    page.wait_for_selector("#scene .ribbons path[d^=M]", state="attached")
    assert page.locator("#scene .whisker:visible").count() == 0
    densities.uncheck()
    page.wait_for_function("!document.querySelector('#scene .whisker').hasAttribute('display')")
    tenfold.check()
    page.evaluate("lens.store.set({layer: 0})")
    wanted = page.evaluate("""() => {
      const {boxes} = lens.read(lens.store.state), last = boxes.at(-1);
      const far = boxes[0].map((v, k) => last[k] + 10 * (v - last[k]));
      return Math.abs((far[2] - far[0]) / (far[3] - far[1]));
    }""")
    frame = "document.querySelector('#object .box .frame')"
    ratio = f"{frame}.getAttribute('width') / {frame}.getAttribute('height')"
    page.wait_for_function(f"wanted => Math.abs({ratio} / wanted - 1) < 0.02", arg=wanted)
    tenfold.uncheck()
    page.evaluate("lens.store.set({layer: lens.store.state.trace.layers})")


def test_another_weighting_function_decodes_the_box_anew(page, model):
    """The box that Python decodes with the same W(n) is the one that is drawn."""
    found = opened(page, model, 1)
    open_tab(page, "lab")
    asked = asked_of(page)
    page.wait_for_selector("#lab .outcome:has-text('network’s own W(n)')")
    page.locator("#lab .marks button:text-is('1/16')").click()
    page.wait_for_selector("#lab .outcome:has-text('not retrained')")
    history = found.history(0).reweighted(0.5, 1 / 16)
    shown = page.evaluate("lens.read(lens.store.state).boxes.at(-1)")
    assert shown == pytest.approx(history.xyxy_pixels[-1].tolist(), abs=0.02)
    assert asked == []
    page.get_by_role("button", name="The network’s own").click()
    open_tab(page, "shape")


def test_a_link_reload_and_back_show_what_was_shown(visit, model):
    stem = SCENES[1].path.rsplit("/", 1)[1].removesuffix(".jpg")
    found = model(EXAMPLES[1], 0.2).detections
    page = visit(f"/#example={stem}&object=3&edge=top&layer=1&tab=edge&threshold=0.2")
    for again in (False, True):
        if again:
            page.reload()
        boxes(page, len(found))
        page.wait_for_selector("#sum:has-text('Top edge'):has-text(', layer 1')")
        assert page.locator("#scene [role=option][aria-selected=true]").get_attribute("id") == "object-2"
    page.locator("#objects tbody tr[data-number='0']").click()
    page.wait_for_url("**object=1&*")
    page.go_back()
    page.wait_for_selector("#scene [role=option][aria-selected=true]#object-2", state="attached")
    open_tab(page, "layers")
    page.wait_for_url("**tab=layers**")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector("#sum:has-text('Top edge')")
    page.get_by_role("button", name=f"Example: {SCENES[0].label}").click()
    page.wait_for_url(lambda address: stem not in address)
    page.go_back()
    page.wait_for_function("stem => lens.page.told.example === stem", arg=stem)
    page.close()


def limit_at_the_third(page, most):
    """Choose the third object, and then show so many at most."""
    page.locator("#objects tbody tr[data-number='2']").click()
    page.wait_for_url("**object=3&**")
    page.fill("#top", str(most))


def test_back_keeps_how_many_objects_are_shown_unless_that_hides_the_one_before(visit, model):
    stem = SCENES[1].path.rsplit("/", 1)[1].removesuffix(".jpg")
    page = visit(f"/#example={stem}&object=1&threshold={LOW}")
    boxes(page, len(model(EXAMPLES[1], LOW).detections))
    limit_at_the_third(page, 3)
    page.wait_for_url("**object=3&*most=3")
    page.go_back()
    page.wait_for_function("lens.store.state.object === 0")
    page.wait_for_url("**object=1&*most=3")
    page.reload()
    boxes(page, 3)
    assert page.input_value("#top") == "3"
    page.fill("#top", "")
    boxes(page, len(model(EXAMPLES[1], LOW).detections))
    limit_at_the_third(page, 1)
    page.wait_for_url("**object=1&*most=1")
    page.go_back()
    page.wait_for_function("lens.store.state.object === 2 && lens.store.state.top === null")
    page.close()


def test_a_link_to_an_example_opens_it_at_the_edge_that_a_click_on_it_opens(visit, model):
    found = model(EXAMPLES[3], 0.5)
    page = visit("/#example=4-occlusion")
    lengths = [(high - low).item() for low, high in found.history(0).intervals()[-1]]
    at = "lens.page.told.example === '4-occlusion' && lens.store.state.edge"
    assert page.evaluate(at) == lengths.index(max(lengths)) > 0
    page.get_by_role("button", name=f"Example: {SCENES[0].label}").click()
    page.wait_for_function("lens.page.told.example === '1-clean'")
    page.evaluate("lens.store.set({edge: 0})")
    page.get_by_role("button", name=f"Example: {SCENES[3].label}").click()
    page.wait_for_function(f"{at} === {lengths.index(max(lengths))}")
    page.close()


def test_an_uploaded_picture_is_in_no_link_and_the_page_says_so(page, pictures):
    upload(page, *pictures((300, 200)), (300, 200))
    page.wait_for_function("!location.hash.includes('example')")
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_selector("#headline .said:has-text('Your own picture is in no link')")
    page.evaluate("sessionStorage.setItem('picture', JSON.stringify({path: '/gone.jpg', model: ''}))")  # an hour later
    page.reload()
    page.wait_for_selector("#status:has-text('Your own picture is not kept any longer')")


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
    page.wait_for_function("x => Math.abs(document.querySelector('#x input').value - x) <= 2", arg=free[0][0])
    page.wait_for_selector("#probe img")
    page.wait_for_function("document.querySelector('#why p').getBoundingClientRect().bottom < innerHeight")  # in sight
    x1, y1, x2, y2 = found.detections.boxes[0].tolist()
    click_at(page, ((x1 + x2) / 2, (y1 + y2) / 2), size)
    bars(page)
    page.wait_for_selector("#shape", state="visible")


def test_pictures_and_figures_have_text_alternatives(page, model):
    opened(page, model, 1)
    for key in ("shape", "weighted", "edge", "lab"):
        open_tab(page, key)
        page.wait_for_selector(f"#{key} :is([role=img], [role=group])[aria-label]:not([aria-label=''])")
    open_tab(page, "sampling")
    page.wait_for_selector("#sampling .js-plotly-plot[aria-label]")
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
    tab_to(page, "e.closest('#scene')")
    page.wait_for_selector("ul[role=listbox]", state="detached")  # the list of models closes behind us
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(1))}')")
    tab_to(page, "e.matches('#object .play')")
    page.keyboard.press("Space")
    tab_to(page, "e.getAttribute('role') === 'tab'")
    for _ in range([tab.key for tab in TABS].index("edge")):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent.trim()") == BY_KEY["edge"].label
    page.wait_for_selector("#sum:has-text('Bottom edge')")  # the hidden one, at which the page opens
    tab_to(page, "e.closest('#which')")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#sum:has-text('Left edge')")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(f"#sum:has-text('Bottom edge'):has-text(', layer {model.config.layers}')")
    drawn = page.locator("#sum .drawn").inner_text().replace("−", "-")
    assert float(drawn) == pytest.approx(float(found.history(1).xyxy_pixels[-1, EDGES.index("bottom")]), abs=0.051)
    page.close()


def test_a_threshold_that_was_dragged_is_taken_back_at_once(page):
    example(page, 0)
    before = page.evaluate("lens.store.state.threshold")
    page.evaluate("""() => {
      const range = document.querySelector('#threshold input[type=range]');
      for (const value of [0.6, 0.62, 0.7]) {
        range.value = value;
        range.dispatchEvent(new Event('input'));
      }
      range.dispatchEvent(new Event('change'));
    }""")
    page.wait_for_function("lens.store.state.threshold === 0.7")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("before => lens.store.state.threshold === before", arg=before)
