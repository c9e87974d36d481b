"""What the page does under load, on loopback: callers of its API and visitors with browsers, all at work at once.

    python benchmarks/load.py [--minutes 10] [--callers 1 8 32] [--browsers 4] [--chromium /usr/bin/chromium]

Serves `python app.py` with the shipped checkpoint, and for each number of callers lets them and the browsers work for
so many minutes. Callers ask /detect, /inspect and /models about a picture in turn, and at times upload it anew.
Visitors do one after the other what the page offers (`ACTIONS`): examples, uploads, threshold, objects, layers, every
tab with what is in it, a sweep, a comparison, a sketch, a video, Undo and Back.

Printed are answers a second, the median and the 95th percentile of a caller's wait, how often the page said "busy" (429
or 503), every other error, how long a new page took, the memory of the page's process, and how often each action was
done. Memory is told before, after the warm-up (a fifth of the round), at most since, and at the end. A caller to whom
the page is busy waits for as long as it is told, as a client should.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from assets.browser import CHROMIUM, launched, served
from dfine.data import scenes

BUSY = (429, 503)
PATIENCE = 120  # seconds that an answer may take
WARM = 0.2  # the share of a round after which memory should rise no more


@dataclass
class Seen:
    """What was seen, by all threads."""

    waits: list[float] = field(default_factory=list)  # seconds of each answer
    busy: int = 0
    errors: Counter = field(default_factory=Counter)
    actions: Counter = field(default_factory=Counter)  # of visitors, by name
    page: float | None = None  # seconds until a page stood that was opened while all were at work
    held: list[float] = field(default_factory=list)  # megabytes that the page's process held, about once a second


def uploaded(url: str, picture: bytes) -> str:
    """The path that the page gives an uploaded picture."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/gradio_api/upload", body, kind), timeout=60) as answer:
        return json.loads(answer.read())[0]


