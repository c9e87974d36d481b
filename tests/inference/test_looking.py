import threading
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
    hook = attention.register_forward_hook(lambda module, args, out: read.update(values=args[2], out=out))
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
    assert all(not layer.cross_attn._forward_pre_hooks for layer in model.network.decoder.layers)
    after = model(picture, threshold=0)
    assert torch.equal(after.trace.last.boxes, result.trace.last.boxes)
    assert torch.equal(after.trace.last.logits, result.trace.last.logits)


def test_a_query_is_known_by_its_token_not_by_its_place(model, picture, result):
    """A trace whose queries stand in another order means the same query by another number."""
    trace = result.trace
    turned = replace(
        trace, origin=trace.origin.flip(1),
        refinements=tuple(r.map(lambda t: t.flip(1)) for r in trace.refinements),
    )  # fmt: skip
    assert torch.equal(look(model, picture, 16, turned).points, look(model, picture, 3, trace).points)
    assert look(model, picture, 16, turned).query == 16


def test_what_others_do_meanwhile_is_not_mistaken_for_it(model, picture, result):
    """Another thread runs another picture in the middle of the watched run, through the same hooks."""
    alone, other, ran = look(model, picture, 3, result.trace), Image.new("RGB", (50, 50), "red"), []

    def meanwhile(*_):
        if not ran:
            ran.append(True)
            thread = threading.Thread(target=model, args=(other,))
            thread.start()
            thread.join()

    hook = model.network.encoder.register_forward_hook(meanwhile)
    try:
        disturbed = look(model, picture, 3, result.trace)
    finally:
        hook.remove()
    assert ran and torch.equal(alone.points, disturbed.points)


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
