"""The data sets that detectors are published on: what their files are, where to get them, and how to prepare them.

Nothing is downloaded: the files are large, and some require registration. A recipe looks for the files, says which are
missing and where to get them, and writes what training needs beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from dfine.data import texts, voc
from dfine.data.coco import CocoSet, read_json
from dfine.data.coco_layout import open_file
from dfine.files import drafted, replacing, require_empty
from dfine.paths import as_json, at_home

HELD_OUT = 5000  # validation pictures of Objects365 that stay there; the published checkpoints train on the others
LONGEST = 640  # pixels that the published preparation resizes the longer side of Objects365's pictures to
QUALITY = 95  # of their JPEG files
YEARS = {"train": (("2007", "trainval"), ("2012", "trainval")), "val": (("2007", "test"),)}  # of VOC, as is usual


@dataclass(frozen=True)
class Recipe:
    """One data set. A name in `files` that ends in a slash is a folder with something in it."""

    title: str
    where: str  # where to get the files
    files: tuple[str, ...]  # relative to the data set's folder
    prepare: Callable[[Path], list[str]] | None = None  # writes what training needs, and says what it wrote

    def missing(self, folder: Path) -> list[str]:
        """The files that are not there."""
        paths = {name: folder / name for name in self.files}
        return [n for n, p in paths.items() if not (any(p.iterdir()) if p.is_dir() else p.is_file())]


def follow(name: str, folder: str | Path) -> list[str]:
    """Check the files of a data set, and prepare them.

    Args:
        name: a key of `RECIPES`.
        folder: where the files lie.

    Returns:
        What was written, and what to train on, a sentence each.

    Raises:
        ValueError: there is no such recipe.
        FileNotFoundError: files are missing; the message names them and says where to get them.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(RECIPES)}")
    recipe, folder = RECIPES[name], at_home(folder)
    missing = recipe.missing(folder)
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)} of {recipe.title}; get them {recipe.where}")
    return [*(recipe.prepare(folder) if recipe.prepare else ()), f"train with --data {folder}"]


def objects365(folder: Path) -> list[str]:
    """`annotations/instances_{train,val}.json` of Objects365 v2, as published: all but 5000 of validation train, too.

    Follows the published `remap_obj365.py` in what it does: the first 5000 pictures of the validation list stay. File
    names are made relative to the folder, so that no picture is moved.
    """
    said = []
    train, val = (read_json(folder / f"annotations/zhiyuan_objv2_{split}.json") for split in ("train", "val"))
    for split, content in (("train", train), ("val", val)):
        for image in content["images"]:
            image["file_name"] = f"{split}/" + "/".join(image["file_name"].split("/")[-2:])  # …/patch0/a.jpg
    kept, moved = val["images"][:HELD_OUT], val["images"][HELD_OUT:]
    last_image = max((i["id"] for i in train["images"]), default=0)
    last = max((a["id"] for a in train["annotations"]), default=0)
    new = {image["id"]: last_image + n for n, image in enumerate(moved, 1)}
    stays = {image["id"] for image in kept}
    train["images"] += [image | {"id": new[image["id"]]} for image in moved]
    others = [a for a in val["annotations"] if a["image_id"] in new]
    train["annotations"] += [a | {"id": last + n, "image_id": new[a["image_id"]]} for n, a in enumerate(others, 1)]
    val |= {"images": kept, "annotations": [a for a in val["annotations"] if a["image_id"] in stays]}
    for split, content in (("train", train), ("val", val)):
        said.append(_write(folder / f"annotations/instances_{split}.json", content))
    return said


def crowdhuman(folder: Path) -> list[str]:
    """`annotations/instances_{train,val}.json` of CrowdHuman: whole bodies, seen or not; what to ignore is a crowd."""
    said = []
    for split in ("train", "val"):
        images, annotations = [], []
        source = folder / f"annotation_{split}.odgt"
        for number, line in tqdm(texts.numbered(source).items(), f"crowdhuman {split}", leave=False):
            try:
                name, boxes = _bodies(line)
            except (ValueError, KeyError, TypeError, AttributeError):
                said = f"line {number + 1} of {source} is no entry of CrowdHuman; unpack or download the file again"
                raise ValueError(said) from None
            path = folder / "Images" / f"{name}.jpg"
            if not path.is_file():
                raise FileNotFoundError(f"the picture {path} of annotation_{split}.odgt is not there")
            with Image.open(path) as picture:
                width, height = picture.size
            images.append({"id": len(images) + 1, "file_name": f"Images/{path.name}", "width": width, "height": height})
            for ignored, x, y, w, h in boxes:
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": len(images), "category_id": 1, "bbox": [x, y, w, h]}
                    | {"area": w * h, "iscrowd": int(ignored)}
                )
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        said.append(_write(folder / f"annotations/instances_{split}.json", content))
    return said


def _bodies(line: str) -> tuple[str, list[tuple]]:
    """The picture's name of a line of CrowdHuman, and of every box whether it is to be ignored, and x, y, w, h."""
    entry, boxes = json.loads(line), []
    for thing in entry["gtboxes"]:
        x, y, w, h = thing["fbox"]
        ignored = thing["tag"] != "person" or bool(thing.get("extra", {}).get("ignore", 0))
        boxes.append((ignored, x, y, w, h))
    return entry["ID"], boxes


