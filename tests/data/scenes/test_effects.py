"""What happens to a picture as a whole changes pixels, and nothing that is said of them."""

import numpy as np
import pytest

from dfine.data.scenes import draw
from dfine.data.scenes.effects import _smear


def gradient(image: np.ndarray) -> float:
    grey = image.astype(np.float64).mean(2)
    return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()


def test_every_dial_does_what_it_says():
    def mean(measure, **dials) -> float:
        return float(np.mean([measure(draw(i, 96, dials)) for i in range(12)]))

    def rises(measure, dial: str) -> bool:
        low, middle, high = (mean(measure, **{dial: v}) for v in (0.0, 0.5, 1.0))
        return low < middle < high

    assert rises(lambda s: -s.image.mean(), "low_light")
    assert rises(lambda s: -gradient(s.image), "motion_blur")
    assert rises(lambda s: -gradient(s.image), "depth_of_field")
    assert rises(lambda s: len(s.labels), "crowding")
    assert rises(lambda s: -s.visible.mean(), "occlusion")


@pytest.mark.parametrize("dial", ["low_light", "motion_blur", "depth_of_field"])
def test_effects_change_pixels_and_leave_the_answers_alone(dial):
    sharp, spoilt = draw(11, 96), draw(11, 96, {dial: 1.0})
    assert (sharp.boxes == spoilt.boxes).all() and (sharp.labels == spoilt.labels).all()
    assert (sharp.visible == spoilt.visible).all() and (sharp.image != spoilt.image).any()


def test_motion_blur_leaves_no_gaps_and_keeps_the_brightness():
    canvas = np.zeros((101, 101, 3), np.float32)
    canvas[50, 50] = 1000
    for length, heading in ((12.0, 0.0), (40.0, 0.0), (40.0, np.pi / 2), (23.0, 0.7)):
        trail = _smear(canvas, length, heading)
        lit = trail[..., 0] > 0
        assert trail.sum() == pytest.approx(3000, rel=1e-4)
        along = lit.any(0) if abs(np.cos(heading)) > 0.5 else lit.any(1)
        ends = np.flatnonzero(along)
        assert along[ends[0] : ends[-1] + 1].all()
        assert np.hypot(*(np.ptp(np.argwhere(lit), axis=0) + 1)) == pytest.approx(length, abs=4)
        assert abs(ends.mean() - 50) <= 1.5
