"""Each kind of mistake on a small data set that has it, beside one that only nearly has."""

import pytest

from dfine.data import findings
from dfine.data.check import check
from tests.data.test_coco import annotation, picture, write
from tests.data.test_voc import data_set as voc_set
from tests.data.test_yolo import data_set as yolo_set

WIDE = [(0, 0, 20, 10), (3, 1, 19, 9), (4, 2, 18, 9)]  # corners inside of 20 x 10 pixels, two of them outside as sides


def kinds(folder, **options):
    return check(folder, progress=False, **options).counts


def boxes(*bboxes, **more):
    return [annotation(i, bbox=bbox, **more) for i, bbox in enumerate(bboxes, 1)]


def test_a_box_twice_and_a_picture_under_two_ids(tmp_path):
    images = [picture(7), picture(8), picture(9, "7.png")]
    found = boxes((2, 2, 4, 4), (2, 2, 4, 4.001), (2, 2, 4, 5)) + [annotation(9, category=3, bbox=(2, 2, 4, 4))]
    report = check(write(tmp_path, images, found), progress=False)
    assert report.counts == {"doubled box": 1, "doubled picture": 1}
    said = {f.kind: (f.message, f.picture.name) for f in report.findings}
    assert said["doubled box"] == ("7.png has 2 equal boxes of 'bottle'", "7.png")
    assert said["doubled picture"][0].startswith("7.png is there as image id 7 and as 9 in ")


def test_boxes_between_0_and_1_are_told_of_coco(tmp_path):
    folder = write(tmp_path, [picture(7)], boxes((0.1, 0.2, 0.5, 0.5), (0, 0, 1, 1)))
    report = check(folder, progress=False)
    assert report.counts == {"relative boxes": 1, "no objects": 1}
    assert "lie between 0 and 1, but those of COCO files are in pixels" in report.findings[0].message
    assert kinds(write(tmp_path / "b", [picture(7)], boxes((0.1, 0.2, 0.5, 0.5), (0, 0, 1, 2)))) == {}
    assert kinds(write(tmp_path / "c", [picture(7)], boxes((0, 0, 1, 1)))) == {}, "a pixel is a box"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (WIDE, {"box outside": 2, "corners": 1}),
        (WIDE[:2], {"box outside": 1}),  # too few to say
        ([*WIDE, (5, 5, 3, 3)], {"box outside": 2}),  # as corners it has no extent
        ([(0, 0, 20, 10), (0, 0, 9, 9), (1, 1, 8, 5)], {}),  # nothing reaches out
        ([*WIDE, (1, 1, 30, 9)], {"box outside": 3}),  # as corners it reaches out, too
    ],
)
def test_corners_are_told_from_sides(tmp_path, given, expected):
    assert kinds(write(tmp_path, [picture(7)], boxes(*given))) == expected


def test_corners_are_told_from_centres_in_yolo(tmp_path):
    corners = "0 0.1 0.1 0.5 0.5\n0 0.5 0.4 0.9 0.95\n1 0.7 0.1 1 0.6\n"
    report = check(yolo_set(tmp_path / "a", {"a": corners}), progress=False)
    assert report.counts["corners"] == 1
    assert kinds(yolo_set(tmp_path / "b", {"a": corners + "0 0.5 0.5 0.2 0.2\n"}, ("cup", "key"))) == {"box outside": 3}


def test_an_area_of_0_is_told_and_measured_from_the_box(tmp_path):
    folder = write(tmp_path, [picture(7)], boxes((2, 2, 4, 4), (2, 2, 8, 6), area=0))
    report = check(folder, progress=False)
    assert report.counts == {"area": 2}
    from dfine.data.sources import open_data

    assert [a["area"] for a in open_data(folder).ground_truth()["annotations"]] == [16.0, 48.0]


def test_more_objects_than_queries_and_more_than_coco_counts(tmp_path):
    many = boxes(*((i / 10, 1, 2, 2) for i in range(102)))
    report = check(write(tmp_path, [picture(7)], many), queries=101, progress=False)
    assert [f.message for f in report.findings] == [
        "7.png has 102 objects, more than the 101 queries of the detector: train with more --queries, or on parts",
        "7.png has 102 objects of 'bottle', and COCO's AP counts 100 at most",
    ]
    assert kinds(tmp_path, queries=102) == {"many objects": 1}
    two_classes = [a | {"category_id": 3 if i % 2 else 44} for i, a in enumerate(many)]
    assert kinds(write(tmp_path / "b", [picture(7)], two_classes)) == {}
    assert kinds(write(tmp_path / "c", [picture(7)], [a | {"iscrowd": 1} for a in many[1:]] + many[:1])) == {}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "all has no objects in 1 pictures: there are no annotations"),
        (boxes((1, 1, 2, 2), iscrowd=1), "all 1 annotations are marked as crowds or difficult, which are no targets"),
    ],
)
def test_no_objects(tmp_path, found, why):
    (finding,) = check(write(tmp_path, [picture(7)], found), progress=False).findings
    assert finding.kind == "no objects" and finding.message.endswith(why)


def test_of_splits_only_those_for_testing_may_be_without_objects(tmp_path):
    objects = {"a": [("cup", 0, 1, 1, 9, 9)], "b": [], "c": []}
    assert kinds(voc_set(tmp_path, objects, {"train": ["a"], "val": ["b"], "test": ["c"]}))["no objects"] == 1


def test_labels_where_nobody_looks_for_them_are_named(tmp_path):
    path = yolo_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2"})
    (tmp_path / "labels").rename(tmp_path / "annos")
    report = check(path, progress=False)
    assert report.counts == {"no objects": 1}
    assert f"but it is at {tmp_path / 'annos' / 'train' / 'a.txt'}" in report.findings[0].message


def test_classes_that_differ_in_case_only():
    assert findings.classes({}) == []
    (found,) = findings.classes({"all": {"Cup": 1, "cup ": 2, "key": 0}})
    assert found.message == "'Cup' and 'cup ' are two classes"
