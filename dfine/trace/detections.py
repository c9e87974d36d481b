"""What was found in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from dfine.trace import interop
from dfine.trace.base import Comparable, check_shape

PRINTED = 5  # detections that are named where they are printed


@dataclass(frozen=True, repr=False)
class Detections(Comparable):
    """What was found in one picture, best first. `query` is the thread back into the trace."""

    boxes: Tensor  # [n, 4] xyxy in pixels of the picture, clipped to it
    labels: Tensor  # [n] indices into `names`
    scores: Tensor  # [n] in 0..1
    query: Tensor  # [n] indices into the trace's queries
    names: tuple[str, ...]
    size: tuple[int, int]  # picture (width, height) in pixels

    def __post_init__(self):
        n = len(self.scores)
        check_shape(self, "boxes", self.boxes, n, 4)
        check_shape(self, "labels", self.labels, n)
        check_shape(self, "query", self.query, n)
        if n and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.names):
            raise ValueError(f"labels run to {int(self.labels.max())}, but there are only {len(self.names)} names")

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detections]:
        """Each one, still as `Detections`."""
        return (self[i] for i in range(len(self)))

    def __getitem__(
        self, index: int | str | slice | Sequence[int] | Sequence[bool] | np.ndarray | Tensor
    ) -> Detections:
        """A selection by slice, boolean mask or indices; a whole number selects one, still as `Detections`.

        The name of a class selects all that are of it. Raises KeyError where there is no such class, and IndexError
        where there is no such number.
        """
        if isinstance(index, str):
            if index not in self.names:
                raise KeyError(f"there is no class {index!r}; the classes are {', '.join(filter(None, self.names))}")
            index = np.array([name == index for name in self.class_names], dtype=bool)
        if isinstance(index, int) or getattr(index, "ndim", 1) == 0:  # a number of numpy's or torch's, too
            index = [int(index)]
        return Detections(
            self.boxes[index], self.labels[index], self.scores[index], self.query[index], self.names, self.size
        )

    def __repr__(self) -> str:
        found = [f"{entry['name']} {entry['score']:.2f}" for entry in self[:PRINTED].to_list()]
        more = [f"{len(self) - PRINTED} more"] if len(self) > PRINTED else []
        width, height = self.size
        return f"Detections({len(self)} in {width} x {height}{': ' if found else ''}{', '.join(found + more)})"

    @property
    def class_names(self) -> list[str]:
        """The name of each detection's class."""
        return [self.names[i] for i in self.labels.tolist()]

    def above(self, threshold: float | Tensor) -> Detections:
        """Those with a score of at least `threshold`, one number or one of each class [K]."""
        lowest = threshold[self.labels] if isinstance(threshold, Tensor) else threshold
        return self[self.scores >= lowest]

    def to_list(self) -> list[dict[str, Any]]:
        """Plain values: `label`, `name`, `score`, `box` (xyxy pixels) and `query` of each detection."""
        return [
            {"label": label, "name": self.names[label], "score": score, "box": box, "query": query}
            for label, score, box, query in zip(
                self.labels.tolist(), self.scores.tolist(), self.boxes.tolist(), self.query.tolist()
            )
        ]

    def to_coco(self, image_id: int = 0, category_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """COCO result entries: `image_id`, `category_id`, `bbox` (x, y, width, height in pixels) and `score`.

        Args:
            image_id: goes into every entry.
            category_ids: the data set's id of every label. By default COCO's own ids (1 to 90) where all class names
                are COCO's, and otherwise 1 … K in the order of the named classes; see `dfine.trace.categories`.

        Raises:
            ValueError: there are fewer ids than classes.
        """
        return interop.to_coco(self, image_id, category_ids)

    def to_supervision(self) -> Any:
        """A `supervision.Detections`, with class names and queries in its data. Raises ImportError without it."""
        return interop.to_supervision(self)

    def to_fiftyone(self) -> Any:
        """A `fiftyone.Detections` in relative coordinates. Raises ImportError without fiftyone."""
        return interop.to_fiftyone(self)

    def to_pandas(self) -> Any:
        """A table with one row a detection. Raises ImportError without pandas."""
        return interop.to_pandas(self)

    def _repr_html_(self) -> str:
        from dfine.figures.html import sketched_html

        return sketched_html(self)
