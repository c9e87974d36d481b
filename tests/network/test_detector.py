"""The network: any size of picture, any number of classes, the same answer alone and in a batch."""

import json
import math

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from tests.helpers import NO_REFERENCE, REFERENCE

DERIVED = ("running_mean", "running_var", "num_batches_tracked", "anchors", "valid_mask", "num_points_scale")


@pytest.mark.parametrize("size", list(SIZES))
def test_parameter_counts_are_the_published_ones(size):
    keys = REFERENCE / f"dfine_{size}.keys.json"
    if not keys.exists():
        pytest.skip(NO_REFERENCE)
    shapes = {k: shape for k, (shape, _) in json.loads(keys.read_text()).items() if not k.endswith(DERIVED)}
    constants = [k for k in shapes if k.endswith(("up", "reg_scale"))]  # a and 1/c: part of our configuration
    with torch.device("meta"):
        network = DFINE(Config.of(size))
    ours = sum(p.numel() for p in network.parameters())
    assert ours == sum(math.prod(s) for s in shapes.values()) - len(constants)
    published = {"n": 3_782_695, "s": 10_321_879, "m": 19_590_066, "l": 31_289_850, "x": 62_715_482}
    assert ours + len(constants) == published[size]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160), (160, 32)])
def test_any_size_of_picture(network, height, width):
    with torch.no_grad():
        trace = network(torch.rand(2, 3, height, width))
    tokens = sum((height // s) * (width // s) for s in (16, 32))
    queries = min(40, tokens)
    assert trace.last.logits.shape == (2, queries, 5)
    assert trace.last.edges.shape == (2, queries, 4, 33)
    assert len(trace.refinements) == 3
    assert trace.origin.max() < tokens


@pytest.mark.parametrize("shape", [(1, 3, 64, 65), (1, 1, 64, 64), (3, 64, 64)])
def test_wrong_pixels_are_named(network, shape):
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.rand(shape))


def test_a_picture_is_answered_alike_alone_and_in_a_batch(network):
    pixels = torch.rand(3, 3, 96, 64)
    with torch.no_grad():
        together, alone = network(pixels), network(pixels[1:2])
    assert torch.allclose(together.last.boxes[1], alone.last.boxes[0], atol=1e-5)
    assert torch.allclose(together.last.logits[1], alone.last.logits[0], atol=1e-4)


def test_training_and_inference_run_the_same_lines(network):
    """With BatchNorm held still, train mode gives what eval mode gives."""
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network(pixels)
        network.train()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        after = network(pixels)
    network.eval()
    for a, b in zip(before.refinements, after.refinements):
        assert torch.allclose(a.boxes, b.boxes, atol=1e-6) and torch.allclose(a.logits, b.logits, atol=1e-5)


def test_x_narrows_between_encoder_and_decoder():
    with torch.device("meta"):
        network = DFINE(Config.of("x"))
        trace = network(torch.empty(1, 3, 64, 64, device="meta"))
    assert trace.last.edges.shape == (1, 84, 4, 33) and len(trace.refinements) == 6
