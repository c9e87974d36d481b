"""Every kind of data, opened twice: it is read as training reads it, and nothing is there twice."""

import json
import shutil
import warnings
from pathlib import Path

import pytest
from PIL import Image

from tests.explore.worlds import BCCD, NO_BCCD, coco_json

pytestmark = pytest.mark.usefixtures("fo")

NAMES = ("cat", "dog")


def paint(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (64, 48), "white").save(folder / name)


def coco(folder):
    paint(folder / "images", "a.png", "b.png", "c.png")
    boxes = [(0, 1, [4, 6, 16, 12], 0), (0, 0, [8, 8, 0, 5], 0), (1, 0, [0, 0, 64, 48], 1)]
    (folder / "annotations.json").write_text(coco_json(("a.png", "b.png", "c.png"), boxes, NAMES))


def voc(folder):
    paint(folder / "JPEGImages", "a.png", "b.png", "c.png")
    (folder / "Annotations").mkdir()
    thing = (
        "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
    )
    size = "<size><width>64</width><height>48</height><depth>3</depth></size>"
    for name, objects in (
        ("a", [("dog", 4, 6, 20, 18), ("cat", 8, 8, 8, 13)]),
        ("b", [("cat", 0, 0, 64, 48)]),
        ("c", []),
    ):
        inside = "".join(thing.format(*o) for o in objects)
        text = f"<annotation><filename>{name}.png</filename>{size}{inside}</annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(text)


def yolo5(folder):
    paint(folder / "images" / "val", "a.png", "b.png", "c.png")
    labels = folder / "labels" / "val"
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text("1 0.1875 0.25 0.25 0.25\n0 0.125 0.2 0 0.1\n")
    (labels / "b.txt").write_text("0 0.5 0.5 1 1\n")
    (folder / "data.yaml").write_text("path: .\nval: images/val\nnames:\n  0: cat\n  1: dog\n")


def yolo4(folder):
    paint(folder / "data", "a.png", "b.png", "c.png")
    (folder / "data" / "a.txt").write_text("1 0.1875 0.25 0.25 0.25\n0 0.125 0.2 0 0.1\n")
    (folder / "data" / "b.txt").write_text("0 0.5 0.5 1 1\n")
    (folder / "obj.names").write_text("cat\ndog\n")
    (folder / "images.txt").write_text("data/a.png\ndata/b.png\ndata/c.png\n")


def labelme(folder):
    paint(folder, "a.png", "b.png", "c.png")
    rectangle = {"shape_type": "rectangle", "group_id": None}
    said = {
        "a": [("dog", [[20, 18], [4, 6]]), ("cat", [[8, 8], [8, 13]])],
        "b": [("cat", [[0, 0], [64, 48]])],
        "c": [],
    }
    for stem, objects in said.items():
        shapes = [rectangle | {"label": name, "points": points} for name, points in objects]
        about = {"shapes": shapes, "imagePath": f"{stem}.png", "imageWidth": 64, "imageHeight": 48}
        (folder / f"{stem}.json").write_text(json.dumps(about))


def roboflow(folder):
    for split, names in (("train", ("a.png", "b.png")), ("valid", ("c.png",))):
        paint(folder / split, *names)
        boxes = [(0, 1, [4, 6, 16, 12], 0), (0, 0, [8, 8, 0, 5], 0), (1, 0, [0, 0, 64, 48], 0)]
        answers = coco_json(names, boxes if split == "train" else [], NAMES)
        (folder / split / "_annotations.coco.json").write_text(answers)


def pictures_of(dataset):
    """File name -> (label, box in pixels) of every object."""
    return {
        Path(s.filepath).name: [
            (d.label, [round(v * side) for v, side in zip(d.bounding_box, (64, 48, 64, 48))])
            for d in (s.ground_truth.detections if s.ground_truth else [])
        ]
        for s in dataset
    }


