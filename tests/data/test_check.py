"""Every kind of damage is found and named, and a sound data set has nothing to say."""

import json
import re
import shutil

import pytest
from PIL import Image

from dfine.data import scenes
from dfine.data.check import check
from dfine.figures.pages.data_check import check_html
from tests.data.test_coco import CATEGORIES, DATA, annotation, needs_data, picture, write
from tests.data.test_voc import data_set as voc_set
from tests.data.test_yolo import data_set


def test_an_empty_data_set_has_no_objects(tmp_path):
    report = check(write(tmp_path, [], []), progress=False)
    assert [f.message for f in report.findings] == ["all has no objects in 0 pictures: there are no annotations"]
    assert report.parts["all"].pictures == 0


def test_a_sound_data_set_has_nothing_wrong(tmp_path):
    report = check(write(tmp_path, [picture(7), picture(8)], [annotation(1)]), progress=False)
    assert report.findings == ()
    assert str(report).endswith("nothing wrong was found")


def test_counts(tmp_path):
    boxes = [annotation(1), annotation(2, category=3, bbox=(0, 0, 20, 10)), annotation(3, iscrowd=1)]
    report = check(write(tmp_path, [picture(7), picture(8)], boxes), progress=False)
    part = report.parts["all"]
    assert (part.pictures, part.objects, part.crowds, part.empty) == (2, 2, 1, 1)
    assert part.classes == {"car": 1, "bottle": 1}
    assert part.sizes == {"small": 2, "medium": 0, "large": 0}
    assert (part.widths, part.heights) == ((20, 20), (10, 10))
    assert str(report).startswith("all: 2 pictures (1 without objects), 2 objects, 1 crowd\n")


def test_one_of_a_kind_is_no_plural(tmp_path):
    outside = annotation(1, bbox=(15, 4, 12, 2), category=44)
    report = check(write(tmp_path, [picture(7)], [outside], CATEGORIES[:1]), progress=False)
    said = str(report)
    assert "all: 1 picture (0 without objects), 1 object, 0 crowds\n" in said and "\n  1 class: " in said
    assert "\n1 mistake: box outside 1\n" in said and "<p>1 mistake: " in check_html(report.to_dict(), [])


@pytest.mark.parametrize(
    ("entry", "kind", "said"),
    [
        (annotation(5, category=99), "entry", "annotation id 5 .* category id 99"),
        (annotation(5, image=99), "entry", "annotation id 5 .* image id 99, unknown"),
        (annotation(5, bbox=(1, 2, 3)), "entry", "not 4 numbers"),
        (annotation(1, bbox=(3, 3, 4, 4)), "doubled id", "annotation id 1 occurs twice"),
        (annotation(5, bbox=(3, 4, 0, 0)), "empty box", "annotation id 5 .* no extent"),
        (annotation(5, bbox=(15, 4, 12, 2)), "box outside", "annotation id 5 .* reaches 7 px outside 7.png"),
    ],
)
def test_a_bad_entry_is_found_and_the_others_are_counted(tmp_path, entry, kind, said):
    report = check(write(tmp_path, [picture(7)], [annotation(1), entry]), progress=False)
    assert report.counts == {kind: 1}
    assert re.search(said, report.findings[0].message)
    assert report.parts["all"].objects == (2 if kind in ("box outside", "doubled id") else 1)


@pytest.mark.parametrize(
    ("images", "entry", "categories", "said"),
    [
        ([picture(7, width="wide")], None, [], "image id 7 .* has the width 'wide'"),
        ([picture(7, width=0)], None, [], "image id 7 .* has the width 0"),
        ([picture(7, 5)], None, [], "image id 7 .* has the file name 5"),
        ([picture(7, None) | {"file_name": None}], None, [], "image id 7 .* has no 'file_name'"),
        ([], annotation(5, image=[8]), [], r"annotation id 5 .* image id \[8\], unknown"),
        ([], annotation(5, area="abc", image=8), [], "annotation id 5 .* has the area 'abc'"),
        ([], None, [{"name": "cup"}], "the category .*cup.* has no id"),
        ([], None, [{"id": [9], "name": "cup"}], "the category .*cup.* has no id"),
        ([], None, ["cup"], "the category cup .* has no id"),
        ([], None, [{"id": 9}], "category id 9 .* has no name"),
    ],
)
def test_a_malformed_entry_is_a_mistake_as_others_are(tmp_path, images, entry, categories, said):
    boxes = [annotation(1, image=8), *([entry] if entry else [])]
    report = check(write(tmp_path, [*images, picture(8)], boxes, [*CATEGORIES, *categories]), progress=False)
    assert report.counts == {"entry": 1}
    assert re.search(said, report.findings[0].message)
    assert (report.parts["all"].pictures, report.parts["all"].objects) == (1, 1)


def test_a_box_may_reach_out_by_a_pixel(tmp_path):
    assert not check(write(tmp_path, [picture(7)], [annotation(1, bbox=(0, 0, 21, 10))]), progress=False).findings


def test_broken_and_missing_pictures_and_wrong_sizes_are_named(tmp_path):
    folder = write(tmp_path, [picture(i) for i in (1, 2, 3)] + [picture(4, width=30)], [annotation(1, image=3)])
    (folder / "images" / "1.png").write_bytes(b"x")
    (folder / "images" / "2.png").unlink()
    report = check(folder, progress=False)
    assert report.counts == {"broken picture": 3}
    assert [path.name for path, _ in report.worst()] == ["1.png", "2.png", "4.png"]


