import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.figures import style
from dfine.figures.object import sampling
from dfine.trace.sampling import Looks


@pytest.fixture
def looks(history):
    """Two heads with two fine points and a coarse one; in layer 2 the coarse one has all the weight."""
    points = torch.full((3, 2, 3, 2), 0.5)
    points[0, 0, 0] = torch.tensor([0.25, 0.4])
    points[2, :, 1, 0] = 1.5  # outside the picture
    weights = torch.tensor([0.5, 0.3, 0.2]).expand(3, 2, 3).clone()
    weights[1] = torch.tensor([0.0, 0.0, 1.0])
    reference = torch.stack((history.proposal, *history.boxes[:-1]))
    return Looks(history.query, points, weights, torch.tensor([16, 16, 32]), reference)


@pytest.fixture
def history(trace_of):
    """Token 5 of the first level: row 0, column 5 of 4 x 8 cells; 25 px each."""
    return replace(trace_of().history(0, (200, 100), name="star", label=1), shapes=((4, 8), (2, 4)))


def named(traces, name):
    return [t for t in traces if t.name == name]


def test_one_frame_a_layer_and_a_step_for_each(picture, history, looks):
    figure = sampling.looking_figure(picture, history, looks)
    names = ["layer 1", "layer 2", "layer 3"]
    assert [f.name for f in figure.frames] == names
    assert [s.label for s in figure.layout.sliders[0].steps] == names
    assert [s.args[0][0] for s in figure.layout.sliders[0].steps] == names
    assert all(len(f.data) == len(figure.data) for f in figure.frames), "a frame replaces every trace"


def test_points_lie_in_pixels_of_the_picture_and_their_area_is_their_weight(picture, history, looks):
    figure = sampling.looking_figure(picture, history, looks)
    (fine,) = named(figure.data, "stride 16")
    assert (fine.x[0], fine.y[0]) == pytest.approx((50, 40))
    assert len(fine.x) == 4
    assert fine.marker.sizemode == "area"
    assert list(fine.marker.size) == pytest.approx([0.5, 0.3, 0.5, 0.3])
    (coarse,) = named(figure.frames[1].data, "stride 32")
    assert list(coarse.marker.size) == [1, 1]
    assert fine.marker.color != coarse.marker.color


def test_the_reference_of_every_layer_is_drawn_in_its_colour(picture, history, looks):
    figure = sampling.looking_figure(picture, history, looks)
    for layer, frame in enumerate(figure.frames):
        box = named(frame.data, "looks around")[-1]
        x1, y1, x2, y2 = (history.xyxy_pixels[0] if layer == 0 else history.xyxy_pixels[layer]).tolist()
        assert (min(box.x), min(box.y), max(box.x), max(box.y)) == pytest.approx((x1, y1, x2, y2), abs=1e-3)
        assert box.line.color == style.layer_colours(3)[layer]
    assert "the proposal" in figure.layout.title.text
    assert "layer 2's box" in figure.frames[2].layout.title.text


def test_the_birthplace_is_the_cell_of_the_token(picture, history, looks):
    cell = named(sampling.looking_figure(picture, history, looks).data, "born here")[0]
    assert (min(cell.x), min(cell.y), max(cell.x), max(cell.y)) == pytest.approx((125, 0, 150, 25))


def test_a_denoising_query_has_none(picture, history, looks):
    nowhere = replace(history, token=-1)
    cell = named(sampling.looking_figure(picture, nowhere, looks).data, "born here")[0]
    assert set(cell.x) == {None} and not cell.showlegend
    assert "born" not in sampling.describe(nowhere, looks)


def test_the_title_says_how_much_each_level_counted(picture, history, looks):
    figure = sampling.looking_figure(picture, history, looks)
    assert "80\u00a0% at stride 16, 20\u00a0% at stride 32" in figure.frames[0].layout.title.text
    assert "0\u00a0% at stride 16, 100\u00a0% at stride 32" in figure.frames[1].layout.title.text


def test_the_view_holds_what_is_in_the_picture_and_nothing_beyond(picture, history, looks):
    x1, y1, x2, y2 = sampling._view(history, looks)
    assert 0 <= x1 < 50 and y1 == 0 and 150 < x2 <= 200 and y2 <= 100
    axes = sampling.looking_figure(picture, history, looks).layout
    assert axes.yaxis.range[0] > axes.yaxis.range[1], "y runs down, as in pictures"


@pytest.mark.parametrize("size", [(200, 100), (3000, 1500), (20, 10)])
def test_the_backdrop_fits_the_axes_and_is_small(history, looks, size):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    image = sampling.looking_figure(Image.fromarray(noise), history, looks).layout.images[0]
    assert len(image.source) <= sampling.BYTES + 30
    x1, y1, x2, y2 = sampling._view(history, looks)
    scale = 200 / size[0]  # a pixel of the picture, which the cut is rounded outward to
    assert x1 - scale <= image.x <= x1 and x2 - 0.01 <= image.x + image.sizex <= x2 + scale + 0.01
    assert y1 - scale <= image.y <= y1 and y2 - 0.01 <= image.y + image.sizey <= y2 + scale + 0.01
    cut = Image.open(io.BytesIO(base64.b64decode(image.source.split(",")[1])))
    assert cut.width / cut.height == pytest.approx(image.sizex / image.sizey, rel=0.02)


def test_the_words_say_what_the_figure_shows(history, looks):
    words = sampling.describe(history, looks)
    assert words.startswith("Where star 0.95, query 0 looked. It was born at stride 16, row 0, column 5")
    assert "around x 138, y 12 px" in words
    assert "Layer 2: 0\u00a0% at stride 16, 100\u00a0% at stride 32; centre of attention 100, 50 px." in words
    assert "Layer 3: 80\u00a0% at stride 16, 20\u00a0% at stride 32; 30\u00a0% of it outside the picture" in words


def test_looks_of_another_query_are_refused(picture, history, looks):
    with pytest.raises(ValueError, match="looks of query 7"):
        sampling.looking_figure(picture, history, replace(looks, query=7))
