"""Photograph the page again: `python assets/make_screenshots.py`, after the page or the checkpoint has changed.

Writes figures/page.png, which opens the README. With `--all FOLDER`, every view besides: each tab, the models, an album
and an error, 1440 × 900 and 390 × 844, light and dark; to be looked at, not kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from assets.browser import CHROMIUM, launched, served
from dfine.data import scenes
from dfine.page.tabs import BY_KEY, TABS

SCREENS = {"desk": (1440, 900), "phone": (390, 844)}
SETTLED = 1200  # milliseconds in which whatever is on its way arrives
LIMIT = 400_000  # bytes of the README's picture


def fresh(browser, url: str, size: tuple[int, int], scheme: str) -> Page:
    """The page as it opens, its figures drawn."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page.set_default_timeout(60_000)
    page.goto(url)
    page.wait_for_selector("#scene [role=option]", state="attached")
    page.wait_for_timeout(3 * SETTLED)  # the examples are being looked at
    return page


def opened(browser, url: str, size: tuple[int, int], scheme: str) -> Page:
    """The page with a crowd, its figures drawn."""
    page = fresh(browser, url, size, scheme)
    page.get_by_role("button", name="Example: Crowded").click()
    page.wait_for_selector("#source img[src*='crowd']")
    page.wait_for_timeout(SETTLED)
    return page


def opening(browser, url: str, path: Path) -> None:
    """The picture of the README: the page as it opens, at a hidden edge."""
    page = fresh(browser, url, (1440, 1200), "light")
    page.wait_for_selector("#headline .cards")
    page.wait_for_timeout(SETTLED)
    page.screenshot(path=path)
    page.close()
    picture = Image.open(path).convert("RGB")
    picture.quantize(255, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path.name} takes {path.stat().st_size} bytes, more than {LIMIT}")


def everything(browser, url: str, folder: Path) -> None:
    """Every view on both screens, light and dark."""
    for screen, size in SCREENS.items():
        for scheme in ("light", "dark"):
            page = opened(browser, url, size, scheme)
            to = partial(_file, folder, screen, scheme)
            page.screenshot(path=to("start"), full_page=screen == "phone")
            for tab in TABS:
                _tab(page, tab.key)
                page.locator("#below").screenshot(path=to(tab.key))
            _tab(page, "shape")
            page.locator("button:has-text('All models')").click()
            page.wait_for_timeout(SETTLED)
            page.locator("#zoo").screenshot(path=to("models"))
            page.locator("button:has-text('All models')").click()
            _album(page)
            page.screenshot(path=to("album"), full_page=screen == "phone")
            letter = {"name": "letter.png", "mimeType": "image/png", "buffer": b"Dear Sir or Madam"}
            page.set_input_files("#source input[type=file]", letter)
            page.wait_for_timeout(SETTLED)
            page.screenshot(path=to("error"))
            page.close()


def _file(folder: Path, screen: str, scheme: str, view: str) -> Path:
    return folder / f"{screen}-{scheme}-{view}.png"


def _tab(page: Page, key: str) -> None:
    """Bring up a tab."""
    page.get_by_role("tab", name=BY_KEY[key].label, exact=True).click()
    if key == "why":
        page.fill("#x input", "300")
        page.fill("#y input", "330")
        page.locator("#ask").click()
    page.wait_for_timeout(2 * SETTLED)


def _album(page: Page) -> None:
    """Upload several scenes, and something that is none."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "letter.png"]
        paths[0].write_text("Dear Sir or Madam", encoding="utf-8")
        for i in range(6):
            paths.append(Path(folder) / f"scene-{i + 1}.jpg")
            Image.fromarray(scenes.draw(10_000_100 + i, (480, 360)).image).save(paths[-1], quality=92)
        page.set_input_files("input[type=file][multiple]", paths)
        page.wait_for_selector("#thumbnails .note:has-text('6 pictures')")
        page.wait_for_timeout(SETTLED)


def main() -> None:
    """Serve, photograph, stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="photograph every view into this folder")
    parser.add_argument("--chromium", default=CHROMIUM)
    options = parser.parse_args()
    with served("photos", DFINE_FETCH="0") as url, sync_playwright() as playwright:
        browser = launched(playwright, options.chromium)
        opening(browser, url, HERE / "figures" / "page.png")
        if options.all:
            options.all.mkdir(parents=True, exist_ok=True)
            everything(browser, url, options.all)
        browser.close()


if __name__ == "__main__":
    main()
