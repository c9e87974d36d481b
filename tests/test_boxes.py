import pytest
import torch

from dfine import boxes

EMPTY = torch.zeros(0, 4)


@pytest.mark.parametrize(
    "cxcywh, xyxy",
    [
        ((0.5, 0.5, 0.25, 0.5), (0.375, 0.25, 0.625, 0.75)),
        ((0.5, 0.5, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)),
        ((0.1, 0.2, 0.0, 0.0), (0.1, 0.2, 0.1, 0.2)),
    ],
)
def test_two_ways_to_write_a_box(cxcywh, xyxy):
    torch.testing.assert_close(boxes.to_xyxy(torch.tensor(cxcywh)), torch.tensor(xyxy))
    torch.testing.assert_close(boxes.to_cxcywh(torch.tensor(xyxy)), torch.tensor(cxcywh))


@pytest.mark.parametrize("function", [boxes.to_xyxy, boxes.to_cxcywh, lambda b: boxes.to_pixels(b, (640, 480))])
def test_no_boxes_stay_no_boxes(function):
    assert function(EMPTY).shape == (0, 4)


def test_pixels_and_back():
    box = torch.tensor([[0.5, 0.5, 0.5, 0.25]])
    pixels = boxes.to_pixels(box, (640, 480))
    torch.testing.assert_close(pixels, torch.tensor([[160.0, 180.0, 480.0, 300.0]]))
    torch.testing.assert_close(boxes.from_pixels(pixels, (640, 480)), box)


# a, b as corners; intersection over union; generalised
OVERLAPS = [
    ((0, 0, 2, 1), (0, 0, 2, 1), 1, 1),
    ((0, 0, 2, 1), (1, 0, 3, 1), 1 / 3, 1 / 3),
    ((0, 0, 1, 1), (2, 0, 3, 1), 0, -1 / 3),
    ((0, 0, 1, 1), (1, 1, 2, 2), 0, -1 / 2),
    ((0, 0, 2, 2), (0.5, 0.5, 1.5, 1.5), 1 / 4, 1 / 4),
    ((0, 0, 1, 1), (0.5, 0.5, 0.5, 0.5), 0, 0),
    ((0, 0, 0, 0), (0, 0, 0, 0), 0, 0),
]


@pytest.mark.parametrize("a, b, iou, giou", OVERLAPS)
def test_overlap(a, b, iou, giou):
    a, b = (boxes.to_cxcywh(torch.tensor(x, dtype=torch.float64)) for x in (a, b))
    assert boxes.iou(a, b).item() == pytest.approx(iou)
    assert boxes.giou(a, b).item() == pytest.approx(giou)
    assert boxes.giou(b, a).item() == pytest.approx(giou)


def test_overlap_of_nothing():
    assert boxes.iou(EMPTY, EMPTY).shape == boxes.giou(EMPTY, EMPTY).shape == (0,)


# ── overlaps of boxes given by corners ────────────────────────────────────────────────────────────────────────────────


def test_corners_and_centres_overlap_alike():
    torch.manual_seed(0)
    a, b = torch.rand(20, 4), torch.rand(20, 4)
    torch.testing.assert_close(boxes.iou_xyxy(boxes.to_xyxy(a), boxes.to_xyxy(b)), boxes.iou(a, b))


@pytest.mark.parametrize("n, m", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_every_box_with_every_other(n, m):
    torch.manual_seed(0)
    a, b = torch.rand(n, 4), torch.rand(m, 4)
    every = boxes.iou(a[:, None], b)
    assert every.shape == (n, m)
    for i in range(n):
        for j in range(m):
            torch.testing.assert_close(every[i, j], boxes.iou(a[i], b[j]))


@pytest.mark.parametrize(
    "a, b, inside, iou",
    [
        ([0, 0, 2, 2], [0, 0, 4, 4], 1, 1 / 4),
        ([0, 0, 4, 4], [0, 0, 2, 2], 1 / 4, 1 / 4),
        ([0, 0, 2, 2], [1, 0, 3, 2], 1 / 2, 1 / 3),
        ([0, 0, 2, 2], [5, 5, 6, 6], 0, 0),
        ([1, 1, 1, 1], [0, 0, 2, 2], 0, 0),  # a point
        ([1, 1, 1, 1], [1, 1, 1, 1], 0, 0),
    ],
)
def test_share_inside(a, b, inside, iou):
    a, b = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    assert float(boxes.share_inside(a, b)) == pytest.approx(inside)
    assert float(boxes.iou_xyxy(a, b)) == pytest.approx(iou)
