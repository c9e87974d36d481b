"""The network as the page runs it: by a model's name, and on a borrowed GPU where one is lent."""

from __future__ import annotations

import time
from dataclasses import replace

from dfine.figures import picture as pictures
from dfine.inference import looking
from dfine.page import cached_files, zerogpu
from dfine.page.answer import FLOOR, Answer
from dfine.page.decoding import TURN, decode
from dfine.page.models import Models
from dfine.trace.sampling import Looks


class Runner:
    """Runs the models that the page offers.

    Attributes:
        models: what names stand for.
    """

    def __init__(self, models: Models):
        self.models = models
        self._detect = zerogpu.gpu(lambda picture, name: models(name)(picture, threshold=FLOOR))
        self._sampling = zerogpu.gpu(lambda name, given, query, trace: looking.look(models(name), given, query, trace))

    def answer(self, path: str, name: str = "") -> Answer:
        """Everything that a model ("" for the default one) makes of the picture at `path`.

        Raises:
            ValueError, OSError, RuntimeError: the picture or the model cannot be had; the message says why.
        """
        model, picture = self.models(name), decode(path)
        with TURN:
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
        with TURN:
            return self._sampling(answer.model, picture, query, answer.result.trace)
