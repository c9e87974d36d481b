import numpy as np
import pytest
from matplotlib.colors import to_hex

from dfine.distribution import weighting
from dfine.figures import lens, motion, paper


def curves(axes):
    return {to_hex(line.get_color()).upper(): np.asarray(line.get_ydata()) for line in axes.lines}


def test_figure_4_shows_layer_1_in_red_and_the_last_in_green(picture, history):
    photo, *panels = paper.figure4(picture, history).axes
    assert [p.get_edgecolor()[:3] for p in photo.patches] != []
    labels = [t.get_text() for t in photo.get_legend().get_texts()]
    assert labels[0].startswith("Initial box, before") and labels[1].startswith("Layer 1 (the paper's")
    assert len(panels) == 8
    for k in range(4):
        upper, lower = panels[2 * k], panels[2 * k + 1]
        assert upper.get_title() == ("Left", "Top", "Right", "Bottom")[k]
        np.testing.assert_allclose(curves(upper)[paper.EARLY], history.probabilities[0, k], rtol=1e-6)
        np.testing.assert_allclose(curves(upper)[paper.LATE], history.probabilities[-1, k], rtol=1e-6)
        np.testing.assert_allclose(curves(lower)[paper.LATE].sum(), history.offsets[-1, k], atol=1e-5)


@pytest.mark.parametrize("units, factor", [("box", 1), ("code", 4), ("pixels", 40)])
def test_weighted_values_in_three_units(picture, history, units, factor):
    lower = paper.figure4(picture, history, units=units, start=False).axes[2]
    np.testing.assert_allclose(curves(lower)[paper.LATE].sum(), history.offsets[-1, 0] * factor, rtol=1e-3)


@pytest.mark.parametrize("change, said", [({"early": 3}, "no layer index 3"), ({"units": "miles"}, "'miles'")])
def test_what_does_not_exist_is_said(picture, history, change, said):
    with pytest.raises(ValueError, match=said):
        paper.figure4(picture, history, **change)


@pytest.mark.parametrize("c", [0.25, 0.125, 0.6])
@pytest.mark.parametrize("bins", [8, 32, 64])
def test_curvature_is_read_off_w(bins, c):
    assert paper.curvature(weighting(bins, c=c)) == pytest.approx(c, rel=1e-3)


def test_the_lens_shows_scene_object_and_every_distribution(picture, detections, history):
    figure = lens.lens(picture, detections, history)
    assert len(figure.axes) == 2 + 12
    heights = [patch.get_height() for patch in figure.axes[-1].patches]
    np.testing.assert_allclose(heights, history.probabilities[-1, 3], rtol=1e-6)


def test_frames_rest_on_every_layer_and_can_be_saved(picture, history, tmp_path):
    frames = motion.sharpening(picture, history, steps=2, hold=1)
    assert len(frames) == 3 * 2 + 1 + 1 + 3
    assert len({f.size for f in frames}) == 1
    motion.save(frames, tmp_path / "moves.gif")
    assert (tmp_path / "moves.gif").stat().st_size > 1000
