"""The decoder's replies (`dfine.explore.suspect_asking`), picture by picture, stored with the run that they belong to.

They are asked for again only where the network, the answers of the picture or the errors imagined there have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import fiftyone as fo
import numpy as np
from tqdm import tqdm

from dfine.explore import fields
from dfine.explore.model import Opener
from dfine.explore.names import match
from dfine.explore.run import Pace, batches
from dfine.explore.suspect_asking import Questions, replies
from dfine.explore.suspect_clues import REPLY
from dfine.files import short_digest
from dfine.inference.predictor import Predictor

SCHEMA = 1  # of what a reply comes to


@dataclass(frozen=True)
class Decoders:
    """The networks that filled a field, to be asked about the pictures that each of them looked at."""

    open: Mapping[str, Callable[[], Predictor]]  # what a sample says of its run -> what loads that run's model
    pace: Pace = field(default_factory=Pace)

    @staticmethod
    def of(predictor: Predictor, run: str, pace: Pace | None = None) -> Decoders:
        """One model that looked at all pictures, and is loaded; `run` is what their samples say of it."""
        return Decoders({run: lambda: predictor}, pace or Pace())

    def replies(
        self, dataset: fo.Dataset, name: str, classes: Sequence[str], ids: Sequence[str], wanted: Sequence[Questions]
    ) -> list[np.ndarray | None]:
        """What the decoder says of the places in each picture.

        Args:
            dataset: holds what the networks found.
            name: the field that it is in; the replies are stored beside it.
            classes: the data set's classes, as those of the questions are numbered.
            ids: of the samples.
            wanted: the questions in each.

        Returns:
            For every sample [n, REPLY] in the order of its questions; None where the picture cannot be read or nothing
            that looked at it can be asked.
        """
        runs, paths = dataset.select(list(ids), ordered=True).values([fields.run_field(name), "filepath"])
        keys = [short_digest(f"{SCHEMA} {run} {q.digest}", 32) for run, q in zip(runs, wanted)]
        found = _stored(dataset, name, ids, keys)
        todo = [i for i in range(len(ids)) if found[i] is None and runs[i] in self.open]
        done, quiet = len(ids) - len(todo), not self.pace.progress
        with tqdm(total=len(ids), initial=done, desc="ask the decoder", unit=" pictures", disable=quiet) as bar:
            for run in dict.fromkeys(runs[i] for i in todo):
                mine = [i for i in todo if runs[i] == run]
                asker = _Asker(self.open[run](), classes)
                for at, items in batches([paths[i] for i in mine], Opener(asker.predictor.input_size), self.pace):
                    told = {i: asker(item, wanted[i]) for i, item in zip(mine[at:], items) if "pixels" in item}
                    for i, reply in told.items():
                        found[i] = reply
                    _save(dataset, name, {ids[i]: (reply.reshape(-1), keys[i]) for i, reply in told.items()})
                    bar.update(len(items))
        return found


def _stored(dataset: fo.Dataset, name: str, ids: Sequence[str], keys: Sequence[str]) -> list[np.ndarray | None]:
    """The replies that are there already, of samples whose key is still the same."""
    stored = fields.replies_field(name)
    if not dataset.has_sample_field(stored):
        dataset.add_sample_field(stored, fo.VectorField)
        dataset.add_sample_field(f"{stored}_of", fo.StringField)
    known, of = dataset.select(list(ids), ordered=True).values([stored, f"{stored}_of"])
    return [
        np.asarray(told, np.float32).reshape(-1, REPLY) if key == said and told is not None else None
        for told, key, said in zip(known, keys, of)
    ]


def _save(dataset: fo.Dataset, name: str, values: dict[str, tuple[np.ndarray, str]]) -> None:
    """Write replies and their keys into samples, so that what is interrupted goes on from there."""
    if values:
        stored = fields.replies_field(name)
        dataset.set_values(stored, {id: told for id, (told, _) in values.items()}, key_field="id")
        dataset.set_values(f"{stored}_of", {id: key for id, (_, key) in values.items()}, key_field="id")


class _Asker:
    """A model, and which of its columns the classes of a data set are."""

    def __init__(self, predictor: Predictor, classes: Sequence[str]):
        self.predictor = predictor
        names = match(predictor.names, classes)
        columns = {name: i for i, name in enumerate(names.columns) if i not in names.ignore}
        self.columns = np.array([columns.get(name, -1) for name in classes], int)

    def __call__(self, item: Mapping, wanted: Questions) -> np.ndarray:
        columns = Questions(wanted.boxes, self.columns[wanted.classes])
        return replies(self.predictor, item["pixels"], item["size"], columns)
