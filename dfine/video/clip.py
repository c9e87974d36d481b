"""A short video with boxes, tracks and whiskers, frame by frame, within limits; whoever looks may stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from dfine.figures.picture import draw, whiskers
from dfine.inference.predictor import Predictor
from dfine.trace.detections import Detections
from dfine.video.chaining import Chain
from dfine.video.detecting import FrameResult, detect_frames
from dfine.video.filming import captions
from dfine.video.listing import MASS, entry
from dfine.video.reading import Video
from dfine.video.sources import VideoError
from dfine.video.writing import Recorder

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,ogg,mpegts,mpeg"  # no playlist, which would open other files
DRAWN = 1280  # longest side of the video that is written, in pixels


@dataclass(frozen=True)
class Limits:
    """How much of a video is looked at.

    Attributes:
        seconds: from its start; the rest is left out.
        frames: at most, evenly spread.
        pixels: width times height of a frame.
    """

    seconds: float = 30.0
    frames: int = 150
    pixels: int = 3840 * 2176


@dataclass(frozen=True)
class Plan:
    """What will be looked at, known before the network runs.

    Attributes:
        size: width and height of a frame in pixels.
        seconds: that are looked at.
        every: of so many frames one.
        frames: about how many are looked at.
        cut: whether the video is longer than the limit.
    """

    size: tuple[int, int]
    seconds: float
    every: int
    frames: int
    cut: bool


@dataclass
class Clip:
    """What came of it, as far as it has come.

    Attributes:
        plan: see `Plan`.
        frames: as `dfine.video.listing.entry` makes them.
        path: the video, once it is complete.
        notes: sentences on what could not be read or kept.
    """

    plan: Plan
    frames: list[dict] = field(default_factory=list)
    path: Path | None = None
    notes: list[str] = field(default_factory=list)


def plan(source: str | Path, limits: Limits = Limits()) -> Plan:  # noqa: B008  frozen
    """What will be looked at of a file.

    Raises:
        VideoError: it is no video, or its frames are too large.
        ImportError: PyAV is not installed.
    """
    with Video(source, formats=FORMATS) as video:
        width, height = video.coded_size
        if width * height > limits.pixels:
            most = f"{limits.pixels / 1e6:.1f} million pixels a frame"
            raise VideoError(f"{video.name!r} has {width} × {height} pixels, more than the {most} allowed here")
        rate = float(video.rate) if 0 < video.rate < 1000 else 25.0
        announced = video.expected / rate if video.expected else limits.seconds
        seconds = min(announced, limits.seconds)
        every = max(1, ceil(seconds * rate / limits.frames - 1e-6))
        frames = max(1, min(limits.frames, ceil(seconds * rate / every)))
        return Plan((width, height), seconds, every, frames, announced > limits.seconds + 1e-6)


def looked_at(
    model: Predictor,
    source: str | Path,
    out: Path,
    threshold: float = 0.5,
    limits: Limits = Limits(),  # noqa: B008  frozen
    turn: Callable[[], AbstractContextManager] = nullcontext,
) -> Iterator[Clip]:
    """Look at a video; the same `Clip` after every frame, and once more when its file is complete.

    Whoever closes the iterator stops it: nothing stays then but a file with a partial name.

    Args:
        model: the detector.
        source: a file.
        out: the video to write, without a sound.
        threshold: lowest score in 0..1.
        limits: how much of the video is looked at.
        turn: is held while the network looks at a frame.

    Raises:
        VideoError: it cannot be read.
        ImportError: PyAV is not installed.
    """
    planned = plan(source, limits)
    clip, chain = Clip(planned), Chain()
    with Video(source, every=planned.every, formats=FORMATS) as video, Recorder(out, video, sound=False) as recorder:
        with closing(detect_frames(model, video, threshold)) as results:
            start = None
            while True:
                with turn():
                    seen = next(results, None)
                if seen is None:
                    break
                start = seen.frame.time if start is None else start
                length = seen.frame.time - start
                if len(clip.frames) == limits.frames or length > limits.seconds:
                    if not planned.cut:  # the file did not announce how long it is
                        clip.notes.append(f"{video.name} is longer: only its first {length:.1f} s were looked at")
                    break
                if seen.frame.picture.width * seen.frame.picture.height > limits.pixels:
                    raise VideoError(f"the frames of {video.name!r} grow beyond what is allowed here")
                seen = FrameResult(seen.frame, seen.result, tuple(chain.update(seen.detections, seen.frame.time)))
                clip.frames.append(entry(seen))
                recorder.write(drawn(seen), seen.frame)
                yield clip
        clip.notes += video.troubles
    clip.path = recorder.path
    clip.notes += recorder.notes
    yield clip


def drawn(seen: FrameResult):
    """A frame with its boxes, their tracks, and a whisker across each edge that holds 80 % of its probability."""
    found: Detections = seen.detections
    picture = draw(seen.frame.picture, found, limit=DRAWN, captions=captions(seen))
    reach = seen.result.trace.edges_of(found.query, found.size).intervals(MASS)
    return whiskers(picture, found.boxes, reach, found.size)