def pascal(folder: Path) -> list[str]:
    """`annotations/instances_{train,val}.json` of VOC: both trainval of 2007 and 2012 to train on, the test of 2007."""
    said = []
    for split, parts in YEARS.items():
        images, annotations, categories = [], [], []
        for year, part in parts:
            data = voc.read(folder / f"VOC{year}", part)
            truth, first = data.ground_truth(), len(images)
            if categories and truth["categories"] != categories:
                raise ValueError(f"VOC{year} has other classes than the year before: {', '.join(data.names)}")
            categories = truth["categories"]
            images += [
                image | {"id": first + n, "file_name": f"VOC{year}/JPEGImages/{image['file_name']}"}
                for n, image in enumerate(truth["images"], 1)
            ]
            place = {image["id"]: first + n for n, image in enumerate(truth["images"], 1)}
            for a in truth["annotations"]:
                a = {k: v for k, v in a.items() if k != "where"}
                annotations.append(a | {"id": len(annotations) + 1, "image_id": place[a["image_id"]]})
        content = {"images": images, "annotations": annotations, "categories": categories}
        said.append(_write(folder / f"annotations/instances_{split}.json", content))
    return said


def shrink(
    source: str | Path | CocoSet, out: str | Path, longest: int = LONGEST, progress: bool = True, quality: int = QUALITY
) -> Path:
    """A COCO-format split with its pictures resized, boxes and all, to a longer side of at most `longest` pixels.

    What is smaller keeps its size. As published for Objects365 (`resize_obj365.py`), so that reading keeps up. Polygons
    and keypoints shrink with the boxes; masks of run lengths, which have the old size, are left out.

    Args:
        source: a COCO JSON file whose pictures are found from its place, or a data set that is open already.
        out: a folder that does not exist yet, or is empty; the pictures go into `images/` under their own names, the
            JSON beside it as `annotations.json`. It appears only once everything is in it.
        longest: pixels.
        progress: whether to show a bar.
        quality: of the JPEG files, 1..100.

    Raises:
        ValueError: `longest` is not positive, a picture cannot be read, or the data is damaged.
        FileNotFoundError: the file or one of the pictures is not there.
        FileExistsError: `out` holds something, or is a file.
    """
    if longest < 1:
        raise ValueError(f"the longer side must have at least one pixel, not {longest}")
    out = require_empty(out)
    data = source if isinstance(source, CocoSet) else open_file(at_home(source))
    with drafted(out) as draft:
        _shrink(data, draft, longest, progress, quality)
    return out


def _shrink(data: CocoSet, out: Path, longest: int, progress: bool, quality: int) -> None:
    """Write the resized pictures and boxes of a data set."""
    truth, places = data.ground_truth(), data.places()

    def one(index: int) -> dict:
        place = out / "images" / places[index]
        place.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(data[index][0].permute(1, 2, 0).numpy())  # turned as its answers mean it
        scale = min(1.0, longest / max(picture.size))
        size = tuple(max(1, round(s * scale)) for s in picture.size)
        if scale < 1:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        picture.save(place, "JPEG", quality=quality)
        return truth["images"][index] | {"file_name": places[index], "width": size[0], "height": size[1]}

    with ThreadPoolExecutor() as pool:
        total = len(truth["images"])
        images = list(tqdm(pool.map(one, range(total)), "resize", total, disable=not progress, leave=False))
    scale = {a["id"]: (b["width"] / a["width"], b["height"] / a["height"]) for a, b in zip(truth["images"], images)}
    annotations = [_scaled(a, *scale[a["image_id"]]) for a in truth["annotations"]]
    _write(out / "annotations.json", truth | {"images": images, "annotations": annotations})


def _scaled(a: dict, sx: float, sy: float) -> dict:
    """An annotation of a picture that was made `sx` times as wide and `sy` times as high."""
    x, y, w, h = a["bbox"]
    scaled = a | {"bbox": [x * sx, y * sy, w * sx, h * sy], "area": a["area"] * sx * sy}
    if (sx, sy) != (1, 1):
        outlines, points = scaled.pop("segmentation", None), scaled.pop("keypoints", None)
        if isinstance(outlines, list) and all(map(_numbers, outlines)):
            scaled["segmentation"] = [[v * (sx, sy)[i % 2] for i, v in enumerate(outline)] for outline in outlines]
        if _numbers(points):
            scaled["keypoints"] = [v * (sx, sy, 1)[i % 3] for i, v in enumerate(points)]
    return scaled


def _numbers(values: object) -> bool:
    """Whether it is a list of numbers."""
    return isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)


RECIPES = {
    "coco": Recipe(
        "COCO 2017",
        "at https://cocodataset.org/#download",
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json", "train2017/", "val2017/"),
    ),
    "objects365": Recipe(
        "Objects365 v2",
        "at https://www.objects365.org, after registering; unpack the parts of each split as patches",
        ("annotations/zhiyuan_objv2_train.json", "annotations/zhiyuan_objv2_val.json", "train/", "val/"),
        objects365,
    ),
    "crowdhuman": Recipe(
        "CrowdHuman",
        "at https://www.crowdhuman.org/download.html",
        ("annotation_train.odgt", "annotation_val.odgt", "Images/"),
        crowdhuman,
    ),
    "voc": Recipe(
        "Pascal VOC 2007 and 2012",
        "at http://host.robots.ox.ac.uk/pascal/VOC/",
        tuple(f"VOC{year}/ImageSets/Main/{part}.txt" for parts in YEARS.values() for year, part in parts),
        pascal,
    ),
}


def _write(path: Path, content: dict) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(as_json(content), encoding="utf-8")
    return f"{path}: {len(content['images'])} pictures, {len(content['annotations'])} objects"
