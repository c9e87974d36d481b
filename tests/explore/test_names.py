import pytest

from dfine.data import labels
from dfine.explore.names import match


def test_without_answers_nothing_is_left_out():
    names = match(("cat", "", "dog"), ())
    assert names.columns == ("cat", "", "dog") and names.ignore == (1,)
    assert names.matched == {} and names.model_only == ("cat", "dog")
    assert "no answers" in str(names)


@pytest.mark.parametrize(
    "model, data, matched",
    [
        (("cat", "dog"), ("dog", "cat"), {"cat": "cat", "dog": "dog"}),  # never by position
        (("Cat", "traffic light"), ("cat", "Traffic_Light"), {"Cat": "cat", "traffic light": "Traffic_Light"}),
        (("tv", "couch"), ("tvmonitor", "sofa"), {"tv": "tvmonitor", "couch": "sofa"}),  # COCO and VOC
        (("motorbike",), ("motorcycle",), {"motorbike": "motorcycle"}),
        (("cat", "Cat"), ("Cat",), {"Cat": "Cat"}),  # equal names go before similar ones
        (("cat", "CAT"), ("Cat",), {"cat": "Cat"}),  # and a class is matched once
    ],
)
def test_names_are_matched_by_what_they_say(model, data, matched):
    names = match(model, data)
    assert names.matched == matched
    for column, theirs in ((model.index(mine), theirs) for mine, theirs in matched.items()):
        assert names.columns[column] == theirs


def test_what_did_not_match_is_reported_and_left_out():
    names = match(("cat", "bird", "", "dog"), ("dog", "cat", "horse"))
    assert names.report() == {
        "matched": {"cat": "cat", "dog": "dog"},
        "model_only": ["bird"],
        "data_only": ["horse"],
    }
    assert set(names.ignore) == {1, 2}
    assert "bird" in str(names) and "horse" in str(names)


def test_the_classes_of_coco_and_voc():
    voc = (
        "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant "
        "sheep sofa train tvmonitor"
    ).split()
    names = match(labels.COCO, voc)
    assert len(names.matched) == 20 and not names.data_only


def test_nothing_in_common_is_an_error_that_names_both():
    with pytest.raises(ValueError, match="share no class name.*star.*cat"):
        match(("star", "moon"), ("cat", "dog"))
