from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from dfine.config import Config
from dfine.inference.looking import look
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.trace.records import Trace
from tests import helpers


def predictor(seed=0, size=(64, 96)) -> Predictor:
    """A size N with random heads and offsets, so that every query looks elsewhere."""
    torch.manual_seed(seed)
    network = DFINE(Config.of("n", classes=3, queries=20))
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim > 1 and not p.any():
                torch.nn.init.normal_(p, std=0.1)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0  # one batch decides, so that the picture comes through to the boxes
        network.train()(torch.rand(4, 3, 16, 16).repeat_interleave(8, 2).repeat_interleave(8, 3))
    return helpers.predictor(network, ("cat", "dog", "fish"), size)


@pytest.fixture(scope="module")
def model():
    return predictor()


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    return Image.fromarray(noise).resize((120, 80))


@pytest.fixture(scope="module")
def result(model, picture):
    return model(picture, threshold=0)


def test_every_layer_is_seen_and_every_head_spends_all_its_weight(model, picture, result):
    looks = look(model, picture, 3, result.trace)
    config = model.config
    points = sum(config.points)
    assert looks.points.shape == (config.layers, config.heads, points, 2)
    assert torch.allclose(looks.weights.sum(-1), torch.ones(config.layers, config.heads))
    assert looks.strides.tolist() == [16] * 6 + [32] * 6


def test_layers_look_around_the_proposal_and_then_around_the_box_of_the_layer_before(model, picture, result):
    looks, trace = look(model, picture, 3, result.trace), result.trace
    before = [trace.proposals.boxes, *(r.boxes for r in trace.refinements[:-1])]
    assert torch.allclose(looks.reference, torch.cat([boxes[0, 3:4] for boxes in before]), atol=1e-6)


def test_points_and_weights_are_those_that_the_network_read_with(model, picture, result):
    """From what was seen, the value that the last layer read is found again."""
    read, attention = {}, model.network.decoder.layers[-1].cross_attn
    hook = attention.register_forward_hook(lambda module, args, out: read.update(values=args[2], out=out[0]))
    try:
        model(picture)
    finally:
        hook.remove()
    looks = look(model, picture, 3, result.trace)
    samples, start = [], 0
    for value, count in zip(read["values"], attention.points):
        grid = 2 * looks.points[-1][:, None, start : start + count] - 1  # [heads, 1, points, 2]
        samples.append(F.grid_sample(value, grid, align_corners=False))  # [heads, D/heads, 1, points]
        start += count
    mine = (torch.cat(samples, -1)[:, :, 0] * looks.weights[-1][:, None]).sum(-1)  # [heads, D/heads]
    assert torch.allclose(mine.flatten(), read["out"][0, 3], atol=1e-5)


def test_looking_changes_nothing(model, picture, result):
    look(model, picture, 0)
    after = model(picture, threshold=0)
    assert torch.equal(after.trace.last.boxes, result.trace.last.boxes)
    assert torch.equal(after.trace.last.logits, result.trace.last.logits)


def test_a_query_is_known_by_its_token_not_by_its_place(model, picture, result):
    """A trace whose queries stand in another order means the same query by another number."""
    trace = result.trace
    turned = replace(
        trace,
        origin=trace.origin.flip(1),
        refinements=tuple(r.map(lambda t: t.flip(1)) for r in trace.refinements),
    )
    assert torch.equal(look(model, picture, 16, turned).points, look(model, picture, 3, trace).points)
    assert look(model, picture, 16, turned).query == 16


def test_the_network_says_where_it_read_only_when_asked(model):
    """The points of all queries and pictures come with the trace, which is otherwise the same to the bit."""
    pixels = torch.rand(3, 3, 64, 96)
    plain, told = model.trace(pixels), model.trace(pixels, sampling=True)
    assert plain.sampling is None and len(told.sampling) == len(told.refinements)
    for name, tensor in plain.to_tensors().items():
        assert torch.equal(tensor, told.to_tensors()[name])
    config = model.config
    for layer in told.sampling:
        assert layer.points.shape == (3, 20, config.heads, sum(config.points), 2)
    one, part = told.picture(1), told.split(5)[1]
    assert torch.equal(one.sampling[0].points, told.sampling[0].points[1:2])
    assert torch.equal(part.sampling[-1].reference, told.sampling[-1].reference[:, 5:])
    assert told.cpu().sampling[0].weights.dtype == torch.float32


def test_batches_that_were_halved_keep_their_points(model):
    pixels = torch.rand(3, 3, 64, 96)
    whole = model.trace(pixels, sampling=True)
    again = Trace.joined([model.trace(part, sampling=True) for part in (pixels[:1], pixels[1:])])
    for a, b in zip(whole.sampling, again.sampling):
        torch.testing.assert_close(a.points, b.points, atol=1e-4, rtol=1e-4)


def test_a_trace_of_something_else_is_refused(model, picture, result):
    with pytest.raises(ValueError, match="not of this picture"):
        look(model, Image.new("RGB", (120, 80), "white"), 3, result.trace)
    with pytest.raises(ValueError, match="not of this picture"):
        look(predictor(seed=1), picture, 3, result.trace)
    with pytest.raises(ValueError, match="its levels are"):
        look(predictor(size=(96, 96)), picture, 3, result.trace)


@pytest.mark.parametrize("query", [-1, 20])
def test_there_must_be_such_a_query(model, picture, result, query):
    with pytest.raises(IndexError, match=f"no query {query}; there are queries 0 to 19"):
        look(model, picture, query, result.trace)


def test_without_a_trace_queries_count_in_the_new_run(model, picture, result):
    assert torch.equal(look(model, picture, 3).points, look(model, picture, 3, result.trace).points)
    with pytest.raises(IndexError, match="no query 20; there are queries 0 to 19"):
        look(model, picture, 20)
