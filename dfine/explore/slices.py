"""AP and coverage of parts of a data set: by size, class or hard case, by tags, and by any field."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import fiftyone as fo
import numpy as np

from dfine.evaluation import calibration
from dfine.evaluation.bootstrap import Ranked
from dfine.evaluation.coco import measure
from dfine.evaluation.tide import SIZES, hard_cases
from dfine.explore import fields
from dfine.explore.columns import Collection, Tables, looked_at
from dfine.explore.true_edges import matches

BY = ("size", "class", "tags", "case")  # what is asked for unless something else is
LEAST = 30  # objects of a slice that may be called the worst; AP of fewer is mostly chance
MOST = 24  # values of a field, the most frequent
BINS = 4  # of a field with many numbers
FEW = 8  # numbers that are not cut into bins
MASS = 0.8  # of the intervals whose coverage is measured
APART = ("label", "confidence", "index", "mask_path", "coco_id")  # attributes that are classes, or new in every answer


@dataclass(frozen=True)
class Slice:
    """A part of a data set, and how the last layer does there."""

    by: str
    value: str
    pictures: int
    objects: int
    ap: float | None  # None: nothing to measure
    coverage: float | None  # share of true edges inside their 80 % intervals; None where nothing was found

    def to_dict(self) -> dict:
        """Plain JSON values."""
        return asdict(self)


def slices(dataset: fo.Dataset | Collection, field: str = fields.FIELD, by: Sequence[str] = BY) -> list[Slice]:
    """AP and coverage of every slice, field by field, the lowest AP first; classes that the model lacks come last.

    Of pictures, AP is that of those pictures; of sizes and classes it is COCO's. By an attribute of the answers, the
    other answers count neither way, and boxes on nothing count in every slice.

    Args:
        dataset: evaluated; or a view of it.
        field: FIELD.
        by: "size", "class", "case" (hard cases of scenes), "tags", a field of the samples, or an attribute of the
            answers as FIELD.ATTRIBUTE ("ground_truth.visible"). More than eight different numbers are cut into four
            ranges of about as many pictures or objects.

    Raises:
        ValueError: nothing was explored, it was not evaluated, or there is no such field.
    """
    found = matches(dataset, field, objects=True)  # says in a sentence that there was no evaluation
    info = fields.about(dataset, field)
    samples, last = looked_at(dataset, field), fields.stages(info["layers"])[-1]
    tables = Tables.of(samples, field, [last])
    card = fields.card(info)
    below = calibration.pit(found, *calibration.fitted(card.temperature, card.levels))[:, -1]
    held = ((below - 0.5).abs() <= MASS / 2).double().mean(1).numpy()  # [n] share of an object's four edges
    world = _World(tables.truth, tables.rows[last], np.array(found.images), np.array(found.groups["object"]), held)
    made: list[Slice] = []
    for name in by:
        if name in ("size", "class", "case"):
            parts = {"size": world.sizes, "class": world.classes, "case": world.cases}[name]()
        else:
            values = _values(samples, name, info["truth"])
            names = named(values)
            _say_others(name, values, names)
            parts = world.of_objects(names) if _attribute(name, info["truth"]) else world.of_pictures(names)
        beyond = unknown(dataset, field) if name == "class" else ()
        here = [Slice(name, *part) for part in parts]
        made += sorted(here, key=lambda s: (s.value in beyond, math.inf if s.ap is None else s.ap))
    return made


def check(samples: Collection, by: Sequence[str], truth: str = fields.TRUTH, field: str = fields.FIELD) -> None:
    """Whether slices can be made by these names, before anything is looked at; what a run stores itself passes.

    Raises:
        ValueError: no sample has one of them; the message names those that there are.
    """
    for name in by:
        if name not in BY and not name.removeprefix(f"{truth}.").startswith(f"{field}_"):
            _values(samples, name, truth)


def unknown(dataset: fo.Dataset | Collection, field: str = fields.FIELD) -> list[str]:
    """The classes of the answers that the model of the run in `field` does not have."""
    info = fields.about(dataset, field)
    return [name for name in info["classes"] if name not in info["names"]]


def worst(found: Sequence[Slice], beyond: Iterable[str] = ()) -> Slice | None:
    """The slice with the lowest AP among those with enough objects; None where no slice has.

    Classes that lie `beyond` the model are none: what they are worth is known.
    """
    enough = [s for s in found if s.objects >= LEAST and s.ap is not None]
    enough = [s for s in enough if s.by != "class" or s.value not in beyond]
    return min(enough, key=lambda s: s.ap, default=None)


def named(values: dict[str, object]) -> dict[str, tuple[str, ...]]:
    """Id -> the names of the slices that it is in, from id -> value; what has no value is in none.

    Lists put an id into a slice for each member. More than `FEW` different numbers become `BINS` ranges.
    """
    lists = {id: v if isinstance(v, (list, tuple, set)) else (v,) for id, v in values.items()}
    flat = [v for vs in lists.values() for v in vs if v is not None and v == v]
    numbers = [v for v in flat if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(flat) and len(set(numbers)) > FEW:
        cuts = sorted(set(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]).tolist()))
        whole = max(3, len(f"{max(map(abs, cuts)):.0f}"))  # digits before the point
        digits = next((d for d in range(whole, 17) if len({f"{v:.{d}g}" for v in cuts}) == len(cuts)), 17)
        ends = [f"{v:.{digits}g}" for v in cuts]
        ranges = [f"up to {ends[0]}", *(f"{a} to {b}" for a, b in zip(ends, ends[1:])), f"over {ends[-1]}"]
        return {
            id: tuple(ranges[int(np.searchsorted(cuts, v))] for v in vs if v is not None and v == v)
            for id, vs in lists.items()
        }
    often = [str(v) for v, _ in Counter(map(str, flat)).most_common(MOST)]
    return {id: tuple(str(v) for v in vs if v is not None and str(v) in often) for id, vs in lists.items()}


def _say_others(name: str, values: dict[str, object], names: dict[str, tuple[str, ...]]) -> None:
    """Warn of values that have no slice, since there are too many: the worst may be among them."""
    every = {str(v) for vs in values.values() for v in (vs if isinstance(vs, (list, tuple, set)) else (vs,))}
    shown = {n for ns in names.values() for n in ns}
    if len(shown) == MOST and len(every - {"None", "nan"}) > MOST:
        warnings.warn(
            f"{name!r} has {len(every - {'None', 'nan'})} different values; only the {MOST} most frequent are slices",
            stacklevel=3,
        )


@dataclass(frozen=True)
class _World:
    """Answers, detections, and which objects' edges were held, as plain arrays."""

    truth: dict  # COCO-format, images with `sample`, annotations with `label`
    rows: np.ndarray
    images: np.ndarray  # [n] sample id of every object that was found
    labels: np.ndarray  # [n] label id of it
    held: np.ndarray  # [n] share of its four edges inside their intervals

    def of_pictures(self, names: dict[str, tuple[str, ...]]) -> Iterator[tuple]:
        """Slices of pictures, from the names of every sample's slices."""
        values = sorted({n for ns in names.values() for n in ns})
        ranked = Ranked.of(self.truth, self.rows) if values else None  # which takes a while
        sample = {i["id"]: i["sample"] for i in self.truth["images"]}
        for value in values:
            mine = {id for id, ns in names.items() if value in ns}
            weights = np.array([[sample[i] in mine for i in ranked.images.tolist()]], float)
            objects = sum(sample[a["image_id"]] in mine for a in self._objects())
            inside = np.isin(self.images, list(mine))
            yield value, int(weights.sum()), objects, _plain(ranked.ap(weights)[0]), self._held(inside)

    def of_objects(self, names: dict[str, tuple[str, ...]]) -> Iterator[tuple]:
        """Slices of objects, from the names of every answer's slices; the other answers are taken for crowds."""
        for value in sorted({n for ns in names.values() for n in ns}):
            mine = {id for id, ns in names.items() if value in ns}
            marked = [a if a["label"] in mine else a | {"iscrowd": 1} for a in self.truth["annotations"]]
            ap = Ranked.of(self.truth | {"annotations": marked}, self.rows).ap()[0]
            yield self._part(value, mine, ap)

    def sizes(self) -> Iterator[tuple]:
        """COCO's three sizes."""
        stats, _ = measure(self.truth, self.rows)
        for value, (low, high) in SIZES.items():
            mine = {a["label"] for a in self._objects() if low <= a["area"] < high}
            yield self._part(value, mine, stats[f"AP{value[0]}"])

    def classes(self) -> Iterator[tuple]:
        """Every class that has objects."""
        _, ap = measure(self.truth, self.rows)
        for category in self.truth["categories"]:
            mine = {a["label"] for a in self._objects() if a["category_id"] == category["id"]}
            if mine:
                yield self._part(category["name"], mine, ap[category["name"]])

    def cases(self) -> Iterator[tuple]:
        """Clean scenes, and those with each dial above 0; nothing where there are no scenes."""
        cases = hard_cases(self.truth)
        sample = {i["id"]: i["sample"] for i in self.truth["images"]}
        names: dict[str, list[str]] = {id: [] for id in sample.values()}
        for case, ids in cases.items():
            for id in ids:
                names[sample[id]].append(case.replace("_", " "))
        return self.of_pictures({id: tuple(n) for id, n in names.items()})

    def _objects(self) -> list[dict]:
        return [a for a in self.truth["annotations"] if not a["iscrowd"]]

    def _part(self, value: str, mine: set[str], ap: float) -> tuple:
        here = [a for a in self._objects() if a["label"] in mine]
        held = self._held(np.isin(self.labels, list(mine)))
        return value, len({a["image_id"] for a in here}), len(here), _plain(ap), held

    def _held(self, inside: np.ndarray) -> float | None:
        return _plain(self.held[inside].mean()) if inside.any() else None


