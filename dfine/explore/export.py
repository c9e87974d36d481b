"""A data set out again: reviewed, as COCO with the tags that a person set, or found alone, as pre-labels to correct.

Folders appear only once everything is in them.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import fiftyone as fo
import fiftyone.core.utils as fou
from fiftyone import ViewField as F

from dfine.data.coco_layout import open_file
from dfine.data.folders import content
from dfine.explore import datasets, fields
from dfine.explore.views import SHOWN
from dfine.files import drafted

FORMATS = ("coco", "yolo", "voc")
SAME = 0.01  # pixels by which a box may differ from the one it was read from and still be that one
_EXPORTS = {
    "yolo": dict(dataset_type=fo.types.YOLOv5Dataset, split="train", include_path=False),
    "voc": dict(
        dataset_type=fo.types.VOCDetectionDataset, data_path="JPEGImages", labels_path="Annotations",
        include_paths=False, extra_attrs=False,
    ),
}  # fmt: skip
_PICTURES = {"yolo": "images/train", "voc": "JPEGImages"}  # where they put the pictures


def reviewed(dataset: fo.Dataset, folder: str | Path, field: str = fields.FIELD) -> Path:
    """Write the true objects as a person left them, to `annotations.json` beside `images/`.

    Where the data came from a COCO file, image entries, category ids and annotations keep all that the file said;
    annotations that nobody changed are the file's own. Tags stand in `tags` of an image or annotation. Predictions that
    carry a tag ("missing label", say) stand under `tagged_predictions`, with their scores.

    Args:
        dataset: explored, or any with true objects in the field that the run in `field` names.
        folder: does not exist yet, or is empty.
        field: the prediction field.

    Returns:
        The folder.

    Raises:
        ValueError: there are no true objects.
        FileExistsError: the folder holds something, or is a file.
    """
    truth = fields.about(dataset, field)["truth"]
    if not dataset.has_sample_field(truth):
        raise ValueError(f"the data set {dataset.name!r} has no answers to export; its pre-labels come out instead")
    writer = _Coco(dataset, datasets.classes(dataset, truth))
    for sample in dataset.select_fields([truth, field]).iter_samples():
        image = writer.picture(sample)
        for label in _labels(sample, truth):
            writer.annotations.append(writer.annotation(label, image))
        for label in _labels(sample, field):
            if label.tags:
                writer.tagged.append(writer.prediction(label, image))
    with drafted(folder) as draft:
        writer.write(draft)
    return Path(folder)


def prelabels(
    dataset: fo.Dataset, folder: str | Path, form: str = "coco", *, field: str = fields.FIELD, threshold: float = SHOWN
) -> Path:
    """Write what was found in the pictures without answers, to be corrected by a person, the most doubtful first.

    `order.csv` lists the pictures in that order: by the doubt of the least certain edge among their boxes; pictures in
    which nothing was found come last. COCO lists its images in the same order, each with its `doubt`; in YOLO they are
    the training split. Each of the three is a data set that training reads.

    Args:
        dataset: explored.
        folder: does not exist yet, or is empty.
        form: "coco" (with scores), "yolo" or "voc" (by FiftyOne's exporters).
        field: the prediction field.
        threshold: lowest score of a box that is written.

    Raises:
        ValueError: an unknown format, every picture has answers, or VOC has one name for the answers of two pictures.
        FileExistsError: the folder holds something, or is a file.
    """
    if form not in FORMATS:
        raise ValueError(f"pre-labels are written as {', '.join(FORMATS)}, not as {form!r}")
    view = without_answers(dataset, field)
    if not len(view):
        raise ValueError(f"every picture of {dataset.name!r} has answers, so there is nothing to pre-label")
    boxes = F(f"{field}.detections")
    view = view.filter_labels(field, F("confidence") >= threshold, only_matches=False)
    view = view.sort_by(boxes.map(F("doubt")).max(), reverse=True)
    view = view.select(view.values("id"), ordered=True)  # equal doubts in one order, however often it is asked for
    with drafted(folder) as draft:
        if form == "coco":
            writer = _found(dataset, view, field)
            writer.write(draft)
            places = {path: f"images/{name}" for name, path in writer.files.items()}
        else:
            places = _places(view.values("filepath"), form)
            options = _EXPORTS[form] | ({"classes": _names(dataset, field)} if form == "yolo" else {})
            view.export(export_dir=str(draft), label_field=field, overwrite=True, progress=False, **options)
        _order(view, field, places, draft / "order.csv")
    return Path(folder)


def without_answers(dataset: fo.Dataset, field: str = fields.FIELD) -> fo.DatasetView:
    """The pictures that nobody has labelled: none of a data set read from annotations, where empty is an answer."""
    truth, source = fields.about(dataset, field)["truth"], (dataset.info or {}).get(fields.SOURCE, {})
    if not dataset.has_sample_field(truth):
        return dataset.view()
    return dataset.limit(0) if source.get("kind", "folder") != "folder" else dataset.match(~F(truth).exists())


def _names(dataset: fo.Dataset, field: str) -> list[str]:
    """The classes that the model in `field` can report."""
    return [name for name in fields.about(dataset, field)["names"] if name]


class _Coco:
    """A COCO file in the making."""

    def __init__(self, dataset: fo.Dataset, names: list[str]):
        """`names` become categories, after those of the file the data came from."""
        self.given = _given(dataset)
        self.root = Path(os.path.commonpath([os.path.dirname(p) for p in dataset.values("filepath")] or ["."]))
        self.categories = [dict(c) for c in self.given.get("categories", [])]
        self._ids = {c["name"]: c["id"] for c in self.categories}
        for name in names:
            self._category(name)
        self._images = {i["file_name"]: i for i in self.given.get("images", [])}
        self._read = {a["id"]: a for a in self.given.get("annotations", [])}
        self._taken = set(self._read)
        self._used: set[int] = set()
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.tagged: list[dict] = []
        self.files: dict[str, str] = {}  # file name -> where it lies

    def picture(self, sample, **more) -> dict:
        """Add the entry of a sample."""
        name = self._name(sample.filepath)
        given = self._images.get(name, {})
        if sample.metadata is None or not getattr(sample.metadata, "width", None):
            sample.compute_metadata()
        size = dict(width=sample.metadata.width, height=sample.metadata.height)
        first = max((i["id"] for i in self._images.values()), default=0)
        entry = {"id": first + len(self.images) + 1, "file_name": name, **size} | given | more
        if sample.tags:
            entry["tags"] = list(sample.tags)
        self.images.append(entry)
        self.files[name] = sample.filepath
        return entry

    def annotation(self, label: fo.Detection, image: dict) -> dict:
        """A true object: as it was read, where it still is, with its class and tags of today."""
        mine = label.get_attribute_value("coco_id", None)
        read = self._read.get(mine, {}) if mine not in self._used else {}
        bbox = _pixels(label, image)
        entry = {"id": read["id"] if read else self._new_id()}
        self._used.add(entry["id"])
        if read and max(abs(a - b) for a, b in zip(read["bbox"], bbox)) < SAME:
            entry |= read
        else:
            entry |= {"bbox": bbox, "area": round(bbox[2] * bbox[3], 2)}
        entry |= {"image_id": image["id"], "category_id": self._category(label.label)}
        entry["iscrowd"] = int(bool(label.get_attribute_value("iscrowd", False)))
        entry.pop("tags", None)
        return entry | ({"tags": list(label.tags)} if label.tags else {})

    def prediction(self, label: fo.Detection, image: dict) -> dict:
        """What was found, with its score."""
        bbox = _pixels(label, image)
        entry = {"image_id": image["id"], "category_id": self._category(label.label), "bbox": bbox}
        entry |= {"area": round(bbox[2] * bbox[3], 2), "iscrowd": 0, "score": label.confidence}
        return entry | ({"tags": list(label.tags)} if label.tags else {})

    def write(self, folder: Path) -> None:
        """`annotations.json`, and the pictures under `images/`: hard links where the disk allows them, else copies."""
        said = {k: v for k, v in self.given.items() if k in ("info", "licenses")}
        said |= {"images": self.images, "annotations": self.annotations, "categories": self.categories}
        if self.tagged:
            said["tagged_predictions"] = self.tagged
        (folder / "annotations.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        for name, source in self.files.items():
            target = folder / "images" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copy2(source, target)

    def _name(self, path: str) -> str:
        """The picture's name as it was given, else its place under the folder that all pictures share."""
        parts = Path(path).parts
        tails = ("/".join(parts[-n:]) for n in range(1, len(parts)))
        given = next((tail for tail in tails if tail in self._images), None)
        return given or Path(path).relative_to(self.root).as_posix()

    def _category(self, name: str) -> int:
        """The id of a class; one that is new gets the next."""
        if name not in self._ids:
            self._ids[name] = max(self._ids.values(), default=0) + 1
            self.categories.append({"id": self._ids[name], "name": name})
        return self._ids[name]

    def _new_id(self) -> int:
        self._taken.add(max(self._taken, default=0) + 1)
        return max(self._taken)


def _found(dataset: fo.Dataset, view: fo.DatasetView, field: str) -> _Coco:
    """The predictions of a view as annotations."""
    writer = _Coco(dataset, _names(dataset, field))
    for sample in view.select_fields(field).iter_samples():
        found = _labels(sample, field)
        image = writer.picture(sample, doubt=_doubt(found))
        for label in found:
            writer.annotations.append({"id": len(writer.annotations) + 1, **writer.prediction(label, image)})
    return writer


def _places(paths: list[str], form: str) -> dict[str, str]:
    """Where FiftyOne's exporter puts pictures: in one folder, with a number where a name was there before."""
    maker = fou.UniqueFilenameMaker(ignore_exts=form == "yolo", ignore_existing=True)
    places = {path: f"{_PICTURES[form]}/{maker.get_output_path(path)}" for path in paths}
    stems: dict[str, str] = {}
    for path, place in places.items():
        other = stems.setdefault(os.path.splitext(place)[0], path)
        if other != path:
            raise ValueError(f"{other} and {path} would have one file of answers in VOC; rename one, or write COCO")
    return places


def _order(view: fo.DatasetView, field: str, places: dict[str, str], path: Path) -> None:
    """The pictures as a person should take them, by their places in the folder."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["rank", "picture", "boxes", "doubt"])
        for rank, sample in enumerate(view.select_fields(field).iter_samples(), 1):
            found = _labels(sample, field)
            rows.writerow([rank, places[sample.filepath], len(found), _doubt(found)])


def _doubt(found: list[fo.Detection]) -> float | None:
    """Of a picture: that of its least certain edge, relative to its box."""
    return max((label["doubt"] for label in found), default=None)


def _labels(sample, field: str) -> list[fo.Detection]:
    value = sample[field] if sample.has_field(field) else None
    return list(value.detections) if value is not None else []


def _pixels(label: fo.Detection, image: dict) -> list[float]:
    """x, y, width and height in pixels."""
    sides = (image["width"], image["height"]) * 2
    return [round(v * side, 3) for v, side in zip(label.bounding_box, sides)]


def _given(dataset: fo.Dataset) -> dict:
    """The COCO file that a data set was read from, as it was read; empty where there is none (any more)."""
    source = (dataset.info or {}).get(fields.SOURCE, {})
    path = Path(source.get("path", ""))
    if path.suffix != ".json" or not path.is_file():
        return {}
    said = {k: v for k, v in content(path).items() if k in ("info", "licenses")}
    return said | open_file(path, lambda message, **about: None).ground_truth()
