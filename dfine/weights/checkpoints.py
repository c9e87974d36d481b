"""Weights from anywhere, as a configuration and a state dict of this network.

A short name, a Hub id, a folder or a file becomes a `Checkpoint`. Once every weight has its name here (`layouts.py`)
nothing may be missing, nothing left over, and every shape must be equal.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from dfine.config import FAMILIES, Config
from dfine.data import labels
from dfine.files import digest
from dfine.network.detector import DFINE
from dfine.network.layers import usual
from dfine.trace.base import SCHEMA, checked_size
from dfine.trace.card import Card
from dfine.weights.cache import HUB_FILES
from dfine.weights.checks import check_values, read_json
from dfine.weights.exceptions import CheckpointError, OfflineError, refused
from dfine.weights.hub import fetch, fetch_hub
from dfine.weights.identify import OURS, describe, translate
from dfine.weights.layouts import Layout, State
from dfine.weights.names import named
from dfine.weights.official import MASKS, OFFICIAL, read_sidecar, size_of
from dfine.weights.preprocessor import read_preprocessor
from dfine.weights.saving import UNWRITTEN
from dfine.weights.tensors import SUFFIXES, shards, tensors_in, told_by_training, unpacked
from dfine.weights.transformers import TRANSFORMERS, check_config, own_names, read_fitted
from dfine.weights.zoo import ZOO, labels_of_hub
from dfine.wording import some

SIZE = (640, 640)  # (height, width) that published weights were trained with

# "owner/model" as the Hub takes it: "./model" and "../model" are folders that are not there.
HUB_ID = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]*\w)?/\w(?:[\w.-]{0,94}\w)?", re.ASCII)


# An address, whose slashes a path has joined; of a model on the Hub with its id.
ADDRESS = re.compile(r"https?:/+(?:(?:www\.)?(?:huggingface\.co|hf\.co)/(?!datasets/|spaces/)([^/?#]+/[^/?#]+))?")


@dataclass(frozen=True)
class Checkpoint:
    """Weights under this network's keys, with all that is needed to use them."""

    config: Config
    weights: State
    card: Card  # its words are the README beside the weights, where there is one

    def network(self) -> DFINE:
        """The detector, in evaluation mode. Raises CheckpointError naming the keys when the weights do not fit."""
        with torch.inference_mode(False), usual():  # an ordinary network, also for who loads it in inference mode
            with torch.random.fork_rng(devices=[]):  # random initial weights, all replaced: leave the caller's alone
                network = DFINE(self.config)
            try:
                fit(network, self.weights)
            except CheckpointError as error:
                raise CheckpointError(f"{self.card.source}: {error}") from None
        return network.eval()


def open_checkpoint(
    source: str | os.PathLike,
    *,
    names: Sequence[str] | None = None,
    family: str = "dfine",
    size: tuple[int, int] | None = None,
) -> Checkpoint:
    """The checkpoint that `source` names.

    Args:
        source: a short name of the zoo ("nano-coco"), a Hub id ("owner/model"), a folder (this project's layout or
            transformers'), or a file (.pth of the official release, .safetensors), in whatever wrapping.
        names: class names, where the file has none or others are wanted.
        family: "deim" for DEIM's D-FINE weights, which have the same keys and other activations.
        size: input (height, width), where another than the checkpoint's own is wanted.

    Raises:
        CheckpointError: it cannot be found, fetched or understood, or the names do not fit.
    """
    if family not in FAMILIES:
        raise CheckpointError(f"family is {family!r}; it must be {' or '.join(map(repr, FAMILIES))}")
    source = source_at_home(source)
    path, published = _locate(source)
    folder = path if path.is_dir() else path.parent
    described = path.is_dir() or path.name == HUB_FILES[1]  # then what lies beside it belongs to it
    files = shards(path) if path.is_dir() else [path]
    before = _stamps(folder / HUB_FILES[0], *files)
    config = read_json(folder / HUB_FILES[0]) if described and (folder / HUB_FILES[0]).is_file() else {}
    state: State = {}
    for file in files:
        content = unpacked(file)
        state |= tensors_in(content, file)
        config = config or told_by_training(content)
    try:
        found = _understood(state, config, family)
        if described and found.layout is not OURS:
            found = _prepared(found, folder)
        if not described and found.layout is OFFICIAL:
            found = _beside(found, path)
    except ValueError as error:
        raise CheckpointError(f"{source}: {error}") from None

    notes = list(found.notes)
    called, said = named(found.config.classes, names, labels.KNOWN.get(published, found.names))
    if said:
        notes.append(said)
    if size is None and found.size is None and published is None:
        notes.append(_assumed(found))
    readme = folder / "README.md"
    own = found.card or Card((), found.size or SIZE)
    if found.layout is TRANSFORMERS:
        own = replace(own, **read_fitted(files[0], found.config.classes))
    with refused():
        card = replace(
            own,
            names=called,
            input_size=own.input_size if size is None else checked_size(size),
            source=str(source),
            digest=digest(*files),
            notes=tuple(note for note in notes if note),
        )
    if described and readme.is_file():
        card = replace(card, words=readme.read_text(encoding="utf-8", errors="replace"))
    if _stamps(folder / HUB_FILES[0], *files) != before:  # written anew meanwhile, as by a training
        return open_checkpoint(source, names=names, family=family, size=size)
    return Checkpoint(found.config, found.weights, card)


