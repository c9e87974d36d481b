import math

import pytest
import torch

from dfine import boxes
from dfine import distribution as d

EXACT = dict(rtol=0, atol=1e-6)


def test_w_of_a_small_table_by_hand():
    # N = 6, a = 1/2, c = 1/4: a/c + 1 = 3; W(4) = 3^(2/4)/4 - 1/4, W(5) = 3/4 - 1/4
    root = (math.sqrt(3) - 1) / 4
    torch.testing.assert_close(d.weighting(6), torch.tensor([-1, -0.5, -root, 0, root, 0.5, 1]), **EXACT)


def test_edges_are_exact_whatever_the_autocast_type():
    """A matrix product would be rounded there, and move edges by some tenths of a pixel."""
    torch.manual_seed(0)
    edges, w = 4 * torch.randn(5, 4, 33), d.weighting(32)
    with torch.autocast("cpu", torch.bfloat16):
        offsets = d.offsets(edges, w)
    assert torch.equal(offsets, d.offsets(edges, w)) and offsets.dtype == torch.float32


@pytest.mark.parametrize(
    "c, n, value",
    [
        (1 / 4, 0, -1.0),
        (1 / 4, 1, -0.5),
        (1 / 4, 16, 0.0),
        (1 / 4, 17, 0.0189974),
        (1 / 4, 31, 0.5),
        (1 / 4, 32, 1),
        (1 / 8, 1, -0.5),
        (1 / 8, 11, -0.0887470),
        (1 / 8, 17, 0.0141578),
        (1 / 8, 27, 0.2819),
        (1 / 8, 32, 1.0),
    ],
)
def test_w_of_the_published_sizes(c, n, value):
    assert d.weighting(32, 0.5, c)[n].item() == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("c", [1 / 4, 1 / 8, 1.0])
@pytest.mark.parametrize("bins", [4, 8, 32])
def test_w_follows_the_paper(bins, c):
    a = 0.5
    w = d.weighting(bins, a, c)
    for n in range(bins + 1):  # equation 4, case by case
        if n in (0, bins):
            want = 2 * a if n else -2 * a
        elif n < bins / 2:
            want = c - c * (a / c + 1) ** ((bins - 2 * n) / (bins - 2))
        else:
            want = -c + c * (a / c + 1) ** ((2 * n - bins) / (bins - 2))
        assert w[n].item() == pytest.approx(want, abs=1e-7)
    assert (w.diff() > 0).all()
    torch.testing.assert_close(w, -w.flip(0))


@pytest.mark.parametrize("reg_scale", [4.0, 8.0])
def test_w_in_the_units_of_the_published_code(reg_scale):
    """There W carries a factor 1/c, which is divided out again when a box is decoded."""
    step = (0.5 * reg_scale + 1) ** (2 / 30)
    right = [step**i - 1 for i in range(16)] + [reg_scale]
    published = torch.tensor([-v for v in right[:0:-1]] + right, dtype=torch.float64)
    torch.testing.assert_close(d.weighting(32, 0.5, 1 / reg_scale).double(), published / reg_scale, rtol=0, atol=1e-7)


@pytest.mark.parametrize("arguments", [(3,), (2,), (33,), (32, 0.0), (32, 0.5, 0.0), (32, -1.0)])
def test_w_refuses(arguments):
    with pytest.raises(ValueError):
        d.weighting(*arguments)


def test_decode_by_hand():
    initial = torch.tensor([0.5, 0.5, 0.2, 0.4])
    torch.testing.assert_close(d.decode(initial, torch.zeros(4)), initial)
    # left edge out by half a width, bottom edge in by a quarter of the height
    moved = d.decode(initial, torch.tensor([0.5, 0.0, 0.0, -0.25]))
    torch.testing.assert_close(boxes.to_xyxy(moved), torch.tensor([0.3, 0.3, 0.6, 0.6]))


def test_decode_and_encode_are_inverse():
    g = torch.Generator().manual_seed(0)
    initial, truth = (0.2 + 0.3 * torch.rand(50, 4, generator=g, dtype=torch.float64) for _ in range(2))
    offset = d.encode(initial, truth)
    torch.testing.assert_close(d.decode(initial, offset), truth)
    torch.testing.assert_close(d.encode(initial, d.decode(initial, offset)), offset)


def test_nothing_encodes_to_nothing():
    empty = torch.zeros(0, 4)
    left, right = d.to_bins(d.encode(empty, empty), d.weighting())
    assert left.shape == right.shape == (0, 4)
    assert d.decode(empty, empty).shape == (0, 4)


def test_encoding_against_a_box_without_size_stays_finite():
    assert d.encode(torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.5, 0.5, 0.1, 0.1])).isfinite().all()


def test_bins_give_the_offset_back():
    w = d.weighting()
    offset = torch.linspace(-1, 1, 401)
    left, right = d.to_bins(offset, w)
    assert left.min() >= 0 and left.max() <= 31
    torch.testing.assert_close(w[left] * (1 - right) + w[left + 1] * right, offset, **EXACT)


@pytest.mark.parametrize(
    "offset, left, right",
    [(-5.0, 0, 0.0), (-1.0, 0, 0.0), (0.0, 16, 0.0), (0.5, 31, 0.0), (1.0, 31, 1.0), (7.0, 31, 1.0)],
)
def test_bins_on_and_beyond_the_table(offset, left, right):
    at, weight = d.to_bins(torch.tensor([offset]), d.weighting())
    # A value on W(n) belongs to bin n wholly, whichever of its two intervals is named.
    assert at.item() + weight.item() == pytest.approx(left + right, abs=1e-5)


def one_hot(n: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(n), 33).float()


