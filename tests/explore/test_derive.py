"""What an evaluation says of each detection and object."""

import numpy as np
import pytest


def test_what_follows_by_hand():
    from dfine.explore.derive import detections
    from dfine.explore.fiftyone_private import Label

    target = np.array([[0, 0, 10, 10], [50, 0, 60, 10], [0, 0, 100, 100]], dtype=float)
    objects = [
        Label(id="a", label="cat", iscrowd=0),
        Label(id="b", label="dog", iscrowd=None),
        Label(id="c", label="cat", iscrowd=True),
    ]
    better = [[0, 0, 10, 4], [0, 0, 10, 6], [0, 0, 10, 8]]  # IoU 0.4, 0.6, 0.8 with a
    worse = [[50, 0, 60, 9], [50, 0, 60, 8], [50, 0, 60, 6]]  # IoU 0.9, 0.8, 0.6 with b
    nowhere = [[5, 5, 95, 95]] * 3  # nearly the crowd
    near = [[0, 0, 10, 2]] * 3  # IoU 0.2 with a, matched to nothing
    boxes = np.array([better, worse, nowhere, near], dtype=float)
    found = [
        Label(label="cat", e_id="a"),
        Label(label="cat", e_id=""),
        Label(label="cat", e_id="c"),
        Label(label="cat", e_id=""),
    ]
    columns = detections(boxes, target, objects, found, "e")
    assert columns["truth_id"] == ["a", "b", "", "a"]
    assert columns["truth_iou"] == [0.8, 0.6, 0.0, 0.2]
    assert columns["iou"] == [[0.4, 0.6, 0.8], [0.9, 0.8, 0.6], None, [0.2, 0.2, 0.2]]
    assert columns["gain"] == [0.4, -0.3, None, 0.0]
    assert columns["right_50"] == [1, None, None, None]  # the second is of another class than its object
    assert columns["right_75"] == [2, None, None, None]
    without = detections(boxes, target[:0], [], [Label(label="cat", e_id="") for _ in found], "e")
    assert without["truth_id"] == [""] * 4 and without["gain"] == [None] * 4


def test_the_best_score_at_an_object_is_of_whatever_class():
    pytest.importorskip("fiftyone")
    from dfine.explore import derive
    from dfine.explore.fiftyone_coco import Label

    row = {"metadata.width": 100, "metadata.height": 100, "d.boxes": [], "t.bounding_box": [[0, 0, 0.1, 0.1]] * 2}
    objects = [Label(id="a", label="cat", iscrowd=0, e=None), Label(id="b", label="cat", iscrowd=1, e=None)]
    values = derive.picture(row, "d", "t", {"e": (objects, [])}, (iter(()), iter(["Miss"])))
    assert values["t.detections.0.d_best"] == 0 and values["t.detections.1.d_best"] is None
    row["d.boxes"] = [[[0, 0, 10, 4]], [[0, 0, 10, 10]], [[0, 0, 10, 2]]]  # IoU 0.4, 1, 0.2
    found = [Label(label=n, confidence=s, e_id="", e=None) for n, s in (("cat", 0.3), ("dog", 0.6), ("cat", 0.9))]
    values = derive.picture(row, "d", "t", {"e": (objects, found)}, (iter(["Bkg"] * 3), iter(["Miss"])))
    assert values["t.detections.0.d_best"] == 0.6
