"""Which pictures are the worst, why, and that nobody calls a find wrong where a label may be missing."""

from dfine.explore.worst_pictures import worst_pictures
from tests.explore.test_report import BOX, OFF, rows, truth


def test_where_all_is_right_no_picture_is_worst():
    assert worst_pictures(truth((1, 1, BOX)), rows((1, BOX, 0.9, 1), (2, BOX, 0.4, 1))) == []


def test_the_worst_picture_says_why():
    objects = truth(
        (1, 1, BOX), (1, 2, [60, 60, 30, 30]), (2, 1, BOX), pictures=2, dials={"occlusion": 0.75, "blur": 0.0}
    )
    found = rows((1, BOX, 0.9, 2), (1, BOX, 0.1, 1), (2, BOX, 0.9, 1), (2, OFF, 0.8, 1), (2, [80, 80, 9, 9], 0.3, 1))
    first, second = worst_pictures(objects, found)
    assert (first["picture"], first["mistakes"], first["objects"]) == ("1.png", 2, 2)
    assert first["why"] == (
        "2 mistakes, 2 objects: 1 × wrong class (dog for cat); 1 missed (dog). Dials: occlusion 0.8."
    )
    assert [b["role"] for b in first["boxes"]] == ["wrong", "missed"]
    assert first["boxes"][0] == {"role": "wrong", "box": [10, 10, 50, 50], "label": "dog 0.90, not cat"}
    assert [b["label"] for b in second["boxes"]] == ["cat 0.90", "cat 0.80, loose"]
    assert second["why"].startswith("1 mistake, 1 object: ")
    assert len(worst_pictures(objects, found, 1)) == 1


def test_finds_where_nothing_is_labelled_are_no_mistakes():
    there = [60, 60, 30, 30]
    objects = truth((1, 1, BOX), (2, 1, BOX))
    free, missed = (
        rows((1, BOX, 0.9, 1), (1, there, 0.9, 2), (2, BOX, 0.9, 1)),
        rows((1, there, 0.9, 2), (2, BOX, 1, 1)),
    )
    assert worst_pictures(objects, free) == []
    (only,) = worst_pictures(objects, missed)
    assert (only["picture"], only["mistakes"], only["unlabelled"]) == ("1.png", 1, 1)
    assert only["why"] == "1 mistake, 1 object: 1 missed (cat). Besides, 1 found where nothing is labelled (dog)."
    assert [(b["role"], b["label"]) for b in only["boxes"]] == [("unlabelled", "dog 0.90, no label"), ("missed", "cat")]
