"""The copies for inference say what the network says: all sizes, every layer's distributions, any input size."""

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.engines import onednn
from dfine.engines.folded import folded
from dfine.engines.fused import FusedConv, fused, replace_parts
from dfine.engines.onednn import for_onednn
from dfine.network.detector import DFINE
from dfine.network.layers import ConvNorm
from tests.helpers import shaken

INPUT = {"n": (256, 192), "s": (160, 128), "m": (128, 160), "l": (128, 96), "x": (96, 128)}
TOLERANCE = 1e-4  # of the scale of what is compared
needs_onednn = pytest.mark.skipif(not onednn.available(), reason="this build of torch has no oneDNN")
STEPS = {"fused": fused, "folded": folded, "onednn": for_onednn}  # each rewrites what the one before it has made
FORMS = {
    "fused": fused,
    "folded": lambda network: folded(fused(network)),
    "onednn": lambda network: for_onednn(folded(fused(network))),
}
forms = pytest.mark.parametrize("form", ["fused", "folded", pytest.param("onednn", marks=needs_onednn)])


def drawn(size: str, **changes) -> DFINE:
    torch.manual_seed(0)
    return shaken(DFINE(Config.of(size, **changes)))


def apart(ours, theirs) -> float:
    """The largest difference of two traces, each tensor in units of its own largest value; 1 where other tokens became
    queries. Queries whose scores lie within rounding of each other may come in another order.
    """
    worst, (mine, a), (yours, b) = 0.0, ours.origin.sort(), theirs.origin.sort()
    if not torch.equal(mine, yours):
        return 1.0
    rows = torch.arange(len(a))[:, None]
    pairs = [(ours.proposals, theirs.proposals), (ours.initial, theirs.initial)]
    for x, y in pairs + list(zip(ours.refinements, theirs.refinements)):
        for key in vars(x):
            have, want = getattr(x, key)[rows, a], getattr(y, key)[rows, b]
            worst = max(worst, ((have - want).abs().max() / want.abs().max().clamp(min=1)).item())
    return worst


@pytest.mark.parametrize("size", list(SIZES))
@torch.inference_mode()
def test_the_copies_say_what_the_network_says(size):
    network = drawn(size)
    pixels = torch.rand(2, 3, *INPUT[size])
    want, copy = network(pixels), network
    for form, step in STEPS.items():
        if form == "onednn" and not onednn.available():
            continue
        copy = step(copy)
        have = copy(pixels)
        assert have.shapes == want.shapes and len(have.refinements) == len(want.refinements), form
        assert apart(have, want) <= TOLERANCE, form
    assert want.last.edges.std() > 0.1 and want.last.boxes.std() > 0.01  # there is something to compare


@forms
@torch.inference_mode()
def test_other_input_sizes_and_batches_follow(form):
    """Also after layouts have been chosen for another size."""
    network = drawn("n", queries=30, classes=4)
    copy = FORMS[form](network)
    for shape in [(1, 3, 64, 64), (3, 3, 96, 160), (1, 3, 160, 32), (1, 3, 64, 64)]:
        pixels = torch.rand(shape)
        assert apart(copy(pixels), network(pixels)) <= TOLERANCE


@forms
def test_the_network_stays_as_it_is(form):
    network = drawn("n", queries=10, classes=2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    copy = FORMS[form](network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(p.requires_grad for p in network.parameters())
    assert not any(p.requires_grad for p in copy.parameters())


def test_activations_of_deim_survive():
    network = drawn("n", queries=10, classes=2, family="deim")
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        want = network(pixels)
        for form in ["fused", "folded"] + ["onednn"] * onednn.available():
            assert apart(FORMS[form](network)(pixels), want) <= TOLERANCE


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="eval"):
        fused(DFINE(Config.of("n", classes=2)))


@pytest.mark.parametrize("scale, bias", [(1.5, 0.3), (0.0, -0.7), (-0.8, 0.2), (2.0, 0.0)])
@torch.no_grad()
def test_an_affine_block_becomes_a_bound(scale, bias):
    """s·max(z, 0) + b is max(s·z + b, b), or min(s·z + b, b) where s is negative."""
    block = ConvNorm(3, 5, 3, activation="relu", affine=True).eval()
    block.affine.scale.fill_(scale)
    block.affine.bias.fill_(bias)
    network = torch.nn.Sequential(block)
    x = torch.randn(2, 3, 6, 7)
    want = block(x)
    replace_parts(network)
    assert isinstance(network[0], FusedConv)
    assert torch.allclose(network[0](x), want, atol=1e-5)