def asked(url: str, name: str, data: list) -> str:
    """The last event of an endpoint's answer."""
    call = f"{url}/gradio_api/call/{name}"
    request = urllib.request.Request(call, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        event = json.loads(answer.read())["event_id"]
    with urllib.request.urlopen(f"{call}/{event}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def calling(url: str, picture: bytes, path: str, seconds: float, begin: threading.Barrier, seen: Seen) -> None:
    """One caller: the three endpoints in turn, as fast as they are answered, and sometimes another upload first."""
    begin.wait()
    turn, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        name, rest = (("detect", ["", 0.5]), ("inspect", ["", 0]), ("models", None))[turn % 3]
        turn, start = turn + 1, time.monotonic()
        try:
            path = uploaded(url, picture) if turn % 30 == 0 else path
            said = asked(url, name, [] if rest is None else [{"path": path}, *rest])
        except urllib.error.HTTPError as error:
            if error.code in BUSY:
                seen.busy += 1
                time.sleep(float(error.headers.get("retry-after") or 1))
            else:
                seen.errors[f"{error.code} {error.read(200)!r}"] += 1
            continue
        except OSError as error:
            seen.errors[repr(error)[:100]] += 1
            continue
        if "event: complete" in said:
            seen.waits.append(time.monotonic() - start)
        else:
            seen.errors[said[:100]] += 1


def visiting(
    url: str, files: dict[str, Path], options: argparse.Namespace, begin: threading.Barrier, seen: Seen
) -> None:
    """Some visitors, each with a page of their own, who do one thing after the other; one more comes at half-time."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        browser = launched(playwright, options.chromium)
        pages = [arrived(browser, url, seen) for _ in range(options.browsers)]
        begin.wait()
        start, turn, late = time.monotonic(), 0, False
        while (passed := time.monotonic() - start) < 60 * options.minutes:
            if not late and passed > 30 * options.minutes:
                late, came = True, time.monotonic()
                pages.append(arrived(browser, url, seen))
                seen.page = time.monotonic() - came
            page, turn = pages[turn % len(pages)], turn + 1
            action = list(ACTIONS)[(turn // len(pages) + turn) % len(ACTIONS)]
            try:
                ACTIONS[action](page, turn, files)
                page.wait_for_timeout(400)
                seen.actions[action] += 1
            except Error as error:
                seen.errors[f"browser, {action}: {str(error).splitlines()[0][:100]}"] += 1
        browser.close()


def arrived(browser, url: str, seen: Seen):
    """A new visitor's page, once its first parts stand on it."""
    page = browser.new_context().new_page()
    page.on("response", lambda r: seen.errors.update([f"browser: {r.status}"]) if r.status >= 500 else None)
    page.on("pageerror", lambda error: seen.errors.update([f"browser: {error}"[:100]]))
    page.goto(url, timeout=1000 * PATIENCE)
    page.wait_for_selector("#source", timeout=1000 * PATIENCE)
    return page


def tab(page, key: str) -> None:
    """Open a tab, and wait until it stands."""
    page.locator(f"#tab-{key}").click(timeout=30_000)
    page.wait_for_selector(f"#panel-{key}", state="visible", timeout=30_000)


def example(page, turn: int, files: dict[str, Path]) -> None:
    buttons = page.get_by_role("button", name="Example: ")
    buttons.nth(turn % max(1, buttons.count())).click(timeout=30_000)


def upload(page, turn: int, files: dict[str, Path]) -> None:
    page.set_input_files("#source input[type=file]", files["picture"], timeout=30_000)


def threshold(page, turn: int, files: dict[str, Path]) -> None:
    page.fill("#threshold input[type=number]", str(0.1 + 0.05 * (turn % 10)), timeout=30_000)
    page.keyboard.press("Tab")


def choose(page, turn: int, files: dict[str, Path]) -> None:
    """Another object, where there is any."""
    objects = page.locator("#scene [role=option]")
    if objects.count():
        objects.nth(turn % objects.count()).dispatch_event("click")


def layer(page, turn: int, files: dict[str, Path]) -> None:
    slider = "e => { e.value = e.min; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    for part in page.locator("#object input[type=range]").all()[:1]:
        part.evaluate(slider)


def any_tab(page, turn: int, files: dict[str, Path]) -> None:
    tabs = page.locator("#tabs [role=tab]:visible")
    tabs.nth(turn % max(1, tabs.count())).click(timeout=30_000)


def sampling(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "sampling")


def spoil(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "spoil")
    page.fill("#amount input[type=number]", str(0.1 * (turn % 10)), timeout=30_000)
    page.keyboard.press("Tab")


def sweep(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "spoil")
    page.locator("#sweep").click(timeout=30_000)


def compare(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "compare")


def sketch(page, turn: int, files: dict[str, Path]) -> None:
    """A stroke."""
    tab(page, "sketch")
    canvas = page.locator("#sketch canvas")
    canvas.scroll_into_view_if_needed(timeout=30_000)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    page.mouse.up()


def video(page, turn: int, files: dict[str, Path]) -> None:
    """Upload one, or look at the one that was."""
    tab(page, "video")
    start = page.get_by_role("button", name="Look at it")
    if start.count() and start.is_enabled():
        start.click(timeout=30_000)
    else:
        page.locator("#panel-video input[type=file]").set_input_files(files["video"], timeout=30_000)


def why_not(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "why")
    page.locator("#ask").click(timeout=30_000)


def save(page, turn: int, files: dict[str, Path]) -> None:
    tab(page, "files")


def undo(page, turn: int, files: dict[str, Path]) -> None:
    page.keyboard.press("Control+z")


def back(page, turn: int, files: dict[str, Path]) -> None:
    page.evaluate("history.length > 3 && history.back()")


ACTIONS = dict(  # of visitors, in the order in which each of them does them
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


def memory() -> float | None:
    """Megabytes that the page's process holds; None where that cannot be told."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"app.py" in (process / "cmdline").read_bytes():
                return int((process / "status").read_text().split("VmRSS:")[1].split()[0]) / 1000
        except (OSError, ValueError, IndexError):
            continue
    return None


def watching(seen: Seen, done: threading.Event) -> None:
    """Note how much memory the page's process holds, until all is done."""
    while not done.wait(1):
        megabytes = memory()
        if megabytes is not None:
            seen.held.append(megabytes)


def held(values: list[float]) -> str:
    """A round's memory in words: at its begin, when warm, at most since then, and at its end."""
    if not values:
        return ""
    warm = values[int(WARM * (len(values) - 1)) :]
    rise = 100 * (max(warm) / warm[0] - 1)
    return (
        f"; memory {values[0]:.0f} MB, warm {warm[0]:.0f}, then at most {max(warm):.0f} (+{rise:.1f} %), "
        f"in the end {values[-1]:.0f}"
    )


def round_of(url: str, files: dict[str, Path], path: str, callers: int, options: argparse.Namespace) -> None:
    """Let so many callers and the browsers work, and print what was seen."""
    seen, begin = Seen(), threading.Barrier(callers + 1 + bool(options.browsers))
    calls = (url, files["picture"].read_bytes(), path, 60 * options.minutes, begin, seen)
    work = [threading.Thread(target=calling, args=calls) for _ in range(callers)]
    if options.browsers:
        work.append(threading.Thread(target=visiting, args=(url, files, options, begin, seen)))
    for thread in work:
        thread.start()
    begin.wait()
    start, done = time.monotonic(), threading.Event()
    watch = threading.Thread(target=watching, args=(seen, done))
    watch.start()
    for thread in work:
        thread.join()
    done.set()
    watch.join()
    waits = sorted(seen.waits) or [float("nan")]
    first = "" if seen.page is None else f"; a new page stood after {seen.page:.1f} s"
    rate = len(seen.waits) / (time.monotonic() - start)
    print(
        f"{callers:3d} callers, {options.browsers} browsers: {rate:.2f} answers/s, "
        f"median {statistics.median(waits):.2f} s, p95 {waits[int(0.95 * (len(waits) - 1))]:.2f} s, "
        f"{seen.busy} times busy, {sum(seen.actions.values())} actions{first}{held(seen.held)}; "
        f"errors: {dict(seen.errors) or 'none'}\n    {dict(seen.actions)}",
        flush=True,
    )


def filmed(picture: Path, out: Path) -> None:
    """A second of a picture as a video."""
    import av
    from PIL import Image

    with av.open(str(out), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 320, 320
        frame = av.VideoFrame.from_image(Image.open(picture).convert("RGB").resize((320, 320)))
        for number in range(10):
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def main() -> None:
    """Serve, work, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--browsers", type=int, default=4)
    parser.add_argument("--chromium", default=CHROMIUM)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenes.write(Path(folder) / "set", scenes.Scenes(1, size=(640, 640), seed=1), workers=0)
        files = dict(picture=next((Path(folder) / "set" / "images").iterdir()), video=Path(folder) / "film.mp4")
        filmed(files["picture"], files["video"])
        with served("demo", DFINE_FETCH="0", DFINE_SWIFT="1", DFINE_DEVICE="cpu") as url:
            path = uploaded(url, files["picture"].read_bytes())
            asked(url, "detect", [{"path": path}, "", 0.5])
            for callers in options.callers:
                round_of(url, files, path, callers, options)


if __name__ == "__main__":
    main()
