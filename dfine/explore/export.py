"""Writing an explored data set: reviewed answers as COCO with a person's tags, or detections as pre-labels to correct.

Folders appear only once everything is in them.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import fiftyone as fo
import fiftyone.core.utils as fou
from fiftyone import ViewField as F

from dfine.explore import datasets, fields
from dfine.explore.coco_writer import CocoWriter
from dfine.explore.suspect_review import accepted, corrected
from dfine.explore.views import SHOWN
from dfine.files import drafted

FORMATS = ("coco", "yolo", "voc")
MORE = "; pictures without any are those of a folder of pictures, or added in Python (dataset.add_images_dir)"
_EXPORTS = {
    "yolo": dict(dataset_type=fo.types.YOLOv5Dataset, split="train", include_path=False),
    "voc": dict(
        dataset_type=fo.types.VOCDetectionDataset,
        data_path="JPEGImages",
        labels_path="Annotations",
        include_paths=False,
        extra_attrs=False,
    ),
}
_PICTURES = {"yolo": "images/train", "voc": "JPEGImages"}  # where they put the pictures


def reviewed(dataset: fo.Dataset, folder: str | Path, field: str = fields.FIELD) -> Path:
    """Write the true objects as a person left them, to `annotations.json` beside `images/`.

    The suspects that were accepted (`dfine.explore.suspect_review`) are put right in what is written.

    Where the data came from a COCO file, image entries, category ids and annotations keep all that the file said, but
    the outline (`segmentation`) of what has another box now; annotations that nobody changed are the file's own. Of
    several files, one a split, ids that an earlier one has become new ones, and the first `info` stands. Tags stand in
    `tags` of an image or annotation. Predictions that carry a tag ("missing label", say) stand under
    `tagged_predictions`, with their scores.

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
    writer = CocoWriter(dataset, datasets.classes(dataset, truth))
    wanted = [f for f in (truth, field, fields.suspects_field(field)) if dataset.has_sample_field(f)]
    for sample in dataset.select_fields(wanted).iter_samples():
        image = writer.picture(sample)
        if image is None:
            continue
        for label in corrected(_labels(sample, truth), accepted(sample, field)):
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
    view = without_answers(dataset, fields.about(dataset, field)["truth"])
    if not len(view):
        raise ValueError(f"every picture of {dataset.name!r} has answers, so there is nothing to pre-label{MORE}")
    unread = F("tags").contains(fields.UNREADABLE) & ~F(fields.run_field(field)).exists()  # else a person's own tag
    view = view.match(~unread)  # which was said when they were looked at
    if not len(view):
        raise ValueError(
            f"no picture without answers of {dataset.name!r} can be read, so there is nothing to pre-label"
        )
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


def without_answers(dataset: fo.Dataset, truth: str) -> fo.DatasetView:
    """The pictures that nobody has labelled, by the field of the answers.

    Of a data set read from annotations they are those that were added to it later: empty is an answer there. An earlier
    version wrote it as none, so that they cannot be told apart in what it read.
    """
    info = dataset.info or {}
    if not dataset.has_sample_field(truth):
        return dataset.view()
    alike = info.get(fields.SOURCE, {}).get("kind", "folder") != "folder" and not info.get(fields.TAGS)
    return dataset.limit(0) if alike else dataset.match(~F(truth).exists())


def _names(dataset: fo.Dataset, field: str) -> list[str]:
    """The classes that the model in `field` can report."""
    return [name for name in fields.about(dataset, field)["names"] if name]


def _found(dataset: fo.Dataset, view: fo.DatasetView, field: str) -> CocoWriter:
    """The predictions of a view as annotations."""
    writer = CocoWriter(dataset, _names(dataset, field))
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
