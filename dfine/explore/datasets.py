"""Anything that holds pictures as a FiftyOne data set: data in any format, scenes, a folder, or a data set by name.

Answers are read as training reads them (`dfine.data.sources`). Opening the same data again finds the same data set;
pictures that are new on disk are added, and what a person changed stays as it is.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import fiftyone as fo
from fiftyone import ViewField as F

from dfine.data import folders
from dfine.data.coco import CocoSet, dropped
from dfine.data.coco_layout import UNSPLIT, open_file
from dfine.data.layout import Layout, NoDataSet
from dfine.data.scenes.composition import DIALS
from dfine.data.sources import choose, recognise
from dfine.explore import fields
from dfine.explore.deleted import deleted, kept_out, note
from dfine.explore.fiftyone_private import with_info
from dfine.explore.reread import read_anew, say_changed
from dfine.explore.samples import dials, pictured, samples
from dfine.files import short_digest
from dfine.paths import at_home

SCENES, FOLDER = "scenes", "folder"  # kinds of sources, beside those of `dfine.data.layout.Layout`
SCENE_COUNT = 500
SCENE_SIDE = 640  # pixels


@dataclass(frozen=True)
class Opening:
    """What is wanted of the data, apart from what it is."""

    name: str | None = None  # of the FiftyOne data set; by default made from the data's own
    split: str | None = None  # where the data has several; by default all are taken, each tagged with its name
    count: int | None = None  # how many pictures at most; of scenes how many to draw, by default 500
    seed: int = 0  # of the scenes
    truth: str = fields.TRUTH  # the field for the answers; of a FiftyOne data set the one that has them
    reread: bool = False  # whether answers on disk take the places of those that FiftyOne has of known pictures
    restore: bool = False  # whether pictures that were deleted in FiftyOne come back


@dataclass(frozen=True)
class Source:
    """What a data set is made from."""

    kind: str  # coco, yolo, voc, labelme, scenes or folder
    path: str  # folder or file, absolute
    split: str = ""
    name: str = ""  # what a data set made from it is called, where that name is free

    def same(self, other: dict) -> bool:
        """Whether `other`, as stored in a data set's info, is this source: the same place, with answers or without."""
        bare = self.kind == FOLDER, other.get("kind") == FOLDER
        return (self.path, self.split) == (other.get("path"), other.get("split")) and len(set(bare)) == 1


def open_dataset(data: str | os.PathLike, opening: Opening | None = None, **wanted) -> fo.Dataset:
    """The persistent FiftyOne data set of `data`, with its answers in the field `truth`.

    Understood are all data sets that can be trained on (`dfine.data.sources`), "scenes", the name of a FiftyOne data
    set, and a folder of pictures without answers. What exists on disk goes before a name. Boxes of zero size are
    dropped with a warning; FiftyOne data sets are taken as they are. Images in COCO that carry the `dials` of scenes
    get them as fields, and `hard`.

    Args:
        data: one of these.
        opening: what is wanted of it.
        wanted: the fields of `Opening`, in place of `opening`.

    Raises:
        FileNotFoundError: there is no such file, folder, split or data set.
        ValueError: the data cannot be understood, or `name` is the name of other data.
    """
    opening = opening or Opening(**wanted)
    if str(data) == SCENES:
        return _scenes(opening)
    path = at_home(data)
    if not path.exists():
        if fo.dataset_exists(str(data)):
            return _stored(str(data), opening)
        raise FileNotFoundError(
            f"there is no file, folder or FiftyOne data set {str(data)!r}; data is a COCO .json, a YOLO .yaml, a "
            "folder (COCO, YOLO, VOC, labelme, or only pictures), the name of a FiftyOne data set, or 'scenes'"
        )
    path = path.absolute()
    try:
        layout = recognise(path)
    except NoDataSet:
        return _bare(path, opening)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* of zero size ")  # said once they are dropped from what is new
        parts = choose(layout, path, opening.split)
    return _imported(_source(layout, path, parts), parts, opening)


@contextmanager
def opened(data: str | os.PathLike, opening: Opening) -> Iterator[fo.Dataset]:
    """`open_dataset` for as long as the block checks that the data can be explored.

    Where it raises ValueError, a data set that was made just now goes again: answers that are put right after that are
    read anew, as if nothing had been.
    """
    before = set(fo.list_datasets())
    dataset = open_dataset(data, opening)
    try:
        yield dataset
    except ValueError:
        if dataset.name not in before:
            dataset.delete()
        raise


