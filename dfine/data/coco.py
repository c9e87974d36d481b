"""Data sets in COCO format: a folder of pictures and one JSON file of answers.

Category ids may be sparse and are never used as positions: labels count the categories in the order of their ids, and
everything that leaves the data set goes by name. Crowds stay in the ground truth, where evaluation treats them as COCO
does, but are no training targets.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from dfine import boxes as box
from dfine.data import folders, rgb, texts
from dfine.data.coco_entries import Entries, Fault, Note, clipped, stop
from dfine.data.pictures import read
from dfine.data.resize import planes
from dfine.paths import around, at_home
from dfine.trace.records import Target
from dfine.wording import counted

__all__ = ["CocoSet", "Fault", "Note", "as_labelled", "read_json", "stop"]


class CocoSet(Dataset):
    """Pictures and their objects: item i is (picture uint8 [3, H, W], Target).

    Boxes reach the targets clipped to the picture. Boxes without a height or a width in it are dropped, from the ground
    truth too, with one warning that counts them.

    Attributes:
        names: of the classes, in the order of their labels.
        category_ids: of the classes, in the same order.
        notes: what a person should know of the data although nothing is left out for it.
        dropped: image id -> how many boxes without an extent in the picture were dropped.
    """

    def __init__(
        self,
        images_folder: str | Path,
        annotations_json: str | Path,
        content: dict | None = None,
        *,
        fault: Fault = stop,
        notes: list[Note] | None = None,
    ):
        """Take in the answers; pictures are read one by one, when they are asked for.

        Args:
            images_folder: the folder that the file names in the JSON are relative to.
            annotations_json: a COCO instances file, or the file of another format that `content` was read from.
            content: what the file says, as a COCO-format dict, where it has been read already.
            fault: is told of every mistake in the entries; by default the first one is raised.
            notes: what was found out while reading `content`.

        Raises:
            FileNotFoundError: the folder or the file is not there.
            ValueError: the file is not COCO JSON, or an id in it leads nowhere or twice.
        """
        self.folder, self.source = (at_home(path) for path in (images_folder, annotations_json))
        if not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder of pictures {self.folder}")
        content = read_json(self.source) if content is None else content
        entries = Entries.of(content | {"images": self._sized(content["images"])}, self.source, fault)
        self._images, self._annotations, self._categories = entries.images, entries.annotations, entries.categories
        self.names = tuple(c["name"] for c in self._categories)
        self.category_ids = [c["id"] for c in self._categories]
        self.notes, self.dropped = [*(notes or ()), *entries.notes], entries.dropped
        self._items = self._targets()
        if self.dropped and fault is stop:
            warnings.warn(dropped(self.dropped.total(), self.source), stacklevel=2)

    def _sized(self, images: list) -> list:
        """The images, with the sizes of their pictures where the file has none; without, where that cannot be read."""
        known = []
        for image in images:
            bare = isinstance(image, dict) and image.get("width") is None and image.get("height") is None
            if bare and isinstance(image.get("file_name"), str) and image["file_name"]:
                with suppress(ValueError, OSError):
                    image = image | dict(zip(("width", "height"), folders.size_shown(self.folder / image["file_name"])))
            known.append(image)
        return known

    def __len__(self) -> int:
        return len(self._images)

    def __repr__(self) -> str:
        parts = counted(len(self), "picture"), counted(self.objects, "object"), counted(len(self.names), "class", "es")
        return f"<{', '.join(parts)}, of {str(self.source)!r}>"

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Reads picture `index`. Raises ValueError or FileNotFoundError with the name of a file that cannot be read."""
        path = self.path(index)
        if not path.exists():
            image = self._images[index]
            raise FileNotFoundError(f"the picture {path} of image id {image['id']} in {self.source} is not there")
        target = self._items[index]
        picture = as_labelled(path, target.size)
        if picture.size != target.size:
            have, want = "x".join(map(str, picture.size)), "x".join(map(str, target.size))
            raise ValueError(f"the picture {path} has {have} pixels, but {self.source.name} says {want}")
        return planes(picture), target

    @property
    def objects(self) -> int:
        """How many objects there are to learn from: crowds not counted."""
        return sum(map(len, self._items))

    def target(self, index: int) -> Target:
        """What is true of picture `index`, without reading it."""
        return self._items[index]

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.folder / self._images[index]["file_name"]

    def places(self) -> list[str]:
        """Names below one folder: the file's, or if one is absolute or climbs, those below the folder around all."""
        names = [image["file_name"] for image in self._images]
        if not any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            return names
        paths = [Path(os.path.abspath(self.path(i))) for i in range(len(self))]
        folder = around(paths)
        return [path.relative_to(folder).as_posix() for path in paths]

    def ground_truth(self) -> dict:
        """The answers as a COCO-format dict, images in the order of the items; crowds included."""
        return {"images": self._images, "annotations": self._annotations, "categories": self._categories}

    def only(self, keep: Callable[[str], bool]) -> CocoSet:
        """The part of the data set whose pictures' file names `keep` says yes to; the classes stay those of all."""
        part = copy.copy(self)
        chosen = [i for i, image in enumerate(self._images) if keep(image["file_name"])]
        part._images, part._items = [self._images[i] for i in chosen], [self._items[i] for i in chosen]
        ids = {image["id"] for image in part._images}
        part._annotations = [a for a in self._annotations if a["image_id"] in ids]
        return part

    def _targets(self) -> list[Target]:
        """The target of every image, without crowds."""
        label = {id: i for i, id in enumerate(self.category_ids)}
        objects: dict[int, list[dict]] = {image["id"]: [] for image in self._images}
        for a in self._annotations:
            if not a["iscrowd"]:
                objects[a["image_id"]].append(a)
        targets = []
        for image in self._images:
            size = (int(image["width"]), int(image["height"]))
            mine = objects[image["id"]]
            corners = torch.tensor([clipped(a["bbox"], size) for a in mine], dtype=torch.float64).reshape(-1, 4)
            labels = torch.tensor([label[a["category_id"]] for a in mine], dtype=torch.int64)
            targets.append(Target(labels, box.from_pixels(corners, size).float(), int(image["id"]), size))
        return targets


def as_labelled(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture at a path, upright; as it is stored where it has not the `size` (width, height) of its labels.

    Some annotators ignored the camera's rotation flag, which `read` obeys.

    Raises:
        PictureError: it cannot be read.
    """
    picture = read(path)
    if picture.size == size:
        return picture
    with rgb.opened(path) as stored:
        return rgb.flat(stored, path.name, own=False)


def dropped(count: int, source: str | Path) -> str:
    """A sentence about boxes without an extent in their pictures."""
    what = "1 box of zero size was" if count == 1 else f"{count} boxes of zero size were"
    return f"{what} dropped from {source}"


def read_json(source: Path) -> dict:
    """What a COCO file says.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is not JSON, or lacks one of COCO's three lists.
    """
    if not source.is_file():
        raise FileNotFoundError(f"there is no annotation file {source}")
    content = texts.content(source)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(f"{source} is not a COCO file: it has no list {key!r}")
    return content