def _attribute(name: str, truth: str) -> bool:
    """Whether a name is that of an attribute of the answers."""
    return name.startswith(f"{truth}.")


def _values(samples: Collection, name: str, truth: str) -> dict[str, object]:
    """The values of a field: id of a sample, or of an answer, -> value.

    Raises:
        ValueError: there is no such field, or it holds no plain values; the message names those that do.
    """
    if _attribute(name, truth) and samples.has_sample_field(truth):
        path = name.replace(f"{truth}.", f"{truth}.detections.", 1)
        ids, values = samples.values([f"{truth}.detections.id", path], missing_value=None, unwind=True)
        if len(values) == len(ids) and any(v is not None for v in values):
            return dict(zip(ids, values))
    elif samples.has_sample_field(name.split(".")[0]) or name == "tags":
        values = samples.values(name)
        if all(_is_plain(v) for v in values):
            return dict(zip(samples.values("id"), values))
    raise ValueError(
        f"{samples.name!r} has no field {name!r} with plain values to make slices by; there are "
        f"{', '.join((*BY, *_plain_fields(samples, truth)))}"
    )


def _plain_fields(samples: Collection, truth: str) -> list[str]:
    """The fields of samples, and the attributes of answers, that slices can be made by."""
    plain = fo.StringField, fo.FloatField, fo.IntField, fo.BooleanField
    found = [name for name, kind in samples.get_field_schema().items() if isinstance(kind, plain)]
    found = [name for name in found if name != "filepath" and not name.endswith(("_run", "_of"))]
    declared = samples.get_field_schema(flat=True) | samples.get_dynamic_field_schema()
    inside = f"{truth}.detections."
    named = [
        path.removeprefix(inside)
        for path, kind in declared.items()
        if path.startswith(inside) and isinstance(kind, plain)
    ]
    found += [f"{truth}.{name}" for name in named if name not in APART]
    return [name for name in found if "_eval" not in name]


def _is_plain(value: object) -> bool:
    members = value if isinstance(value, (list, tuple)) else [value]
    return all(v is None or isinstance(v, (str, int, float, bool)) for v in members)


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
