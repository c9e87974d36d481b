"""What the page does under load, on loopback: callers of its API and visitors with browsers, all at work at once.

    python benchmarks/load.py [--minutes 10] [--callers 1 8 32] [--browsers 4] [--json FILE]

Serves `python app.py` with the shipped checkpoint, and for each number of callers lets them and the browsers work for
so many minutes. Callers ask /detect, /inspect and /models about a picture in turn, and at times upload it anew.
Visitors do one after the other what the page offers (`visitors.ACTIONS`): examples, uploads, threshold, objects,
layers, every tab with what is in it, a sweep, a comparison, a sketch, a video, Undo and Back. Every quarter of a minute
somebody new opens the page.

A line a minute says how far a round is. When it ends it prints answers a second, the median and the 95th percentile of
a caller's wait, how often the page said "busy" (429 or 503), every other error, how long new pages took, and how often
each action was done. Memory is that of the page's process and of those that decode for it: at the begin, after the
warm-up (a fifth of the round), the most since, and in the end. `--json` adds a line to a file after each round. A round
ends within half a minute after its time, whoever still waits; they are counted as errors.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from assets.browser import CHROMIUM, served
from benchmarks.callers import Seen, asked, callers, uploaded
from benchmarks.visitors import Visit, Visitors
from dfine.data import scenes

WARM = 0.2  # the share of a round after which memory should rise no more
ARRIVAL = 90.0  # seconds in which the first visitors have to have their pages
LATE = 25.0  # seconds after a round in which those who still wait may finish


def processes() -> dict[int, tuple[int, bytes]]:
    """Every process's parent and command."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(process.name)] = parent, (process / "cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            continue
    return found


def memory() -> tuple[float, float] | None:
    """Megabytes of the page's process, and of its children; None where that cannot be told."""
    there = processes()
    page = next((n for n, (parent, called) in there.items() if parent == os.getpid() and b"app.py" in called), None)
    if page is None:
        return None
    return _resident(page), sum(_resident(n) for n, (parent, _) in there.items() if parent == page)


def _resident(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000
    except (OSError, IndexError):  # it has ended
        return 0.0


def watching(seen: Seen, done: threading.Event) -> None:
    """Note what is held, and say once a minute how far the round is, until it is over."""
    start, minutes = time.monotonic(), 0
    while not done.wait(1):
        megabytes = memory()
        if megabytes:
            seen.held.append(megabytes)
        if time.monotonic() - start >= 60 * (minutes + 1):
            minutes += 1
            held = f", {megabytes[0]:.0f} MB" if megabytes else ""
            counts = f"{len(seen.waits)} answers, {seen.busy} times busy, {sum(seen.errors.values())} errors"
            print(f"    minute {minutes}: {counts}, {sum(seen.actions.values())} actions{held}", flush=True)


def round_of(visit: Visit, path: str, number: int, minutes: float) -> Seen:
    """Let so many callers and the visitors work."""
    seen, done = Seen(), threading.Event()
    visitors = Visitors(visit, seen) if visit.number else None
    if visitors and not visitors.arrived.wait(ARRIVAL):
        seen.errors[f"browser: no pages within {ARRIVAL:.0f} s"] += 1
    end = time.monotonic() + 60 * minutes
    threading.Thread(target=watching, args=(seen, done), daemon=True).start()
    work = callers(number, visit.url, visit.picture.read_bytes(), path, end, seen)
    if visitors:
        visitors.end = end
        visitors.begin.set()
        work.append(visitors.thread)
    for thread in work:
        thread.join(max(0.0, end + LATE - time.monotonic()))
    late = sum(thread.is_alive() for thread in work)
    if late:
        seen.errors[f"not done {LATE:.0f} s after the end"] += late
    done.set()
    return seen


def figures(seen: Seen, number: int, visit: Visit, minutes: float) -> dict:
    """A round in numbers."""
    waits, pages = sorted(seen.waits), sorted(seen.pages)
    told = {
        "callers": number,
        "browsers": visit.number,
        "minutes": minutes,
        "answers a second": round(len(waits) / (60 * minutes), 2),
        "median s": round(statistics.median(waits), 2) if waits else None,
        "p95 s": round(waits[int(0.95 * (len(waits) - 1))], 2) if waits else None,
        "busy": seen.busy,
        "errors": dict(seen.errors),
        "new page, median s": round(statistics.median(pages), 1) if pages else None,
        "new page, longest s": round(pages[-1], 1) if pages else None,
        "new pages": len(pages),
        "actions": dict(seen.actions),
    }
    if seen.held:
        page = [held for held, _ in seen.held]
        warm = page[int(WARM * (len(page) - 1)) :]
        whole = [sum(held) for held in seen.held][int(WARM * (len(page) - 1)) :]
        told["MB"] = dict(begin=round(page[0]), warm=round(warm[0]), most=round(max(warm)), end=round(page[-1]))
        told["rise %"] = round(100 * (max(warm) / warm[0] - 1), 1)
        told["MB with decoders"] = dict(warm=round(whole[0]), most=round(max(whole)), end=round(whole[-1]))
    return told


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


def main() -> int:
    """Serve, work, print; the exit status says whether there was an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--browsers", type=int, default=4)
    parser.add_argument("--chromium", default=CHROMIUM)
    parser.add_argument("--json", type=Path, help="a file to which each round adds a line")
    parser.add_argument("--log", type=Path, help="a file for what the page says")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        scenes.write(Path(folder) / "set", scenes.Scenes(1, size=(640, 640), seed=1), workers=0)
        picture, film = next((Path(folder) / "set" / "images").iterdir()), Path(folder) / "film.mp4"
        filmed(picture, film)
        with served("demo", options.log, DFINE_FETCH="0", DFINE_SWIFT="1", DFINE_DEVICE="cpu") as url:
            visit = Visit(url, picture, film, options.browsers, options.chromium)
            path = uploaded(url, picture.read_bytes())
            asked(url, "detect", [{"path": path}, "", 0.5])
            for number in options.callers:
                told = figures(round_of(visit, path, number, options.minutes), number, visit, options.minutes)
                wrong += bool(told["errors"])
                print("; ".join(f"{name}: {value}" for name, value in told.items()), flush=True)
                if options.json:
                    with options.json.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(told) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
