import pytest
import torch

from dfine import distribution
from dfine.evaluation import level_fit
from dfine.evaluation.calibration import coverage, measured, pit
from dfine.evaluation.matches import Matches
from dfine.trace import levels

W = distribution.weighting()


def two_kinds(n, seed=0) -> Matches:
    """Objects with sharp edges that hold too much and flat ones that hold too little."""
    g = torch.Generator().manual_seed(seed)
    flat = torch.rand(n, 1, 4, 1, generator=g) < 0.4
    scale = torch.where(flat, 4.0, 1.5)
    centre = 16 + 2 * torch.randn(n, 1, 4, 1, generator=g)
    logits = -(torch.arange(33) - centre).abs() / scale
    p = distribution.probabilities(logits[:, 0])
    u = torch.rand(n, 4, generator=g)
    off = u - 0.5
    u = 0.5 + torch.where(flat[:, 0, :, 0], off.sign() * (off.abs() / 2).sqrt(), off / 2)
    truth = torch.stack([distribution.quantiles(p[i], W, tuple(u[i].tolist())).diagonal() for i in range(n)])
    return Matches(logits, truth, W, [i // 3 for i in range(n)])


def test_too_few_objects_are_refused():
    with pytest.raises(ValueError, match="3 objects do not make 5 groups"):
        level_fit.fit(two_kinds(3))
    assert level_fit.by_width(two_kinds(3)).groups == {}


def test_each_width_holds_what_it_promises_on_other_pictures():
    table = level_fit.fit(two_kinds(1500))
    assert table.shape == (6, 16) and not levels.fault(levels.rows(table))
    fresh = two_kinds(1500, seed=1)
    length = level_fit.widths(fresh).flatten()
    narrow = length < length.quantile(0.6)
    for mass, after in ((0.5, 0.04), (0.8, 0.04), (0.95, 0.03)):
        before, held = (pit(fresh, None, t)[:, -1].flatten() for t in (None, table))
        for part in (narrow, ~narrow):
            assert float(coverage(held[part], (mass,))) == pytest.approx(mass, abs=after)
        assert abs(float(coverage(before[narrow], (mass,))) - mass) > 0.045
    by_width = measured(fresh, None, table)["groups"]["width"]
    assert sum(part["objects"] for part in by_width.values()) == 1500
    assert measured(fresh, None, table)["score"] < measured(fresh)["score"]


def test_the_order_of_objects_and_the_layers_before_do_not_matter():
    matches = two_kinds(200)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(2)).tolist()
    assert torch.allclose(level_fit.fit(matches), level_fit.fit(matches.at(order)))
    deeper = torch.cat((torch.randn(200, 2, 4, 33), matches.edges), 1)
    assert torch.equal(level_fit.fit(matches), level_fit.fit(Matches(deeper, matches.truth, W)))


def test_edges_that_are_all_alike_make_a_table_that_can_be_read():
    same = Matches(torch.zeros(60, 1, 4, 33), torch.zeros(60, 4), W)
    assert not levels.fault(levels.rows(level_fit.fit(same)))
    outside = Matches(torch.zeros(60, 1, 4, 33), torch.full((60, 4), 9.0), W)
    assert not levels.fault(levels.rows(level_fit.fit(outside)))
