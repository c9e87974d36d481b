"""A detector for systems that hand out batches of rows, such as Ray Data's `map_batches`: columns in, columns out.

    import ray
    from dfine.inference.batch import Detector

    pictures = ray.data.read_images("s3://bucket/pictures", mode="RGB", include_paths=True)
    found = pictures.map_batches(Detector, fn_constructor_kwargs={"model": "photos"}, batch_size=16, concurrency=4)
    found.write_parquet("found")

Every process that Ray starts makes one `Detector`, and loads the model once. Nothing here needs Ray.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from dfine.data.pictures import PictureError, read
from dfine.data.rgb import from_bytes
from dfine.inference.load import load
from dfine.inference.table import columns, rows
from dfine.weights.zoo import PHOTOS


class Detector:
    """Batches of pictures to a row for each object that was found.

    Args:
        model: what `dfine.load` takes; by default the shipped model of photographs.
        threshold: lowest score in 0..1 that is reported, or "best".
        column: of the batch, with the pictures: arrays [H, W, 3], the bytes of files, or paths.
        **loading: more for `dfine.load`: `device`, `precision` …
    """

    def __init__(self, model: str = PHOTOS, *, threshold: float | str = 0.5, column: str = "image", **loading):
        self.model, self.threshold, self.column = load(model, **loading), threshold, column

    def __call__(self, batch: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
        """The columns of `dfine.inference.table`, for all pictures; one in which nothing was found has no row.

        Args:
            batch: columns of equal length; `path`, where it is there, names the pictures, else their place does.

        Raises:
            ValueError: there is no such column.
            PictureError: a picture cannot be read.
        """
        if self.column not in batch:
            raise ValueError(f"the batch has no column {self.column!r}; it has {', '.join(map(str, batch))}")
        pictures = [_picture(value, i) for i, value in enumerate(batch[self.column])]
        names = [str(name) for name in batch.get("path", range(len(pictures)))]
        results = self.model(pictures, self.threshold) if pictures else []
        return columns([row for name, result in zip(names, results) for row in rows(name, result)])


def _picture(value, place: int) -> Image.Image:
    """A value as an upright RGB picture. Raises PictureError, naming its place in the batch, where it is none."""
    try:
        return from_bytes(value) if isinstance(value, bytes) else read(value)
    except PictureError as error:
        raise PictureError(f"picture {place} of the batch cannot be read: {error}") from None
