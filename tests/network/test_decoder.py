"""The decoder: every layer offsets the same initial box."""

from dataclasses import replace

import pytest
import torch

from dfine import distribution
from dfine.config import Config
from dfine.network.decoder import LQE, Gate, checked_layers
from dfine.network.detector import DFINE


def test_boxes_are_the_initial_box_moved_by_the_mean_of_the_edges(network):
    with torch.no_grad():
        trace = network(torch.rand(1, 3, 64, 64))
    for r in trace.refinements:
        offset = torch.softmax(r.edges, -1) @ distribution.weighting()
        assert torch.allclose(distribution.decode(trace.initial.boxes, offset), r.boxes, atol=1e-6)


def test_a_new_network_leaves_the_initial_box_where_it_is():
    """All box heads start at zero: every layer's box is the initial one, and LQE adds nothing."""
    torch.manual_seed(0)
    with torch.no_grad():
        trace = DFINE(Config.of("s", classes=3, queries=10)).eval()(torch.rand(1, 3, 64, 64))
    for r in trace.refinements:
        assert torch.allclose(r.boxes, trace.initial.boxes, atol=1e-6)
        assert (r.quality == 0).all()


def test_a_new_gate_keeps_half_of_both():
    """Its weights start at zero, so that both gates are 0.5 and the norm sees half of the sum."""
    gate, known, read = Gate(6), torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    assert torch.allclose(gate(known, read), gate.norm(0.5 * (known + read)))


def test_lqe_sees_how_peaked_an_edge_is_and_not_where():
    lqe = LQE("relu")
    with torch.no_grad():
        torch.nn.init.normal_(lqe.mlp.layers[-1].weight)
    edges = torch.randn(1, 2, 4, 33)
    assert lqe(edges).shape == (1, 2, 1)
    assert torch.allclose(lqe(edges), lqe(edges.roll(5, -1)), atol=1e-6)
    assert torch.allclose(lqe(edges), lqe(edges + 3), atol=1e-5)
    assert not torch.allclose(lqe(edges), lqe(3 * edges), atol=1e-3)


@torch.no_grad()
def test_fewer_layers_say_what_the_first_ones_say(network):
    pixels = torch.rand(1, 3, 64, 64)
    whole = network(pixels)
    for count in (1, 2, 3):
        first = network(pixels, layers=count)
        assert len(first.refinements) == count
        assert all(torch.equal(a.boxes, b.boxes) for a, b in zip(first.refinements, whole.refinements))


@pytest.mark.parametrize("layers", [0, -1, 4])
def test_layers_that_are_not_there_are_refused(layers):
    assert checked_layers(None, 3) == 3 and [checked_layers(n, 3) for n in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(ValueError, match=f"3 decoder layers; layers is 1 to 3, not {layers}"):
        checked_layers(layers, 3)


@torch.no_grad()
def test_sampling_points_are_part_of_the_trace_only_on_request(network):
    pixels = torch.rand(2, 3, 64, 96)
    plain, told = network(pixels), network(pixels, sampling=True)
    assert plain.sampling is None and len(told.sampling) == 3
    assert all(torch.equal(a.edges, b.edges) for a, b in zip(plain.refinements, told.refinements))
    for layer, (seen, before) in enumerate(zip(told.sampling, (told.proposals, *told.refinements))):
        assert torch.equal(seen.reference, before.boxes), layer  # each layer reads around the box before it
        assert torch.allclose(seen.weights.sum(-1), torch.ones(seen.weights.shape[:3]), atol=1e-5)


@torch.no_grad()
def test_a_query_that_may_not_be_seen_changes_nobody_elses_answer(network):
    memory = network.encoder(network.backbone(torch.rand(1, 3, 64, 64)))
    queries = network.queries(memory)
    count = queries.content.shape[1]
    mask = torch.zeros(count, count, dtype=torch.bool)
    mask[1:, 0] = True  # nobody but the first sees the first
    before = network.decoder(queries, memory, mask)
    content = queries.content.clone()
    content[:, 0] += 1
    after = network.decoder(replace(queries, content=content), memory, mask)
    assert torch.allclose(before.last.logits[:, 1:], after.last.logits[:, 1:], atol=1e-5)
    assert not torch.allclose(before.last.logits[:, 0], after.last.logits[:, 0], atol=1e-3)