@pytest.mark.parametrize("write", [coco, roboflow, voc, yolo5, yolo4, labelme])
def test_the_same_answers_from_every_format(tmp_path, write):
    from dfine.explore.datasets import classes, open_dataset

    home = tmp_path / write.__name__
    home.mkdir()
    write(home)
    with pytest.warns(UserWarning, match="1 box of zero size was dropped"):
        dataset = open_dataset(home)
    expected = {"a.png": [("dog", [4, 6, 16, 12])], "b.png": [("cat", [0, 0, 64, 48])], "c.png": []}
    assert pictures_of(dataset) == expected
    assert sorted(classes(dataset)) == ["cat", "dog"]
    assert dataset.persistent and dataset.name.startswith(write.__name__)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = open_dataset(home)  # neither a second data set nor a second warning
    assert again.name == dataset.name and pictures_of(again) == expected


def test_splits_are_tags_and_one_of_them_can_be_chosen(tmp_path):
    from dfine.explore.datasets import open_dataset

    roboflow(tmp_path)
    with pytest.warns(UserWarning, match="zero size"):
        dataset = open_dataset(tmp_path, name="both")
    assert dataset.count_sample_tags() == {"train": 2, "valid": 1}
    assert len(open_dataset(tmp_path, split="val", name="one")) == 1
    with pytest.raises(FileNotFoundError, match="no split 'test'; it has train, valid"):
        open_dataset(tmp_path, split="test")


def test_the_splits_and_difficult_objects_of_voc_are_kept(tmp_path):
    from dfine.explore.datasets import open_dataset
    from tests.data.test_voc import data_set

    objects = {"a": [("cup", 1, 0, 0, 9, 9)], "b": [("cup", 0, 0, 0, 9, 9)], "c": []}
    folder = data_set(tmp_path / "marked", objects, {"train": ["a"], "trainval": ["a", "b"], "test": ["c"]})
    dataset = open_dataset(folder)
    tags = {Path(s.filepath).stem: s.tags for s in dataset}
    assert tags == {"a": ["train", "trainval"], "b": ["trainval"], "c": ["test"]}
    crowds = {Path(s.filepath).stem: [d.iscrowd for d in s.ground_truth.detections] for s in dataset}
    assert crowds == {"a": [True], "b": [False], "c": []}


def test_a_data_set_from_before_is_found_again(tmp_path):
    """What earlier versions wrote down of a source names the same place, but other kinds."""
    from dfine.explore import fields
    from dfine.explore.datasets import open_dataset

    yolo5(tmp_path)
    with pytest.warns(UserWarning, match="zero size"):
        dataset = open_dataset(tmp_path)
    dataset.info[fields.SOURCE] = {**dataset.info[fields.SOURCE], "kind": "yolo5", "name": "other"}
    dataset.save()
    assert open_dataset(tmp_path).name == dataset.name


def test_a_persons_copy_is_not_taken_for_it_and_other_data_sets_are_not_loaded(fo, tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path)
    with pytest.warns(UserWarning, match="zero size"):
        dataset = open_dataset(tmp_path / "annotations.json", name="theirs")
    dataset.clone("a copy", persistent=True)
    fo.Dataset("any other", persistent=True)

    def loaded():
        return next(one["last_loaded_at"] for one in fo.list_datasets(info=True) if one["name"] == "any other")

    before = loaded()
    assert open_dataset(tmp_path / "annotations.json") is dataset
    assert loaded() == before


def test_crowds_are_marked_and_classes_keep_their_order(tmp_path):
    from dfine.explore.datasets import classes, open_dataset

    coco(tmp_path)
    with pytest.warns(UserWarning):
        dataset = open_dataset(tmp_path / "annotations.json", name="crowds")
    assert dataset.count_values("ground_truth.detections.iscrowd") == {False: 1, True: 1}
    assert classes(dataset) == list(NAMES)


