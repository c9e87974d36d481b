"""The App, as a person meets it: from the grid to a picture, to a box, to the panel and its plot."""

import time

import pytest

from tests.pointer import at_rest, hover

PATIENCE = 120_000  # milliseconds; the tests may run beside other work
PLOT = ".js-plotly-plot .subplot.x12y12"  # the last of four edges by three layers
BESIDE = """() => {
    const [picture, panel] = ["canvas", "[data-cy=panel-content-dfine_edges]"].map(
        (what) => document.querySelector(`[data-cy=modal] ${what}`)?.getBoundingClientRect());
    return picture && panel && picture.width > 200 && picture.right <= panel.left + 1;
}"""
GREETED = "localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')"  # a window that opens over the pictures


@pytest.fixture(scope="module")
def address(explored):
    """The App on a free port of this machine, with the workspace, as `dfine explore` opens it."""
    from dfine.explore import session, workspace

    space = workspace.save(explored)
    with session.app(explored, spaces=space) as app:
        assert app.server_address == "127.0.0.1"
        yield f"http://{app.server_address}:{app.server_port}/datasets/{explored.slug}"


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.add_init_script(GREETED)
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("[data-cy=looker]")
    yield page
    page.close()


def aim(sample):
    """A point (x, y in 0..1) in some box, but not in the best-scored one, with what the panel may then show."""
    from dfine.explore.panel_text import called

    def holds(detection, point):
        return all(low <= p <= low + side for p, low, side in zip(point, *_halves(detection.bounding_box)))

    best, *others = sorted(sample.dfine.detections, key=lambda d: -d.confidence)
    for detection in others:
        point = [low + side / 2 for low, side in zip(*_halves(detection.bounding_box))]
        if not holds(best, point):
            return point, {called(d) for d in sample.dfine.detections if holds(d, point)}
    pytest.fail("no picture with a box apart from the best one")


def _halves(box):
    return box[:2], box[2:]


def test_from_the_grid_to_a_box_to_its_edges(page, explored):
    # In the grid the panel says what to do, and shows the best box of a picture that is ticked.
    panel = page.locator("[data-cy=panel-content-dfine_edges]")
    panel.get_by_text("tick a picture").wait_for()
    picture = page.locator("[data-cy=looker]").first
    tick = picture.locator("[data-cy^=looker-checkbox]").first
    hover(page, picture.hover, "document.querySelector('[data-cy^=looker-checkbox]')?.checkVisibility()")
    tick.click()
    panel.locator(PLOT).wait_for()
    best = max(explored.first().dfine.detections, key=lambda d: d.confidence)
    shown = panel.get_by_role("combobox").first.inner_text()
    assert shown.startswith(f"{best.label} {best.confidence:.2f}, query {best['query']}")
    tick.click()
    panel.get_by_text("tick a picture").wait_for()

    # A picture is opened from the grid.
    picture.click(position={"x": 70, "y": 70})  # in the upper left corner one ticks it
    page.wait_for_selector("[data-cy=modal]")
    page.wait_for_selector("[data-cy=modal] canvas[canvas-loaded=true]")

    # The panel comes to stand beside it; the picture stays in front.
    panel = page.locator("[data-cy=modal] [data-cy=panel-content-dfine_edges]")
    panel.wait_for()
    page.wait_for_function(BESIDE)
    panel.locator(PLOT).wait_for()  # of the best box
    page.wait_for_selector("[data-cy=modal] canvas[canvas-loaded=true]")

    # A box is clicked.
    sample = explored.first()
    point, expected = aim(sample)

    def shown():
        return panel.get_by_role("combobox").first.inner_text() in expected

    def clicked():
        """The App looks for what lies under the pointer in its own time; a click before that finds nothing."""
        if shown():
            return True
        canvas = at_rest(page.locator("[data-cy=modal] canvas").first)
        side = min(canvas["width"], canvas["height"])  # the pictures are square, and stand in the middle
        at = [
            canvas[corner] + (canvas[length] - side) / 2 + p * side
            for corner, length, p in (("x", "width", point[0]), ("y", "height", point[1]))
        ]
        page.mouse.move(at[0] - 5, at[1] - 5)
        page.mouse.move(*at, steps=5)
        page.wait_for_timeout(500)
        page.mouse.click(*at)
        return soon(shown, 30)  # a second click on the same box would take the first one back

    # The panel shows that box's edges: four distributions in each of three layers.
    until(clicked)
    panel.locator(PLOT).wait_for()
    until(lambda: panel.locator(".bars .point path").count() >= 3 * 4 * 33)

    # From there by the keyboard (the App keeps Enter for itself) to another view, and to the next object of the list.
    ladder = panel.get_by_role("tab", name="Ladder")

    def chosen():
        """While the panel is drawn anew the App takes the focus away, and the key with it: then once more."""
        ladder.focus()
        page.keyboard.press("Space")
        page.wait_for_timeout(300)
        return ladder.get_attribute("aria-selected") == "true"

    until(chosen)
    panel.get_by_text("IoU with the final box").wait_for()
    until(lambda: panel.get_by_role("row").count() == 1 + 1 + 3)  # its head, the initial box, and the layers
    before = panel.get_by_role("combobox").first.inner_text()

    def moved_on():
        return panel.get_by_role("combobox").first.inner_text() != before

    def gone_on():
        """As with the view: where the key was lost, once more."""
        if moved_on():
            return True
        panel.get_by_role("button", name="Next").focus()
        page.keyboard.press("Space")
        return soon(moved_on, 30)

    until(gone_on)


def soon(true, seconds):
    """Whether something comes true in so many seconds."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def until(true):
    assert soon(true, PATIENCE / 1000)
