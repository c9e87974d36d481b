import pytest
import torch

from dfine import distribution
from dfine.trace.edges import EdgeReading
from tests.helpers import synthetic_trace

SIZE = (640, 480)
TEMPERATURE = torch.tensor([1.5, 0.7, 2.0, 1.0])


def test_no_boxes_read_as_nothing():
    none = synthetic_trace().edges_of(torch.zeros(0, dtype=torch.int64), SIZE)
    shapes = [none.offsets, none.deviations, none.entropies, none.intervals(), none.probabilities]
    assert [list(t.shape) for t in shapes] == [[0, 4], [0, 4], [0, 4], [0, 4, 2], [0, 4, 33]]


@pytest.mark.parametrize("temperature", [None, TEMPERATURE])
def test_a_history_is_one_row_of_the_batched_reading(temperature):
    trace = synthetic_trace(batch=2, queries=7)
    trace = type(trace)(**{**vars(trace), "temperature": temperature})
    queries = torch.tensor([4, 0, 6])
    for layer in (0, 2, -1):
        reading = trace.edges_of(queries, SIZE, layer=layer, picture=1)
        for i, query in enumerate(queries.tolist()):
            history = trace.history(query, SIZE, picture=1)
            torch.testing.assert_close(reading.offsets[i], history.offsets[layer])
            torch.testing.assert_close(reading.deviations[i], history.deviations[layer])
            torch.testing.assert_close(reading.entropies[i], history.entropies[layer])
            torch.testing.assert_close(reading.intervals(0.6)[i], history.intervals(0.6)[layer])


def test_leading_axes_are_free():
    trace = synthetic_trace(queries=6, layers=4)
    edges = torch.stack([r.edges[0] for r in trace.refinements], 1)  # [Q, L, 4, N+1]
    every = EdgeReading(edges, trace.initial.boxes[0][:, None], SIZE, trace.w)
    for query in range(6):
        history = trace.history(query, SIZE)
        torch.testing.assert_close(every.shifts()[query], history.shifts)
        torch.testing.assert_close(every.deviations[query], history.deviations)
        torch.testing.assert_close(every.intervals()[query], history.intervals())


def test_a_certain_edge_lies_where_its_bin_says():
    """All mass in the bins of +1/2a on the left edge, of 0 on the others: worked out by hand."""
    w = distribution.weighting()
    edges = torch.full((4, 33), -100.0)
    edges[0, 32] = edges[1, 16] = edges[2, 16] = edges[3, 16] = 100.0
    reading = EdgeReading(edges, torch.tensor([0.5, 0.5, 0.25, 0.5]), (400, 200), w)
    assert reading.pixels_per_size.tolist() == [100, 100, 100, 100]
    assert reading.offsets.tolist() == [1, 0, 0, 0], "W(N) is 2a = 1 size of the box"
    assert reading.deviations.tolist() == [0, 0, 0, 0]
    assert reading.entropies.tolist() == [0, 0, 0, 0]
    # The initial box runs from 150 to 250 and from 50 to 150. The outermost bin of the left edge holds everything, of
    # which the CDF puts half beyond W(N) = 1 and half between W(N−1) = 1/2 and W(N): 10 % lie below 0.6 widths.
    assert reading.intervals()[0].tolist() == pytest.approx([50, 90], abs=0.01)
    middle = reading.intervals().mean(-1)
    assert middle[1:].tolist() == pytest.approx([50, 250, 150], abs=0.01)


def test_temperature_changes_the_spread_and_not_the_place():
    trace = synthetic_trace()
    cold = trace.edges_of(torch.arange(5), SIZE)
    warm = EdgeReading(cold.edges, cold.initial, SIZE, trace.w, torch.full((4,), 3.0))
    assert torch.equal(cold.offsets, warm.offsets) and torch.equal(cold.probabilities, warm.probabilities)
    assert (warm.entropies > cold.entropies).all()


@pytest.mark.parametrize("fitted", [{}, {"temperature": TEMPERATURE}, {"levels": torch.tensor([[0, 0.5], [0, 0.7]])}])
def test_an_interval_ends_at_its_quantiles(fitted):
    trace = synthetic_trace(queries=3)
    reading = type(trace)(**{**vars(trace), **fitted}).edges_of(torch.arange(3), SIZE)
    assert torch.equal(reading.spans(0.5), reading.quantiles((0.25, 0.75)))
    assert (reading.quantiles((0.1, 0.3, 0.5, 0.9)).diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("mass", [-0.1, 1.5, 80, float("nan")])
def test_a_mass_that_is_no_probability(mass):
    trace = synthetic_trace()
    with pytest.raises(ValueError, match="the probability of an interval is between 0 and 1, not"):
        trace.edges_of(torch.tensor([0]), SIZE).intervals(mass)
    with pytest.raises(ValueError, match="between 0 and 1"):
        trace.history(0, SIZE).intervals(mass)