def source_at_home(source: str | os.PathLike) -> str | os.PathLike:
    """What names a model, with the home folder in the place of a `~` that no shell has replaced.

    Raises:
        CheckpointError: nothing that could name one.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise CheckpointError(f"a model is named by a text or a path, not by {source!r:.60}")
    return os.path.expanduser(source) if str(source).startswith("~") else source


def _stamps(*files: Path) -> list[tuple[int, ...] | None]:
    """What tells a file from another one that has taken its place."""
    told = [file.stat() if file.exists() else None for file in files]
    return [about and (about.st_ino, about.st_mtime_ns, about.st_size) for about in told]


def _locate(source: str | os.PathLike) -> tuple[Path, str | None]:
    """The folder or file that `source` names, and whose classes it is known to have."""
    if isinstance(source, str) and source in ZOO:
        return fetch(ZOO[source]), ZOO[source].labels
    if str(source).endswith(".onnx") and not Path(source).is_dir():
        raise CheckpointError(f"{source} is an exported file, whose weights are folded; name the checkpoint it is of")
    if str(source) and Path(source).exists():
        return Path(source), None
    if address := ADDRESS.match(str(source)):
        hub = address[1] and HUB_ID.fullmatch(address[1])
        remedy = f"load it by its id on the Hub, {hub[0]!r}" if hub else "download the file, and give its path"
        raise CheckpointError(f"{source} is an address; {remedy}")
    if isinstance(source, str) and HUB_ID.fullmatch(source) and not source.endswith(SUFFIXES):
        try:
            return fetch_hub(source), labels_of_hub(source)
        except OfflineError as error:  # it may be a folder whose name is mistyped
            raise OfflineError(f"there is no folder {source!r} here, and {error}") from None
    close = difflib.get_close_matches(str(source), ZOO, n=3, cutoff=0.5)
    if str(source) in ZOO:
        raise CheckpointError(f"there is no file or folder {str(source)!r}; the known checkpoint is named by a text")
    hint = f"did you mean {' or '.join(close)}?" if close else f"short names are {', '.join(ZOO)}"
    raise CheckpointError(f"there is no file, folder or known checkpoint {str(source)!r}; {hint}")


@dataclass(frozen=True)
class _Found:
    """What files of a checkpoint say."""

    config: Config
    weights: State
    layout: Layout
    anchors: int | None = None  # how many the published code has kept, where they are those of no size
    names: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    card: Card | None = None  # of our own layout
    notes: tuple[str, ...] = ()


def _understood(tensors: State, config: dict, family: str) -> _Found:
    """Configuration, weights under our keys, and what else is said of them by keys, shapes and `config.json`."""
    weights, facts, layout = translate(tensors)
    if layout is OURS and config:
        if config.get("schema") != SCHEMA:
            raise CheckpointError(f"its config.json has schema {config.get('schema')!r}; this version reads {SCHEMA}")
        built = Config.from_dict(config.get("config", {}))
        if family not in ("dfine", built.family):
            raise CheckpointError(f"its config.json says family {built.family!r}, not {family!r}")
        with refused(f"its {HUB_FILES[0]}"):
            card = Card.from_dict({key: value for key, value in config.items() if key not in UNWRITTEN})
        return _Found(built, weights, layout, names=card.names or None, size=card.input_size, card=card)

    notes = []
    masks = [key for key in weights if key.startswith(MASKS)]
    if masks:
        weights = {key: value for key, value in weights.items() if key not in masks}
        notes.append("its mask head is left out: boxes are found, and no masks")
    built = describe(weights, facts, family)
    names = None
    if layout is TRANSFORMERS and config:
        check_config(config, built, family)
        built = Config.from_dict(built.to_dict() | {"queries": config.get("num_queries", built.queries)})
        names = own_names(config)
    kept = facts.get("anchors")
    size = None if kept is None else size_of(kept, built.strides)
    anchors = kept.shape[-2] if kept is not None and kept.ndim > 1 and size is None else None
    return _Found(built, weights, layout, anchors, names, size, notes=tuple(notes))


def _prepared(found: _Found, folder: Path) -> _Found:
    """With what the preprocessor beside the weights does to pictures."""
    told = read_preprocessor(folder)
    if told is None:
        return found
    config = replace(found.config, mean=told.mean, deviation=told.deviation)
    return replace(found, config=config, size=told.input_size, notes=(*found.notes, *told.notes))


def _beside(found: _Found, file: Path) -> _Found:
    """With the class names and input size of the `config.yaml` that D-FINE-seg writes beside its weights."""
    names, size = read_sidecar(file.parent)
    if names is None or len(names) != found.config.classes:
        return found
    return replace(found, names=names, size=size or found.size)


def _assumed(found: _Found) -> str:
    """The sentence where nothing says the input size, and the published one is taken."""
    height, width = SIZE
    other = "" if found.anchors is None else f", though it has anchors for {found.anchors} tokens, as of another size"
    return f"nothing says its input size; {height} x {width} is assumed{other} (size=… in Python gives another)"


def fit(network: nn.Module, weights: State) -> None:
    """Put weights into a network: nothing missing, nothing left over, every shape equal, every value a number.

    Raises:
        CheckpointError: naming the keys that are missing, left over, or of another shape, or hold no weights.
    """
    expected = network.state_dict()
    counters = {k: v for k, v in expected.items() if k.endswith("num_batches_tracked")}  # frozen norms have none
    weights = {k: torch.zeros_like(v) for k, v in counters.items()} | weights

    missing, left_over = [k for k in expected if k not in weights], [k for k in weights if k not in expected]
    shapes = [
        f"{k} {list(weights[k].shape)} instead of {list(v.shape)}"
        for k, v in expected.items()
        if k in weights and weights[k].shape != v.shape
    ]
    faults = [("missing", missing), ("left over", left_over), ("of another shape", shapes)]
    if any(keys for _, keys in faults):
        raise CheckpointError(
            "the weights do not fit the network; " + "; ".join(f"{what}: {some(keys)}" for what, keys in faults if keys)
        )
    check_values(weights)
    network.load_state_dict(weights)
