"""What comes out again: reviewed answers with their tags, and pre-labels in three formats."""

import csv
import json

import pytest
from PIL import Image

fiftyone = pytest.importorskip("fiftyone")

from dfine.data.check import check
from dfine.data.sources import open_data
from dfine.explore import datasets, export, fields
from tests.data.test_voc import data_set as voc_set

CATEGORIES = [{"id": 7, "name": "cat", "supercategory": "animal"}, {"id": 90, "name": "dog"}]
IMAGES = [
    {"id": 42, "file_name": "a/one.png", "width": 40, "height": 20, "license": 3},
    {"id": 5, "file_name": "a/two.png", "width": 40, "height": 20},
]
POLYGON = [[1, 1, 9, 1, 9, 6]]
ANNOTATIONS = [
    {
        "id": 11,
        "image_id": 42,
        "category_id": 90,
        "bbox": [1.5, 1.25, 8, 5],
        "area": 20.5,
        "iscrowd": 0,
        "segmentation": POLYGON,
    },
    {"id": 12, "image_id": 42, "category_id": 7, "bbox": [0, 0, 40, 20], "area": 800, "iscrowd": 1},
]


def box(label, rectangle, size=(40, 20), **more):
    x, y, w, h = rectangle
    return fiftyone.Detection(label=label, bounding_box=[x / size[0], y / size[1], w / size[0], h / size[1]], **more)


@pytest.fixture
def folder(tmp_path):
    """A COCO set with sparse category ids, a crowd, a polygon and a folder in the file names."""
    for image in IMAGES:
        path = tmp_path / "set" / "images" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), "teal").save(path)
    content = {"info": {"year": 2017}, "images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES}
    (tmp_path / "set" / "annotations.json").write_text(json.dumps(content))
    return tmp_path / "set"


@pytest.fixture
def dataset(fo, folder):
    """As after exploring: answers with their COCO ids, two predictions in the first picture, one in the second."""
    dataset = fo.Dataset()
    truth = [
        [
            box("dog", ANNOTATIONS[0]["bbox"], coco_id=11, iscrowd=False),
            box("cat", ANNOTATIONS[1]["bbox"], coco_id=12, iscrowd=True),
        ],
        None,
    ]
    found = [
        [box("dog", (1, 1, 8, 5), confidence=0.9, doubt=0.1), box("cat", (20, 10, 5, 5), confidence=0.1, doubt=0.9)],
        [box("cat", (2, 2, 10, 10), confidence=0.7, doubt=0.4)],
    ]
    for image, objects, boxes in zip(IMAGES, truth, found):
        sample = fo.Sample(filepath=str(folder / "images" / image["file_name"]))
        sample["ground_truth"] = objects and fo.Detections(detections=objects)
        sample["dfine"] = fo.Detections(detections=boxes)
        dataset.add_sample(sample)
    dataset.add_dynamic_sample_fields()
    dataset.compute_metadata(progress=False)
    dataset.info[fields.INFO] = {"dfine": dict(layers=3, truth="ground_truth", names=["dog", "", "cat"])}
    dataset.info[fields.SOURCE] = {"kind": "coco", "path": str(folder / "annotations.json")}
    dataset.save()
    yield dataset
    dataset.delete()


@pytest.fixture
def unlabelled(dataset):
    dataset.delete_sample_field("ground_truth")
    return dataset


def content(folder):
    return json.loads((folder / "annotations.json").read_text())


def test_what_nobody_changed_comes_out_as_it_came_in(dataset, folder, tmp_path):
    written = export.reviewed(dataset, tmp_path / "out")
    assert content(written) == content(folder)
    assert len(open_data(written)) == 2  # with its pictures, where training looks for them


def test_tags_and_corrections_come_out(dataset, tmp_path):
    sample = dataset.first()
    sample.tags = ["seen"]
    dog, crowd = sample.ground_truth.detections
    dog.tags, dog.label = ["label error"], "cow"
    crowd.bounding_box = [0, 0, 0.5, 1]
    sample.ground_truth.detections.append(box("cat", (1, 2, 3, 4)))
    sample.dfine.detections[1].tags = ["missing label"]
    sample.save()
    found = content(export.reviewed(dataset, tmp_path / "out"))
    assert found["categories"] == [*CATEGORIES, {"id": 91, "name": "cow"}]
    assert found["images"] == [IMAGES[0] | {"tags": ["seen"]}, IMAGES[1]]
    moved = {"id": 12, "bbox": [0, 0, 20, 20], "area": 400, "image_id": 42, "category_id": 7, "iscrowd": 1}
    added = {"id": 13, "bbox": [1, 2, 3, 4], "area": 12, "image_id": 42, "category_id": 7, "iscrowd": 0}
    assert found["annotations"] == [ANNOTATIONS[0] | {"category_id": 91, "tags": ["label error"]}, moved, added]
    (tagged,) = found["tagged_predictions"]
    assert tagged["tags"] == ["missing label"] and tagged["score"] == 0.1 and tagged["bbox"] == [20, 10, 5, 5]


def test_tags_of_the_file_are_tags_that_can_be_taken_away(fo, folder, tmp_path):
    file = folder / "annotations.json"
    truth = json.loads(file.read_text())
    for image in truth["images"]:
        image["tags"] = ["night", "rain"]
    file.write_text(json.dumps(truth))
    there = datasets.open_dataset(file, name="with tags")
    fields.note(there, "dfine", {"truth": "ground_truth"})
    assert there.count_sample_tags() == {"night": 2, "rain": 2}
    there.untag_samples("rain")
    found = content(export.reviewed(there, tmp_path / "out"))
    there.delete()
    assert [image["tags"] for image in found["images"]] == [["night"]] * 2


def test_what_came_from_elsewhere_gets_ids_of_its_own(dataset, tmp_path):
    dataset.info[fields.SOURCE] = {"kind": "voc", "path": str(tmp_path)}
    found = content(export.reviewed(dataset, tmp_path / "out"))
    assert [(i["id"], i["file_name"]) for i in found["images"]] == [(1, "one.png"), (2, "two.png")]
    assert [c["name"] for c in found["categories"]] == ["cat", "dog"]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in found["annotations"]] == [(1, 1, 2), (2, 1, 1)]


