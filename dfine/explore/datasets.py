"""Anything that holds pictures as a FiftyOne data set: COCO JSON, YOLO, VOC, scenes, a folder, or a data set by name.

Answers are read by FiftyOne's own importers. Opening the same data again finds the same data set; pictures that are new
on disk are added, and what a person changed stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import asdict
from pathlib import Path

import fiftyone as fo
import fiftyone.utils.coco as fouc
import fiftyone.utils.voc as fouv
import fiftyone.utils.yolo as fouy
from fiftyone import ViewField as F

from dfine.data.coco import CocoSet
from dfine.data.scenes.composition import DIALS
from dfine.explore import fields
from dfine.explore.sources import SCENES, Source, coco_set, pictures, recognise, splits, voc_folders

SCENE_COUNT = 500
SCENE_SIDE = 640  # pixels


def open_dataset(
    data: str | os.PathLike,
    *,
    name: str | None = None,
    split: str | None = None,
    count: int | None = None,
    seed: int = 0,
    truth: str = fields.TRUTH,
) -> fo.Dataset:
    """The persistent FiftyOne data set of `data`, with its answers in the field `truth`.

    Understood are a COCO JSON file or a folder around one (see `dfine.data.coco.find`), a YOLO v5 `.yaml` or the folder
    that holds it, a YOLO v4 folder with `obj.names`, a VOC folder with `Annotations/` and `JPEGImages/` (or `labels/`
    and `data/`), "scenes", the name of a FiftyOne data set, and a folder of pictures without answers. What exists on
    disk goes before a name. Boxes of zero size are dropped with a warning; FiftyOne data sets are taken as they are.
    Images in COCO that carry the `dials` of scenes get them as fields, and `hard`.

    Args:
        data: one of these.
        name: of the FiftyOne data set; by default made from the data's own.
        split: which split, where the data has several; of YOLO v5 all are taken by default, tagged by their name.
        count: how many pictures at most; of scenes how many to draw, by default 500.
        seed: of the scenes.
        truth: the field for the answers; of a FiftyOne data set the one that has them.

    Raises:
        FileNotFoundError: there is no such file, folder or data set.
        ValueError: the data cannot be understood, or `name` is the name of other data.
    """
    if str(data) == SCENES:
        return _scenes(count or SCENE_COUNT, seed, name, truth)
    path = Path(data).expanduser()
    if not path.exists():
        if fo.dataset_exists(str(data)):
            return _stored(str(data), name, count)
        raise FileNotFoundError(
            f"there is no file, folder or FiftyOne data set {str(data)!r}; data is a COCO .json, a folder (COCO, YOLO, "
            "VOC, or just pictures), the name of a FiftyOne data set, or 'scenes'"
        )
    return _imported(recognise(path.absolute(), split), name, count, truth)


def classes(dataset: fo.Dataset, truth: str = fields.TRUTH) -> list[str]:
    """The classes of a data set's answers: those declared, and those that occur. None where there are no answers."""
    if not dataset.has_sample_field(truth):
        return []
    declared = dataset.classes.get(truth) or dataset.default_classes
    return list(dict.fromkeys([*declared, *dataset.distinct(f"{truth}.detections.label")]))


def answers(dataset: fo.Dataset, truth: str = fields.TRUTH) -> str:
    """The field of a data set's answers: `truth`, or else the only field of detections that is not a model's of ours.

    Raises:
        ValueError: there are several fields of detections, and none is called `truth`; or `truth` holds something else.
    """
    found = [n for n, f in dataset.get_field_schema().items() if getattr(f, "document_type", None) is fo.Detections]
    if truth in found:
        return truth
    if dataset.has_sample_field(truth):
        raise ValueError(
            f"the field {truth!r} of {dataset.name!r} holds no detections; name the one that holds the answers"
        )
    ours = {
        fields.field_of(field, stage, info["layers"])
        for field, info in dataset.info.get(fields.INFO, {}).items()
        for stage in fields.stages(info["layers"])
    }
    others = [n for n in found if n not in ours]
    if len(others) > 1:
        raise ValueError(
            f"the data set {dataset.name!r} has detections in {', '.join(others)}, but no field {truth!r}: say which "
            "holds the answers"
        )
    return others[0] if others else truth


def _stored(data: str, name: str | None, count: int | None) -> fo.Dataset:
    """A data set that FiftyOne has already."""
    if name not in (None, data) or count is not None:
        raise ValueError(f"{data!r} is a FiftyOne data set already: name and count apply to data that is imported")
    dataset = fo.load_dataset(data)
    if dataset.media_type not in (None, "image"):
        raise ValueError(f"the data set {data!r} holds {dataset.media_type} samples; only pictures can be explored")
    return dataset


def _imported(source: Source, name: str | None, count: int | None, truth: str) -> fo.Dataset:
    """The data set of a source, new or found again, with all its pictures."""
    dataset = _dataset(source, name)
    if source.kind == "folder":
        known = set(dataset.values("filepath"))
        new = [str(f) for f in list(pictures(Path(source.path)))[:count] if str(f) not in known]
        dataset.add_samples([fo.Sample(filepath=f) for f in new], progress=False)
    elif source.kind in ("coco", SCENES):
        _add_coco(dataset, Path(source.path), count, truth)
    else:
        for split, importer in _importers(source, count):
            _merge(dataset, importer, truth, [split] if split else [])
    _drop_empty(dataset, source, truth)
    return dataset


