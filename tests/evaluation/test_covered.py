"""The test of covered edges: what it counts, and that it covers the same in the same pictures."""

import pytest
import torch

from dfine.data.loader import subset
from dfine.data.scenes import Scenes
from dfine.evaluation.covered import CoveredEdges, CoverTest, covered_edges


@pytest.fixture(scope="module")
def scenes():
    return Scenes(8, size=(320, 320), seed=11, clean=1.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"share": 0.0}, "between 0 and 1, not 0.0"),
        ({"share": 1.0}, "between 0 and 1, not 1.0"),
        ({"paint": "gold"}, "not by 'gold'"),
    ],
)
def test_what_cannot_be_covered_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        CoverTest(**given)


def test_no_pictures(model, scenes):
    none = covered_edges(model, subset(scenes, []))
    assert len(none) == none.asked == 0
    assert none.to_dict() == dict.fromkeys(none.to_dict(), 0) and "0 of 0" in str(none)


def test_classes_are_matched_by_what_they_say(model, scenes):
    capitals = subset(scenes, range(2))
    capitals.names = tuple(name.upper().replace(" ", "_") for name in scenes.names)
    assert covered_edges(model, capitals).asked == covered_edges(model, subset(scenes, range(2))).asked > 0


def test_shares_counted_by_hand():
    """Three of five objects are still found; edge 0 of the first is the widest, in pixels too, and holds the truth."""
    after = torch.tensor([[0.4, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.1], [0.1, 0.1, 0.1, 0.2]])
    pixels = torch.tensor([[9.0, 1, 1, 1], [1, 2, 3, 1], [1, 5, 1, 2]])
    held = torch.tensor([[True, True, True, True], [True, False, True, True], [True, True, True, False]])
    seen = CoveredEdges(torch.tensor([0, 1, 3]), torch.full((3, 4), 0.1), after, pixels, held, 5)
    assert (len(seen), seen.found) == (3, pytest.approx(0.6))
    assert seen.widest == pytest.approx(2 / 3) and seen.widest_in_pixels == pytest.approx(1 / 3)
    assert seen.covered_held == pytest.approx(1 / 3) and seen.others_held == 1
    assert seen.grown == pytest.approx(2.0)


def test_the_shipped_checkpoint_is_less_sure_of_an_edge_that_is_covered(model, scenes):
    seen, again = covered_edges(model, scenes), covered_edges(model, subset(scenes, range(8)))
    assert seen.asked == 8 and len(seen) >= 6
    assert torch.equal(seen.edges, again.edges) and torch.equal(seen.after, again.after)
    assert len(set(seen.edges.tolist())) > 1
    other = covered_edges(model, subset(scenes, range(3)), CoverTest(paint="cut", seed=1))
    assert not torch.equal(other.after, seen.after[: len(other)])
    assert seen.grown > 1.2 and seen.widest >= 0.375  # without such a training 0.9, and no more than chance, 0.25
