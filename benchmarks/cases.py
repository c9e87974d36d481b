"""What people bring: a folder of data sets and checkpoints of many tools, each against what it should give.

    python benchmarks/cases.py [FOLDER] [--only data|checkpoints|hostile]

The folder has `data/`, with a data set in each folder, `checkpoints/make.py`, which writes checkpoints as other tools
do, and `hostile/`, see `hostile.py`; without an argument it is that of the environment variable DFINE_CASES. A table of
what differs is printed, and the exit status is 1 where anything does. `tests/test_cases.py` runs the data sets and the
hostile files of a folder that is there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.hostile import hostile
from dfine.data.check import check
from dfine.data.coco import CocoSet
from dfine.data.scenes import draw
from dfine.data.sources import train_and_val
from dfine.evaluation.coco import measure
from dfine.evaluation.rows import ROW

NAMES = 24  # classes of the scenes that the data sets were made from


@dataclass(frozen=True)
class Expected:
    """What a data set gives: pictures, objects and classes to train on, or a part of the sentence that refuses it."""

    train: tuple[int, int, int] | str
    val: tuple[int, int] | None = None  # pictures and objects of a validation split
    found: dict[str, int] = field(default_factory=dict)  # by `dfine data check`: how many mistakes of each kind
    ap: float = 1.0  # of the answers, measured against themselves


SIX, THREE = (6, 16, NAMES), (3, 7, NAMES)  # most data sets hold the first six scenes, or the first three
BOTH = {"val": (6, 16)}  # a YAML file that names its only folder for training and for validation
UNSEEN = {"found": {"class": 3}}  # so few pictures: classes of validation that training does not have
NOTHING = "but no objects to learn from"
DATA = {
    "allcrowd": Expected("all 16 annotations are marked as crowds or difficult", found={"no objects": 1}),
    "annotation_ids/five_from0": Expected((5, 14, NAMES)),
    "annotation_ids/five_from1": Expected((5, 14, NAMES)),
    "annotation_ids/five_uuid63": Expected((5, 14, NAMES)),
    "annotation_ids/from0": Expected((1, 4, NAMES)),
    "annotation_ids/from1": Expected((1, 4, NAMES)),
    "coco_area0": Expected(SIX, found={"area": 16}),
    "coco_backslash": Expected(SIX),
    "coco_bom": Expected(SIX),
    "coco_dups": Expected((3, 14, NAMES), found={"doubled box": 7}),
    "coco_noann": Expected(NOTHING, found={"no objects": 1}),
    "coco_partial": Expected((3, 7, 2)),
    "coco_relative": Expected("lie between 0 and 1", found={"relative boxes": 1, "no objects": 1}),
    "coco_segonly": Expected(THREE),
    "coco_strcat": Expected(THREE),
    "coco_strids": Expected(THREE),
    "coco_trainjson": Expected(SIX, (3, 7), **UNSEEN),
    "coco_xyxy": Expected(SIX, found={"box outside": 10, "corners": 1}),
    "cvat_coco_flat": Expected(SIX),
    "cvat_subsets": Expected(SIX, (3, 7), **UNSEEN),
    "cvat_ultra": Expected(SIX),
    "cvat_yolo11": Expected(SIX),
    "dense": Expected((3, 1200, 1), found={"many objects": 6}, ap=26 / 101),  # 100 of 400 objects count
    "ls_coco": Expected(SIX),
    "ls_yolo": Expected(SIX),
    "resume_swap": Expected(SIX),
    "robo_single": Expected((6, 16, 1), (3, 7)),
    "robo_yolo_notest": Expected(SIX, (3, 7), **UNSEEN),
    "voc_kaggle": Expected((6, 16, 14)),
    "voc_robo": Expected((6, 16, 14), (3, 7), **UNSEEN),
    "voc_size0": Expected((6, 16, 14)),
    "voc_split_dirs": Expected((6, 16, 17), (3, 7), **UNSEEN),
    "yolo_1based": Expected("names class 3; the classes are 0 to 2, counted from 0", found={"entry": 2}),
    "yolo_bom": Expected(SIX, **BOTH),
    "yolo_conf": Expected("a fifth is the score of a detection", found={"entry": 16, "no objects": 2}),
    "yolo_dirsnoyaml": Expected(THREE, (2, 7), found={"class": 6}),
    "yolo_imgs": Expected(NOTHING, found={"no objects": 2}),
    "yolo_jupyter": Expected(SIX, **BOTH),
    "yolo_mac": Expected(SIX, **BOTH),
    "yolo_nolabels": Expected(NOTHING, found={"no objects": 2}),
    "yolo_norway": Expected((6, 16, 2), **BOTH),
    "yolo_pixels": Expected("shares of the picture's sides, 0 to 1", found={"entry": 16, "no objects": 2}),
    "yolo_pose2": Expected(SIX, **BOTH),
    "yolo_winlist": Expected(THREE, (3, 7)),
    "yolo_xyxy": Expected(SIX, **BOTH, found={"box outside": 14, "corners": 1}),
}


def differences(folder: Path, expected: Expected) -> list[str]:
    """What a data set gives otherwise than it should, a sentence each."""
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check(folder, progress=False).counts
        try:
            train, val = train_and_val(folder)
        except (ValueError, OSError) as error:
            train, val = str(error), None
    if found != expected.found:
        said.append(f"the check finds {found}, not {expected.found}")
    if isinstance(train, str) or isinstance(expected.train, str):
        refused = isinstance(train, str) and isinstance(expected.train, str) and expected.train in train
        return said if refused else [*said, f"training says {train!r}, not {expected.train!r}"]
    given = len(train), train.objects, len(train.names)
    if given != expected.train:
        said.append(f"there are {given} pictures, objects and classes to train on, not {expected.train}")
    held = None if val is None else (len(val), val.objects)
    if held != expected.val:
        said.append(f"there are {held} pictures and objects to validate on, not {expected.val}")
    ap = _ap(train)
    if abs(ap - expected.ap) > 1e-6:
        said.append(f"the answers have an AP of {ap:.4f} against themselves, not {expected.ap:.4f}")
    return said


def _ap(data: CocoSet) -> float:
    """AP of a data set's own answers, measured as detections."""
    truth = data.ground_truth()
    found = [a for a in truth["annotations"] if not a["iscrowd"]]
    rows = np.empty(len(found), ROW)
    for column, key in (("image", "image_id"), ("box", "bbox"), ("category", "category_id")):
        rows[column] = [a[key] for a in found]
    rows["score"] = 1
    return measure(truth, rows)[0]["AP"]


