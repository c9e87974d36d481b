"""Two looks at a picture, object by object."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from dfine.boxes import from_pixels
from dfine.data import scenes
from dfine.data.spoil import spoil
from dfine.inference.compare import compare, match
from dfine.trace.detections import Detections
from tests.helpers import small_predictor

NAMES = ("cup", "key", "bus")


def found(*rows, size=(100, 100)):
    """Detections of (label, score, x1, y1, x2, y2)."""
    boxes = torch.tensor([row[2:] for row in rows], dtype=torch.float32).reshape(-1, 4)
    labels = torch.tensor([row[0] for row in rows], dtype=torch.int64)
    scores = torch.tensor([row[1] for row in rows], dtype=torch.float32)
    return Detections(boxes, labels, scores, torch.arange(len(rows)), NAMES, size)


CUP, FAR = (0, 0.9, 10, 10, 30, 30), (0, 0.9, 60, 60, 90, 90)


@pytest.mark.parametrize(
    "before, after, pairs",
    [
        ([], [], []),
        ([CUP], [], []),
        ([], [CUP], []),
        ([CUP], [CUP], [(0, 0)]),
        ([CUP, FAR], [FAR, CUP], [(0, 1), (1, 0)]),
        ([CUP], [FAR], []),
        ([CUP], [(1, 0.9, 10, 10, 30, 30)], [(0, 0)]),  # it has changed its class
        ([CUP], [(1, 0.9, 10, 10, 30, 30), (0, 0.9, 12, 10, 30, 30)], [(0, 1)]),  # rather the one of its own class
        ([CUP], [(0, 0.9, 12, 10, 30, 30), (0, 0.1, 10, 10, 30, 30)], [(0, 0)]),  # rather the sure one
        ([CUP], [(0, 0.9, 10, 10, 16, 30)], [(0, 0)]),  # an IoU of 0.3 is enough
        ([CUP], [(0, 0.9, 10, 10, 15, 30)], []),
    ],
)
def test_objects_are_matched(before, after, pairs):
    assert [pair[:2] for pair in match(found(*before), found(*after))] == pairs


def test_the_second_picture_may_have_another_size():
    small = found((0, 0.9, 5, 20, 15, 60), size=(50, 200))
    assert match(found(CUP), small) == [(0, 0, pytest.approx(1.0))]


@pytest.fixture(scope="module")
def model():
    return small_predictor(NAMES)


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(scenes.draw(10_000_000, 160).image)


def test_a_look_compared_with_itself_has_changed_nothing(model, picture):
    result = model(picture, 0.1)
    same = compare(result, result)
    assert len(same.pairs) == len(result.detections) > 3 and not same.lost and not same.gained
    assert same == compare(result, result) != compare(result, model(picture, 0.2))
    for pair in same.pairs:
        assert not pair.renamed and pair.iou == pytest.approx(1) and pair.moved.abs().max() < 1e-4
        reach = result.history(pair.before).intervals()[-1]
        assert torch.allclose(pair.spreads[0], reach[:, 1] - reach[:, 0]) and torch.equal(*pair.spreads)


def test_where_nothing_was_found_all_is_lost_or_new(model, picture):
    result = model(picture, 0.1)
    none = replace(result, detections=result.detections[:0])
    count = len(result.detections)
    for before, after, lost, gained in ((none, none, 0, 0), (result, none, count, 0), (none, result, 0, count)):
        seen = compare(before, after)
        assert not seen.pairs and (len(seen.lost), len(seen.gained)) == (lost, gained)


def test_moves_and_lengths_are_in_pixels_of_the_first_picture(model, picture):
    """The same answer, as if it had been given about a picture twice as wide and half as high."""
    result = model(picture, 0.1)
    size = (2 * picture.width, picture.height // 2)
    boxes = result.detections.boxes * torch.tensor([2, 0.5, 2, 0.5])
    other = replace(result, detections=replace(result.detections, boxes=boxes, size=size))
    for one in compare(result, other).to_list():
        assert torch.tensor(one["moved"]).abs().max() < 1e-3
        assert torch.allclose(*torch.tensor(one["spreads"]), rtol=1e-4)


def test_moves_are_outward(model, picture):
    result = model(picture, 0.1)
    trace, pixels = result.trace, 4.0
    wider = trace.last.boxes.clone()
    moved = result.history(0).xyxy_pixels[-1] + torch.tensor([-pixels, 0, pixels, 0])
    query = int(result.detections.query[0])
    wider[0, query] = from_pixels(moved, picture.size)
    last = replace(trace.last, boxes=wider)
    other = replace(result, trace=replace(trace, refinements=(*trace.refinements[:-1], last)))
    assert compare(result, other).pairs[0].moved.tolist() == pytest.approx([pixels, 0, pixels, 0], abs=1e-3)


def test_the_report_names_what_is_found_again_lost_and_new(model, picture):
    before, after = model(picture, 0.1), model(spoil(picture, "darkness", 1), 0.1)
    after = replace(after, detections=after.detections[:2])
    seen = compare(before, after)
    report = str(seen)
    assert f"{len(seen.pairs)} of {len(before.detections)} objects were found again" in report
    assert report.count("only before: ") == len(seen.lost) == len(before.detections) - len(seen.pairs) > 0
    assert report.count("only after: ") == len(seen.gained) == 2 - len(seen.pairs)
    assert report.count(" px outward") == 4 * len(seen.pairs)
