"""The network as the page runs it: by a model's name, and on ZeroGPU where it is available."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from PIL import Image

from dfine.figures import picture as pictures
from dfine.inference import looking
from dfine.inference.sweep import Sweep, sweep
from dfine.page import cached_files, zerogpu
from dfine.page.answer import FLOOR, Answer
from dfine.page.decoding import TURN, decode
from dfine.page.models import Models
from dfine.trace.sampling import Looks


def turn() -> AbstractContextManager:
    """One picture at a time; where each call borrows a GPU of its own, waiting for one must hold up nobody else."""
    return nullcontext() if zerogpu.spaces else TURN


class Runner:
    """Runs the models that the page offers.

    Attributes:
        models: what names stand for.
    """

    def __init__(self, models: Models):
        self.models = models
        self._detect = zerogpu.gpu(lambda picture, name: models(name)(picture, threshold=FLOOR))
        self._sampling = zerogpu.gpu(lambda name, given, query, trace: looking.look(models(name), given, query, trace))
        self._sweep = zerogpu.gpu(lambda name, *arguments: sweep(models(name), *arguments))

    def answer(self, path: str, name: str = "", change: Callable[[Image.Image], Image.Image] | None = None) -> Answer:
        """Everything that a model ("" for the default one) makes of the picture at `path`.

        Args:
            path: of the picture.
            name: of the model.
            change: what is done to the picture first, in the size in which it is shown.

        Raises:
            ValueError, OSError, RuntimeError: the picture or the model cannot be had; the message says why.
        """
        model, picture = self.models(name), decode(path)
        picture = change(pictures.shown(picture)) if change else picture
        with turn():
            start = time.perf_counter()
            result = self._detect(picture, name)
            seconds = time.perf_counter() - start
        small = pictures.shown(result.picture)
        where = model.about(result, path)
        kept = cached_files.write(cached_files.jpeg(small))
        name = name or self.models.default
        return Answer(replace(result, picture=small), small, seconds, str(path), name, where, kept)

    def sampling(self, answer: Answer, query: int) -> Looks:
        """Where a query's attention sampled the picture; the network runs once more for it.

        Raises:
            ValueError, OSError, RuntimeError: the picture or the model is gone.
        """
        picture = decode(answer.path)
        with turn():
            return self._sampling(answer.model, picture, query, answer.result.trace)

    def sweep(
        self, answer: Answer, number: int, spoiled: Callable[[float], Image.Image], amounts: list[float]
    ) -> Sweep:
        """What becomes of a detection when its picture is spoiled, see `dfine.inference.sweep`.

        Lengths, places and errors are in pixels of the visitor's picture. Errors are counted from where the unspoiled
        detection has its edges.

        Raises:
            ValueError, OSError, RuntimeError: the model is gone.
        """
        found, scale = answer.result.detections, answer.picture.width / answer.size[0]
        box, name = (found.boxes[number] * scale).tolist(), found.class_names[number]
        pictures = {amount: spoiled(amount) for amount in amounts}  # which can be sent to another process
        with turn():
            seen = self._sweep(answer.model, pictures.__getitem__, amounts, box, name)
        in_pixels = dict(spreads=seen.spreads / scale, errors=seen.errors / scale, intervals=seen.intervals / scale)
        return replace(seen, **in_pixels)