def test_without_answers_there_is_nothing_reviewed(unlabelled, tmp_path):
    with pytest.raises(ValueError, match="has no answers to export"):
        export.reviewed(unlabelled, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pre_labels_as_coco(unlabelled, tmp_path):
    found = content(export.prelabels(unlabelled, tmp_path / "out"))
    assert [(i["id"], i["doubt"]) for i in found["images"]] == [(5, 0.4), (42, 0.1)]
    assert [(a["image_id"], a["category_id"], a["score"]) for a in found["annotations"]] == [(5, 7, 0.7), (42, 90, 0.9)]
    assert len(open_data(tmp_path / "out")) == 2


def test_a_persons_tag_leaves_no_picture_out(unlabelled, tmp_path):
    unlabelled.set_values("dfine_run", ["a run"] * 2)  # both could be read
    unlabelled.limit(1).tag_samples(fields.UNREADABLE)
    assert len(content(export.prelabels(unlabelled, tmp_path / "out"))["images"]) == 2
    unlabelled.set_values("dfine_run", [None, "a run"])
    assert len(content(export.prelabels(unlabelled, tmp_path / "again"))["images"]) == 1


@pytest.mark.parametrize("form, text", [("yolo", "1 0.175000 0.350000 0.250000 0.500000"), ("voc", "<name>cat</name>")])
def test_pre_labels_in_the_other_formats(unlabelled, tmp_path, form, text):
    written = export.prelabels(unlabelled, tmp_path / "out", form)
    labels = {p.stem: p.read_text() for p in written.rglob("two.*") if p.suffix in (".txt", ".xml")}
    assert text in labels["two"]
    assert len(list(written.rglob("*.png"))) == 2
    with (written / "order.csv").open() as file:
        rows = list(csv.DictReader(file))
    where = {"yolo": "images/train", "voc": "JPEGImages"}[form]
    assert [(r["rank"], r["picture"], r["boxes"], r["doubt"]) for r in rows] == [
        ("1", f"{where}/two.png", "1", "0.4"),
        ("2", f"{where}/one.png", "1", "0.1"),
    ]
    assert str(tmp_path) not in "".join(labels.values())  # nothing of where it was drafted


@pytest.mark.parametrize("form", export.FORMATS)
@pytest.mark.parametrize("twin", ["one.png", "one.jpg", "two.png"])
def test_pre_labels_are_a_data_set_to_train_on(unlabelled, tmp_path, form, twin):
    """With a third picture elsewhere, whose name may be that of another."""
    path = tmp_path / "set" / "images" / "b" / twin
    path.parent.mkdir()
    Image.effect_noise((40, 20), 90).convert("RGB").save(path)
    sample = fiftyone.Sample(filepath=str(path))
    sample["dfine"] = fiftyone.Detections(detections=[box("dog", (3, 3, 9, 9), confidence=0.8, doubt=0.4)])
    unlabelled.add_sample(sample)
    unlabelled.compute_metadata(progress=False)
    if (form, twin) == ("voc", "one.jpg"):
        with pytest.raises(ValueError, match="would have one file of answers in VOC; rename one, or write COCO"):
            export.prelabels(unlabelled, tmp_path / "out", form)
        assert not (tmp_path / "out").exists()
        return
    written = export.prelabels(unlabelled, tmp_path / "out", form)
    report = check(written, progress=False)
    (split,) = report.parts
    assert split == ("train" if form == "yolo" else "all")
    assert (report.parts[split].pictures, report.parts[split].objects) == (3, 3)
    assert {k: v for k, v in report.parts[split].classes.items() if v} == {"dog": 2, "cat": 1}
    assert not report.findings
    with (written / "order.csv").open() as file:
        rows = {r["picture"]: float(r["doubt"]) for r in csv.DictReader(file)}
    assert sorted(rows.values()) == [0.1, 0.4, 0.4]
    (surest,) = (name for name, doubt in rows.items() if doubt == 0.1)
    assert (written / surest).read_bytes() == (tmp_path / "set" / "images" / "a" / "one.png").read_bytes()
    assert all((written / name).is_file() for name in rows)


def test_a_picture_without_boxes_comes_last(unlabelled, tmp_path):
    export.prelabels(unlabelled, tmp_path / "out", threshold=0.8)
    rows = (tmp_path / "out" / "order.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0::2] for row in rows] == [["1", "1"], ["2", "0"]]


def test_an_empty_picture_of_an_annotated_set_is_no_gap(dataset, tmp_path):
    with pytest.raises(ValueError, match="every picture of .* has answers"):
        export.prelabels(dataset, tmp_path / "out")
    dataset.info[fields.SOURCE] = {}
    (image,) = content(export.prelabels(dataset, tmp_path / "out"))["images"]
    assert image["file_name"] == "two.png"


def test_bad_input(unlabelled, tmp_path):
    with pytest.raises(ValueError, match="coco, yolo, voc, not as 'csv'"):
        export.prelabels(unlabelled, tmp_path / "out", "csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(FileExistsError, match="is not an empty folder"):
        export.prelabels(unlabelled, tmp_path / "full")


def test_nothing_half_written(unlabelled, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(export, "_order", fail)
    with pytest.raises(OSError, match="the disk is full"):
        export.prelabels(unlabelled, tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_voc_says_of_its_objects_comes_out_again(fo, tmp_path):
    folder = voc_set(tmp_path / "voc", {"a": [("cup", 0, 1, 1, 9, 9), ("cup", 0, 10, 1, 19, 9)]})
    file = folder / "Annotations" / "a.xml"
    file.write_text(
        file.read_text().replace("<difficult>0", "<pose>Left</pose><truncated>1</truncated><difficult>0", 1)
    )
    dataset = datasets.open_dataset(folder, name="voc-out")
    dataset.info[fields.INFO] = {"dfine": dict(layers=3, truth="ground_truth", names=["cup"])}
    dataset.save()
    export.reviewed(dataset, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "annotations.json").read_text())["annotations"]
    assert [a.get("attributes") for a in written] == [{"truncated": 1, "pose": "Left"}, None]