@dataclass(frozen=True)
class Loaded:
    """What a checkpoint gives: made from `demo`, it finds what that finds, or it is refused or warned of."""

    side: int = 640  # of the input; where nothing says it, it is assumed
    surest: bool | None = True  # whether the surest box of `demo` is found, with nearly its score; None: not compared
    warned: str = ""  # a part of a warning
    refused: str = ""  # a part of the sentence that refuses it


BARE = Loaded(surest=None, warned="nothing says its input size")  # 24 columns without names, for 640 pixels
NAMED, NAMELESS = Loaded(320), Loaded(320, None, "LABEL_0")
CHECKPOINTS = {
    **dict.fromkeys(
        (
            f"wrapped/{name}"
            for name in (
                "official.pth",
                "ddp_module.pth",
                "compiled.pth",
                "compiled_bare.pth",
                "prefix_model.pth",
                "lightning.ckpt",
                "lightning_plain.ckpt",
                "model_state_dict.pt",
                "ema_bare.pth",
                "ema_module_module.pth",
            )
        ),
        BARE,
    ),
    **dict.fromkeys((f"transformers/{name}" for name in ("named", "resaved", "sharded")), NAMED),
    **dict.fromkeys((f"transformers/{name}" for name in ("label11", "label80", "label366")), NAMELESS),
    "transformers/bicubic": Loaded(320, warned="resizes with filter 3"),
    "transformers/longest": Loaded(refused="pictures keep their proportions"),
    "transformers/no_processor": Loaded(640, None, "nothing says its input size"),
    "transformers/noresize": Loaded(refused="do_resize is false"),
    "transformers/norescale": Loaded(320, None),  # honoured, though these weights were not trained so
    "transformers/pad": Loaded(refused="pictures keep their proportions"),
    "transformers/trained_normalized": Loaded(320),
}


def checkpoints(folder: Path) -> dict[str, list[str]]:
    """Case -> what differs, of checkpoints that the folder's script writes into a temporary folder."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "made"
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, str(folder / "make.py"), str(out)]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": paths})
        return {name: loading(out / name, expected) for name, expected in CHECKPOINTS.items()}


def loading(path: Path, expected: Loaded) -> list[str]:
    """What a checkpoint gives otherwise than it should, a sentence each."""
    import dfine

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            model = dfine.load(path, device="cpu")
        except (ValueError, OSError) as error:
            right = expected.refused and expected.refused in str(error)
            return [] if right else [f"loading says {str(error)!r}, not {expected.refused!r}"]
    texts = [str(w.message) for w in warned]
    said = [f"it is read, though {expected.refused!r} is expected"] if expected.refused else []
    if expected.warned and not any(expected.warned in text for text in texts):
        said.append(f"the warnings {texts} do not say {expected.warned!r}")
    if tuple(model.input_size) != (expected.side, expected.side):
        said.append(f"the input is {model.input_size}, not {expected.side} pixels wide and high")
    if expected.surest is not None:
        picture = Image.fromarray(draw(5, 320).image)
        a, b = (m(picture).detections for m in (model, dfine.load("demo", device="cpu")))
        near = ((a.boxes - b.boxes[0]).abs().amax(1) < 4) & ((a.scores - b.scores[0]).abs() < 0.03)
        if bool(near.any()) != expected.surest:
            said.append("the surest box of demo is not found")
    return said


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("DFINE_CASES"), type=Path)
    parser.add_argument("--only", choices=("data", "checkpoints", "hostile"))
    options = parser.parse_args(arguments)
    if options.folder is None or not Path(options.folder).is_dir():
        parser.error(f"there is no folder {options.folder}; name one, or set DFINE_CASES")
    results: dict[str, list[str]] = {}
    if options.only in (None, "data"):
        home = options.folder / "data"
        results |= {
            name: differences(home / name, expected) for name, expected in DATA.items() if (home / name).is_dir()
        }
        inside = {p.name for p in home.iterdir() if p.is_dir()}
        missing = sorted(inside - {name.split("/")[0] for name in DATA})
        results |= {name: ["nothing is expected of it yet"] for name in missing}
    if options.only in (None, "checkpoints") and (options.folder / "checkpoints" / "make.py").is_file():
        results |= checkpoints(options.folder / "checkpoints")
    if options.only in (None, "hostile") and (options.folder / "hostile").is_dir():
        results |= hostile(options.folder / "hostile")
    for name, said in results.items():
        print(f"{'differs' if said else 'as expected':12s} {name}{': ' + '; '.join(said) if said else ''}")
    print(f"{sum(not said for said in results.values())} of {len(results)} cases are as expected")
    return int(any(results.values()))


if __name__ == "__main__":
    sys.exit(main())
