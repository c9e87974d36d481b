import json

import numpy as np
import pytest

from dfine.config import EDGES
from dfine.figures.object import edges


def bars(figure):
    return [t for t in figure.data if t.type == "bar"]


@pytest.mark.parametrize("layers", [1, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_panel_for_every_edge_of_every_layer(trace_of, layers, weighted):
    figure = edges.distributions(trace_of(layers).history(0, (200, 100)), weighted)
    assert [t.name for t in bars(figure)] == [f"{e}, layer {i + 1}" for i in range(layers) for e in EDGES]
    ghosts = [t for t in figure.data if t.type == "scatter"]
    assert len(ghosts) == 4 * (layers - 1), "all layers but the first show the one before"
    assert figure.layout.height > 100 * layers


def test_unweighted_bars_are_probabilities(history):
    figure = edges.distributions(history)
    for trace_, p in zip(bars(figure), history.probabilities.reshape(-1, 33)):
        np.testing.assert_allclose(trace_.y, p, rtol=1e-6)
        assert sum(trace_.y) == pytest.approx(1, abs=1e-5)


def test_weighted_bars_sum_to_the_offset_in_pixels_that_is_written_beside_them(history):
    figure = edges.distributions(history, weighted=True)
    offsets = history.offsets * history.pixels_per_size
    sums = [sum(t.y) for t in bars(figure)]
    np.testing.assert_allclose(sums, offsets.flatten(), atol=1e-4)
    # The left edge of query 0 aims at bin 20; by hand: the box is 40 px wide, so W(20)·40 px = 1.77 px.
    assert history.w[20] * 40 == pytest.approx(0.25 * (3 ** (8 / 30) - 1) * 40, rel=1e-5)
    notes = [a.text for a in figure.layout.annotations if a.text.startswith("Σ")]
    assert len(notes) == 12
    assert notes[8].startswith("Σ +") and notes[10].startswith("Σ −")


def test_a_ghost_is_the_layer_before(history):
    figure = edges.distributions(history)
    ghosts = [t for t in figure.data if t.type == "scatter"]
    np.testing.assert_allclose(ghosts[5].y, history.probabilities[1, 1], rtol=1e-6)


def test_spread_is_written_in_pixels_and_said_to_be_uncalibrated(history):
    figure = edges.distributions(history)
    notes = [a.text for a in figure.layout.annotations if a.text.startswith("±")]
    assert notes[0] == f"± {history.deviations[0, 0]:.2f} px"
    assert "uncalibrated" in edges.caption(history)


def test_figures_are_plain_json_with_transparent_grounds(history):
    figure = json.loads(edges.distributions(history).to_json())
    assert figure["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert len(json.dumps(figure)) < 200_000
