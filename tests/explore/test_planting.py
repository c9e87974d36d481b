"""Planted label errors: as many as asked for, each what it is called, the rest as it was."""

import copy

import numpy as np
import pytest

from dfine.data.scenes import Scenes
from dfine.explore.planting import clear, plant, shifted
from dfine.explore.suspect_clues import KINDS, iou


@pytest.fixture(scope="module")
def truth():
    return Scenes(30, size=(320, 320), seed=8).ground_truth()


def corners(box):
    return np.array([[box[0], box[1], box[0] + box[2], box[1] + box[3]]], float)


def test_each_error_is_what_it_is_called(truth):
    given = copy.deepcopy(truth)
    wrong, planted = plant(truth, 3, each=4)
    assert truth == given
    assert [sum(p.kind == kind for p in planted) for kind in KINDS] == [4] * 4
    assert len({p.image for p in planted}) == 16
    before, after = ({a["id"]: a for a in t["annotations"]} for t in (truth, wrong))
    for p in planted:
        old, new = before.get(p.annotation), after.get(p.annotation)
        if p.kind == "missing":
            assert new is None and p.box == tuple(old["bbox"])
        if p.kind == "class":
            assert new["category_id"] != old["category_id"] and new["bbox"] == old["bbox"] == list(p.box)
        if p.kind == "shifted":
            assert 0.44 < iou(corners(new["bbox"]), corners(old["bbox"]))[0, 0] < 0.81 and p.box == tuple(old["bbox"])
        if p.kind == "extra":
            others = [corners(a["bbox"])[0] for a in truth["annotations"] if a["image_id"] == p.image]
            assert old is None and p.box == tuple(new["bbox"]) and iou(corners(p.box), np.stack(others)).max() < 0.11
    touched = {p.annotation for p in planted}
    assert {i: a for i, a in before.items() if i not in touched} == {i: a for i, a in after.items() if i not in touched}


def test_the_seed_decides(truth):
    assert plant(truth, 1, each=2) == plant(truth, 1, each=2)
    assert plant(truth, 1, each=2)[1] != plant(truth, 2, each=2)[1]
    assert plant(truth, 1, each=0) == (truth, [])


def test_where_there_is_no_place(truth):
    with pytest.raises(ValueError, match="errors found no place"):
        plant(truth, 0, each=20)
    with pytest.raises(ValueError, match="two classes or more"):
        plant(truth | {"categories": truth["categories"][:1]}, 0)
    rng = np.random.default_rng(0)
    whole = np.array([0, 0, 100, 100.0])
    assert clear(whole, whole[None], (100, 100), rng) is None
    assert shifted(np.array([50, 50, 50, 50.0]), (100, 100), rng) is None