def classes(dataset: fo.Dataset, truth: str = fields.TRUTH) -> list[str]:
    """The classes of a data set's answers: those declared, and those that occur. None where there are no answers.

    Raises:
        ValueError: there is an answer without a class.
    """
    if not dataset.has_sample_field(truth):
        return []
    without = dataset.filter_labels(truth, ~F("label").exists())
    if bare := without.count(f"{truth}.detections"):
        raise ValueError(
            f"the data set {dataset.name!r} has answers without a class in {truth!r}: {bare} in all, the first in "
            f"{Path(without.first().filepath).name}; give them one (label), or delete them"
        )
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
    ours = {
        fields.field_of(field, stage, info["layers"])
        for field, info in dataset.info.get(fields.INFO, {}).items()
        for stage in fields.stages(info["layers"])
    } | {fields.suspects_field(field) for field in dataset.info.get(fields.INFO, {})}
    others = [n for n in found if n not in ours]
    if dataset.has_sample_field(truth):
        remedy = f"take {' or '.join(others)}" if others else "without answers it is explored with a name of no field"
        raise ValueError(f"the field {truth!r} of {dataset.name!r} holds no detections; {remedy} (--truth)")
    if len(others) > 1:
        raise ValueError(
            f"the data set {dataset.name!r} has detections in {', '.join(others)}, but no field {truth!r}: say which "
            "holds the answers (--truth)"
        )
    return others[0] if others else truth


def _stored(data: str, opening: Opening) -> fo.Dataset:
    """A data set that FiftyOne has already."""
    if opening.name not in (None, data) or opening.count is not None:
        raise ValueError(f"{data!r} is a FiftyOne data set already: name and count apply to data that is imported")
    if opening.restore:
        raise ValueError(f"{data!r} is a FiftyOne data set: --restore needs the folder or file that it was made from")
    if opening.reread:
        raise ValueError(
            f"{data!r} is a FiftyOne data set: --reread takes answers from disk, so name the folder or file that they "
            "are in"
        )
    if opening.split:
        raise ValueError(
            f"{data!r} is a FiftyOne data set, which has no splits but tags; for those with one tag make a data set of "
            f"their own: fiftyone.load_dataset({data!r}).match_tags({opening.split!r}).clone(NAME, persistent=True)"
        )
    dataset = fo.load_dataset(data)
    if dataset.media_type not in (None, "image"):
        raise ValueError(f"the data set {data!r} holds {dataset.media_type} samples; only pictures can be explored")
    return dataset


def _source(layout: Layout, path: Path, parts: dict[str, CocoSet]) -> Source:
    """What the parts of a data set that were chosen are made from, and what it is called."""
    only = next(iter(parts)) if len(parts) == 1 else ""
    if layout.kind == "coco" and only in layout.parts:  # one file of answers is the same whatever named it
        file = parts[only].source
        home = file.parent.parent if file.parent.name in ("annotations", only) else file.parent
        plain = file.name == UNSPLIT or not only
        return Source("coco", str(file), "", home.name if plain else f"{home.name}-{only}")
    split = only if only not in layout.parts or len(layout.parts) > 1 else ""
    named = path.name if path.is_dir() else path.parent.name if path.stem in ("data", "dataset") else path.stem
    return Source(layout.kind, str(layout.place), split, named)


def _bare(path: Path, opening: Opening) -> fo.Dataset:
    """The data set of a folder of pictures that nobody has labelled."""
    found = folders.pictures(path)
    if not found:
        raise ValueError(f"{path} holds neither pictures nor a data set in COCO, YOLO, VOC or labelme format")
    if opening.split:
        raise ValueError(f"{path} has no splits to choose from; leave {opening.split!r} out")
    if opening.reread:
        raise ValueError(f"{path} holds pictures without answers: there is nothing for --reread to read")
    if others := folders.unread(path):
        warnings.warn(folders.passed_over(others, path), stacklevel=3)
    dataset = _dataset(Source(FOLDER, str(path), "", path.name), opening.name)
    known = set(dataset.values("filepath"))
    _say_more(dataset, known, opening.count)
    known |= kept_out(dataset, deleted(dataset, map(str, found)), opening.restore)
    new = [str(file) for file in found[: opening.count] if str(file) not in known]
    dataset.add_samples([fo.Sample(filepath=file) for file in new], progress=False)
    note(dataset)
    return dataset


