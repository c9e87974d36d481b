"""Pictures of answers and detections by hand, for the tests of suspects."""

import numpy as np

from dfine.explore.suspect_clues import Evidence

SIZE = (640, 640)


def evidence(answers=(), found=(), crowds=None, known=None) -> Evidence:
    """A picture from (box, class) and (box, class, score), with edges known to ± 2 px."""
    boxes = np.array([f[0] for f in found], float).reshape(-1, 4)
    return Evidence(
        np.array([a[0] for a in answers], float).reshape(-1, 4),
        np.array([a[1] for a in answers], int),
        np.array(crowds if crowds is not None else [False] * len(answers), bool),
        boxes,
        np.array([f[1] for f in found], int),
        np.array([f[2] for f in found], float),
        np.stack((boxes - 2, boxes + 2), -1),
        SIZE,
        None if known is None else np.array(known, bool),
    )
