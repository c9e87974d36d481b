import pytest
import torch

from dfine import distribution
from dfine.trace import levels
from dfine.trace.edges import EdgeReading

W = distribution.weighting()
PLAIN = torch.tensor([[0, 0.25, 0.5, 0.75], [0, 0.25, 0.5, 0.75]])  # every level is itself
# Narrow edges: half as wide. Wide ones: as they are.
HALF = torch.tensor([[0, 0.1, 0.9], [0, 0.3, 0.7], [0.5, 0.1, 0.9]])


def some(*shape, seed=0):
    return distribution.probabilities(torch.randn(*shape, 33, generator=torch.Generator().manual_seed(seed)))


def test_no_edges_give_nothing():
    assert levels.quantiles(some(0, 4), W, HALF, torch.tensor([0.1, 0.9])).shape == (0, 4, 2)
    assert levels.deviation(some(0), W, HALF).shape == (0,)


def test_a_table_that_changes_nothing_changes_nothing():
    p = some(20, 4)
    shares = torch.tensor([0.025, 0.1, 0.5, 0.9])
    assert torch.allclose(levels.quantiles(p, W, PLAIN, shares), distribution.quantiles(p, W, tuple(shares.tolist())))
    offset = torch.linspace(-1.2, 1.2, 80).reshape(20, 4)
    assert torch.allclose(levels.cdf(p, W, PLAIN, offset), distribution.cdf(p, W, offset), atol=1e-6)


# All mass in the bin of W = 0: the CDF rises in a line over one step of W to each side, so that the levels 0.3 and 0.7
# lie at 0.4 of a step. A distribution whose own interval is longer than 0.5 is read as it is.
def test_the_row_is_chosen_by_the_width():
    sharp = torch.zeros(33)
    sharp[16] = 1
    step, ends = float(W[17]), torch.tensor([0.1, 0.9])
    assert levels.quantiles(sharp, W, HALF, ends).tolist() == pytest.approx([-0.4 * step, 0.4 * step], abs=1e-6)
    flat = torch.full((33,), 1 / 33)
    assert torch.allclose(levels.quantiles(flat, W, HALF, ends), distribution.interval(flat, W, 0.8))
    both = levels.quantiles(torch.stack((sharp, flat)), W, HALF, ends)
    assert torch.allclose(both[0], levels.quantiles(sharp, W, HALF, ends)), "one edge changes nothing for another"


def test_the_share_below_is_the_way_back_from_quantiles():
    p = some(50)  # none with so much mass in W(0) that a share could not be told
    for share in (0.15, 0.3, 0.5, 0.83):
        at = levels.quantiles(p, W, HALF, torch.tensor([share]))[:, 0]
        assert torch.allclose(levels.cdf(p, W, HALF, at), torch.full((50,), share), atol=1e-4)


def test_an_interval_that_holds_more_is_longer_and_masses_add_up_to_one():
    p = some(30)
    ends = levels.quantiles(p, W, HALF, torch.linspace(0.15, 0.85, 40))
    assert (ends.diff(dim=-1) > 0).all()
    mass = levels.probabilities(p, W, HALF)
    assert (mass >= -1e-6).all() and torch.allclose(mass.sum(-1), torch.ones(30), atol=1e-5)


def test_a_reading_follows_the_table():
    logits = torch.randn(3, 4, 33, generator=torch.Generator().manual_seed(1)) * 6
    box = torch.tensor([0.5, 0.5, 0.2, 0.4])
    table = torch.tensor([[0, 0.1, 0.9], [0, 0.3, 0.7]])
    plain, read = (EdgeReading(logits, box, (100, 100), W, None, t) for t in (None, table))
    a, b = plain.intervals(0.4), read.intervals(0.8)  # levels 0.3 and 0.7 of the same distributions
    assert torch.allclose(a, b, atol=1e-4)
    assert (read.deviations < plain.deviations).all()
    assert torch.equal(read.offsets, plain.offsets) and torch.equal(read.probabilities, plain.probabilities)


@pytest.mark.parametrize(
    "table, said",
    [
        (None, "rows of one length"),
        ([[0, 0.1, 0.9]], "at least two rows"),
        ([[0, 0.1], [0, 0.1, 0.9]], "rows of one length"),
        ([[0, 0.1, 0.9], [0, 0.3, "a"]], "finite numbers"),
        ([[0, 0.1, 0.9], [0, 0.3, float("nan")]], "finite numbers"),
        ([[0, 0.1, 0.9], [0, 0.7, 0.3]], "does not rise"),
        ([[0, 0.1, 0.9], [0, 0.0, 0.9]], "does not rise"),
        ([[0, 0.1, 0.9], [0.1, 0.3, 0.7]], "widths"),
        ([[0, 0.1, 0.9], [0, 0.3, 0.7], [0, 0.3, 0.7]], "widths"),
    ],
)
def test_what_is_no_table_is_said(table, said):
    assert said in levels.fault(table)


def test_a_table_is_plain_values_and_back():
    assert levels.rows(None) is None
    assert not levels.fault(levels.rows(HALF))
    assert torch.equal(torch.tensor(levels.rows(HALF)), HALF)