def _imported(source: Source, parts: dict[str, CocoSet], opening: Opening) -> fo.Dataset:
    """The data set of a source, new or found again, with all its pictures."""
    dataset, truth = _dataset(source, opening.name), opening.truth
    single = source.kind in ("coco", SCENES) and source.path.lower().endswith(".json")
    every = pictured({"" if single else tag: data for tag, data in parts.items()})
    pictures, known = every[: opening.count], set(dataset.values("filepath"))
    _say_more(dataset, known, opening.count)
    gone = deleted(dataset, (one.path for one in every))
    out = known | kept_out(dataset, gone & {one.path for one in pictures}, opening.restore)
    new, known = [one for one in pictures if one.path not in out], known | gone
    mine = [one for one in every if one.path in known]
    if opening.reread and mine and dataset.has_sample_field(truth):
        read_anew(dataset, source.path, mine, truth, ids=source.kind in ("coco", SCENES))
    say_changed(dataset, source.path, mine, [one for one in new if one.path not in gone])
    if new:
        dataset.add_samples(samples(new, truth, ids=source.kind in ("coco", SCENES)), progress=False)
        names = (name for data in parts.values() for name in data.names)
        dataset.classes[truth] = list(dict.fromkeys([*dataset.classes.get(truth, ()), *names]))
        dataset.save()
        lost = sum(one.data.dropped[one.image["id"]] for one in new)
        if lost:
            warnings.warn(dropped(lost, source.path), stacklevel=3)
    note(dataset)
    _add_dials(dataset, dials(pictures))
    return dataset


def _say_more(dataset: fo.Dataset, known: set[str], count: int | None) -> None:
    """Warn where a data set was opened before with more pictures than are asked for now: none of them is left out."""
    if count is not None and len(known) > count:
        warnings.warn(
            f"the FiftyOne data set {dataset.name!r} has {len(known)} pictures from before, and all of them are taken, "
            f"not only {count}: choose another --name for so few",
            stacklevel=4,
        )


def _dataset(source: Source, name: str | None) -> fo.Dataset:
    """The data set that holds `source`, made if there is none yet."""
    for known in [name] if name else with_info(fields.SOURCE):
        if fo.dataset_exists(known):
            dataset = fo.load_dataset(known)
            if source.same(dataset.info.get(fields.SOURCE, {})):
                return dataset
            if name:
                raise ValueError(f"there is a FiftyOne data set {name!r} of other data already; choose another name")
    wanted = name or source.name or source.kind
    if fo.dataset_exists(wanted):
        wanted = f"{wanted}-{short_digest(repr(source), 6)}"
    dataset = fo.Dataset(wanted, persistent=True)
    dataset.info[fields.SOURCE] = asdict(source)
    dataset.info[fields.TAGS] = True
    dataset.save()
    return dataset


def _add_dials(dataset: fo.Dataset, given: dict[str, dict]) -> None:
    """The dials of scenes, by their files, as fields, and whether any is above 0 as `hard`, where that is not there."""
    lacking = dataset.exists("hard", False) if dataset.has_sample_field("hard") else dataset
    given = {path: given[path] for path in lacking.values("filepath") if path in given}
    if given:
        for dial in DIALS:
            dataset.set_values(dial, {path: float(d[dial]) for path, d in given.items()}, key_field="filepath")
        hard = {path: any(d[dial] > 0 for dial in DIALS) for path, d in given.items()}
        dataset.set_values("hard", hard, key_field="filepath")


def _scenes(opening: Opening) -> fo.Dataset:
    """The first scenes of a seed, drawn where they are not there yet."""
    from dfine.data.scenes import Scenes, write

    count = opening.count or SCENE_COUNT
    home = f"scenes-{count}-seed-{opening.seed}"
    folder = Path(fo.config.default_dataset_dir) / "dfine-scenes" / home
    file = folder / UNSPLIT
    if not file.is_file():
        write(folder, Scenes(count, seed=opening.seed, size=(SCENE_SIDE, SCENE_SIDE)))
    return _imported(Source(SCENES, str(file), "", home), {"": open_file(file)}, opening)
