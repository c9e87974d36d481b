"""What visitors do with their browser, for the tests of the page."""

import re
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr

from dfine.page import examples
from dfine.page.tabs import BY_KEY
from tests.pointer import FRAMES, at_rest

PHOTO = Path(gr.__file__).parent / "media_assets" / "images" / "cheetah1.jpg"
PATIENCE = 120_000  # milliseconds; the tests may run beside a training
SCENES = sorted(examples.scenes(), key=lambda example: example.path)  # clean, crowd, low light, occlusion
EXAMPLES = [example.path for example in SCENES]
# Whether an example has been answered, and is drawn: what was asked for before it may still come in between.
SHOWN = """stem => lens.page.told.example === stem
    && document.querySelector('#scene img').getAttribute('src') === lens.page.told.picture.url"""
LOW = 0.1  # a threshold at which something is found in anything


def hosts(urls):
    """Whom the browser asked."""
    return {urlsplit(u).netloc for u in urls if not u.startswith(("data:", "blob:"))}


def set_threshold(page, value):
    page.fill("#threshold input[type=number]", str(value))
    page.keyboard.press("Tab")
    page.wait_for_selector(f"#status:has-text('at least {value:.2f}')")


def upload(page, path, size):
    page.set_input_files("#source input[type=file]", path)
    page.wait_for_selector(f"#status:has-text('{size[0]} × {size[1]} pixels')")


def bars(page, key="shape"):
    """How many bar charts a tab shows."""
    page.wait_for_selector(f"#{key} .panel .bars")
    return page.locator(f"#{key} .panel .bars").count()


def seconds(page):
    """How long the network took, as the page says."""
    return re.search(r"(\d+\.\d+)\s*s\.", page.inner_text("#status"))[1]


def example(page, index):
    """Choose a drawn example at a low threshold, and wait for what was found in it."""
    name, stem = Path(EXAMPLES[index]).name, Path(EXAMPLES[index]).stem
    source = page.locator("#source img")
    if not (source.count() and name in source.get_attribute("src")):
        page.get_by_role("button", name=f"Example: {SCENES[index].label}").click()
    page.wait_for_function(SHOWN, arg=stem)
    page.wait_for_function("name => (document.querySelector('#source img') || {src: ''}).src.includes(name)", arg=name)
    set_threshold(page, LOW)


def open_tab(page, key):
    """Bring up a tab."""
    page.get_by_role("tab", name=BY_KEY[key].label, exact=True).click()
    page.wait_for_selector(f"#panel-{key}", state="visible")


def asked_of(page):
    """A list that fills with what the browser asks the server for from now on, less what it does by itself.

    What is on its way already comes first.
    """
    asked = []
    own = ("heartbeat", "favicon")
    page.on("request", lambda request: any(word in request.url for word in own) or asked.append(request.url))
    for _ in range(60):
        page.wait_for_timeout(1000)
        if not asked:
            break
        asked.clear()
    return asked


def drawn(page):
    """Wait until what the browser knows by now is drawn, which it does with its next frame."""
    page.evaluate(FRAMES)


@contextmanager
def timed(page, after):
    """While the block runs, timers of the page wait for as many milliseconds as an expression makes of `after`."""
    page.evaluate(f"""() => {{
        window.inTime = setTimeout;
        window.setTimeout = (act, after, ...given) => inTime(act, {after}, ...given);
    }}""")
    yield
    page.evaluate("setTimeout = inTime")


def boxes(page, count):
    """Wait until so many boxes are drawn on the picture."""
    drawn = "count => document.querySelectorAll('#scene [role=option]').length === count"
    page.wait_for_function(f"count => ({drawn})(count) && document.querySelector('#scene img').complete", arg=count)


def on_scene(page, place, size):
    """Where in the window a place is, in pixels of the visitor's picture, on the picture with the boxes."""
    box = at_rest(page.locator("#scene svg"))
    return box["x"] + place[0] * box["width"] / size[0], box["y"] + place[1] * box["height"] / size[1]


def click_at(page, place, size):
    page.mouse.click(*on_scene(page, place, size))


def tab_to(page, test, most=120):
    """Press Tab until the focused element is the wanted one; once around, where a redrawn part has lost the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"(e => Boolean({test}))(document.activeElement)"):
            return
    raise AssertionError(f"Tab never comes to where {test}")
