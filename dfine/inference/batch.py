"""A detector for systems that hand out batches of rows, such as Ray Data's `map_batches`: columns in, columns out.

    import ray
    from dfine.inference.batch import Detector

    pictures = ray.data.read_images("s3://bucket/pictures", mode="RGB", include_paths=True)
    how = {"model": "photos"}
    found = pictures.map_batches(Detector, fn_constructor_kwargs=how, batch_size=16, concurrency=(1, 4))
    found.write_parquet("found")

Every process that Ray starts makes one `Detector`, loads the model once, and takes a core. One must be left for
reading, or Ray waits for ever: the lower number of processes has to be less than there are cores. Nothing here needs
Ray.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from dfine.data.pictures import PictureError, read
from dfine.inference.load import load
from dfine.inference.table import columns, error_row, rows
from dfine.weights.zoo import PHOTOS


class Detector:
    """Batches of pictures to a row for each object that was found.

    Args:
        model: what `dfine.load` takes; by default the shipped model of photographs.
        threshold: lowest score in 0..1 that is reported, or "best".
        column: of the batch, with the pictures: arrays [H, W, 3], the bytes of files, or paths.
        error_rows: give a picture that cannot be read a row, rather than raise (`dfine.inference.table.error_row`); a
            column `error` more says why, and is empty in the rows of objects.
        **loading: more for `dfine.load`: `device`, `precision` …
    """

    def __init__(
        self,
        model: str = PHOTOS,
        *,
        threshold: float | str = 0.5,
        column: str = "image",
        error_rows: bool = False,
        **loading: Any,
    ):
        self.model, self.threshold = load(model, **loading), threshold
        self.column, self.error_rows = column, error_rows

    def __call__(self, batch: Mapping[str, Sequence[Any] | np.ndarray]) -> dict[str, np.ndarray]:
        """The columns of `dfine.inference.table`, for all pictures; one in which nothing was found has no row.

        Args:
            batch: columns of equal length; `path`, where it is there, names the pictures, else their place does.

        Raises:
            ValueError: there is no such column.
            PictureError: a picture cannot be read, and there are no `error_rows`.
        """
        if self.column not in batch:
            raise ValueError(f"the batch has no column {self.column!r}; it has {', '.join(map(str, batch))}")
        values, names = batch[self.column], batch.get("path")
        names = [str(name) for name in (range(len(values)) if names is None else names)]
        pictures = [self._picture(value, name, "path" in batch) for value, name in zip(values, names)]
        results = iter(self.model([one for one in pictures if isinstance(one, Image.Image)], self.threshold))
        table = []
        for name, one in zip(names, pictures):
            table += [error_row(name, str(one))] if isinstance(one, PictureError) else rows(name, next(results))
        errors = {"error": np.array([row.get("error", "") for row in table], str)} if self.error_rows else {}
        return columns(table) | errors

    def _picture(self, value, name: str, is_path: bool) -> Image.Image | PictureError:
        """A value as an upright RGB picture, or with `error_rows` why it is none; else PictureError, which names it."""
        try:
            return read(value)
        except PictureError as error:
            if self.error_rows:
                return error
            which = name if is_path else f"picture {name} of the batch"
            raise PictureError(f"{which} cannot be read: {error}") from None
