from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dfine.figures.object.summary import summary


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_it_shows_the_scene_the_object_and_every_distribution(picture, detections, trace_of, layers):
    history = trace_of(layers).history(0, picture.size, name="star", label=1)
    figure = summary(picture, detections, history)
    panels = [axes for part in figure.subfigs for axes in part.axes]
    assert len(panels) == 2 + 4 * layers
    heights = [patch.get_height() for patch in panels[-1].patches]
    np.testing.assert_allclose(heights, history.probabilities[-1, 3], rtol=1e-6)
    assert [axes.get_ylabel() for axes in panels[2::4]] == [f"layer {i + 1}" for i in range(layers)]
    assert [axes.get_title() for axes in panels[2:6]] == ["left", "top", "right", "bottom"]
    spreads = [axes.texts[0].get_text() for axes in panels[2:]]
    assert all(text.startswith("± ") and text.endswith(" px") for text in spreads)


def test_an_object_that_is_not_among_the_detections(picture, nothing, history):
    figure = summary(picture, nothing, history)
    assert figure.subfigs[0].axes[0].images, "the picture is there all the same"


def test_nothing_is_clipped(picture, detections, history):
    figure = summary(picture, detections, history)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    for part in figure.subfigs:
        for axes in part.axes:
            box = axes.get_tightbbox(canvas.get_renderer())
            assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1


def test_a_long_name_does_not_run_into_the_next_title(picture, detections, history):
    figure = summary(picture, detections, replace(history, name="a name that is much longer than its title " * 3))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    titles = [part._suptitle.get_window_extent(canvas.get_renderer()) for part in figure.subfigs]
    assert all(left.x1 < right.x0 for left, right in zip(titles, titles[1:]))
