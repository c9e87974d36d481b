"""Visitors of the page with browsers, who do what it offers, each at their own pace: for `benchmarks/load.py`."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.browser import FLAGS
from benchmarks.callers import BUSY, PATIENCE, Seen

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Response

LOOK = 3.0  # seconds for which a visitor looks at what has come
ACTION = 30.0  # seconds that one thing may take
NEWCOMER = 15.0  # seconds from one new visitor to the next, who leaves as soon as the page stands
CLOSING = 5.0  # seconds in which the browser has to end


@dataclass(frozen=True)
class Visit:
    """Where visitors go, and what they bring.

    Attributes:
        url: of the page.
        picture, video: files that they upload.
        number: of visitors.
        chromium: the browser.
    """

    url: str
    picture: Path
    video: Path
    number: int
    chromium: str


class Visitors:
    """Some visitors in one browser, each with a page and a store of their own, in a thread.

    Attributes:
        arrived: is set once all have their pages, or cannot have them.
        begin: is waited for then; whoever sets it has set `end` before.
        end: when they stop, on the monotonic clock.
    """

    def __init__(self, visit: Visit, seen: Seen):
        self.visit, self.seen, self.end = visit, seen, 0.0
        self.arrived, self.begin = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self.thread.start()

    async def _all(self) -> None:
        from playwright.async_api import async_playwright

        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=self.visit.chromium, args=FLAGS)
                await self._in(browser)
                with suppress(Exception):
                    await asyncio.wait_for(browser.close(), CLOSING)
        except Exception as error:  # whatever the browser does, the round goes on, and says so
            self._wrong("itself", error)
        finally:
            self.arrived.set()

    async def _in(self, browser: Browser) -> None:
        pages = [page for _ in range(self.visit.number) if (page := await self._come(browser))]
        self.arrived.set()
        await asyncio.to_thread(self.begin.wait)
        work = [asyncio.create_task(self._visit(page, place)) for place, page in enumerate(pages)]
        await asyncio.wait([*work, asyncio.create_task(self._newcomers(browser))])

    async def _come(self, browser: Browser) -> Page | None:
        """A new visitor's page, once its first parts stand on it."""
        errors = self.seen.errors
        page = await (await browser.new_context()).new_page()
        page.on(
            "response", lambda r: errors.update([f"browser: {r.status} {r.url[-60:]}"]) if r.status >= 500 else None
        )
        page.on("pageerror", lambda error: errors.update([f"browser: {error}"[:120]]))
        try:
            await page.goto(self.visit.url, timeout=1000 * PATIENCE, wait_until="commit")
            await page.wait_for_selector("#source", timeout=1000 * PATIENCE)
        except Exception as error:
            self._wrong("coming", error)
            return None
        return page

    async def _newcomers(self, browser: Browser) -> None:
        """Now and then somebody else comes, and goes as soon as the page stands."""
        while (left := self.end - time.monotonic()) > 0:
            await asyncio.sleep(min(NEWCOMER, left))
            start = time.monotonic()
            if start >= self.end:
                return
            page = await self._come(browser)
            if page:
                self.seen.pages.append(time.monotonic() - start)
                with suppress(Exception):
                    await asyncio.wait_for(page.context.close(), CLOSING)

    async def _visit(self, page: Page, place: int) -> None:
        """One thing after the other; each visitor begins with another one."""
        names = list(ACTIONS)
        turn = place * (len(names) // max(1, self.visit.number))
        while time.monotonic() < self.end:
            name, turn = names[turn % len(names)], turn + 1
            try:
                await asyncio.wait_for(ACTIONS[name](page, turn, self.visit), ACTION)
                self.seen.actions[name] += 1
            except Exception as error:
                self._wrong(name, error)
            await asyncio.sleep(LOOK)

    def _answered(self, response: Response) -> None:
        if response.status in BUSY:
            self.seen.busy += 1
        elif response.status >= 500:
            self.seen.errors[f"browser: {response.status} {response.url[-60:]}"] += 1

    def _wrong(self, name: str, error: Exception) -> None:
        said = (str(error) or f"not done within {ACTION:.0f} s").splitlines()[0]
        self.seen.errors[f"browser, {name}: {type(error).__name__} {said}"[:160]] += 1


async def _tab(page: Page, key: str) -> None:
    """Open a tab, and wait until it stands."""
    await page.locator(f"#tab-{key}").click()
    await page.wait_for_selector(f"#panel-{key}", state="visible")


async def example(page: Page, turn: int, visit: Visit) -> None:
    buttons = page.get_by_role("button", name="Example: ")
    await buttons.nth(turn % max(1, await buttons.count())).click()


async def upload(page: Page, turn: int, visit: Visit) -> None:
    await page.set_input_files("#source input[type=file]", visit.picture)


async def threshold(page: Page, turn: int, visit: Visit) -> None:
    await page.fill("#threshold input[type=number]", str(0.1 + 0.05 * (turn % 10)))
    await page.keyboard.press("Tab")


CHOOSE = """turn => {
    const objects = document.querySelectorAll('#scene [role=option]');
    objects[turn % objects.length]?.dispatchEvent(new MouseEvent('click', {bubbles: true}));
}"""


async def choose(page: Page, turn: int, visit: Visit) -> None:
    """Another object, where there is any; at once, since the next answer may have fewer."""
    await page.evaluate(CHOOSE, turn)


async def layer(page: Page, turn: int, visit: Visit) -> None:
    slider = "e => { e.value = e.min; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    for part in (await page.locator("#object input[type=range]").all())[:1]:
        await part.evaluate(slider)


async def any_tab(page: Page, turn: int, visit: Visit) -> None:
    tabs = page.locator("#tabs [role=tab]:visible")
    await tabs.nth(turn % max(1, await tabs.count())).click()


async def sampling(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "sampling")


async def spoil(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "spoil")
    await page.fill("#amount input[type=number]", str(0.1 * (turn % 10)))
    await page.keyboard.press("Tab")


async def sweep(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "spoil")
    await page.locator("#sweep").click()


async def compare(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "compare")


async def sketch(page: Page, turn: int, visit: Visit) -> None:
    """A stroke."""
    await _tab(page, "sketch")
    canvas = page.locator("#sketch canvas")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    await page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    await page.mouse.down()
    await page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    await page.mouse.up()


async def video(page: Page, turn: int, visit: Visit) -> None:
    """Upload one, or look at the one that was."""
    await _tab(page, "video")
    start = page.get_by_role("button", name="Look at it")
    if await start.count() and await start.is_enabled():
        await start.click()
    else:
        await page.locator("#panel-video input[type=file]").set_input_files(visit.video)


async def why_not(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "why")
    await page.locator("#ask").click()


async def save(page: Page, turn: int, visit: Visit) -> None:
    await _tab(page, "files")


async def undo(page: Page, turn: int, visit: Visit) -> None:
    await page.keyboard.press("Control+z")


async def back(page: Page, turn: int, visit: Visit) -> None:
    await page.evaluate("history.length > 3 && history.back()")


ACTIONS = dict(  # in the order in which a visitor does them
    example=example,
    choose=choose,
    threshold=threshold,
    layer=layer,
    tab=any_tab,
    sampling=sampling,
    spoil=spoil,
    sweep=sweep,
    compare=compare,
    upload=upload,
    another_tab=any_tab,
    why_not=why_not,
    save=save,
    undo=undo,
    sketch=sketch,
    back=back,
    video=video,
)
