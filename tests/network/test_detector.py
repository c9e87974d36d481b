"""The network: any size of picture, any number of classes, the same answer alone and in a batch."""

import json
import math
import os
from pathlib import Path

import pytest
import torch

from dfine import distribution
from dfine.config import SIZES, Config
from dfine.network.attention import SelfAttention
from dfine.network.detector import DFINE
from dfine.network.encoder import positions

REFERENCE = Path(os.environ.get("DFINE_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))
DERIVED = ("running_mean", "running_var", "num_batches_tracked", "anchors", "valid_mask", "num_points_scale")


@pytest.fixture(scope="module")
def network():
    """A small D-FINE-N with every weight shaken, so that heads that start at zero say something."""
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=5, queries=40)).eval()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return network


@pytest.mark.parametrize("size", list(SIZES))
def test_parameter_counts_are_the_published_ones(size):
    keys = REFERENCE / f"dfine_{size}.keys.json"
    if not keys.exists():
        pytest.skip(f"no key list in {REFERENCE}; set DFINE_REFERENCE")
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


def test_boxes_are_the_initial_box_moved_by_the_mean_of_the_edges(network):
    with torch.no_grad():
        trace = network(torch.rand(1, 3, 64, 64))
    for r in trace.refinements:
        offset = torch.softmax(r.edges, -1) @ distribution.weighting()
        assert torch.allclose(distribution.decode(trace.initial.boxes, offset), r.boxes, atol=1e-6)


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


def test_a_new_network_leaves_the_initial_box_where_it_is():
    """All box heads start at zero: every layer's box is the initial one, and LQE adds nothing."""
    torch.manual_seed(0)
    with torch.no_grad():
        trace = DFINE(Config.of("s", classes=3, queries=10)).eval()(torch.rand(1, 3, 64, 64))
    for r in trace.refinements:
        assert torch.allclose(r.boxes, trace.initial.boxes, atol=1e-6)
        assert (r.quality == 0).all()


def test_the_position_table_tells_rows_from_columns():
    """Cells of one row share the first half, cells of one column the second, also where a map is not square."""
    table = positions(2, 3, 8, like=torch.zeros(1)).unflatten(0, (2, 3))
    assert torch.equal(table[0, 0, :4], table[0, 2, :4]) and not torch.equal(table[0, 0, :4], table[1, 0, :4])
    assert torch.equal(table[0, 1, 4:], table[1, 1, 4:]) and not torch.equal(table[0, 1, 4:], table[0, 2, 4:])


def test_x_narrows_between_encoder_and_decoder():
    with torch.device("meta"):
        network = DFINE(Config.of("x"))
        trace = network(torch.empty(1, 3, 64, 64, device="meta"))
    assert trace.last.edges.shape == (1, 84, 4, 33) and len(trace.refinements) == 6


def test_sampling_points_start_around_the_reference_box():
    """The published radial initialisation: the last point of head 0 lies on the right border of the reference box."""
    network = DFINE(Config.of("n", classes=2))
    attention = network.decoder.layers[0].cross_attn
    points, weights = attention.sampling(torch.zeros(1, 1, 128), torch.tensor([[[0.5, 0.5, 0.2, 0.1]]]))
    assert torch.allclose(points[0, 0, 0, 5], torch.tensor([0.6, 0.5]), atol=1e-6)  # 6 of 6: half a width to the right
    assert torch.allclose(points[0, 0, 4, 2], torch.tensor([0.45, 0.5]), atol=1e-6)  # head 4 looks left; 3 of 6
    assert torch.allclose(weights.sum(-1), torch.ones(1, 1, 8))


def test_tables_are_kept_and_serve_training_after_inference():
    network, pixels = DFINE(Config.of("n", classes=2, queries=10)), torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        network.eval()(pixels)
    trace = network.train()(pixels)
    (trace.last.boxes.sum() + trace.last.logits.sum()).backward()
    assert network.encoder.transformer.linear1.weight.grad.isfinite().all()
    like = torch.zeros(1)
    assert positions(2, 3, 8, like=like) is positions(2, 3, 8, like=like)
    assert positions(2, 3, 8, like=like.double()).dtype == torch.float64


def test_places_are_exact_whatever_the_autocast_type(monkeypatch):
    """bfloat16 knows a place on a map of 80 cells to a sixth of one: what is read may be rounded, where is not."""
    network, types = DFINE(Config.of("n", classes=2, queries=10)).eval(), []
    sample = torch.nn.functional.grid_sample

    def seen(value, grid, **options):
        types.append((value.dtype, grid.dtype))
        return sample(value, grid, **options)

    monkeypatch.setattr(torch.nn.functional, "grid_sample", seen)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        trace = network(torch.rand(1, 3, 64, 64))
    assert set(types) == {(torch.float32, torch.float32)}
    assert trace.last.logits.dtype == torch.bfloat16  # and the rest is half


def test_self_attention_is_that_of_torch():
    """The same weights, told the position of queries and keys; True in the mask means: not seen."""
    torch.manual_seed(0)
    attention = SelfAttention(16, 4).eval()
    x, position, mask = torch.randn(2, 5, 16), torch.randn(2, 5, 16), torch.rand(5, 5) > 0.6
    mask.fill_diagonal_(False)
    for m in (None, mask):
        q = x + position
        want = torch.nn.MultiheadAttention.forward(attention, q, q, x, attn_mask=m, need_weights=False)[0]
        assert torch.allclose(attention(x, position, m), want, atol=1e-6)
