import pytest

from dfine.data.layout import Layout, meaning, same


@pytest.mark.parametrize(
    ("split", "kind"),
    [
        ("train", "train"),
        ("Train", "train"),
        ("train2017", "train"),
        ("training", "train"),
        ("VAL", "val"),
        ("valid", "val"),
        ("Validation", "val"),
        ("val_2", "val"),
        ("test-dev", None),
        ("Test", "test"),
        ("", None),
        ("trainval", None),
        ("default", None),
        ("all", None),
    ],
)
def test_what_the_name_of_a_split_means(split, kind):
    assert meaning(split) == kind


def test_a_split_is_named_by_its_name_or_its_meaning():
    assert same("val2017", "val2017") and same("val2017", "valid") and same("Validation", "val") and same("odd", "odd")
    assert not same("val2017", "val2014") and not same("train", "val") and not same("odd", "even")


@pytest.mark.parametrize(
    ("parts", "absent", "unsplit"),
    [
        (("",), (), True),
        (("default",), (), True),
        (("train",), (), True),
        (("val",), (), False),
        (("test",), (), False),
        (("train", "val"), (), False),
        (("train",), ("test",), True),
        (("train",), ("val",), False),
    ],
)
def test_when_a_data_set_is_not_split(tmp_path, parts, absent, unsplit):
    layout = Layout("coco", tmp_path, dict.fromkeys(parts), dict.fromkeys(absent, "it is not there"))
    assert layout.unsplit == unsplit
