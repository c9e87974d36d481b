"""How long a visitor waits, in headless Chromium: for boxes after an upload or an example, for the page after a click.

    python benchmarks/page.py [--runs 20] [--chromium /usr/bin/chromium]

Serves `python app.py` with the shipped D-FINE-N at an input of 640 × 640 (where it finds less than at its own 320) and
prints medians and 95th percentiles: picture uploaded → boxes drawn, example clicked (for the first time since the
start) → boxes drawn, end to end from the browser's input; a box clicked or a bar hovered → everything redrawn, in one
frame of the browser, which asks the server nothing for it; and the frames per second while the slider of the layers is
dragged, and that of W(n). Say on which machine the numbers were taken, and what else ran on it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dfine
from assets.browser import CHROMIUM, launched, served
from dfine.data import scenes
from dfine.inference.predictor import Predictor

PLACES = []  # centres of the two objects to choose in turn, in 0..1 of the picture; `prepared` finds them

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
    parser.add_argument("--chromium", default=CHROMIUM)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        model, files = prepared(Path(folder))
        with served(model, DFINE_FETCH="0", DFINE_SWIFT="1", DFINE_DEVICE="auto") as url:
            browser = launched(playwright, options.chromium)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(60_000)
            page.goto(url)
            page.wait_for_selector("#shape .panel")
            page.wait_for_timeout(3000)
            page.evaluate(WATCH)
            examples = [example(page, i) for i in (1, 2, 3)]
            uploads = [upload(page, files[(i + 1) % 2]) for i in range(options.runs // 2 * 2)]
            choices = [choose(page, i + 1) for i in range(options.runs)]
            hovers = [
                react(page, "#shape .panel", "pointermove", (i % 33 + 0.5) / 33, 0.5) for i in range(options.runs)
            ]
            layers = page.evaluate(DRAG, ["#object input[type=range]", 2000])
            page.click("#tab-lab")
            curve = page.evaluate(DRAG, ["#lab input[type=range]", 2000])
            browser.close()
    measured = {
        "picture uploaded → boxes drawn": uploads,
        "box clicked → everything redrawn": choices,
        "bar hovered → everything redrawn": hovers,
        "example clicked → boxes drawn": examples,
    }
    for name, times in measured.items():
        times.sort()
        late = times[min(len(times) - 1, round(0.95 * len(times)) - 1)]
        print(f"{name}: median {statistics.median(times):.3f} s, 95th percentile {late:.3f} s, {len(times)} runs")
    print(f"slider of the layers: {layers:.0f} frames a second; of W(n): {curve:.0f}")


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
            centres = (found.boxes[:2, :2] + found.boxes[:2, 2:]) / 2
            PLACES[:] = PLACES or (centres / centres.new_tensor(found.size)).tolist()
        if len(files) == 2:
            break
    return model, files


def upload(page: Page, file: Path) -> float:
    """Seconds from the file's choice to the picture with its boxes."""
    page.evaluate("window.begun = performance.now()")
    page.set_input_files("#source input[type=file]", file)
    page.wait_for_function(QUIET, arg="scene")
    seconds = page.evaluate("(window.last.scene - window.begun) / 1000")
    page.wait_for_timeout(1500)
    return seconds


def example(page: Page, index: int) -> float:
    """Seconds from a click on an example picture to the picture with its boxes."""
    page.evaluate("window.begun = performance.now()")
    page.locator("#examples button").nth(index).click()
    page.wait_for_function(QUIET, arg="scene")
    seconds = page.evaluate("(window.last.scene - window.begun) / 1000")
    page.wait_for_timeout(1500)
    return seconds


def choose(page: Page, run: int) -> float:
    """Seconds from a click on another object in the picture until everything is drawn anew."""
    return react(page, "#scene svg", "click", *PLACES[run % 2])


def react(page: Page, selector: str, kind: str, x: float, y: float) -> float:
    """Seconds from an event, at a place in 0..1 of an element, until everything is drawn anew."""
    seconds = page.evaluate(REACT, [selector, kind, x, y]) / 1000
    page.wait_for_timeout(150)
    return seconds


if __name__ == "__main__":
    main()
