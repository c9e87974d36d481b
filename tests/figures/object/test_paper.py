import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from dfine.distribution import weighting
from dfine.figures.object import paper


def curves(axes):
    return {to_hex(line.get_color()).upper(): np.asarray(line.get_ydata()) for line in axes.lines}


def test_figure_4_shows_layer_1_in_red_and_the_last_in_green(picture, history):
    photo, *panels = paper.figure4(picture, history).axes
    assert [p.get_edgecolor()[:3] for p in photo.patches] != []
    labels = [t.get_text() for t in photo.get_legend().get_texts()]
    assert labels[0].startswith("Initial box b0, before") and labels[1].startswith("Layer 1 (the paper's")
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


def test_the_box_before_any_distribution_may_be_the_red_one(picture, history):
    figure = paper.figure4(picture, history, early="initial")
    photo, *panels = figure.axes
    assert [patch.get_x() for patch in photo.patches] == pytest.approx(history.xyxy_pixels[[0, -1], 0].tolist())
    assert paper.EARLY not in curves(panels[0]) and paper.LATE in curves(panels[0])
    assert photo.get_legend().get_texts()[0].get_text().startswith("Initial box b0, before any distribution")


@pytest.mark.parametrize("count, rows", [(1, 1), (3, 1), (4, 2)])
def test_several_objects_stand_side_by_side(picture, trace_of, count, rows):
    histories = [trace_of().history(i % 2, (200, 100)) for i in range(count)]
    figure = paper.figure4(picture, histories)
    assert len(figure.axes) == 9 * count
    width, height = figure.get_size_inches()
    assert height / rows == pytest.approx(paper.figure4(picture, histories[0]).get_size_inches()[1])


@pytest.mark.parametrize(
    "early, said",
    [
        (0, "Red: layer 1 of 3, after its distributions have moved the box, the paper's “initial”."),
        (1, "Red: layer 2 of 3, after its distributions have moved the box; the paper's “initial” is layer 1."),
        ("initial", "Red: the initial box b0, before any decoder layer's distributions; it has none."),
    ],
)
def test_the_line_below_says_precisely_which_layer_is_red(early, said):
    assert paper.explained(early, 3).startswith(said)


def test_png_and_svg_of_several_objects_with_the_line_below(picture, history):
    figure = paper.figure4(picture, [history, history])
    with Image.open(io.BytesIO(paper.encoded(figure))) as image:
        assert image.format == "PNG" and image.width > image.height
    svg = paper.encoded(figure, "svg").decode()
    assert svg.startswith("<?xml")
    assert svg.count("the paper's “initial”. Green") == 2, "once under every object, as text"
    with pytest.raises(ValueError, match="png or svg, not 'gif'"):
        paper.encoded(figure, "gif")


def test_no_object_is_said(picture):
    with pytest.raises(ValueError, match="no object to draw"):
        paper.figure4(picture, [])


@pytest.mark.parametrize("change, said", [({"early": 3}, "no layer index 3"), ({"units": "miles"}, "'miles'")])
def test_what_does_not_exist_is_said(picture, history, change, said):
    with pytest.raises(ValueError, match=said):
        paper.figure4(picture, history, **change)


@pytest.mark.parametrize("c", [0.25, 0.125, 0.6])
@pytest.mark.parametrize("bins", [8, 32, 64])
def test_curvature_is_read_off_w(bins, c):
    assert paper.curvature(weighting(bins, c=c)) == pytest.approx(c, rel=1e-3)


@pytest.mark.parametrize("early", [0, "initial"])
def test_boxes_and_curves_are_told_apart_without_their_colours(picture, history, early):
    photo, *panels = paper.figure4(picture, history, early=early).axes
    styles = [str(patch.get_linestyle()) for patch in photo.patches]
    assert len(set(styles)) == len(styles) == (3 if early == 0 else 2)
    assert len({str(line.get_linestyle()) for line in panels[0].lines}) == len(panels[0].lines)
