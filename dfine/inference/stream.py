"""Many pictures: reading ahead and the network side by side, in memory that does not grow with their number."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from dfine.data.pictures import read, to_batch, to_pixels
from dfine.engines.engine import fixed_batch
from dfine.inference.predictor import Predictor, Result

READERS = 4  # threads that decode; Pillow lets go of the interpreter meanwhile
MOST = 64  # pictures a batch; more than that is no faster on any device we know
ROOM = 0.5  # share of a GPU's free memory that a batch may take, for others are there too


@dataclass(frozen=True)
class Seen:
    """One picture of many: what the model made of it, or why it could not be read."""

    path: Path
    result: Result | None
    error: Exception | None = None


def stream(
    model: Predictor, paths: Iterable[str | os.PathLike], threshold: float | str = 0.5, *, batch: int | None = None
) -> Iterator[Seen]:
    """The results of many pictures, in their order, while the next ones are being read.

    No more than three batches of pictures are held at a time. One that cannot be read is yielded with its error, and
    the others go on.

    Args:
        model: the detector.
        paths: files, in whatever yields them one after the other.
        threshold: lowest score in 0..1 that is reported, or "best".
        batch: pictures per forward pass; by default as many as fit (`roomy`).

    Raises:
        ValueError: the batch is not positive, or the threshold is none (`Predictor.lowest`).
        TypeError: `paths` is a single path, or one of them is none.
    """
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise TypeError(f"stream takes the paths of many pictures, not a single one; give a list: [{str(paths)!r}]")
    if batch is not None and batch < 1:
        raise ValueError(f"a batch needs at least one picture, not {batch}")
    model.lowest(threshold)
    return _streamed(model, iter(paths), threshold, batch)


def _streamed(
    model: Predictor, paths: Iterator[str | os.PathLike], threshold: float | str, batch: int | None
) -> Iterator[Seen]:
    batch, waiting = batch or roomy(model), deque()
    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
        try:
            while True:
                fresh = [_path(p) for p in islice(paths, 3 * batch - len(waiting))]
                waiting += [(path, pool.submit(_prepared, path, model.input_size)) for path in fresh]
                if not waiting:
                    return
                yield from _looked(model, [waiting.popleft() for _ in range(min(batch, len(waiting)))], threshold)
        finally:
            for _, future in waiting:
                future.cancel()


def roomy(model: Predictor) -> int:
    """How many pictures go through the network together: on a GPU as many as fit, on the CPU one.

    A CPU is busy with one picture already; more of them at a time only leave its caches. An exported file that takes a
    number of its own gets that many: it would be filled up, and take as long for one.
    """
    if fixed := fixed_batch(model.engine):
        return fixed
    if model.device.type != "cuda":
        return 1
    one = torch.zeros(1, 3, *model.input_size)
    model.look([Image.new("RGB", (1, 1))], one)  # the first one also loads kernels
    torch.cuda.synchronize(model.device)
    torch.cuda.reset_peak_memory_stats(model.device)
    before = torch.cuda.memory_allocated(model.device)
    model.look([Image.new("RGB", (1, 1))], one)
    each = max(1, torch.cuda.max_memory_allocated(model.device) - before)
    free, _ = torch.cuda.mem_get_info(model.device)
    return max(1, min(MOST, int(ROOM * free / each)))


def _path(given: str | os.PathLike) -> Path:
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(f"stream takes paths, not {type(given).__name__}; pictures of other kinds go into the model")
    return Path(given)


def _prepared(path: Path, input_size: tuple[int, int]) -> tuple[Image.Image, Tensor]:
    picture = read(path)
    return picture, to_pixels(picture, input_size)


def _looked(model: Predictor, entries: list[tuple[Path, Future]], threshold: float | str) -> Iterator[Seen]:
    """One batch: those that could be read through the network, and all of them in their order."""
    ready, errors = {}, {}
    for path, future in entries:
        try:
            ready[path] = future.result()
        except (ValueError, OSError) as error:
            errors[path] = error
    pictures = [picture for picture, _ in ready.values()]
    results = model.look(pictures, to_batch([pixels for _, pixels in ready.values()]), threshold) if ready else []
    found = dict(zip(ready, results))
    for path, _ in entries:
        yield Seen(path, found.get(path), errors.get(path))
