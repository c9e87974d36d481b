import pytest
import torch

from dfine.trace.categories import COCO, COCO_GAPS, COCO_IDS, category_ids
from dfine.trace.detections import Detections


def found(names, labels):
    n = len(labels)
    query = torch.arange(n)
    return Detections(torch.rand(n, 4), torch.tensor(labels, dtype=torch.int64), torch.rand(n), query, names, (9, 9))


@pytest.mark.parametrize(
    "names, ids",
    [
        ((), []),
        (("star",), [1]),
        (("star", "moon", "sun"), [1, 2, 3]),
        (("", "star", "moon"), [1, 2, 3]),
        (("star", "", "moon"), [1, 2, 3]),
        (("", ""), [1, 2]),
        (("", *(f"class {i}" for i in range(1, 366))), list(range(366))),  # Objects365
        (("dog", "cat"), [18, 17]),
        (("", "Dog", " toothbrush"), [0, 18, 90]),
        (("dog", "cat", "star"), [1, 2, 3]),  # not COCO's classes, though two are called the same
        (("dog", "dog"), [1, 2]),  # two classes never share a number
    ],
)
def test_by_names(names, ids):
    assert category_ids(names) == ids


def test_the_ids_of_coco_run_to_90_with_ten_gaps():
    assert category_ids(COCO) == list(COCO_IDS)
    assert (COCO_IDS[0], COCO_IDS[-1], len(COCO_IDS), len(set(COCO))) == (1, 90, 80, 80)
    assert COCO_GAPS.isdisjoint(COCO_IDS) and {*COCO_GAPS, *COCO_IDS} == set(range(1, 91))
    # Three of instances_val2017.json.
    by_name = dict(zip(COCO, COCO_IDS))
    assert (by_name["stop sign"], by_name["dining table"], by_name["toothbrush"]) == (13, 67, 90)


def test_columns_in_any_order_keep_the_id_of_their_class():
    assert category_ids(COCO[::-1]) == list(COCO_IDS)[::-1]
    gaps = [""] * 91
    for i, name in zip(COCO_IDS, COCO):
        gaps[i] = name
    assert category_ids(gaps) == [i if gaps[i] else 0 for i in range(91)]


def test_detections_of_a_coco_model_carry_coco_ids_by_default():
    assert [d["category_id"] for d in found(COCO, [0, 11, 79]).to_coco()] == [1, 13, 90]
    assert [d["category_id"] for d in found(("star", "moon"), [1, 0]).to_coco()] == [2, 1]
    assert [d["category_id"] for d in found(COCO, [0, 11]).to_coco(3, range(100, 180))] == [100, 111]
    assert found(COCO, []).to_coco() == []
