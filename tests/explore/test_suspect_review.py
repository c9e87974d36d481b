"""A person's decisions on suspects, and what accepted ones change."""

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import suspect_review


def test_fixes_of_one_picture():
    answers = [fiftyone.Detection(label=n, bounding_box=[0, 0, 1, 1], coco_id=i) for i, n in enumerate("abcd")]
    said = [("extra", 0, "a"), ("class", 1, "z"), ("missing", None, "new"), ("shifted", 9, "gone")]
    fixes = [
        fiftyone.Detection(
            label=name,
            bounding_box=[0.5, 0, 0.1, 0.1] if kind != "class" else [0, 0, 1, 1],
            kind=kind,
            answer_id="" if at is None else answers[at].id if at < 4 else "f" * 24,
            labelled="" if at is None else "abcd"[at % 4],
        )
        for kind, at, name in said
    ]
    assert [a.label for a in suspect_review.corrected(answers, [])] == list("abcd")
    found = suspect_review.corrected(answers, fixes)
    assert [a.label for a in found] == ["z", "c", "d", "new"] and [a.label for a in answers] == list("abcd")
    assert [a.get_attribute_value("coco_id", None) for a in found] == [1, 2, 3, None]
    assert found[-1].bounding_box == [0.5, 0, 0.1, 0.1]


def test_two_fixes_of_one_answer():
    (answer,) = answers = [fiftyone.Detection(label="a", bounding_box=[0, 0, 1, 1])]
    other, moved = (
        fiftyone.Detection(label=label, bounding_box=box, kind=kind, answer_id=answer.id, labelled="a")
        for kind, label, box in (("class", "b", [0, 0, 1, 1]), ("shifted", "a", [0.5, 0, 0.5, 1]))
    )
    for fixes in ([other, moved], [moved, other]):
        (found,) = suspect_review.corrected(answers, fixes)
        assert (found.label, found.bounding_box) == ("b", [0.5, 0, 0.5, 1])


@pytest.mark.parametrize("kind", ["class", "shifted", "extra", "missing"])
def test_what_a_person_has_changed_since_is_not_changed_back(kind):
    was, box = [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.4] if kind == "shifted" else [0, 0, 0.5, 0.5]
    answer = fiftyone.Detection(label="a" if kind == "shifted" else "by hand", bounding_box=box)
    fix = fiftyone.Detection(label="b", bounding_box=[0, 0, 0.55, 0.5], kind=kind, labelled="a", labelled_box=was)
    fix["answer_id"] = "" if kind == "missing" else answer.id
    (found,) = suspect_review.corrected([answer], [fix])
    assert (found.label, found.bounding_box) == (answer.label, box)
