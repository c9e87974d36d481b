"""Similarity indexes of FiftyOne's brain that `dfine explore` makes, told from a person's own, which stay as they are.

They hold features that are computed here: no model is loaded or fetched, and sorting works offline.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import fiftyone as fo
import numpy as np


@dataclass(frozen=True)
class Index:
    """An index of ours, of whichever version: what it was made of is written in its configuration."""

    key: str  # of the brain run
    patches: str | None = None  # the field of its objects; None: it sorts whole pictures

    def usable(self, dataset: fo.Dataset) -> bool:
        """Whether the key is free or ours; a warning says so where a person has taken it."""
        if self.key not in dataset.list_brain_runs() or self._is_ours(dataset):
            return True
        warnings.warn(
            f"the brain run {self.key!r} of {dataset.name!r} is not one that D-FINE made, and stays as it is: nothing "
            "of D-FINE's sorts by it until it has another name (dataset.rename_brain_run)",
            stacklevel=3,
        )
        return False

    def holds(self, dataset: fo.Dataset, state: str) -> bool:
        """Whether it is there, and made of what `state` stands for."""
        return self.key in dataset.list_brain_runs() and self._config(dataset).get("dfine") == state

    def save(
        self, dataset: fo.Dataset, state: str, features: np.ndarray, samples: Sequence[str], labels: Sequence[str] = ()
    ) -> None:
        """Make it, in place of that of an earlier run.

        Args:
            dataset: whose pictures or objects it sorts.
            state: stands for all that it is made of.
            features: [n, D], compared by their cosine.
            samples: the ids of the n samples, or of those that the n objects are in.
            labels: the ids of the n objects; of pictures none.
        """
        import fiftyone.brain as brain

        self.delete(dataset)
        options = dict(backend="sklearn", metric="cosine", progress=False, dfine=state)
        index = brain.compute_similarity(
            dataset, patches_field=self.patches, embeddings=False, brain_key=self.key, **options
        )
        index.add_to_index(features, np.array(samples), np.array(labels) if self.patches else None)
        index.save()

    def delete(self, dataset: fo.Dataset) -> None:
        """Take it away, where there is one of ours."""
        if self.key in dataset.list_brain_runs() and self._is_ours(dataset):
            dataset.delete_brain_run(self.key)

    def _is_ours(self, dataset: fo.Dataset) -> bool:
        config = self._config(dataset)
        if "dfine" in config:
            return True
        plain = (config.get("method"), config.get("patches_field"), config.get("embeddings_field"), config.get("model"))
        return self.patches is None and plain == ("sklearn", None, None, None)  # as earlier versions made them

    def _config(self, dataset: fo.Dataset) -> dict:
        return dataset.get_brain_info(self.key).config.serialize()
