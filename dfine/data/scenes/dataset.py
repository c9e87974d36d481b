"""Scenes: a world that the project draws itself, endless and seeded, in which every box is known exactly.

Its hard cases are dials from 0 to 1 (the paper's Figure 5). Boxes are those of the whole sharp thing, also where
something hides it, clipped to the picture; neither blur nor shadow widens them. Nothing is there of which less than
20 % can be seen, or whose shorter side is under 5 % of the picture's.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dfine.boxes import from_pixels
from dfine.data.drawings import INFO
from dfine.data.scenes.composition import DIALS, Composition, compose
from dfine.data.scenes.effects import render
from dfine.data.scenes.props import NAMES
from dfine.files import drafted, require_empty
from dfine.trace.records import Target

__all__ = ["DIALS", "NAMES", "Scene", "Scenes", "cores", "draw", "random_dials", "size_for", "write"]

SMALLEST = 32  # pixels a side; below, a thing of 5 % is less than two pixels
LONGEST = 4  # shorter sides that the longer one may have


@dataclass(frozen=True)
class Scene:
    """A drawn picture and everything that is known about it."""

    image: np.ndarray  # uint8 [H, W, 3]
    boxes: np.ndarray  # float32 [n, 4] xyxy in pixels
    labels: np.ndarray  # int64 [n], indices into NAMES
    visible: np.ndarray  # float32 [n], the share that can be seen
    dials: dict[str, float]


def draw(seed: int, size: int | tuple[int, int] = 640, dials: dict[str, float] | None = None) -> Scene:
    """Draw one picture. The same arguments give the same picture anywhere; another size gives the same composition.

    Args:
        seed: any whole number from 0.
        size: width and height in pixels, or one number for both.
        dials: strength of the hard cases, 0..1 each, by the names in `DIALS`; those not named are 0.

    Raises:
        ValueError: the seed is negative, the picture smaller than 32 pixels, or a dial unknown or outside 0..1.
    """
    size = _check_size(size)
    composition = _plan(seed, size, _check_dials(dials))
    image, boxes = render(composition, size), _pixel_boxes(composition, size)
    return Scene(image, boxes, composition.labels, composition.visible, dict(composition.dials))


def _plan(seed: int, size: tuple[int, int], dials: dict[str, float]) -> Composition:
    """What `draw` paints, without painting it."""
    if seed != int(seed) or seed < 0:
        raise ValueError(f"the seed must be a whole number from 0, not {seed}")
    short = min(size)
    return compose(int(seed), (size[0] / short, size[1] / short), dials)


def _pixel_boxes(composition: Composition, size: tuple[int, int]) -> np.ndarray:
    """The objects' boxes in pixels of a picture of `size` = (width, height): float32 [n, 4] xyxy."""
    return (composition.boxes * min(size)).astype(np.float32)


def _check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(width, height) of `size`. Raises ValueError if a side has under 32 pixels or is four times the other."""
    width, height = (size, size) if np.isscalar(size) else size
    if min(width, height) < SMALLEST or max(width, height) > LONGEST * min(width, height) or width % 1 or height % 1:
        raise ValueError(
            f"cannot draw {width} x {height} pixels: sides must be whole numbers of at least {SMALLEST}, "
            "the longer at most four times the shorter"
        )
    return int(width), int(height)


def size_for(input_size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of scenes for an input of that size: its own.

    An input longer than scenes can be gets the least scenes that hold it. They are stretched, as any picture is.
    """
    height, width = input_size
    return max(height, ceil(width / LONGEST)), max(width, ceil(height / LONGEST))


def _check_dials(dials: dict[str, float] | None) -> dict[str, float]:
    """All dials, in order, missing ones 0. Raises ValueError for an unknown one or a value outside 0..1."""
    dials = dials or {}
    for name, value in dials.items():
        if name not in DIALS:
            raise ValueError(f"there is no dial {name!r}; the dials are {', '.join(DIALS)}")
        if not 0 <= value <= 1:
            raise ValueError(f"the dial {name} must be in 0..1, not {value}")
    return {name: float(dials.get(name, 0.0)) for name in DIALS}


def random_dials(rng: np.random.Generator) -> dict[str, float]:
    """Dials drawn at random: each is 0 half of the time, else evenly in 0..1; never all of them 0."""
    dials = {}
    while not any(dials.values()):
        dials = {name: float(rng.random()) if rng.random() < 0.5 else 0.0 for name in DIALS}
    return dials


