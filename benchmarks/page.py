"""How long a visitor waits, in headless Chromium: for boxes after an upload or an example, for the page after a click.

    python benchmarks/page.py [--runs 20] [--visitors 32] [--chromium /usr/bin/chromium]

Serves `python app.py` with the shipped D-FINE-N at an input of 640 × 640 (where it finds less than at its own 320) and
prints medians and 95th percentiles beside what is aimed at: picture uploaded → boxes drawn, example clicked (for the
first time since the start) → boxes drawn, end to end from the browser's input; a box clicked or a bar hovered →
everything redrawn, in one frame of the browser, which asks the server nothing for it; the frames per second while the
slider of the layers is dragged, and those of W(n); a patch let go in *Cover and spoil* → the spoiled picture with its
whiskers; a stroke ended in *Sketch* → what was found in it; a box clicked while so many visitors more have pictures
looked at, each another one every ten seconds. It takes about two minutes. Say on which machine the numbers were taken,
and what else ran on it: browser, server and visitors share its cores.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dfine
from assets.browser import CHROMIUM, launched, served
from benchmarks.callers import BUSY, asked, uploaded
from dfine.data import scenes
from dfine.inference.predictor import Predictor

OWN = re.compile("heartbeat|favicon")  # what a browser asks by itself
EVERY = 10.0  # seconds from one picture of a further visitor to the next

# When the boxes were last drawn, in the browser's own milliseconds.
WATCH = """() => {
  window.last = {scene: 0};
  const now = () => { window.last.scene = performance.now(); };
  document.querySelector('#scene img').addEventListener('load', now);  // also where nothing is found
  new MutationObserver(now).observe(document.querySelector('#scene svg'), {childList: true, subtree: true});
}"""
QUIET = "name => window.last[name] > window.begun && performance.now() - window.last[name] > 400"

# An event that changes the state, and how long it takes until the browser has drawn and laid out what follows from it.
REACT = """([selector, type, x, y]) => new Promise((done) => {
  const node = document.querySelector(selector), place = node.getBoundingClientRect();
  const options = {bubbles: true, clientX: place.left + x * place.width, clientY: place.top + y * place.height};
  const begun = performance.now();
  node.dispatchEvent(new (type === 'click' ? MouseEvent : PointerEvent)(type, options));
  requestAnimationFrame(() => { const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now() - begun);
    channel.port2.postMessage(0); });
})"""

# The centres of what is in sight, in 0..1 of the picture.
CENTRES = """() => lens.inSight(lens.store.state).map(({box}) => [0, 1].map((axis) =>
  (box[axis] + box[axis + 2]) / 2 / lens.store.state.trace.size[axis]))"""

# From the moment at which the pointer is let go: until the spoiled picture is drawn, or the sketch's answer is.
PATCHED = """() => { window.answered = new Promise((done) => {
  let begun = Infinity;
  addEventListener('pointerup', () => { begun = performance.now(); }, {once: true, capture: true});
  document.querySelector('#spoiled img').addEventListener('load', () => requestAnimationFrame(() => setTimeout(() =>
    done((performance.now() - begun) / 1000))), {once: true});
}); }"""
SKETCHED = """() => { window.answered = new Promise((done) => {
  let begun = Infinity;
  addEventListener('pointerup', () => { begun = performance.now(); }, {once: true, capture: true});
  const stop = lens.store.subscribe((state, changed) => {
    if (!changed.has('trace') || !Number.isFinite(begun)) return;
    stop();
    requestAnimationFrame(() => setTimeout(() => done((performance.now() - begun) / 1000)));
  });
}); }"""

# Frames per second while a slider is dragged from one end to the other, a step a frame, for so many milliseconds.
DRAG = """([selector, span]) => new Promise((done) => {
  const slider = document.querySelector(selector), [low, high] = [+slider.min, +slider.max], begun = performance.now();
  let frames = 0;
  const step = (now) => {
    const share = Math.min(1, (now - begun) / span);
    slider.value = low + share * (high - low);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    frames += 1;
    if (share < 1) requestAnimationFrame(step);
    else done(1000 * frames / (performance.now() - begun));
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    """Serve, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--visitors", type=int, default=32, help="at the page while a box is clicked; 0 for none")
    parser.add_argument("--chromium", default=CHROMIUM)
    options = parser.parse_args()

    runs, requests = range(options.runs), []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        model, files = prepared(Path(folder))
        with served(model, DFINE_FETCH="0", DFINE_SWIFT="1", DFINE_DEVICE="auto") as url:
            browser = launched(playwright, options.chromium)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(60_000)
            page.goto(url)
            page.wait_for_selector("#status:has-text('score of at least')")
            page.wait_for_timeout(3000)
            page.evaluate(WATCH)
            examples = [example(page, i) for i in (1, 2, 3)]
            for file in reversed(files):  # the exported file may take over meanwhile
                upload(page, file)
            uploads = [upload(page, files[(i + 1) % 2]) for i in range(options.runs // 2 * 2)]  # ends with the first
            page.wait_for_selector("#shape .panel")
            between = places(page)
            react(page, "#scene svg", "click", *between[0])
            page.on("request", lambda request: OWN.search(request.url) or requests.append(request.url))
            choices = [choose(page, between, i + 1) for i in runs]
            hovers = [react(page, "#shape .panel", "pointermove", (i % 33 + 0.5) / 33, 0.5) for i in runs]
            layers = [drag(page, "#object input[type=range]") for _ in range(3)]
            page.click("#tab-lab")
            page.wait_for_selector("#lab .dial")
            page.wait_for_timeout(500)
            curve = [drag(page, f"#lab .dial[data-of={name}] input") for name in "aca"]
            counted = len(requests)
            patches = spoiled(page, options.runs)
            strokes = sketched(page, options.runs)
            page.click("#tab-shape")
            upload(page, files[0])
            del requests[counted:]  # patches, strokes and uploads do ask the server
            page.wait_for_timeout(500)
            with visitors(url, files[0], options.visitors) as pictures:
                page.wait_for_timeout(2000)
                crowded = [choose(page, between, i + 1) for i in runs]
            browser.close()
    told("picture uploaded → boxes drawn", uploads, 0.6)
    told("example clicked for the first time → boxes drawn", examples)
    told("box clicked → everything redrawn", choices, 0.05, 0.1)
    told("bar hovered → everything redrawn", hovers, 0.05, 0.1)
    told("patch let go → spoiled picture and whiskers", patches, 0.3)
    told("stroke ended → what was found in the sketch", strokes)
    print(f"the browser's requests for clicks, hovers and sliders, also beside visitors: {len(requests)} (aim 0)")
    for name, frames in (("the layers", layers), ("W(n)", curve)):
        said = ", ".join(f"{rate:.0f}" for rate in frames)
        print(f"slider of {name}: {statistics.median(frames):.0f} frames a second (aim 50), of {said}")
    if options.visitors:
        told(f"box clicked beside {options.visitors} visitors, who had {len(pictures)} pictures looked at", crowded)
        print(f"  aim: as without them, {statistics.median(choices):.3f} s")


def told(name: str, times: list[float], median: float | None = None, late: float | None = None) -> None:
    """Print the median and the 95th percentile of so many seconds, and what is aimed at."""
    times = sorted(times)
    last = times[min(len(times) - 1, round(0.95 * len(times)) - 1)]
    aims = [f"aim {aim} s" if aim else "" for aim in (median, late)]
    said = [f"{v:.3f} s{f' ({aim})' if aim else ''}" for v, aim in zip((statistics.median(times), last), aims)]
    print(f"{name}: median {said[0]}, 95th percentile {said[1]}, {len(times)} runs")


@contextmanager
def visitors(url: str, file: Path, count: int) -> Iterator[list[float]]:
    """So many more visitors, each of whom has a picture looked at every `EVERY` seconds; the seconds that each took."""
    took, over = [], threading.Event()
    path = uploaded(url, file.read_bytes()) if count else ""

    def visit(number: int) -> None:
        over.wait(EVERY * number / count)
        while not over.is_set():
            begun = time.monotonic()
            try:
                asked(url, "detect", [{"path": path}, "", 0.5])
                took.append(time.monotonic() - begun)
            except urllib.error.HTTPError as error:
                if error.code not in BUSY:
                    raise
            over.wait(max(0.0, EVERY - (time.monotonic() - begun)))

    threads = [threading.Thread(target=visit, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    yield took
    over.set()
    for thread in threads:
        thread.join()


def prepared(folder: Path) -> tuple[Path, list[Path]]:
    """The shipped D-FINE-N, set to look at 640 × 640, and two pictures in which it finds something."""
    demo = dfine.load("demo", device="cpu")
    model = Predictor(demo.engine, replace(demo.card, input_size=(640, 640))).save(folder / "model")
    detector, files = dfine.load(model, device="cpu"), []
    for seed in range(10_000_000, 10_000_200):
        picture = Image.fromarray(scenes.draw(seed, (640, 480)).image)
        found = detector(picture, threshold=0.5).detections
        if len(found) >= 2 and len(set(found.class_names[:2])) == 2:
            files.append(folder / f"{seed}.jpg")
            picture.save(files[-1], quality=95)
        if len(files) == 2:
            break
    return model, files


def upload(page: Page, file: Path) -> float:
    """Seconds from the file's choice to the picture with its boxes."""
    page.evaluate("window.begun = performance.now()")
    page.set_input_files("#source input[type=file]", file)
    page.wait_for_function(QUIET, arg="scene")
    seconds = page.evaluate("(window.last.scene - window.begun) / 1000")
    page.wait_for_timeout(700)
    return seconds


def example(page: Page, index: int) -> float:
    """Seconds from a click on an example picture to the picture with its boxes."""
    page.evaluate("window.begun = performance.now()")
    page.locator("#examples button").nth(index).click()
    page.wait_for_function(QUIET, arg="scene")
    seconds = page.evaluate("(window.last.scene - window.begun) / 1000")
    page.wait_for_timeout(700)
    return seconds


def places(page: Page) -> list[list[float]]:
    """Two places of the picture, in 0..1, a click on each of which chooses another object."""
    found = {}
    for place in page.evaluate(CENTRES):
        react(page, "#scene svg", "click", *place)
        found.setdefault(page.evaluate("lens.store.state.object"), place)
    if len(found) < 2:
        raise RuntimeError("there are no two objects in the picture to choose in turn")
    return list(found.values())[:2]


def choose(page: Page, between: list[list[float]], run: int) -> float:
    """Seconds from a click on another object in the picture until everything is drawn anew."""
    before = page.evaluate("lens.store.state.object")
    seconds = react(page, "#scene svg", "click", *between[run % 2])
    if page.evaluate("lens.store.state.object") == before:
        raise RuntimeError("the click chose nothing, and so measured nothing")
    return seconds


def drag(page: Page, selector: str) -> float:
    """Frames a second while a slider is dragged."""
    frames = page.evaluate(DRAG, [selector, 1500])
    page.wait_for_timeout(300)
    return frames


def pull(page: Page, selector: str, watch: str, x: float, y: float) -> float:
    """Seconds from letting go, after dragging from a place in 0..1 of an element by a quarter of it, to the answer."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    page.evaluate(watch)
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + (x + 0.25) * box["width"], box["y"] + (y + 0.25) * box["height"], steps=5)
    page.mouse.up()
    seconds = page.evaluate("window.answered")
    page.wait_for_timeout(200)
    return seconds


def spoiled(page: Page, runs: int) -> list[float]:
    """Seconds that each of so many patches takes that are dragged over the picture."""
    page.click("#tab-spoil")
    page.wait_for_selector("#spoiled-edges p")
    page.wait_for_timeout(500)
    return [pull(page, "#spoiled svg", PATCHED, 0.02 + 0.7 * i / runs, 0.1) for i in range(runs)]


def sketched(page: Page, runs: int) -> list[float]:
    """Seconds that each of so many strokes takes on an empty sheet."""
    page.click("#tab-sketch")
    page.wait_for_timeout(500)
    return [pull(page, "#sketch canvas", SKETCHED, 0.02 + 0.7 * i / runs, 0.1) for i in range(runs)]


def react(page: Page, selector: str, kind: str, x: float, y: float) -> float:
    """Seconds from an event, at a place in 0..1 of an element, until everything is drawn anew."""
    seconds = page.evaluate(REACT, [selector, kind, x, y]) / 1000
    page.wait_for_timeout(150)
    return seconds


if __name__ == "__main__":
    main()
