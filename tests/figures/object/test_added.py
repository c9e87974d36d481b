import pytest
import torch

from dfine.figures.object.added import plot, rows, seen
from tests.helpers import synthetic_trace


@pytest.fixture
def history():
    return synthetic_trace().history(0, (640, 480), label=1, name="dog")


def test_the_bars_are_what_every_layer_added(history):
    figure = plot(history)
    assert len(figure.data) == 4 * history.layers
    for i, bars in enumerate(figure.data):
        torch.testing.assert_close(torch.tensor(bars.y), history.added[i // 4, i % 4], rtol=0, atol=1e-6)
        opaque = torch.tensor(bars.marker.opacity) == 1
        assert opaque.equal(seen(history)[i // 4, i % 4]) and opaque.any() and not opaque.all()


def test_a_row_says_what_lqe_read_and_what_it_did(history):
    for row, layer in zip(rows(history), range(history.layers)):
        assert row["layer"] == layer + 1
        assert row["peaks"]["top"] == pytest.approx(history.peaks[layer, 1].tolist())
        before, after = (torch.logit(torch.tensor(row[key], dtype=torch.float64)) for key in ("before", "after"))
        assert float(after - before) == pytest.approx(row["added"], abs=1e-3)


@pytest.mark.parametrize("layers", [1, 6])
def test_the_scale_has_numbers_on_both_sides_of_zero(trace_of, layers):
    figure = plot(trace_of(layers).history(0, (200, 100)))
    axis = figure.layout.yaxis
    low, zero, high = axis.tickvals
    assert axis.range[0] < low < zero == 0 < high < axis.range[1]
    assert axis.ticktext == (f"−{high:g}", "0", f"+{high:g}")
