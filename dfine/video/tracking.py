"""Which detections of a video are the same thing, frame after frame: ByteTrack, of the package `trackers`."""

from __future__ import annotations

import torch

from dfine.boxes import iou_xyxy
from dfine.trace.detections import Detections

LOW = 0.1  # ByteTrack lets detections down to this score keep a track alive (arXiv 2110.06864, section 3)
SAME = 0.8  # IoU from which boxes of one frame are one thing; D-FINE does not suppress overlapping boxes


class Tracker:
    """Gives every detection the number of its track, counted from 1.

    A thing gets its number in the second frame in which it is found, and loses it after a second out of sight. All
    detections of one thing in a frame, of whatever class or query, share its number.
    """

    def __init__(self, rate: float, threshold: float):
        """Expect about `rate` frames a second; a track begins at a score of `threshold`.

        Raises:
            ImportError: the package `trackers` is not installed.
        """
        try:
            from trackers import ByteTrackTracker
        except ImportError:
            raise ImportError("tracking needs the package trackers (2.6 or later): pip install trackers") from None
        self._tracker = ByteTrackTracker(
            frame_rate=rate, track_activation_threshold=threshold, high_conf_det_threshold=threshold
        )

    def update(self, found: Detections, time: float) -> list[int | None]:
        """The track of each detection of the next frame, at `time` in seconds; None where there is none yet.

        `found` should hold all detections down to a score of `LOW`, best first: weak ones only continue tracks.
        """
        best = best_of(found)
        things = sorted(set(best))
        best_only = found[things].to_supervision()
        best_only.data["thing"] = torch.tensor(things, dtype=torch.int64).numpy()
        tracked = self._tracker.update(best_only, timestamp=time)
        if not len(tracked):
            return [None] * len(found)
        track = dict(zip(tracked.data["thing"].tolist(), tracked.tracker_id.tolist()))
        return [track[i] + 1 if track.get(i, -1) >= 0 else None for i in best]


def best_of(found: Detections) -> list[int]:
    """For each detection, best first, the index of the best detection of the same thing: itself or an earlier one."""
    overlaps = (iou_xyxy(found.boxes[:, None], found.boxes) >= SAME).tolist()
    best: list[int] = []
    for i, row in enumerate(overlaps):
        best.append(next((j for j in range(i) if row[j] and best[j] == j), i))
    return best