def test_new_pictures_are_added_and_a_persons_work_stays(tmp_path):
    from dfine.explore.datasets import open_dataset

    paint(tmp_path / "photos", "b.png", "deeper.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    dataset = open_dataset(tmp_path / "photos")
    dataset.tag_samples("seen")
    paint(tmp_path / "photos" / "more", "a.jpg")
    again = open_dataset(tmp_path / "photos")
    assert again.name == dataset.name == "photos" and not again.has_sample_field("ground_truth")
    assert {Path(s.filepath).name: s.tags for s in again} == {"b.png": ["seen"], "deeper.png": ["seen"], "a.jpg": []}

    coco(tmp_path / "set")
    with pytest.warns(UserWarning):
        dataset = open_dataset(tmp_path / "set", count=1)
    assert len(dataset) == 1
    dataset.match_tags("none").tag_samples("x")
    dataset.tag_labels("label error", label_fields="ground_truth")
    again = open_dataset(tmp_path / "set")
    assert len(again) == 3 and again.count_label_tags() == {"label error": 1}


def test_other_data_of_the_same_name_get_a_name_of_their_own(tmp_path):
    from dfine.explore.datasets import open_dataset

    paint(tmp_path / "one" / "holiday", "a.png")
    paint(tmp_path / "two" / "holiday", "b.png")
    first, second = open_dataset(tmp_path / "one" / "holiday"), open_dataset(tmp_path / "two" / "holiday")
    assert first.name != second.name and second.name.startswith("holiday-")
    assert open_dataset(tmp_path / "two" / "holiday").name == second.name
    with pytest.raises(ValueError, match="'holiday'.*other data"):
        open_dataset(tmp_path / "two" / "holiday", name="holiday")


def test_scenes_carry_their_dials(explored):
    from dfine.data.scenes.composition import DIALS

    assert len(explored) == 8
    assert explored.count_values("hard") == {True: 4, False: 4}
    for sample in explored:
        assert sample.hard == any(sample[d] for d in DIALS)


def test_scenes_on_disk_carry_their_dials_too(scenes_folder, tmp_path):
    from dfine.data.scenes.composition import DIALS
    from dfine.explore.columns import coco_truth
    from dfine.explore.datasets import open_dataset

    folder = tmp_path / "drawn"
    shutil.copytree(scenes_folder, folder)
    content = json.loads((folder / "annotations.json").read_text())
    dials = {i["file_name"]: i.get("dials") for i in content["images"]}
    del content["images"][0]["dials"]  # a photograph among them
    (folder / "annotations.json").write_text(json.dumps(content))
    dataset = open_dataset(folder)
    assert dataset.count_values("hard") == {None: 1, True: 4, False: 3}
    for sample in dataset.exists("hard"):
        given = dials[Path(sample.filepath).name]
        assert {d: sample[d] for d in DIALS} == given and sample.hard == any(given.values())
    images = coco_truth(dataset, "ground_truth", dataset.classes["ground_truth"])["images"]
    assert [i.get("dials") for i in images] == [None, *list(dials.values())[1:]]
    sample = dataset.exists("hard").first()
    sample.hard = not sample.hard
    sample.save()
    assert open_dataset(folder)[sample.id].hard == sample.hard, "what a person changed stays"


def test_answers_that_have_changed_on_disk_are_told_of_and_not_read(tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    dataset = open_dataset(file, name="changed-on-disk", count=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(open_dataset(tmp_path / "set", name="changed-on-disk", count=2)) == 2
        assert len(open_dataset(file, name="changed-on-disk", count=2)) == 2
    with pytest.warns(UserWarning, match="has 2 pictures from before.*not only 1: choose another --name"):
        assert len(open_dataset(file, name="changed-on-disk", count=1)) == 2
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"] = [5, 6, 16, 12]
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="have changed since they were read.*'changed-on-disk' keeps those.*--name"):
        assert open_dataset(file, name="changed-on-disk") is dataset
    assert dataset.first().ground_truth.detections[0].bounding_box[0] == 4 / 64


def test_a_fiftyone_data_set_by_name(fo):
    from dfine.explore.datasets import answers, open_dataset

    dataset = fo.Dataset("mine")
    assert open_dataset("mine") is dataset and answers(dataset) == "ground_truth"
    dataset.add_sample_field("people", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    assert answers(dataset) == "people"
    dataset.add_sample_field("cars", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    with pytest.raises(ValueError, match="people, cars.*'ground_truth'.*--truth"):
        answers(dataset)
    assert answers(dataset, "cars") == "cars"
    with pytest.raises(ValueError, match=r"'filepath' .* holds no detections; take people or cars \(--truth\)"):
        answers(dataset, "filepath")
    dataset.delete_sample_fields(["people", "cars"])
    with pytest.raises(ValueError, match="without answers it is explored with a name of no field"):
        answers(dataset, "filepath")
    assert answers(dataset, "none") == "none"
    with pytest.raises(ValueError, match="name and count apply to data that is imported"):
        open_dataset("mine", count=3)
    with pytest.raises(ValueError, match="--reread takes answers from disk, so name the folder or file"):
        open_dataset("mine", reread=True)
    with pytest.raises(ValueError, match=r"no splits but tags.*match_tags\('val'\)\.clone"):
        open_dataset("mine", split="val")


def test_bad_data_is_said_in_a_sentence(tmp_path):
    from dfine.explore.datasets import open_dataset

    with pytest.raises(FileNotFoundError, match="no file, folder or FiftyOne data set 'nowhere'"):
        open_dataset("nowhere")
    with pytest.raises(ValueError, match="neither pictures nor a data set"):
        open_dataset(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match="neither a COCO .json nor a YOLO .yaml"):
        open_dataset(tmp_path / "a.txt")
    (tmp_path / "bad.json").write_text(json.dumps({"images": []}))
    with pytest.raises(ValueError, match="not a COCO file"):
        open_dataset(tmp_path / "bad.json")
    (tmp_path / "y").mkdir()
    yolo5(tmp_path / "y")
    paint(tmp_path / "p", "a.png")
    with pytest.raises(ValueError, match="no splits to choose from; leave 'val' out"):
        open_dataset(tmp_path / "p", split="val")
    with pytest.raises(FileNotFoundError, match="no split 'test'; it has val"):
        open_dataset(tmp_path / "y", split="test")


@pytest.mark.skipif(not BCCD.is_dir(), reason=NO_BCCD)
def test_the_zero_size_boxes_of_bccd(tmp_path):
    from dfine.explore.datasets import open_dataset

    for kind, end in (("JPEGImages", "jpg"), ("Annotations", "xml")):
        (tmp_path / "BCCD" / kind).mkdir(parents=True)
        for number in ("00337", "00338", "00343"):
            shutil.copy(BCCD / kind / f"BloodImage_{number}.{end}", tmp_path / "BCCD" / kind)
    with pytest.warns(UserWarning, match="2 boxes of zero size were dropped"):
        dataset = open_dataset(tmp_path / "BCCD")
    assert len(dataset) == 3
    sizes = [box[2:] for boxes in dataset.values("ground_truth.detections.bounding_box") for box in boxes]
    assert sizes and all(w > 0 and h > 0 for w, h in sizes)


def test_an_answer_without_a_class_is_refused_before_anything_is_looked_at(fo, tmp_path):
    from dfine.explore.run import Pace, explore
    from tests.explore.worlds import predictor

    paint(tmp_path, "a.png", "b.png")
    bare, named = fo.Detection(bounding_box=[0, 0, 0.5, 0.5]), fo.Detection(label="cat", bounding_box=[0, 0, 0.5, 0.5])
    dataset = fo.Dataset("without-a-class")
    for name, found in (("a.png", [named]), ("b.png", [named.copy(), bare])):
        truth = fo.Detections(detections=found)
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / name), ground_truth=truth))
    model = predictor(("cat", "dog"), queries=10, size=(64, 64))
    with pytest.raises(
        ValueError, match=r"without a class in 'ground_truth': 1 in all, the first in b\.png; give them"
    ):
        explore(dataset, model, pace=Pace(progress=False))
    assert not dataset.has_sample_field("dfine")
