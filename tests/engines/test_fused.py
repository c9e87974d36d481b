"""The copies for inference say what the network says: all sizes, every layer's distributions, any input size."""

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.engines import onednn
from dfine.engines.folded import after, lean
from dfine.engines.fused import FusedConv, fused
from dfine.engines.onednn import packed
from dfine.network.detector import DFINE
from dfine.network.layers import ConvNorm
from tests.helpers import shaken

INPUT = {"n": (256, 192), "s": (160, 128), "m": (128, 160), "l": (128, 96), "x": (96, 128)}
TOLERANCE = 1e-4  # of the scale of what is compared
needs_onednn = pytest.mark.skipif(not onednn.available(), reason="this build of torch has no oneDNN")
FORMS = {
    "fused": fused,
    "lean": lambda network: lean(fused(network)),
    "packed": lambda network: packed(lean(fused(network))),
}
forms = pytest.mark.parametrize("form", ["fused", "lean", pytest.param("packed", marks=needs_onednn)])


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


@forms
@pytest.mark.parametrize("size", list(SIZES))
@torch.inference_mode()
def test_the_copy_says_what_the_network_says(size, form):
    network = drawn(size)
    pixels = torch.rand(2, 3, *INPUT[size])
    want, have = network(pixels), FORMS[form](network)(pixels)
    assert have.shapes == want.shapes and len(have.refinements) == len(want.refinements)
    assert apart(have, want) <= TOLERANCE
    assert want.last.edges.std() > 0.1 and want.last.boxes.std() > 0.01  # there is something to compare


@needs_onednn
@pytest.mark.parametrize("small", [0, 1 << 60])
@torch.inference_mode()
def test_products_are_the_same_whoever_computes_them(small, monkeypatch):
    """All of them by oneDNN, and none."""
    monkeypatch.setattr(onednn, "SMALL", small)
    network, pixels = drawn("n", queries=50), torch.rand(2, 3, 128, 96)
    copy = FORMS["packed"](network)
    assert apart(copy(pixels), network(pixels)) <= TOLERANCE
    linears = [part for part in copy.modules() if isinstance(part, onednn.PackedLinear)]
    assert linears and all((part.weight is None) == (small > 0) != (part.plain is None) for part in linears)
    monkeypatch.setattr(onednn, "SMALL", 1 << 60)  # a smaller picture after a large one
    assert apart(copy(pixels[..., :64, :64]), network(pixels[..., :64, :64])) <= TOLERANCE


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
        for form in ["fused", "lean"] + ["packed"] * onednn.available():
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
    from dfine.engines.fused import _replace

    x = torch.randn(2, 3, 6, 7)
    want = block(x)
    _replace(network)
    assert isinstance(network[0], FusedConv)
    assert torch.allclose(network[0](x), want, atol=1e-5)


def test_two_linear_maps_as_one():
    """(2x + 1) then (3y + 5) is 6x + 8."""
    outer, inner = (torch.tensor([[3.0]]), torch.tensor([5.0])), (torch.tensor([[2.0]]), torch.tensor([1.0]))
    assert [t.item() for t in after(outer, inner)] == [6.0, 8.0]
