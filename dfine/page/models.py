"""The models that a page offers: opened by name, a few kept in memory, a better one fetched while visitors look on."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from dfine.engines.engine import Engine
from dfine.engines.fastest import in_background
from dfine.inference.load import load
from dfine.inference.predictor import Predictor
from dfine.weights import hub
from dfine.weights.checkpoints import source_at_home
from dfine.weights.exceptions import CheckpointError, OfflineError
from dfine.weights.zoo import DRAWINGS, PHOTOS, ZOO, zoo

KEPT = 3  # models held in memory; the default one is among them
EVERYDAY = "nano-coco"  # what visitors should meet first: everyday things, small enough for two cores

Progress = Callable[[float, str], None]  # (share done in 0..1, what is being done)


class Models:
    """Models by name, safe to share between threads: `models("nano-coco")` opens one, or finds it in memory.

    Only what the zoo lists and what was named at start-up can be opened: names come from visitors, whose paths must not
    be. A caller keeps the model that it was given, whatever others open and whatever is dropped from memory then. Two
    who want the same new model wait for one load; those who want another do not wait for it.

    Attributes:
        default: the model that "" stands for.
        device: where models are put.

    Args:
        default: a name, a folder or a file; None for the shipped model (see `shipped`).
        device: auto, cuda, mps or cpu.
        more: further names, folders or files to offer.
        kept: how many models stay in memory.
    """

    def __init__(
        self, default: str | Path | None = None, device: str = "auto", *, more: Sequence[str] = (), kept: int = KEPT
    ):
        self.default, self.device, self.kept = str(source_at_home(default or shipped())), device, max(1, kept)
        self._ready: Callable[[], bool] | None = None  # when to look for faster engines; None: never
        named = dict.fromkeys((self.default, *(str(source_at_home(name)) for name in more)))
        self._own = [name for name in named if name not in ZOO]
        self._open: OrderedDict[str, Predictor] = OrderedDict()
        self._lock = threading.Lock()  # of the dictionaries; never held while a file is read
        self._turns = {name: threading.Lock() for name in (*ZOO, *self._own)}
        self._troubles: dict[str, Exception] = {}
        self._wanted: str | None = None  # what is, or was, to be fetched in the background
        self._thread: threading.Thread | None = None

    def __call__(self, name: str = "", progress: Progress | None = None) -> Predictor:
        """The model called `name` ("" for the default one): a short name, a Hub id, a folder or a file.

        Raises:
            CheckpointError: it is not offered, or cannot be found, fetched or understood; the message says why.
        """
        name = name or self.default
        if name not in self._turns:
            raise CheckpointError(
                f"no model {name!r} is offered here; choose one of {', '.join(map(called, self._turns))}"
            )
        model = self._find(name)
        if model:
            return model
        with self._turns[name]:  # somebody else may open it while we wait
            return self._find(name) or self._keep(name, self._load(name, progress or _silent))

    def fetch_in_background(
        self, name: str = EVERYDAY, done: Callable[[str], None] | None = None, *, become_default: bool = True
    ) -> threading.Thread:
        """Fetch and open a model while the page already answers; it becomes the default once it is there.

        One attempt, in a daemon thread; without a network it ends quietly after some seconds, and `sentence` says so.

        Args:
            name: what to fetch.
            done: called with the name, in that thread, when the model is ready; never called if it cannot be had.
            become_default: whether "" stands for it from then on.

        Returns:
            The thread, for those who want to wait.
        """
        self._wanted = name
        self._thread = threading.Thread(
            target=self._fetch, args=(name, done, become_default), name=f"fetch {name}", daemon=True
        )
        self._thread.start()
        return self._thread

    def faster_once(self, ready: Callable[[], bool]) -> None:
        """From now on, look for the fastest engine of every model that is opened, in the background.

        Args:
            ready: is waited for, so that the page starts no later for it.
        """
        self._ready = ready

    def table(self) -> list[dict]:
        """The whole zoo, a row each, as `dfine.zoo()` gives it, with `state`: in memory, cached, or to be fetched."""
        open_now = set(self.in_memory)
        rows = zoo()
        for row in rows:
            row["state"] = "in memory" if row["name"] in open_now else "cached" if row["cached"] else "to be fetched"
        return rows

    def choices(self) -> list[tuple[str, str]]:
        """What to offer in a list, as (words, name): published COCO models that are here, the default, the rest."""
        rows = [r for r in self.table() if r["state"] != "to be fetched" or not ZOO[r["name"]].ships]
        rows.sort(key=lambda r: r["state"] == "to be fetched")
        offered = [(f"{called(name)} · given at start-up", name) for name in self._own]
        offered += [(_words(row, self.trouble(row["name"])), row["name"]) for row in rows]
        everyday = {r["name"] for r in rows if r["trained on"].endswith("COCO") and r["state"] != "to be fetched"}
        return sorted(offered, key=lambda choice: (choice[1] not in everyday, choice[1] != self.default))

    def here(self) -> list[str]:
        """Names of the models on this machine, in the order of `choices`: opening one fetches nothing."""
        names = [name for _, name in self.choices()]
        return [name for name in names if name in self.in_memory or name not in ZOO or ZOO[name].cached]

    @property
    def in_memory(self) -> list[str]:
        """Names of the models in memory, the one that was used last at the end."""
        with self._lock:
            return list(self._open)

    @property
    def fetching(self) -> str | None:
        """What is being fetched in the background now, None when nothing is."""
        return self._wanted if self._thread and self._thread.is_alive() else None

    def trouble(self, name: str) -> Exception | None:
        """Why `name` could not be opened when it was last tried; None if it could, or was not tried."""
        return self._troubles.get(name)

    def notes(self, name: str = "") -> tuple[str, ...]:
        """What was assumed of a model ("" for the default one) when it was opened; nothing of one not in memory."""
        with self._lock:
            model = self._open.get(name or self.default)
        return model.card.notes if model else ()

    def suited(self, drawn: bool, name: str = "") -> str:
        """The model that suits an example: `name` ("" for the default one), unless its pictures are of the other kind.

        Drawings go to the model of drawings and photographs to any other one, where such a model is here. A model that
        was given at start-up is asked about everything.
        """
        name = name or self.default
        if name not in ZOO or drawn == (name == DRAWINGS):
            return name
        better = DRAWINGS if drawn else self.default if self.default != DRAWINGS else PHOTOS
        return better if better not in ZOO or ZOO[better].cached else name

    def sentence(self) -> str:
        """The state of things in one sentence, for the page."""
        showing, trouble = _described(self.default), self._troubles.get(self._wanted)
        if self.fetching and self.fetching != self.default:
            return f"Showing {showing}; {self.fetching} is on its way, and will be offered once it is here."
        if isinstance(trouble, OfflineError):
            return f"The Hugging Face Hub cannot be reached: showing {showing}."
        if trouble:
            return f"{self._wanted} could not be opened: showing {showing}."
        return f"Showing {showing}."

    def _find(self, name: str) -> Predictor | None:
        """The model if it is in memory; it counts as used then."""
        with self._lock:
            if name in self._open:
                self._open.move_to_end(name)
            return self._open.get(name)

    def _load(self, name: str, tell: Progress) -> Predictor:
        """Fetch and read a model, telling how far it is; remember why it failed, if it does."""
        known = ZOO.get(name)
        try:
            if known and not known.cached and not known.ships:
                megabytes = 4 * known.parameters
                tell(0.05, f"Fetching {name}, about {megabytes:.0f} MB")
                hub.fetch(known)
            tell(0.7, f"Reading {called(name)}")
            model = load(name, device=self.device)
        except Exception as error:
            self._troubles[name] = error
            raise
        self._troubles.pop(name, None)
        tell(1.0, f"{called(name)} is ready")
        return model

    def _keep(self, name: str, model: Predictor) -> Predictor:
        """Put a model into memory, and drop those that were not used for longest, never the default one."""
        with self._lock:
            self._open[name] = model
            spare = [other for other in self._open if other not in (name, self.default)]
            for other in spare[: max(0, len(self._open) - self.kept)]:
                del self._open[other]
        if self._ready:
            in_background(model.engine, model.card, lambda engine: self._replace(name, model, engine), self._ready)
        return model

    def _replace(self, name: str, model: Predictor, engine: Engine) -> None:
        """Let `name` stand for the same model on a faster engine, if it is still in memory."""
        with self._lock:
            if self._open.get(name) is model:
                self._open[name] = model.with_engine(engine)

    def _fetch(self, name: str, done: Callable[[str], None] | None, become_default: bool) -> None:
        """What the background thread does."""
        try:
            self(name)
        except Exception:  # whatever it is, the page goes on; `_load` has kept it, and `sentence` says so
            return
        if become_default:
            self.default = name
        if done:
            done(name)


def shipped() -> str:
    """The shipped model that visitors meet first: that of photographs, or that of drawings if it is the only one."""
    return PHOTOS if ZOO[PHOTOS].cached else DRAWINGS


def wanted(variable: str = "DFINE_FETCH") -> bool:
    """Whether a model may be fetched at start-up: yes, unless this environment variable is 0, off, no or false."""
    return os.environ.get(variable, "").strip().lower() not in ("0", "off", "no", "false")


def _described(name: str) -> str:
    """A model in words, to stand inside a sentence."""
    known = ZOO.get(name)
    if known and known.ships:
        return f"the shipped model of {'photographs' if name == PHOTOS else 'drawn things'}"
    if not known:
        return f"{called(name)}, given at start-up"
    things = {"coco": "80 kinds of everyday things", "objects365": "365 kinds of everyday things"}
    return f"{name}, a model of {things[known.labels]}"


def _words(row: dict, trouble: Exception | None = None) -> str:
    """A row of the zoo in a line: what it is, how good, how heavy, and whether it can be had at once."""
    name = row["name"]
    if name == DRAWINGS:
        return f"{name} · 24 kinds of drawn things, trained by this project"
    if name == PHOTOS:
        return f"{name} · photographs of people, cars, cats, buses and trains, trained by this project"
    wait = "" if row["cached"] else f" · fetched when chosen, {4 * row['parameters (M)']:.0f} MB"
    if trouble:
        wait = " · out of reach" if isinstance(trouble, OfflineError) else " · could not be opened"
    return f"{name} · AP {row['AP']} on {row['measured on']} · {row['parameters (M)']} M{wait}"


def called(name: str) -> str:
    """A model's name without the folders before it; a Hub id stays whole."""
    return name if name in ZOO or not Path(name).exists() else Path(name).name


def _silent(share: float, what: str) -> None:
    """Tell nobody."""
