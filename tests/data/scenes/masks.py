"""Masks of what is drawn, measured."""

import numpy as np


def extents(cover: np.ndarray, threshold: float) -> np.ndarray:
    """x1, y1, x2, y2 around the pixels of which more than `threshold` is covered."""
    y, x = np.nonzero(cover > threshold)
    return np.array((x.min(), y.min(), x.max() + 1, y.max() + 1))
