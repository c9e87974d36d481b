"""Two runs on the same pictures: AP with the interval of the difference, and which pictures each does better."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from dfine.evaluation.bootstrap import Difference, difference
from dfine.evaluation.rows import as_rows
from dfine.evaluation.tide import error_types
from dfine.explore import fields
from dfine.explore.columns import coco_truth, rows
from dfine.explore.datasets import classes
from dfine.explore.saved_views import Saved
from dfine.explore.views import SHOWN

LISTED = 12  # pictures that are named either way


@dataclass(frozen=True)
class Comparison:
    """One run against another. Printing it gives the sentences."""

    name: str  # FIELD of the one
    other: str  # and of the other
    ap: Difference
    gains: dict[str, int] = field(repr=False)  # sample id -> mistakes that the one makes less (below 0: more)
    files: dict[str, str] = field(repr=False)  # sample id -> file

    @property
    def better(self) -> list[str]:
        """Ids of the pictures with fewer mistakes, the greatest win first."""
        return [id for id, gain in sorted(self.gains.items(), key=lambda item: -item[1]) if gain > 0]

    @property
    def worse(self) -> list[str]:
        """Ids of the pictures with more mistakes, the greatest loss first."""
        return [id for id, gain in sorted(self.gains.items(), key=lambda item: item[1]) if gain < 0]

    def to_dict(self) -> dict:
        """Plain JSON values: `ap`, and `better` and `worse` as lists of [file name, mistakes less]."""
        listed = {
            key: [[Path(self.files[id]).name, self.gains[id]] for id in ids]
            for key, ids in (("better", self.better), ("worse", self.worse))
        }
        return {"name": self.name, "other": self.other, "pictures": len(self.gains), "ap": self.ap.to_dict()} | listed

    def __str__(self) -> str:
        won, lost = len(self.better), len(self.worse)
        same = len(self.gains) - won - lost
        return (
            f"{self.name} against {self.other}: {self.ap}\nfewer mistakes among reported boxes in {won} pictures, more "
            f"in {lost}, as many in {same}"
        )


def compare(dataset: fo.Dataset, name: str, other: str, repeats: int | None = None) -> Comparison:
    """Compare two runs picture by picture, store the result, and save a view of the wins and one of the losses.

    A mistake is a reported box (score from 0.5) that is wrong, or an object that none of them found; a find where
    nothing is labelled counts, since it counts for both. Only pictures that both runs have seen are compared.

    Args:
        dataset: explored and evaluated in both fields.
        name: FIELD of the one run.
        other: of the other.
        repeats: draws for the interval of the difference in AP, by default 400.

    Returns:
        The comparison. Samples have `NAME_against_OTHER`, how many mistakes NAME makes less.

    Raises:
        ValueError: one of the runs is not there or was not evaluated, both are the same, they have other answers, or
            no picture was seen by both.
    """
    if name == other:
        raise ValueError(f"a run is compared with another one, not with itself; the field is {name!r} both times")
    abouts = [fields.about(dataset, run) for run in (name, other)]
    for run, about in zip((name, other), abouts):
        if "evaluation" not in about:
            raise ValueError(f"the exploration {run!r} of {dataset.name!r} has not been evaluated: it has no answers")
    if abouts[0]["truth"] != abouts[1]["truth"]:
        raise ValueError(
            f"{name!r} was evaluated with the answers {abouts[0]['truth']!r}, {other!r} with {abouts[1]['truth']!r}"
        )
    _say_unlike(dict(zip((name, other), abouts)))
    seen = dataset
    for run, about in zip((name, other), abouts):
        seen = seen.match(F(fields.run_field(run)) == about["run"])
    if not len(seen):
        raise ValueError(f"no picture of {dataset.name!r} was seen by both {name!r} and {other!r}")
    names = classes(dataset, abouts[0]["truth"])  # of today: a run may have been evaluated when there were fewer
    truth, found = coco_truth(seen, abouts[0]["truth"], names), [rows(seen, run, names) for run in (name, other)]
    counts = [mistakes(truth, each) for each in found]
    gains = {i["sample"]: counts[1][i["id"]] - counts[0][i["id"]] for i in truth["images"]}
    files = {i["sample"]: i["file_name"] for i in truth["images"]}
    ap = difference(truth, *found) if repeats is None else difference(truth, *found, repeats)
    compared = Comparison(name, other, ap, gains, files)
    save(dataset, compared)
    return compared


def _say_unlike(abouts: dict[str, dict]) -> None:
    """Warn of two runs that kept other boxes: their AP differs by that already."""
    kept = {run: (about.get("threshold"), about.get("top")) for run, about in abouts.items()}
    if len(set(kept.values())) > 1:
        said = " and ".join(
            f"{run!r} up to {top} boxes a picture with a score of {least:g} or more"
            for run, (least, top) in kept.items()
            if least is not None
        )
        warnings.warn(
            f"the runs hold other boxes ({said}), so that AP differs by that, too: explore with the same --threshold "
            "and --top before you compare",
            stacklevel=3,
        )


def latest(dataset: fo.Dataset | fo.DatasetView, name: str) -> dict | None:
    """The latest comparison of a run with another, as `Comparison.to_dict` gives it and with the `field` of its gains.

    None where there is none, or where answers or boxes of either run have changed since.
    """
    stored = dict(fields.about(dataset, name).get("comparison") or {})
    evaluated = stored.pop("evaluated", None)  # what earlier versions stored says nothing of it
    return stored if stored and evaluated in (None, _evaluated(dataset, name, stored["other"])) else None


def _evaluated(dataset: fo.Dataset | fo.DatasetView, *runs: str) -> list[str | None]:
    """What says that nothing of some runs has changed (`dfine.explore.evaluate`)."""
    known = (dataset.info or {}).get(fields.INFO, {})
    return [known.get(run, {}).get("evaluated") for run in runs]


def mistakes(truth: dict, rows: np.ndarray) -> Counter:
    """Image id -> wrong boxes among those with a score from 0.5, and objects that none of them found."""
    rows = as_rows(rows)
    errors = error_types(truth, rows[rows["score"] >= SHOWN])
    wrong = ~np.isin(errors.kind, ("correct", "ignored"))
    missed = errors.truth.image[errors.truth.state == "Miss"]
    return Counter(errors.rows["image"][wrong].tolist()) + Counter(missed.tolist())


def save(dataset: fo.Dataset, found: Comparison) -> None:
    """Store how many mistakes one run makes less in every picture, with a view of the wins and one of the losses."""
    gain = f"{found.name}_against_{found.other}"
    if not dataset.has_sample_field(gain):
        dataset.add_sample_field(gain, fo.IntField)
    dataset.set_values(gain, dict.fromkeys(dataset.values("id")) | found.gains, key_field="id")
    about = {"field": gain, "evaluated": _evaluated(dataset, found.name, found.other)}
    fields.note(dataset, found.name, {"comparison": found.to_dict() | about})
    shown = dataset.view()
    for run in (found.name, found.other):
        shown = shown.filter_labels(run, F("confidence") >= SHOWN, only_matches=False)
    for word, keep, last_first in (("better", F(gain) > 0, True), ("worse", F(gain) < 0, False)):
        view = shown.match(keep).sort_by(gain, reverse=last_first)
        about = f"Pictures in which {found.name} makes {'fewer' if word == 'better' else 'more'} mistakes than "
        about += f"{found.other} among reported boxes (score from {SHOWN}); the greatest difference first."
        colour = "#009E73" if word == "better" else "#D55E00"
        Saved(f"{found.name} {word} than {found.other}", about, colour).save(dataset, view)
