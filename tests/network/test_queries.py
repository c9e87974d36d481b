"""From tokens to queries: anchors by hand, the best tokens first, denoising queries before them."""

import pytest
import torch

from dfine.config import Config
from dfine.network.queries import QuerySelection, anchors
from dfine.trace.records import Memory, NoisedQueries

SHAPES = ((4, 6), (2, 3))
TOKENS = 4 * 6 + 2 * 3


@pytest.fixture
def selection():
    torch.manual_seed(0)
    return QuerySelection(Config.of("n", classes=5, queries=7)).eval()


def memory(selection, batch=2):
    return Memory(torch.randn(batch, TOKENS, selection.output.proj.in_features), SHAPES)


def test_an_anchor_lies_in_the_middle_of_its_cell_and_doubles_from_level_to_level():
    logits, valid = anchors(SHAPES, like=torch.zeros(1))
    boxes = logits.sigmoid()
    assert logits.shape == (TOKENS, 4) and valid.shape == (TOKENS, 1) and valid.all()
    assert boxes[1].tolist() == pytest.approx([1.5 / 6, 0.5 / 4, 0.05, 0.05])  # the second cell of the first row
    assert boxes[24 + 4].tolist() == pytest.approx([1.5 / 3, 1.5 / 2, 0.1, 0.1])


def test_a_token_at_the_very_border_may_not_propose():
    logits, valid = anchors(((1, 60),), like=torch.zeros(1))
    assert valid[:, 0].tolist() == [0.0] + [1.0] * 58 + [0.0]  # the first centre is at 1/120, which is under 0.01
    assert logits[0].isinf().all() and logits[1].isfinite().all()


def test_small_pictures_have_fewer_queries_than_wanted():
    selection = QuerySelection(Config.of("n", classes=5, queries=300))
    assert selection(memory(selection)).content.shape[1] == TOKENS


@torch.no_grad()
def test_the_tokens_with_the_best_class_become_queries_best_first(selection):
    given = memory(selection)
    queries = selection(given)
    best = selection.score(selection.output(given.tokens)).amax(-1)
    assert torch.equal(queries.origin, best.topk(7, 1).indices)
    assert torch.equal(queries.proposals.logits.amax(-1), best.topk(7, 1).values)
    assert torch.equal(queries.reference, queries.proposals.boxes)


@torch.no_grad()
def test_a_new_selection_proposes_the_anchors_themselves(selection):
    """Its box head starts at zero."""
    queries = selection(memory(selection, 1))
    anchor, _ = anchors(SHAPES, like=torch.zeros(1))
    assert torch.allclose(queries.proposals.boxes[0], anchor[queries.origin[0]].sigmoid())


def test_denoising_queries_come_first_know_their_label_and_no_token(selection):
    labels = torch.tensor([[0, 5, 2], [1, 1, 5]])  # 5 stands for padding
    noise = NoisedQueries(labels, torch.rand(2, 3, 4), 1, (torch.tensor([0]), torch.tensor([0])))
    queries = selection(memory(selection), noise)
    assert queries.content.shape[:2] == (2, 3 + 7)
    assert (queries.origin[:, :3] == -1).all() and (queries.origin[:, 3:] >= 0).all()
    assert torch.equal(queries.content[:, :3], selection.label(labels))
    assert (queries.content[0, 1] == 0).all()
    assert torch.allclose(queries.reference[:, :3], noise.boxes, atol=1e-5)
    assert queries.proposals.boxes.shape[1] == 7, "they propose nothing"


def test_no_gradient_passes_from_queries_to_the_encoder(selection):
    queries = selection(memory(selection))
    assert not queries.content.requires_grad and not queries.reference.requires_grad
    queries.proposals.boxes.sum().backward()
    assert selection.box.layers[-1].weight.grad.abs().sum() > 0, "proposals learn"
