"""The one call that explores a data set: import, look, store, evaluate."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import fiftyone as fo
from fiftyone import ViewField as F
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dfine.explore import datasets, evaluate, fields, store
from dfine.explore.brain_runs import Index
from dfine.explore.database import require_database
from dfine.explore.model import DFineModel, Opener
from dfine.explore.names import match
from dfine.inference.predictor import Predictor
from dfine.wording import some


@dataclass(frozen=True)
class Pace:
    """How the pictures go through the network."""

    batch: int = 8  # pictures per forward pass, and per save
    workers: int = 0  # processes that read pictures
    progress: bool = True  # whether to show a bar, with pictures per second


def explore(
    data: str | os.PathLike | fo.Dataset,
    predictor: Predictor,
    *,
    field: str = fields.FIELD,
    keep: store.Keep | None = None,
    pace: Pace | None = None,
    **opening,
) -> fo.Dataset:
    """Look at every picture of a data set, store all that this detector knows of its boxes, and evaluate every layer.

    The same call again does only what is missing: pictures that have been looked at by the same weights with the same
    settings are left as they are, an interrupted run goes on, and what was evaluated is evaluated again only where
    answers or boxes have changed.

    Args:
        data: see `dfine.explore.datasets.open_dataset`; or a FiftyOne data set.
        predictor: as `dfine.load` gives it.
        field: FIELD, under which all is stored; a second model goes into a field of its own.
        keep: which detections are stored.
        pace: batch size, workers and progress bar.
        opening: the fields of `dfine.explore.datasets.Opening`: `name`, `split`, `count`, `seed`, `truth`,
            `reread` and `restore`.

    Returns:
        The data set, persistent; `dataset.info["dfine"][field]` says what was done.

    Raises:
        FileNotFoundError, ValueError: the data cannot be found or understood, or shares no class with the model.
    """
    pace = pace or Pace()
    require_database()
    if isinstance(data, fo.DatasetView):
        raise ValueError(
            f"what is stored of a run belongs to a whole data set, and this is a view of {data.dataset_name!r}: make a "
            "data set of it (view.clone(NAME, persistent=True))"
        )
    wanted = datasets.Opening(**opening)
    with nullcontext(data) if isinstance(data, fo.Dataset) else datasets.opened(data, wanted) as dataset:
        truth = require_known(dataset, predictor, wanted.truth)
    if dataset.exists("metadata.width", False).count():
        dataset.compute_metadata(skip_failures=True, warn_failures=False, progress=False)
    model = DFineModel(predictor, classes=datasets.classes(dataset, truth), keep=keep)
    if model.classes and (model.names.model_only or model.names.data_only):
        warnings.warn(str(model.names), stacklevel=2)
    prepare(dataset, model, field, truth)
    apply(dataset, model, field, pace)
    if datasets.classes(dataset, truth) and not evaluate.is_current(dataset, field):
        _say_without_answers(dataset, truth)
        evaluate.evaluate(dataset, field, progress=pace.progress)
    return dataset


def require_known(dataset: fo.Dataset, predictor: Predictor, truth: str = fields.TRUTH) -> str:
    """The field of the answers, where the model knows one of their classes; see `dfine.explore.datasets.answers`.

    Raises:
        ValueError: it knows none, or nothing says which field it is.
    """
    truth = datasets.answers(dataset, truth)
    match(predictor.names, datasets.classes(dataset, truth))
    return truth


def _say_without_answers(dataset: fo.Dataset, truth: str) -> None:
    """Warn of pictures that nobody has labelled: what is found there counts as wrong."""
    if bare := len(dataset.exists(truth, False)):
        warnings.warn(
            f"{bare} of {len(dataset)} pictures have no answers in {truth!r}, and are evaluated as pictures without "
            f"objects; if there are any in them, AP is too low: dataset.exists({truth!r}).clone(NAME) makes a data set "
            "of the others",
            stacklevel=3,
        )


def prepare(dataset: fo.Dataset, model: DFineModel, field: str = fields.FIELD, truth: str = fields.TRUTH) -> None:
    """Declare the fields of a model, take away those of another that was there before, and write down which it is.

    Raises:
        ValueError: the data set has fields of these names that hold something else.
    """
    before = dict(dataset.info.get(fields.INFO, {}).get(field, {}))
    if not before and not dataset.has_sample_field(fields.run_field(field)):
        taken = [name for name in model.label_fields(field).values() if dataset.has_sample_field(name)]
        if taken:
            raise ValueError(
                f"the data set {dataset.name!r} has a field {taken[0]!r} of its own; choose another --field"
            )
    changed = before.get("run") != model.run or before.get("truth") != truth
    if before and changed:
        evaluate.forget(dataset, field)
        for stage in fields.stages(before["layers"])[model.layers : -1]:
            dataset.delete_sample_field(fields.field_of(field, stage, before["layers"]))
    lost = [name for name in model.label_fields(field).values() if not dataset.has_sample_field(name)]
    store.declare(dataset, field, model.layers)
    if before and not changed and lost:  # deleted or renamed by a person: all of it is found anew
        evaluate.forget(dataset, field)
        dataset.clear_sample_field(fields.run_field(field))
    if changed or lost:  # what sorts boxes that are gone
        Index(fields.similar_key(field, "found"), field).delete(dataset)
    if changed:
        dataset.info[fields.INFO] = {**dataset.info.get(fields.INFO, {}), field: {}}  # nothing of the one before stays
    fields.note(dataset, field, model.info(truth) if changed else {})


def apply(dataset: fo.Dataset, model: DFineModel, field: str = fields.FIELD, pace: Pace | None = None) -> list[str]:
    """Look at every picture that `model` has not filled yet, and store what it says, batch by batch.

    Returns:
        The files that could not be read: their samples carry the tag "unreadable", and a warning names the first.
    """
    pace = pace or Pace()
    todo = dataset.match(F(fields.run_field(field)) != model.run)
    ids, paths, *sizes = todo.values(["id", "filepath", "metadata.width", "metadata.height"])
    unread = _unread(dataset, field)
    said = dict(zip(ids, zip(*sizes)))
    errors: dict[str, str] = {}
    others: list[str] = []
    with tqdm(
        total=len(dataset), initial=len(dataset) - len(ids), desc=field, unit=" pictures", disable=not pace.progress
    ) as bar:
        for at, items in batches(paths, model.build_get_item(), pace):
            mine = dict(zip(ids[at : at + len(items)], items))
            stored = {id: stored for id, stored in zip(mine, model.look(items)) if stored is not None}
            errors |= {id: item["error"] for id, item in mine.items() if "error" in item}
            unlike = {id: mine[id] for id in stored if mine[id]["size"] != said[id]}
            store.measure(dataset, unlike)
            others += [Path(item["filepath"]).name for id, item in unlike.items() if None not in said[id]]
            store.save(dataset, field, stored, model.run)
            bar.update(len(items))
    _tag(dataset, errors, unread)
    if others:
        warnings.warn(
            f"{len(others)} of {len(dataset)} pictures are not of the size that the data says; boxes are taken as "
            f"shares of the pictures' sides: {some(others)}",
            stacklevel=2,
        )
    return [path for id, path in zip(ids, paths) if id in errors]


class _Files(Dataset):
    """Pictures by their place in a list of files."""

    def __init__(self, paths: list[str], opener: Opener):
        self.paths, self.opener = paths, opener

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        return self.opener({"filepath": self.paths[index]})


def batches(paths: list[str], opener: Opener, pace: Pace) -> Iterator[tuple[int, list[dict]]]:
    """(place of the first, items) of every batch."""
    loader = DataLoader(_Files(paths, opener), pace.batch, num_workers=pace.workers, collate_fn=DFineModel.collate_fn)
    at = 0
    for items in loader:
        yield at, items
        at += len(items)


def _unread(dataset: fo.Dataset, field: str) -> list[str]:
    """The ids of samples that a run before this one has tagged as unreadable.

    Where a picture could be read, or nothing was looked at yet, the tag is a person's own.
    """
    tagged = dataset.match_tags(fields.UNREADABLE).values(["id", fields.run_field(field)])
    found = [id for id, run in zip(*tagged) if run is None]
    first = not dataset.count(fields.run_field(field)) and len(found) < len(dataset)  # else none could be read
    return [] if first else found


def _tag(dataset: fo.Dataset, errors: dict[str, str], before: list[str]) -> None:
    """Tag the samples that could not be read, and untag those among the ones `before` that now could."""
    if mended := [id for id in before if id not in errors]:
        dataset.select(mended).untag_samples(fields.UNREADABLE)
    if errors:
        dataset.select(list(errors)).tag_samples(fields.UNREADABLE)
        warnings.warn(
            f"{len(errors)} of {len(dataset)} pictures cannot be read and were skipped (tag "
            f"{fields.UNREADABLE!r}): {some(list(errors.values()))}",
            stacklevel=3,
        )