class Scenes(Dataset):
    """A data set of `count` drawn pictures; picture i is always the same, whoever asks for it and when.

    A share `clean` of the pictures has all dials at 0, spread evenly (every second one by default); the dials of the
    others are drawn at random. Items are (uint8 [3, H, W], Target).
    """

    names: tuple[str, ...] = NAMES

    def __init__(self, count: int, *, size: tuple[int, int] = (640, 640), seed: int = 0, clean: float = 0.5):
        """Draw nothing yet.

        Args:
            count: how many pictures.
            size: (height, width) in pixels.
            seed: pictures of different seeds are different.
            clean: share of pictures with all dials at 0.

        Raises:
            ValueError: a number is out of range.
        """
        if count < 0 or seed < 0 or not 0 <= clean <= 1:
            raise ValueError(f"count and seed must be at least 0 and clean in 0..1, not {count}, {seed} and {clean}")
        height, width = (size, size) if np.isscalar(size) else size
        self.count, self.size, self.seed, self.clean = int(count), _check_size((width, height)), int(seed), float(clean)
        self.category_ids = list(range(1, len(NAMES) + 1))

    def __len__(self) -> int:
        return self.count

    def is_clean(self, index: int) -> bool:
        """Whether all dials of picture `index` are 0."""
        before, after = (ceil(round(i * self.clean, 9)) for i in (index, index + 1))
        return after > before

    def parameters(self, index: int) -> tuple[int, dict[str, float]]:
        """The seed and the dials with which `draw` makes picture `index`. Raises IndexError if there is none."""
        if not 0 <= index < self.count:
            raise IndexError(f"there is no picture {index}; there are {self.count}")
        rng = np.random.default_rng((self.seed, index))
        seed = int(rng.integers(2**62))
        return seed, _check_dials(None if self.is_clean(index) else random_dials(rng))

    def scene(self, index: int) -> Scene:
        """Picture `index` with everything that is known about it."""
        seed, dials = self.parameters(index)
        return draw(seed, self.size, dials)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Target]:
        scene = self.scene(index)
        boxes = from_pixels(torch.from_numpy(scene.boxes), self.size)
        target = Target(torch.from_numpy(scene.labels), boxes, index, self.size)
        return torch.from_numpy(scene.image).permute(2, 0, 1).contiguous(), target

    def ground_truth(self) -> dict:
        """The answers as a COCO-format dict, the dials as attributes of the images. Nothing is painted for it."""
        entries = []
        for index in range(self.count):
            seed, dials = self.parameters(index)
            composition = _plan(seed, self.size, dials)
            entries.append((dials, _pixel_boxes(composition, self.size), composition.labels, composition.visible))
        return _coco(entries, self.size)


def _coco(entries: list[tuple], size: tuple[int, int], suffix: str = ".jpg") -> dict:
    """A COCO-format dict of pictures given as (dials, boxes, labels, visible); image ids count from 0."""
    width, height = size
    images, annotations = [], []
    for i, (dials, boxes, labels, visible) in enumerate(entries):
        images.append({"id": i, "file_name": f"{i:06d}{suffix}", "width": width, "height": height, "dials": dials})
        for (x1, y1, x2, y2), label, share in zip(boxes.tolist(), labels.tolist(), visible.tolist()):
            box = [x1, y1, x2 - x1, y2 - y1]
            entry = {"id": len(annotations) + 1, "image_id": i, "category_id": label + 1, "bbox": box}
            annotations.append(entry | {"area": box[2] * box[3], "iscrowd": 0, "visible": round(share, 4)})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    return {"info": INFO, "images": images, "annotations": annotations, "categories": categories}


def cores() -> int:
    """As many processes as draw well side by side: one a core, up to 8."""
    return min(8, os.cpu_count() or 1)


def write(folder: str | Path, scenes: Scenes, *, workers: int | None = None, quality: int | None = 95) -> Path:
    """Write scenes as a COCO-format set: images/ and annotations.json.

    The folder appears only once everything is in it.

    Args:
        folder: does not exist yet, or is empty.
        scenes: which pictures.
        workers: processes that draw; 0 draws in this one. By default `cores()` where processes are forked, and 0 where
            each imports the program's main module anew (Windows, macOS, Python 3.14): a script would need
            `if __name__ == "__main__":` for them.
        quality: of the JPEG files, 1..100; None writes PNG files, which are exactly what was drawn.

    Returns:
        The folder.

    Raises:
        ValueError: the quality is out of range.
        FileExistsError: the folder holds something, or is a file.
    """
    count = len(scenes)
    if quality is not None and not 1 <= quality <= 100:
        raise ValueError(f"the JPEG quality must be in 1..100, or None for PNG files, not {quality}")
    folder = require_empty(folder)
    if workers is None:
        how = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
        workers = cores() if how == "fork" else 0
    suffix = ".png" if quality is None else ".jpg"
    with drafted(folder) as draft:
        (draft / "images").mkdir()
        jobs = DataLoader(
            _Writing(scenes, draft / "images", suffix, quality), None, num_workers=workers, collate_fn=tuple
        )
        entries = list(tqdm(jobs, desc="drawing scenes", unit=" pictures", total=count)) if count else []
        (draft / "annotations.json").write_text(json.dumps(_coco(entries, scenes.size, suffix)), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class _Writing(Dataset):
    """Drawing as a data set, so that its loader's workers do it: item i writes picture i and returns its answers."""

    scenes: Scenes
    folder: Path
    suffix: str
    quality: int | None

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple:
        scene = self.scenes.scene(index)
        options = {} if self.quality is None else {"quality": self.quality, "subsampling": 0}
        Image.fromarray(scene.image).save(self.folder / f"{index:06d}{self.suffix}", **options)
        return scene.dials, scene.boxes, scene.labels, scene.visible
