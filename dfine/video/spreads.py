"""How sure the edges of every track are over time, read off the frames of a listing (`dfine.video.listing`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class TrackSpread:
    """One track over the n frames in which it was found.

    Attributes:
        number: of the track.
        name: the class that it had most often.
        times: of the frames, in seconds [n].
        scores: of the object [n].
        spreads: length in pixels of each edge's interval: left, top, right, bottom [n, 4].
    """

    number: int
    name: str
    times: list[float]
    scores: list[float]
    spreads: list[list[float]]

    def to_dict(self) -> dict:
        """Plain values."""
        return dict(number=self.number, name=self.name, times=self.times, scores=self.scores, spreads=self.spreads)


def track_spreads(frames: Iterable[dict]) -> list[TrackSpread]:
    """Every track of a video, those that were seen longest first.

    Args:
        frames: as `dfine.video.listing.entry` makes them, and as they stand in a file of `dfine detect --track --json`.
            Of several detections of a track in a frame the best counts.
    """
    seen: dict[int, list[tuple[float, dict]]] = {}
    for frame in frames:
        best: dict[int, dict] = {}
        for found in frame["detections"]:
            if found["track"] is not None and found["score"] > best.get(found["track"], {"score": -1.0})["score"]:
                best[found["track"]] = found
        for number, found in best.items():
            seen.setdefault(number, []).append((frame["time"], found))
    tracks = [_track(number, found) for number, found in seen.items()]
    return sorted(tracks, key=lambda track: (-len(track.times), track.number))


def _track(number: int, seen: list[tuple[float, dict]]) -> TrackSpread:
    names = Counter(found["name"] for _, found in seen)
    return TrackSpread(
        number,
        names.most_common(1)[0][0],
        [time for time, _ in seen],
        [found["score"] for _, found in seen],
        [[round(abs(high - low), 3) for low, high in found["interval"]] for _, found in seen],
    )
