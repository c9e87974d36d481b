"""Tiles cover the picture, and what is found in them is told in pixels and traces of the whole."""

import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou

import dfine
from dfine.boxes import to_pixels
from dfine.data.scenes import Scenes
from dfine.inference.tiling import suppress, tiled, tiles
from dfine.trace.detections import Detections


def found(boxes, labels=None, scores=None, size=(100, 100)):
    n = len(boxes)
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels or [0] * n, dtype=torch.int64),
        torch.tensor(scores or [0.9 - 0.1 * i for i in range(n)]),
        torch.arange(n),
        ("cup", "key"),
        size,
    )


@pytest.mark.parametrize(
    ("size", "side", "overlap", "expected"),
    [
        ((50, 40), 64, 0.25, [(0, 0, 50, 40)]),
        ((64, 64), 64, 0.25, [(0, 0, 64, 64)]),
        ((100, 64), 64, 0.25, [(0, 0, 64, 64), (36, 0, 100, 64)]),
        ((130, 40), 64, 0.0, [(0, 0, 64, 40), (33, 0, 97, 40), (66, 0, 130, 40)]),
        ((65, 65), 64, 0.5, [(0, 0, 64, 64), (1, 0, 65, 64), (0, 1, 64, 65), (1, 1, 65, 65)]),
    ],
)
def test_tiles(size, side, overlap, expected):
    assert tiles(size, side, overlap) == expected


@pytest.mark.parametrize("size", [(1000, 333), (641, 1999)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
def test_every_object_up_to_the_overlap_is_whole_in_some_tile(size, overlap):
    side = 160
    windows = tiles(size, side, overlap)
    small = int(side * overlap) - 1
    for x in range(0, size[0] - max(small, 1), 7):
        for y in range(0, size[1] - max(small, 1), 11):
            assert any(l <= x and t <= y and x + small <= r and y + small <= b for l, t, r, b in windows)  # noqa: E741


def test_a_tile_of_nothing_is_not_the_default(model):
    with pytest.raises(ValueError, match="a positive side .* not 0 and"):
        tiled(model, Image.new("RGB", (64, 48)), tile=0)


@pytest.mark.parametrize(("side", "overlap"), [(0, 0.2), (10, 1.0), (10, -0.1)])
def test_impossible_tiles_are_refused(side, overlap):
    with pytest.raises(ValueError, match="tiles need"):
        tiles((10, 10), side, overlap)


def test_nothing_to_suppress():
    assert len(suppress(found([]))) == 0


def test_the_better_one_of_two_equals_stays_and_classes_do_not_compete():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 20, 30, 30]]
    kept = suppress(found(boxes, labels=[0, 0, 1, 0], scores=[0.5, 0.9, 0.8, 0.7]), 0.5)
    assert [round(s, 1) for s in kept.scores.tolist()] == [0.9, 0.8, 0.7]
    assert kept.query.tolist() == [1, 2, 3]
    assert len(suppress(found(boxes), 1.0)) == 4
    with pytest.raises(ValueError, match="in 0..1, not 2"):
        suppress(found(boxes), 2)


@pytest.fixture(scope="module")
def model():
    return dfine.load("demo", device="cpu")


SIDE = 960


@pytest.fixture(scope="module")
def mosaic():
    """Nine scenes in one picture, each of which the network would see at a ninth of its pixels; and the true boxes."""
    scenes, truth = Scenes(9, size=(320, 320), seed=77, clean=1.0), []
    picture = Image.new("RGB", (SIDE, SIDE))
    for i in range(9):
        pixels, target = scenes[i]
        x, y = 320 * (i % 3), 320 * (i // 3)
        picture.paste(Image.fromarray(pixels.permute(1, 2, 0).numpy()), (x, y))
        truth.append(to_pixels(target.boxes, (320, 320)) + torch.tensor([x, y, x, y]))
    return picture, torch.cat(truth)


@pytest.fixture(scope="module")
def result(model, mosaic):
    return tiled(model, mosaic[0], 0.4, tile=320)


def test_a_picture_of_one_tile_is_looked_at_once(model, mosaic):
    small = mosaic[0].crop((0, 0, 320, 320))
    a, b = model(small, 0.3), tiled(model, small, 0.3, same=1.0)
    assert torch.equal(a.detections.boxes, b.detections.boxes)
    assert a.trace.origin.shape == b.trace.origin.shape


def test_tiles_find_what_the_whole_picture_hides(model, mosaic, result):
    picture, truth = mosaic
    recall = [
        float((box_iou(truth, found.boxes).amax(1) > 0.5).float().mean())
        for found in (model(picture, 0.4).detections, result.detections)
    ]
    assert recall[1] > 0.8 > 1.6 * recall[0]
    assert result.detections.size == (SIDE, SIDE)
    assert (result.detections.scores[:-1] >= result.detections.scores[1:]).all()


def test_the_history_of_an_object_in_a_tile_ends_at_its_box(model, mosaic, result):
    queries = model(mosaic[0]).trace.origin.shape[1]
    assert result.trace.origin.shape[1] == (1 + len(tiles((SIDE, SIDE), 320))) * queries
    in_tiles = 0
    for i, box in enumerate(result.detections.boxes):
        history = result.history(i)
        torch.testing.assert_close(history.xyxy_pixels[-1].clamp(0, SIDE), box, atol=0.01, rtol=0)
        torch.testing.assert_close(history.scores[-1], result.detections.scores[i])
        in_tiles += history.token < 0
    assert in_tiles > 0


def test_a_box_that_an_inner_border_cuts_is_left_to_the_neighbour(model, mosaic, result):
    """No box that comes from a tile may end at that tile's inner border."""
    queries = model(mosaic[0]).trace.origin.shape[1]
    windows = tiles((SIDE, SIDE), 320)
    for box, query in zip(result.detections.boxes.tolist(), result.detections.query.tolist()):
        if query < queries:
            continue
        left, top, right, bottom = windows[query // queries - 1]
        ends = ((box[0], left, 0), (box[1], top, 0), (box[2], right, SIDE), (box[3], bottom, SIDE))
        assert all(border == edge or abs(value - border) >= 1.59 for value, border, edge in ends)
