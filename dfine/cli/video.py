"""`dfine detect clip.mp4` and `dfine detect webcam:0`: one video, said in a few lines."""

from __future__ import annotations

import typer

import dfine
from dfine.cli.shipped import note_drawings, note_found, note_nothing
from dfine.cli.terminal import complain, fitting, interruptible
from dfine.processes import ranks
from dfine.video.sources import is_video


def video_among(sources: list[str], tile: int | None, same: float | None) -> str | None:
    """The video, if one was given. Raises ValueError where pictures, or options for pictures, came with it."""
    sources = [str(file) for source in sources for file in fitting(source) or [source]]
    videos = [s for s in sources if is_video(s)]
    if not videos:
        return None
    if len(sources) > 1:
        raise ValueError(f"give one video at a time, and no pictures with it: {videos[0]} came with others")
    if tile or same is not None:
        raise ValueError("--tile and --suppress are for pictures; leave them out for a video")
    return videos[0]


def run(source: str, model: str, device: str, loading: dict, **wanted) -> bool:
    """Detect in every frame, write what is `wanted` (the fields of `dfine.video.filming.Options`), and sum it up.

    `loading` goes to `dfine.load`. Frames follow each other, so of several processes only the first one works.

    Returns:
        Whether the video could be read to its end.
    """
    from dfine.video.filming import Options, film

    with ranks() as here:
        pass
    if not here.first:
        return True
    if here.count > 1:
        complain("a video goes through one process; the others have nothing to do", "warning")
    note_drawings(model, [source])
    options, detector = Options(**wanted), dfine.load(model, device=device, **loading)
    with interruptible():
        done = film(detector, source, options)
    typer.echo(done, err=str(options.json) == "-")
    if done.frames:
        (note_found if done.found else note_nothing)(model, detector.names)
    for sentence in done.troubles:
        complain(sentence, "warning")
    return done.whole