def test_the_first_picture_is_named_as_others_are_where_it_is_missing(tmp_path):
    folder = write(tmp_path, [picture(i) for i in (1, 2)], [annotation(1, image=2)])
    (folder / "images" / "1.png").unlink()
    report = check(folder, progress=False)
    assert report.counts == {"broken picture": 1} and [path.name for path, _ in report.worst()] == ["1.png"]


def test_a_text_file_that_is_none_is_named(tmp_path):
    folder = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2\n", "b": ""})
    (tmp_path / "labels" / "train" / "b.txt").write_bytes(b"\xff\xfe0")
    report = check(folder, progress=False)
    assert report.counts == {"entry": 1}
    assert re.search("b.txt is not text", report.findings[0].message)
    assert report.parts["train"].objects == 1


def test_a_box_of_no_numbers_is_named_by_its_file(tmp_path):
    folder = voc_set(tmp_path, {"a": [("cup", 0, "nan", 1, 9, 9), ("cup", 0, 1, 1, 9, 9)]})
    report = check(folder, progress=False)
    assert report.counts == {"entry": 1}
    assert re.search(r"an object \(cup\) in .*a\.xml has the bbox", report.findings[0].message)


def test_a_wrong_line_of_a_text_file_is_named(tmp_path):
    report = check(data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.2 0.2\n"}), progress=False)
    assert report.counts == {"entry": 1}
    assert "line 2 of" in report.findings[0].message


@pytest.fixture
def two_splits(tmp_path):
    for split, seed in (("train", 1), ("val", 2)):
        scenes.write(tmp_path / "drawn" / split, scenes.Scenes(3, seed=seed, size=(96, 96)), workers=0)
        (tmp_path / "annotations").mkdir(exist_ok=True)
        shutil.move(tmp_path / "drawn" / split / "annotations.json", tmp_path / f"annotations/instances_{split}.json")
        shutil.move(tmp_path / "drawn" / split / "images", tmp_path / split)
    shutil.rmtree(tmp_path / "drawn")
    return tmp_path


def shared(folder):
    return [f.message for f in check(folder, progress=False).findings if f.kind == "in two splits"]


def test_a_picture_in_two_splits_is_found_even_if_it_was_encoded_again(two_splits):
    assert shared(two_splits) == []
    first, other = sorted((two_splits / "train").iterdir()), sorted((two_splits / "val").iterdir())
    Image.open(first[0]).save(other[2], quality=70)
    assert shared(two_splits) == [f"{first[0].name} of train and {other[2].name} of val are the same picture"]


def test_a_split_that_holds_another_shares_nothing_with_it(two_splits):
    truth = json.loads((two_splits / "annotations/instances_train.json").read_text())
    for image in truth["images"]:
        image["file_name"] = f"train/{image['file_name']}"
    (two_splits / "annotations/instances_trainval.json").write_text(json.dumps(truth))
    assert shared(two_splits) == []
    shutil.copytree(two_splits / "train", two_splits / "trainval" / "train")  # with files of its own
    assert shared(two_splits) == []


def test_pictures_of_several_splits_count_once(tmp_path):
    path = data_set(tmp_path, {name: "0 0.5 0.5 0.2 0.2" for name in "abc"}, val="images/train")
    assert check(path, progress=False).pictures == 3


def test_a_broken_picture_is_not_one_of_two_splits(two_splits):
    first = next((two_splits / "val").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    report = check(two_splits, progress=False)
    assert "broken picture" in report.counts
    assert report.pictures == sum(part.pictures for part in report.parts.values())


def test_copies_of_all_that_is_trained_on_are_found(two_splits):
    for mine, theirs in zip(sorted((two_splits / "train").iterdir()), sorted((two_splits / "val").iterdir())):
        shutil.copyfile(mine, theirs)
    assert len(shared(two_splits)) >= len(list((two_splits / "val").iterdir()))


def test_classes_that_are_never_trained_on_are_named(two_splits):
    report = check(two_splits, progress=False)
    train, val = report.parts["train"].classes, report.parts["val"].classes
    unseen = [name for name, count in val.items() if count and not train[name]]
    assert unseen
    assert {f.message.split("'")[1] for f in report.findings if f.kind == "class"} == set(unseen)


def test_the_page_says_all_of_it(two_splits):
    report = check(two_splits, progress=False)
    picture_ = Image.new("RGB", (40, 30))
    page = check_html(
        report.to_dict(), [(picture_, "a.png", [("a & b", (1, 1, 0, 0))]), (None, "b.png", [("gone", None)])]
    )
    assert "a &amp; b" in page and "gone" in page and "never in training" in page
    assert f"<h1>{two_splits.name}</h1>" in page, "whatever pictures lie in it"
    json.dumps(report.to_dict())


@needs_data
def test_the_two_empty_boxes_of_bccd_are_found():
    report = check(DATA / "bccd" / "BCCD", progress=False)
    assert report.counts == {"empty box": 2}
    assert {f.picture.stem for f in report.findings} == {"BloodImage_00338", "BloodImage_00343"}
