"""What was found in a video as one JSON file, written frame by frame.

The file holds `schema`, what the model and the video are, and `frames`: of each its `index`, `pts`, `time` in seconds
and `detections`, and its `size`, where that is not the one of the `video` (some change it midway). Every detection has
`label`, `name`, `score`, `box` (xyxy pixels), `query`, `track`, and per edge (left, top, right, bottom) the standard
`deviation` in pixels and the `interval`, two picture coordinates in pixels between which the edge lies with probability
`mass`. Last come the number of frames, whether they are all there are (`complete`), and the `troubles`.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from dfine.config import EDGES
from dfine.files import Draft, said
from dfine.inference.predictor import Predictor
from dfine.paths import as_json
from dfine.video.detecting import FrameResult
from dfine.video.reading import Video

MASS = 0.8  # of the intervals
_PLACES = 3  # decimals of a pixel


class Listing:
    """Writes the file: `with Listing("out.json", model, video, threshold) as listing: listing.add(seen)`.

    The file gets its name when it is complete. After an exception or an interrupt, what was written is closed and stays
    as `out.partial.json`, which is valid JSON with `complete` false. "-" is stdout.

    Attributes:
        path: where it is, or will be; None for stdout, or if nothing stayed.
    """

    def __init__(self, path: str | Path, model: Predictor, video: Video, threshold: float):
        self._draft = None if str(path) == "-" else Draft(path, video.path)
        self.path, self._video, self._count = self._draft and self._draft.path, video, 0
        self._file = self._draft.temporary.open("w", encoding="utf-8") if self._draft else sys.stdout
        self._head = {
            **model.provenance(),
            "threshold": threshold,
            "edges": list(EDGES),
            "mass": MASS,
            "calibrated": model.card.calibrated,
            "video": {
                "file": str(video.path or video.name),
                "time_base": [video.time_base.numerator, video.time_base.denominator],
                "rate": round(float(video.rate), 6),
                "every": video.every,
            },
        }

    def add(self, seen: FrameResult) -> None:
        """Write what was found in the next frame."""
        if not self._count:
            self._head["video"]["size"] = list(seen.frame.picture.size)
            self._write(f'{self._json(self._head)[:-1]}, "frames": [\n')
        size = list(seen.frame.picture.size)
        other = {} if size == self._head["video"]["size"] else {"size": size}
        self._write(",\n" * bool(self._count) + self._json(other | entry(seen)))
        self._count += 1

    def _json(self, content: dict) -> str:
        return as_json(content, out=self._file)

    def _write(self, text: str) -> None:
        with said(self.path or "stdout"):
            self._file.write(text)

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, kind, *_) -> None:
        """Finish the file and give it its name; after an exception, the partial one."""
        whole = kind is None
        try:
            self._end(whole)
        except OSError:  # a full disk, for example; a file that cannot be finished is not JSON
            if self._draft:
                with suppress(OSError):  # Windows removes no file that is open
                    self._file.close()
                self._draft.drop()
            self.path = None
            if whole:
                raise

    def _end(self, whole: bool) -> None:
        if self._count:
            tail = {"count": self._count, "complete": whole and not self._video.troubles}
            self._write(f"\n], {self._json(tail | {'troubles': self._video.troubles})[1:]}\n")
        with said(self.path or "stdout"):
            self._file.flush() if self._draft is None else self._file.close()
        if self._draft is None:
            return
        if not self._count:
            self._draft.drop()
        self.path = self._draft.settle(whole)


def entry(seen: FrameResult) -> dict:
    """One frame as plain values; pixels have three decimals, scores five."""
    found = seen.detections
    edges = seen.result.trace.edges_of(found.query, found.size)
    rows = zip(found.to_list(), seen.tracks, edges.deviations.tolist(), edges.intervals(MASS).tolist())
    detections = [
        d
        | {"score": round(d["score"], 5), "box": _rounded(d["box"]), "track": track}
        | {"deviation": _rounded(deviation), "interval": [_rounded(ends) for ends in interval]}
        for d, track, deviation, interval in rows
    ]
    frame = seen.frame
    return {"index": frame.index, "pts": frame.pts, "time": round(frame.time, 6), "detections": detections}


def _rounded(values: list[float]) -> list[float]:
    return [round(v, _PLACES) for v in values]
