"""Attention among queries, and from queries to places in the picture."""

import torch

from dfine.config import Config
from dfine.network.attention import SelfAttention
from dfine.network.detector import DFINE


def test_sampling_points_start_around_the_reference_box():
    """The published radial initialisation: the last point of head 0 lies on the right border of the reference box."""
    network = DFINE(Config.of("n", classes=2))
    attention = network.decoder.layers[0].cross_attn
    points, weights = attention.sampling(torch.zeros(1, 1, 128), torch.tensor([[[0.5, 0.5, 0.2, 0.1]]]))
    assert torch.allclose(points[0, 0, 0, 5], torch.tensor([0.6, 0.5]), atol=1e-6)  # 6 of 6: half a width to the right
    assert torch.allclose(points[0, 0, 4, 2], torch.tensor([0.45, 0.5]), atol=1e-6)  # head 4 looks left; 3 of 6
    assert torch.allclose(weights.sum(-1), torch.ones(1, 1, 8))


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
