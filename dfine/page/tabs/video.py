"""A short video: looked at frame by frame, and shown with boxes, tracks, whiskers, and how sure it was over time."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

from dfine.page import cached_files, modules, zerogpu
from dfine.page.answer import CEILING, FAILED, FLOOR
from dfine.page.decoding import TURN, InTime
from dfine.page.inputs import as_files
from dfine.page.models import called
from dfine.page.runner import Runner
from dfine.page.tabs.base import Controls, Events, Parts, Tab, Values
from dfine.video.clip import Clip, Limits, Plan, looked_at, plan
from dfine.video.spreads import track_spreads

LIMITS = Limits()
MOST_TRACKS = 20  # whose spread is sent to the browser, those that were seen longest
SIZE = f"{LIMITS.pixels / 1e6:.1f} million pixels"
HELP = f"""Upload a short video, of at most 40 MB and {SIZE} a frame. The network looks at its first
{LIMITS.seconds:.0f} seconds only, and at no more than {LIMITS.frames} frames, evenly spread. One video is worked on at
a time; others wait. It is deleted after an hour, as every upload is."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # in names of files on Windows
BORROWED = "here each picture borrows a GPU of its own, which a video cannot; run the page yourself to look at videos"

_planned = InTime(plan)
_stops: dict[str, threading.Event] = {}  # of the videos that are being looked at, by their tickets


def build() -> Parts:
    gr.Markdown(HELP)
    upload = as_files(gr.UploadButton("Upload a video", file_types=["video"], elem_id="film", size="sm", min_width=160))
    return dict(upload=upload, ticket=gr.State(None), drawn=modules.part("video", "start", "stop"))


def uploaded(runner: Runner, controls: Controls, said: dict) -> Iterator[Values]:
    """The visitor has uploaded a video: what will be looked at of it, before the network does."""
    path, name, _ = controls["ticket"]
    try:
        yield _told(name=name, plan=_plan(_planned(path)), models=_models(runner), model=runner.models.default)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        yield _told(sentence=f"{FAILED}: {error}")


def started(runner: Runner, controls: Controls, said: dict) -> Iterator[Values]:
    """Look at the uploaded video, and tell how far it is after every frame."""
    path, name, ticket = controls["ticket"] or ("", "", "")
    stop = _stops.setdefault(ticket, threading.Event())
    try:
        yield from _looked(runner, path, name, said, stop)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        yield _told(sentence=f"{FAILED}: {error}")
    finally:
        _stops.pop(ticket, None)


def _looked(runner: Runner, path: str, name: str, said: dict, stop: threading.Event) -> Iterator[Values]:
    if zerogpu.spaces:
        raise ValueError(BORROWED)
    if not path or not Path(path).is_file():
        raise ValueError("the video is no longer there; upload it again")
    wanted, threshold = said.get("model"), said.get("threshold")
    wanted = wanted if wanted in runner.models.here() else ""
    threshold = float(min(max(threshold, FLOOR), CEILING)) if isinstance(threshold, (int, float)) else 0.5
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / file_name(name)
        looking = looked_at(runner.models(wanted), path, out, threshold, LIMITS, lambda: TURN)
        try:
            for clip in looking:
                if stop.is_set():
                    if stop in _stops.values():  # or another upload has taken its place, which says its own
                        yield _told(sentence=f"Stopped after {len(clip.frames)} of {clip.plan.frames} frames.")
                    return
                if clip.path is None:
                    yield _told(done=len(clip.frames), of=max(clip.plan.frames, len(clip.frames)))
        finally:
            looking.close()
        yield _told(**_result(clip, cached_files.copy(clip.path)))


def _result(clip: Clip, path: str) -> dict:
    tracks = track_spreads(clip.frames)
    return dict(
        video=FileData(path=path, mime_type="video/mp4").model_dump(),
        tracks=[track.to_dict() for track in tracks[:MOST_TRACKS]],
        count=len(tracks),
        frames=len(clip.frames),
        start=clip.frames[0]["time"],
        notes=clip.notes,
    )


def file_name(name: str) -> str:
    """What the result is called, after the visitor's file, which may come from a system that allows more letters.

    >>> file_name("my clip 12:30?.mov")
    'my clip 1230-lens.mp4'
    """
    return f"{FORBIDDEN.sub('', Path(name).stem)[:60].strip() or 'video'}-lens.mp4"


def _plan(planned: Plan) -> dict:
    return dict(
        size=list(planned.size),
        seconds=round(planned.seconds, 2),
        every=planned.every,
        frames=planned.frames,
        cut=planned.cut,
    )


def _models(runner: Runner) -> list[tuple[str, str]]:
    """The models on this machine, as (words, name)."""
    return [(called(name), name) for name in runner.models.here()]


def _told(**value: object) -> Values:
    return dict(drawn=value)


def taken(files: list[tuple[str, str]] | None, before: tuple[str, str, str] | None) -> tuple[str, str, str] | None:
    """The ticket of a new upload; what is still looked at of the one before is given up without a word."""
    stopped(before)
    if before:
        _stops.pop(before[2], None)
    return (*files[0], secrets.token_hex(8)) if files else None


def stopped(ticket: tuple[str, str, str] | None) -> None:
    """The visitor stops what is being looked at."""
    stop = _stops.get(ticket[2]) if ticket else None
    if stop:
        stop.set()


def wire(parts: Parts, events: Events) -> None:
    quick = dict(queue=False, show_progress="hidden", api_visibility="private")
    kept = parts["upload"].upload(taken, [parts["upload"], parts["ticket"]], parts["ticket"], **quick)
    events.stream(kept.success, uploaded, quick=True)
    events.stream(parts["drawn"].start, started)
    parts["drawn"].stop(stopped, parts["ticket"], None, **quick)


TAB = Tab("video", "Video", build, slow=True, of_object=False, controls=("ticket",), wire=wire)
