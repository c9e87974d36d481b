"""Answers that have changed on disk since FiftyOne was given them: said so, or read anew where that is asked for."""

from __future__ import annotations

import warnings
from collections import defaultdict

import fiftyone as fo

from dfine.explore import fields
from dfine.explore.fiftyone_private import attributes_of_detections
from dfine.explore.samples import Pictured, samples, told_apart
from dfine.wording import counted

OWN = attributes_of_detections() | {"coco_id", "iscrowd", fields.AREA}  # what is told apart, or follows, otherwise
SAME = 1e-6  # of the picture: sides of two boxes that count as one may differ so much, as rounding makes them


def say_changed(dataset: fo.Dataset, source: str, known: list[Pictured], new: list[Pictured]) -> None:
    """Warn where the answers of pictures that are known are others than were read; else write down which they are.

    Args:
        dataset: of FiftyOne.
        source: the path that it was read from.
        known: its pictures, as they are read now.
        new: those that it does not have yet.
    """
    before = dataset.info.get(fields.ANSWERS)
    told = told_apart(known)
    same = None, told, told_apart(known, attributes=False)  # an earlier version told no attributes apart
    if known and before not in same:
        warnings.warn(
            f"the answers in {source} have changed since they were read, and the FiftyOne data set {dataset.name!r} "
            "keeps those from then, with what was changed there: --reread takes those on disk in their place, another "
            "--name keeps both",
            stacklevel=4,
        )
        return
    if not known and new and before is not None and (many := len(dataset)):
        warnings.warn(
            f"none of the {many} pictures of the FiftyOne data set {dataset.name!r} is in {source} any more, and those "
            "that are there come in addition: if they were renamed or moved, choose another --name for a set of these "
            "alone",
            stacklevel=4,
        )
    if before != told or new:
        dataset.info[fields.ANSWERS] = told_apart([*known, *new])
        dataset.save()


def read_anew(dataset: fo.Dataset, source: str, known: list[Pictured], truth: str, *, ids: bool) -> None:
    """Put the answers on disk in the place of those in FiftyOne, and say of how many pictures they were others.

    An answer of the same class and box, a crowd or none, stays the one that FiftyOne has, with its tags and what else
    is known of it there, and takes the attributes that it has on disk. Pictures that are not on disk any more keep
    theirs.

    Args:
        dataset: of FiftyOne.
        source: the path that it was read from.
        known: its pictures, as they are read now.
        truth: the field of the answers.
        ids: whether they keep the ids of their annotations, as `coco_id`.
    """
    fresh = defaultdict(list)  # a file may list a picture twice
    for sample in samples(known, truth, ids=ids):
        fresh[sample.filepath].append(sample[truth].detections)
    names = {name for some in fresh.values() for own in some for one in own for name in one.field_names} - OWN
    found, others = {}, 0
    for key, path, kept in zip(*dataset.values(["id", "filepath", f"{truth}.detections"])):
        if fresh[path]:
            pool = {one.id: one for one in kept or () if one.bounding_box}
            told = [_known(one, pool, names, ids) for one in fresh[path].pop(0)]
            answers = [one for one, _ in told]
            others += not all(same for _, same in told) or len(answers) != len(kept or ())
            found[key] = fo.Detections(detections=answers)
    dataset.set_values(truth, found, key_field="id")
    names = (name for one in known for name in one.data.names)
    dataset.classes[truth] = list(dict.fromkeys([*dataset.classes.get(truth, ()), *names]))
    dataset.info[fields.ANSWERS] = told_apart(known)
    dataset.save()
    warnings.warn(
        f"{counted(others, 'picture')} of the FiftyOne data set {dataset.name!r} had other answers than {source}; now "
        "it has those",
        stacklevel=4,
    )


def _known(one: fo.Detection, pool: dict[str, fo.Detection], names: set[str], ids: bool) -> tuple[fo.Detection, bool]:
    """The answer that FiftyOne has for the one on disk, and whether it said all that does; or else the one on disk.

    It gets the number of that, and its attributes, as far as any answer on disk has them (`names`). It is taken out of
    the pool of those by their ids, so that of equal answers each has one.
    """
    for key, other in pool.items():
        apart = max(abs(a - b) for a, b in zip(one.bounding_box, other.bounding_box))
        crowds = bool(one.iscrowd), bool(getattr(other, "iscrowd", False))
        if apart <= SAME and one.label == other.label and crowds[0] == crowds[1]:
            said = {name: one[name] if one.has_field(name) else None for name in names}
            had = {name: other[name] if other.has_field(name) else None for name in names}
            for name in names:
                if said[name] != had[name]:
                    other[name] = said[name]
            if ids:
                other["coco_id"] = one["coco_id"]
            return pool.pop(key), said == had
    return one, False
