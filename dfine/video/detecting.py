"""A detector at work on a video: frames go through the network while the next ones are being decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from dfine.data.pictures import to_batch, to_pixels
from dfine.engines.engine import fixed_batch
from dfine.inference.predictor import BATCH, Predictor, Result
from dfine.trace.detections import Detections
from dfine.video.ahead import ahead
from dfine.video.reading import Frame, Video
from dfine.video.tracking import LOW, Tracker


@dataclass(frozen=True)
class FrameResult:
    """What the model made of one frame."""

    frame: Frame
    result: Result
    tracks: tuple[int | None, ...]  # of each detection; all None without tracking

    @property
    def detections(self) -> Detections:
        """What was found, best first."""
        return self.result.detections


def detect_frames(
    model: Predictor, video: Video, threshold: float | str = 0.5, *, track: bool = False, batch: int | None = None
) -> Iterator[FrameResult]:
    """What the model makes of every frame, in order, in memory that does not grow with the video.

    A thread decodes and resizes up to two batches ahead. From a webcam the newest frame is taken, and those that came
    in the meantime are left out.

    Args:
        model: the detector.
        video: see `Video`; each frame is looked at by itself.
        threshold: lowest score in 0..1 that is reported, or "best": the one of all classes together.
        track: number the things that are seen (`Tracker`).
        batch: frames per forward pass; by default as many as an exported file takes at a time, else 8 on a GPU and 1 on
            the CPU, where more are not faster; always 1 from a webcam.

    Raises:
        ValueError: the threshold is not in 0..1, or the batch not positive.
        VideoError: no frame of the video can be decoded.
        ImportError: tracking without the package it needs.
    """
    model.lowest(threshold)
    if threshold == "best":
        threshold = model.card.threshold
    if batch is not None and batch < 1:
        raise ValueError(f"a batch needs at least one frame, not {batch}")
    usual = fixed_batch(model.engine) or (1 if model.device.type == "cpu" else BATCH)
    batch = 1 if video.live else batch or usual
    tracker = Tracker(float(video.rate / video.every), threshold) if track else None
    prepared = ((frame, to_pixels(frame.picture, model.input_size)) for frame in video)
    lowest = min(threshold, LOW) if tracker else threshold
    with closing(ahead(prepared, 1 if video.live else 2 * batch, newest=video.live)) as items:
        while group := list(islice(items, batch)):
            frames, pixels = zip(*group)
            results = model.look([f.picture for f in frames], to_batch(pixels), lowest)
            for frame, result in zip(frames, results):
                found = result.detections.above(threshold)
                tracks = tracker.update(result.detections, frame.time) if tracker else [None] * len(found)
                yield FrameResult(frame, replace(result, detections=found), tuple(tracks[: len(found)]))
