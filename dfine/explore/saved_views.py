"""Views that `dfine explore` saves with a data set, told from a person's own, which stay as they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import fiftyone as fo
from fiftyone.core.utils import to_slug


@dataclass(frozen=True)
class Saved:
    """A saved view of ours, of whichever version: it is known again by its colour or by its description."""

    name: str
    about: str  # what it shows, for the App
    colour: str

    def save(self, dataset: fo.Dataset, view: fo.DatasetView) -> str:
        """Save `view` under this name, in place of that of an earlier run; returns the name.

        Where a person has a view of that name, theirs stays, a warning says so, and ours is called `NAME (D-FINE)`.
        """
        name = self.called(dataset)
        if name != self.name:
            warnings.warn(
                f"the saved view {self.name!r} of {dataset.name!r} is not one that D-FINE saved, and stays as it is: "
                f"D-FINE's is called {name!r}",
                stacklevel=3,
            )
        dataset.save_view(name, view, description=self.about, color=self.colour, overwrite=True)
        for other in dataset.list_saved_views(info=True):  # from when the name was taken
            if other["name"] != name and other["name"].startswith(f"{self.name} (D-FINE") and self._is(other):
                dataset.delete_saved_view(other["name"])
        return name

    def called(self, dataset: fo.Dataset) -> str:
        """What it is called in a data set, or would be: the first of its names that no person has taken."""
        taken = {to_slug(info["name"]) for info in dataset.list_saved_views(info=True) if not self._is(info)}
        return next(name for name in self._names() if to_slug(name) not in taken)  # compared as FiftyOne does

    def _names(self) -> Iterator[str]:
        yield self.name
        yield f"{self.name} (D-FINE)"
        yield from (f"{self.name} (D-FINE {n})" for n in count(2))

    def _is(self, info: dict) -> bool:
        return info["description"] == self.about or (info["color"] or "").lower() == self.colour.lower()
