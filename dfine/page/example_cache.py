"""What the network answers to the examples, kept for all visitors, so that an example needs the network only once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dfine.files import digest
from dfine.page import zerogpu
from dfine.page.answer import Answer
from dfine.page.examples import Example
from dfine.page.models import DRAWINGS, KEPT, PHOTOS
from dfine.page.runner import Runner

SURE = 0.5  # the score at which the page begins


class ExampleCache:
    """Answers as `Runner.answer` does, and remembers the answers to the examples and to nothing else.

    A picture is an example if its bytes are those of one: pages copy files, and a path would say nothing. Answers to
    visitors' own pictures stay with the visitors. At most as many answers are kept as there are examples, times the
    models that `Models` keeps; those that were not asked for the longest go first.
    """

    def __init__(self, runner: Runner, examples: Sequence[Example]):
        self.runner, self.examples = runner, list(examples)
        self._known = {digest(example.path): example for example in self.examples}
        self._sizes = {
            Path(example.path).stat().st_size for example in self.examples
        }  # most pictures need not be read for this
        self._kept: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        self._lock = threading.Lock()  # of the dictionary; never held while the network runs
        self._turn = threading.Lock()  # two who want the same new answer: the second waits, and finds it

    def answer(self, path: str, name: str = "") -> Answer:
        """What a model ("" for the default one) answers to the picture at `path`.

        Raises:
            ValueError, OSError, RuntimeError: the picture or the model cannot be had; the message says why.
        """
        name = name or self.runner.models.default
        key = (self._example(path), name)
        if not key[0]:
            return self.runner.answer(path, name)
        answer = self._find(key)
        if answer is None:
            with self._turn:
                answer = self._find(key) or self._keep(key, self.runner.answer(path, name))
        where = replace(answer.where, picture=Path(path).name)
        example = self._known[key[0]]
        answer = replace(answer, path=str(path), where=where, truth=example.truth)
        meant = name == (DRAWINGS if example.drawn else PHOTOS)  # of another model the caption may be untrue
        return replace(answer, caption=example.caption, about=example.about) if meant else answer

    def named(self, path: str) -> str:
        """The name under which a link knows the picture at `path`; "" for what is no example."""
        example = self._known.get(self._example(path)) if path else None
        return Path(example.path).stem if example else ""

    def offered(self) -> dict[int, Example]:
        """The examples that a model of the page knows, by their numbers: no photographs for a model of drawings."""
        drawings_only = self.runner.models.suited(drawn=False) == DRAWINGS
        return {i: example for i, example in enumerate(self.examples) if example.drawn or not drawings_only}

    def first(self) -> tuple[Example, str] | None:
        """The example to begin with, and the model that answers it; None where there are no examples.

        It is the one that is meant for it, unless the page has been given a model of its own. Then it is the first in
        which something has been found for sure, and preferably one that the default model knows. While none has been
        looked at yet, it is simply the first.
        """
        models = self.runner.models
        offered = [(example, models.suited(example.drawn)) for example in self.offered().values()]
        offered.sort(key=lambda pair: pair[1] != models.default)
        opening = [pair for pair in offered if pair[0].opens]  # photographs first
        if opening and models.default in (DRAWINGS, PHOTOS):
            return opening[0]
        answers = [(pair, self._find((digest(pair[0].path), pair[1]))) for pair in offered]
        good = [pair for pair, answer in answers if answer and len(answer.result.detections.above(SURE))]
        return next(iter(good or offered), None)

    def fill(self, name: str = "", ready: Callable[[], bool] = lambda: True) -> threading.Thread:
        """Run the models that suit them on all examples in a daemon thread; failures are told to whoever asks later.

        It waits until it is `ready`, so that a page starts no later, and gives up after ten minutes. Where the GPU
        is borrowed, nothing is done: there is no visitor yet whose quota it could be borrowed on.
        """

        def run() -> None:
            if zerogpu.spaces:
                return
            for _ in range(6000):
                if ready():
                    break
                time.sleep(0.1)
            else:
                return  # nobody serves this page
            offered = sorted(self.offered().values(), key=lambda example: not example.opens)
            looks = [self.runner.answer, *[self.answer] * len(offered)]  # a first run is slow: nobody is told its time
            for look, example in zip(looks, [*offered[:1], *offered]):
                with suppress(ValueError, OSError, RuntimeError):
                    look(example.path, self.runner.models.suited(example.drawn, name))

        thread = threading.Thread(target=run, name="examples", daemon=True)
        thread.start()
        return thread

    def _example(self, path: str) -> str:
        """The digest of an example, "" for any other file."""
        try:
            if Path(path).stat().st_size not in self._sizes:
                return ""
            mine = digest(path)
        except OSError:
            return ""
        return mine if mine in self._known else ""

    def _find(self, key: tuple[str, str]) -> Answer | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: tuple[str, str], answer: Answer) -> Answer:
        with self._lock:
            self._kept[key] = answer
            while len(self._kept) > KEPT * len(self.examples):
                self._kept.popitem(last=False)
        return answer

    def __len__(self) -> int:
        return len(self._kept)
