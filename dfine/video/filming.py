"""From a video to a video with boxes and a list of what was found, in constant memory and with a progress bar."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from dfine.figures.picture import draw
from dfine.inference.predictor import Predictor
from dfine.video.ahead import ahead
from dfine.video.detecting import FrameResult, detect_frames
from dfine.video.listing import Listing
from dfine.video.reading import Video
from dfine.video.sources import VideoError
from dfine.video.writing import Recorder

AHEAD = 4  # frames that the network may be ahead of drawing and encoding


@dataclass(frozen=True)
class Options:
    """What is wanted of a video."""

    threshold: float | str = 0.5  # lowest score in 0..1 that is reported
    every: int = 1  # detect in every frame of this number; the saved video holds only those
    track: bool = False  # number the things that are seen
    batch: int | None = None  # frames per forward pass; see `detect_frames`
    save: Path | None = None  # video with boxes; in a folder it gets the name of the input
    json: Path | None = None  # list of what was found; "-" is stdout


@dataclass
class Film:
    """What came of it."""

    name: str
    frames: int = 0
    seconds: float = 0.0  # that it took
    whole: bool = True  # neither interrupted nor broken off
    found: Counter = field(default_factory=Counter)  # detections by class
    things: dict[str, set[int]] = field(default_factory=dict)  # tracks by class
    files: list[Path] = field(default_factory=list)  # that were written
    troubles: list[str] = field(default_factory=list)  # sentences

    def add(self, seen: FrameResult) -> None:
        """Count what was found in one more frame."""
        self.frames += 1
        for name, track in zip(seen.detections.class_names, seen.tracks):
            self.found[name] += 1
            if track is not None:
                self.things.setdefault(name, set()).add(track)

    def __str__(self) -> str:
        counts = [f"  {n:6d}  {name}" + (_tracks(self.things.get(name, ()))) for name, n in self.found.most_common()]
        pace = self.frames / self.seconds if self.seconds else 0.0
        head = f"{self.name}: {self.frames} frames, {pace:.1f} a second, {self.found.total()} objects"
        return "\n".join([head, *counts, *(f"  written: {path}" for path in self.files)])


def film(model: Predictor, source: str | Path, options: Options, *, progress: bool = True) -> Film:
    """Detect in every frame of a video, and write what `options` ask for.

    Ctrl-C ends it. With a webcam that is the usual end; with a file, what was written so far stays under partial names.
    Where a file breaks off, everything before is kept, and `Film.troubles` says where that was.

    Args:
        model: the detector.
        source: a file, or `webcam:0`.
        options: see `Options`.
        progress: show a bar on stderr, if that is a terminal.

    Raises:
        VideoError: the video cannot be read, or none can be written under that name.
        ImportError: a package that is needed is not installed.
        OSError: the files cannot be written.
    """
    with Video(source, every=options.every) as video:
        done, started = Film(video.name), time.perf_counter()
        recorder, listing = None, None
        try:
            with ExitStack() as stack:
                if options.save:
                    recorder = stack.enter_context(Recorder(_file(options.save, video), video))
                if options.json:
                    listing = stack.enter_context(Listing(options.json, model, video, options.threshold))
                bar = stack.enter_context(
                    tqdm(total=video.expected, unit=" frames", disable=None if progress else True, leave=False)
                )
                try:
                    results = detect_frames(model, video, options.threshold, track=options.track, batch=options.batch)
                    with closing(ahead(results, AHEAD)) as items:  # draw and encode while the network goes on
                        for seen in items:
                            _keep(seen, recorder, listing)
                            done.add(seen)
                            bar.set_postfix_str(_in_sight(seen), refresh=False)
                            bar.update()
                except KeyboardInterrupt:
                    if not video.live:
                        raise
        except KeyboardInterrupt:
            done.troubles.append(f"{video.name} was interrupted; what was written is kept under partial names")
        done.seconds = time.perf_counter() - started
        done.troubles += video.troubles
        done.whole = not done.troubles
        done.troubles += recorder.notes if recorder else []
        done.files = [w.path for w in (recorder, listing) if w and w.path]
        return done


def _keep(seen: FrameResult, recorder: Recorder | None, listing: Listing | None) -> None:
    """Write one frame to what is open."""
    if listing:
        listing.add(seen)
    if recorder:
        picture = seen.frame.picture
        drawn = draw(picture, seen.detections, limit=max(picture.size), captions=captions(seen))
        recorder.write(drawn, seen.frame)


def captions(seen: FrameResult) -> list[str]:
    """What stands on the boxes: `cup 0.91`, or `cup #3 0.91` once it has a track."""
    found = seen.detections
    marks = ["" if track is None else f" #{track}" for track in seen.tracks]
    return [f"{n}{mark} {score:.2f}" for n, mark, score in zip(found.class_names, marks, found.scores.tolist())]


def _tracks(numbers: Collection[int]) -> str:
    return f" ({len(numbers)} track{'s' if len(numbers) > 1 else ''})" if numbers else ""


def _in_sight(seen: FrameResult) -> str:
    """The classes in sight, for the bar: `2 cup, 1 key`."""
    return ", ".join(f"{n} {name}" for name, n in Counter(seen.detections.class_names).most_common(4))


def _file(save: Path, video: Video) -> Path:
    """The file to write; in a folder one with the name of the input, which replaces what can be made again only."""
    if not save.is_dir() and save.suffix:
        return save
    if save.is_file():
        raise VideoError(f"{save} is a file without an ending; give a name like out.mp4")
    stem, number = video.path.stem if video.path else "webcam", 1
    place = save / f"{stem}.mp4"
    # What lies beside the input may be an original, and what a camera saw does not come again.
    while place.exists() and (video.path is None or save.resolve() == video.path.parent.resolve()):
        number += 1
        place = save / f"{stem}_{number}.mp4"
    return place
