"""What LQE reads: numbers of hand-made distributions, and a figure with every query."""

import pytest
import torch

from dfine.figures.object.quality import agreement, quality_figure, readings


def test_a_flat_query_has_the_highest_entropy(trace_of):
    r = readings(trace_of())
    assert r["entropy"][1] == pytest.approx(5.0444, abs=1e-3)  # log2 of 33
    assert r["entropy"][0] < 4


def test_before_is_after_less_what_was_added(trace_of):
    r = readings(trace_of())
    assert torch.allclose(r["after"].logit() - r["before"].logit(), r["quality"], atol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "wanted"), [([1, 2, 3], [10, 20, 90], 1), ([1, 2, 3], [3, 2, 1], -1), ([1, 2, 3], [2, 3, 1], -0.5)]
)
def test_agreement_is_spearmans(a, b, wanted):
    assert agreement(torch.tensor(a), torch.tensor(b)) == pytest.approx(wanted)


def test_every_query_is_a_dot_of_its_layer(trace_of):
    for layer in (0, 1, -1):
        r, figure = readings(trace_of(), layer), quality_figure(trace_of(), layer)
        assert list(figure.data[0].x) == pytest.approx(r["entropy"].tolist())
        assert list(figure.data[0].y) == pytest.approx([0.5, 0.5])
    assert "layer 3" in figure.layout.annotations[0].text


def test_a_layer_that_is_not_there(trace_of):
    with pytest.raises(IndexError):
        quality_figure(trace_of(), 3)