def test_moved_to_another_box_a_bin_lies_where_it_lay():
    """All mass at W = 0 of a box of 0.2, seen from one of 0.4 with the same centre: 0.1 further in, −¼ of its size."""
    w = torch.tensor([-0.5, -0.25, 0.0, 0.25, 0.5])
    p = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]).expand(4, -1)
    small, large = torch.tensor([0.5, 0.5, 0.2, 0.2]), torch.tensor([0.5, 0.5, 0.4, 0.4])
    assert torch.allclose(
        d.rebinned(p, w, small, large, w), torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0]).expand(4, -1), atol=1e-6
    )
    assert torch.allclose(
        d.rebinned(p, w, large, small, w), torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0]).expand(4, -1), atol=1e-6
    )
    assert torch.allclose(d.rebinned(p, w, small, small, w), p, atol=1e-6)


def test_a_certain_edge():
    w = d.weighting()
    p = one_hot(20)
    assert d.mean(p, w).item() == pytest.approx(w[20].item())
    assert d.deviation(p, w).item() == 0
    assert d.entropy(p).item() == 0
    assert d.offsets(100 * p, w).item() == pytest.approx(w[20].item(), abs=1e-6)


def test_an_edge_that_knows_nothing():
    w = d.weighting()
    p = torch.full((33,), 1 / 33)
    assert d.mean(p, w).item() == pytest.approx(0, abs=1e-7)
    assert d.entropy(p).item() == pytest.approx(math.log2(33), abs=1e-5)
    assert d.deviation(p, w).item() == pytest.approx((w**2).mean().sqrt().item(), abs=1e-6)


def test_two_equal_bins():
    w = d.weighting()
    p = (one_hot(16) + one_hot(31)) / 2  # W = 0 and W = 1/2
    assert d.mean(p, w).item() == pytest.approx(0.25)
    assert d.deviation(p, w).item() == pytest.approx(0.25)
    assert d.entropy(p).item() == pytest.approx(1)


def test_quantiles_by_hand():
    w = d.weighting(4, 0.5, 0.25)  # -1, -1/2, 0, 1/2, 1
    p = torch.tensor([0.0, 0.5, 0.5, 0.0, 0.0])
    # points of the CDF: (-1, 0), (-1/2, 1/4), (0, 3/4), (1/2, 1), (1, 1)
    q = d.quantiles(p, w, (0.125, 0.25, 0.5, 0.75, 0.875))
    torch.testing.assert_close(q, torch.tensor([-0.75, -0.5, -0.25, 0.0, 0.25]), **EXACT)
    torch.testing.assert_close(d.interval(p, w, 0.5), torch.tensor([-0.5, 0.0]), **EXACT)


def test_quantiles_rise_and_mirror():
    w = d.weighting()
    p = torch.softmax(3 * torch.randn(7, 4, 33, generator=torch.Generator().manual_seed(0)), -1)
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    q = d.quantiles(p, w, levels)
    assert q.shape == (7, 4, 5)
    assert (q.diff(dim=-1) >= -1e-6).all()
    torch.testing.assert_close(d.quantiles(p.flip(-1), w, levels), -q.flip(-1), rtol=0, atol=1e-5)
    outer, inner = d.interval(p, w, 0.9), d.interval(p, w, 0.5)
    assert (outer[..., 0] <= inner[..., 0] + 1e-6).all() and (outer[..., 1] >= inner[..., 1] - 1e-6).all()


def test_temperature_flattens():
    edges = torch.randn(4, 33, generator=torch.Generator().manual_seed(0))
    hot, cold = d.probabilities(edges, 4.0), d.probabilities(edges, 0.25)
    assert (d.entropy(hot) > d.entropy(d.probabilities(edges))).all()
    assert (d.entropy(cold) < d.entropy(d.probabilities(edges))).all()
    per_edge = d.probabilities(edges, torch.tensor([[4.0], [4.0], [0.25], [0.25]]))
    torch.testing.assert_close(per_edge, torch.cat((hot[:2], cold[2:])))


def test_sizes_in_pixels_are_widths_for_left_and_right():
    pixels = d.sizes_in_pixels(torch.tensor([0.5, 0.5, 0.25, 0.5]), (640, 480))
    torch.testing.assert_close(pixels, torch.tensor([160.0, 240.0, 160.0, 240.0]))


def test_edge_positions_agree_with_decoded_boxes():
    initial = torch.tensor([0.4, 0.5, 0.2, 0.3])
    offset = torch.tensor([0.1, -0.2, 0.3, 0.05])
    want = boxes.to_pixels(d.decode(initial, offset), (640, 480))
    torch.testing.assert_close(d.edge_positions(initial, offset, (640, 480)), want)


@pytest.mark.parametrize("bins", [6, 8, 32])
@pytest.mark.parametrize("a", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("c", [1 / 64, 1 / 8, 1 / 4, 3.0])
def test_the_constants_can_be_read_off_the_curve(bins, a, c):
    assert d.constants(d.weighting(bins, a, c)) == pytest.approx((a, c), rel=1e-4)


@pytest.mark.parametrize(
    "w", [torch.zeros(0), torch.zeros(33), torch.linspace(-1, 1, 33), torch.ones(32), -torch.ones(9)]
)
def test_what_is_no_curve_has_no_constants(w):
    with pytest.raises(ValueError, match=r"W\(n\)"):
        d.constants(w)


def test_an_offset_goes_to_the_nearest_bin():
    w = d.weighting(6)  # −1, −0.5, −0.183, 0, 0.183, 0.5, 1
    offsets = torch.tensor([-3.0, -0.74, -0.4, -0.09, 0.0, 0.092, 0.34, 0.9, 2.0])
    torch.testing.assert_close(d.nearest(offsets, w), w[[0, 1, 1, 3, 3, 4, 4, 6, 6]])
    torch.testing.assert_close(d.nearest(w, w), w)