def _dataset(source: Source, name: str | None) -> fo.Dataset:
    """The data set that holds `source`, made if there is none yet."""
    for known in [name] if name else fo.list_datasets(info=False):
        if fo.dataset_exists(known):
            dataset = fo.load_dataset(known)
            if source.same(dataset.info.get(fields.SOURCE, {})):
                return dataset
            if name:
                raise ValueError(f"there is a FiftyOne data set {name!r} of other data already; choose another name")
    wanted = name or source.name or source.kind
    if fo.dataset_exists(wanted):
        wanted = f"{wanted}-{hashlib.sha256(repr(source).encode()).hexdigest()[:6]}"
    dataset = fo.Dataset(wanted, persistent=True)
    dataset.info[fields.SOURCE] = asdict(source)
    dataset.save()
    return dataset


def _add_coco(dataset: fo.Dataset, file: Path, count: int | None, truth: str) -> None:
    """Add the first `count` pictures of a COCO file that are not there yet, and the dials of those that are scenes."""
    content = coco_set(file)
    images = content.ground_truth()["images"][:count]
    paths = {i["file_name"]: os.path.abspath(content.folder / i["file_name"]) for i in images}
    known = set(dataset.values("filepath"))
    new = [i["id"] for i in images if paths[i["file_name"]] not in known]
    if new:
        _add_new(dataset, file, content, paths, new, truth)
    _add_dials(dataset, {paths[i["file_name"]]: i["dials"] for i in images if _dialled(i)})


def _add_new(dataset: fo.Dataset, file: Path, content: CocoSet, paths: dict[str, str], new: list[int], truth: str):
    """Add the pictures of some ids; crowds become booleans."""
    importer = fouc.COCODetectionDatasetImporter(
        data_path=paths, labels_path=str(file), label_types="detections", image_ids=new, include_annotation_id=True
    )
    added = dataset.select(dataset.add_importer(importer, label_field=truth, progress=False))
    dataset.classes[truth] = list(content.names)
    dataset.save()
    if dataset.has_sample_field(truth):
        ids, crowds = added.values(["id", f"{truth}.detections.iscrowd"])
        as_booleans = {i: [bool(c) for c in cs] for i, cs in zip(ids, crowds) if cs}
        dataset.set_values(f"{truth}.detections.iscrowd", as_booleans, key_field="id")


def _dialled(image: dict) -> bool:
    """Whether an image's entry has the dials of a scene."""
    dials = image.get("dials")
    return isinstance(dials, dict) and all(isinstance(dials.get(d), (int, float)) for d in DIALS)


def _add_dials(dataset: fo.Dataset, dials: dict[str, dict]) -> None:
    """The dials of scenes, by their files, as fields, and whether any is above 0 as `hard`, where that is not there."""
    lacking = dataset.exists("hard", False) if dataset.has_sample_field("hard") else dataset
    dials = {path: dials[path] for path in lacking.values("filepath") if path in dials}
    if dials:
        for dial in DIALS:
            dataset.set_values(dial, {path: float(d[dial]) for path, d in dials.items()}, key_field="filepath")
        hard = {path: any(d[dial] > 0 for dial in DIALS) for path, d in dials.items()}
        dataset.set_values("hard", hard, key_field="filepath")


def _importers(source: Source, count: int | None):
    """(split, importer) of every part of VOC and YOLO data."""
    path, few = Path(source.path), {"max_samples": count, "include_all_data": True}
    if source.kind == "voc":
        images, labels = voc_folders(path)
        yield "", fouv.VOCDetectionDatasetImporter(data_path=str(images), labels_path=str(labels), **few)
    elif source.kind == "yolo4":
        yield "", fouy.YOLOv4DatasetImporter(dataset_dir=str(path), **few)
    else:
        there = splits(path)
        wanted = [s for s in there if source.split in ("", s)]
        if not wanted:
            raise ValueError(f"{path} has no split {source.split!r}; it has {', '.join(there)}")
        for s in wanted:
            yield s, fouy.YOLOv5DatasetImporter(yaml_path=str(path), split=s, **few)


def _merge(dataset: fo.Dataset, importer, truth: str, tags: list[str]) -> None:
    """Add the pictures of an importer that the data set does not have yet."""
    options = {"label_field": truth, "tags": tags, "progress": False}
    if len(dataset):
        dataset.merge_importer(importer, key_field="filepath", skip_existing=True, **options)
    else:
        dataset.add_importer(importer, **options)
    if dataset.info.get("classes"):
        dataset.classes[truth] = list(dataset.info["classes"])
        dataset.save()


def _drop_empty(dataset: fo.Dataset, source: Source, truth: str) -> None:
    """Drop boxes that have no extent inside their picture, with a warning that counts them."""
    if not dataset.has_sample_field(truth):
        return
    x, y, w, h = (F("bounding_box")[i] for i in range(4))
    outside = (x >= 1) | (y >= 1) | (x + w <= 0) | (y + h <= 0)
    empty = dataset.filter_labels(truth, (w <= 0) | (h <= 0) | outside)
    dropped = empty.count(f"{truth}.detections")
    if dropped:
        dataset.delete_labels(view=empty, fields=truth)
        what = "1 box of zero size was" if dropped == 1 else f"{dropped} boxes of zero size were"
        warnings.warn(f"{what} dropped from {source.path}", stacklevel=4)


def _scenes(count: int, seed: int, name: str | None, truth: str) -> fo.Dataset:
    """The first `count` scenes of a seed, drawn where they are not there yet."""
    from dfine.data.scenes import write

    home = f"scenes-{count}-seed-{seed}"
    folder = Path(fo.config.default_dataset_dir) / "dfine-scenes" / home
    if not (folder / "annotations.json").is_file():
        write(folder, count, seed=seed, size=(SCENE_SIDE, SCENE_SIDE))
    return _imported(Source(SCENES, str(folder / "annotations.json"), "", home), name, None, truth)
