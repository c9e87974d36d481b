"""Weights from anywhere, as a configuration and a state dict of this network; and back to disk.

A short name, a Hub id, a folder or a file becomes a `Checkpoint`. After the renames of `layouts.py` nothing may be
missing, nothing left over, and every shape must be equal.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from dfine.config import FAMILIES, Config
from dfine.data import labels
from dfine.files import digest
from dfine.network.detector import DFINE
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.weights.cache import HUB_FILES
from dfine.weights.checks import checked_names, checked_size, checked_temperature, read_json
from dfine.weights.exceptions import CheckpointError, some
from dfine.weights.hub import fetch, fetch_hub
from dfine.weights.identify import OURS, describe, translate
from dfine.weights.layouts import State
from dfine.weights.names import label_map
from dfine.weights.tensors import read_tensors
from dfine.weights.transformers import TRANSFORMERS, check_config, own_names
from dfine.weights.zoo import ZOO, labels_of_hub

SUFFIXES = (".pth", ".pt", ".safetensors")
SIZE = (640, 640)  # (height, width) that published weights were trained with


@dataclass(frozen=True)
class Checkpoint:
    """Weights under this network's keys, with all that is needed to use them."""

    config: Config
    weights: State
    card: Card  # its words are the README beside the weights

    def network(self) -> DFINE:
        """The detector, in evaluation mode. Raises CheckpointError naming the keys when the weights do not fit."""
        with torch.random.fork_rng(devices=[]):  # random initial weights, all replaced: leave the caller's state alone
            network = DFINE(self.config)
        try:
            fit(network, self.weights)
        except CheckpointError as error:
            raise CheckpointError(f"{self.card.source}: {error}") from None
        return network.eval()


def open_checkpoint(
    source: str | os.PathLike, *, names: Sequence[str] | None = None, family: str = "dfine"
) -> Checkpoint:
    """The checkpoint that `source` names.

    Args:
        source: a short name of the zoo ("nano-coco"), a Hub id ("owner/model"), a folder (this project's layout or
            transformers'), or a file (.pth of the official release, .safetensors).
        names: class names, where the file has none or others are wanted.
        family: "deim" for DEIM's D-FINE weights, which have the same keys and other activations.

    Raises:
        CheckpointError: it cannot be found, fetched or understood, or the names do not fit.
    """
    if family not in FAMILIES:
        raise CheckpointError(f"family is {family!r}; it must be {' or '.join(map(repr, FAMILIES))}")
    path, published = _locate(source)
    folder = path if path.is_dir() else path.parent
    described = path.is_dir() or path.name == HUB_FILES[1]  # then config.json beside it belongs to it
    config = read_json(folder / HUB_FILES[0]) if described and (folder / HUB_FILES[0]).is_file() else {}
    file = path if path.is_file() else folder / HUB_FILES[1]
    if not file.is_file():
        raise CheckpointError(f"the folder {folder} has no {HUB_FILES[1]}; a checkpoint is {' and '.join(HUB_FILES)}")

    try:
        built, weights, own = _understand(read_tensors(file), config, family)
    except ValueError as error:
        raise CheckpointError(f"{source}: {error}") from None
    readme = folder / "README.md"
    card = Card(
        names=label_map(built.classes, names, labels.KNOWN.get(published, own)),
        input_size=_size(folder, config) if described else SIZE,
        source=str(source),
        digest=digest(file),
        temperature=checked_temperature(source, config.get("temperature") if "schema" in config else None),
        words=readme.read_text(encoding="utf-8") if described and readme.is_file() else None,
    )
    return Checkpoint(built, weights, card)


def _locate(source: str | os.PathLike) -> tuple[Path, str | None]:
    """The folder or file that `source` names, and whose classes it is known to have."""
    if isinstance(source, str) and source in ZOO:
        return fetch(ZOO[source]), ZOO[source].labels
    if str(source) and Path(source).exists():
        return Path(source), None
    if isinstance(source, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", source) and not source.endswith(SUFFIXES):
        return fetch_hub(source), labels_of_hub(source)
    close = difflib.get_close_matches(str(source), ZOO, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"short names are {', '.join(ZOO)}"
    raise CheckpointError(f"there is no file, folder or known checkpoint {str(source)!r}; {hint}")


def _understand(tensors: State, config: dict, family: str) -> tuple[Config, State, tuple[str, ...] | None]:
    """Configuration, weights under our keys, and the file's own class names."""
    weights, facts, layout = translate(tensors)
    if layout is OURS and config:
        if config.get("schema") != SCHEMA:
            raise CheckpointError(f"its config.json has schema {config.get('schema')!r}; this version reads {SCHEMA}")
        built = Config.from_dict(config.get("config", {}))
        if family not in ("dfine", built.family):
            raise CheckpointError(f"its config.json says family {built.family!r}, not {family!r}")
        return built, weights, checked_names(config.get("names"))

    built = describe(weights, facts, family)
    if layout is TRANSFORMERS and config:
        check_config(config, family)
        built = Config.from_dict(built.to_dict() | {"queries": config.get("num_queries", built.queries)})
        return built, weights, own_names(config)
    return built, weights, None


def fit(network: nn.Module, weights: State) -> None:
    """Put weights into a network: nothing missing, nothing left over, every shape equal.

    Raises:
        CheckpointError: naming the keys that are missing, left over, or of another shape.
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
    network.load_state_dict(weights)


def save(folder: str | os.PathLike, network: DFINE, card: Card, *, half: bool = False) -> Path:
    """Write `config.json` and `model.safetensors` into `folder`; what was there stays whole until both are complete.

    Args:
        folder: made if it is not there.
        network: a detector; its weights are written as they are, so that loading them gives bit-equal outputs.
        card: its class names, input size and fitted temperature are written.
        half: kernels and matrices in float16, for half the space; norms, biases and scales stay as they are.

    Raises:
        CheckpointError: the names or the temperature do not fit, or the folder cannot be written.
    """
    names = label_map(network.config.classes, card.names, None)
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if half:
        weights = {k: v.half() if v.ndim > 1 else v for k, v in weights.items()}
    about = {"schema": SCHEMA, "config": network.config.to_dict(), "names": list(names)}
    about["input_size"] = list(card.input_size)
    if card.temperature is not None:
        about["temperature"] = list(checked_temperature(folder, [float(t) for t in card.temperature]))

    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            config, file = (Path(scratch) / f for f in HUB_FILES)
            save_file(weights, file)
            config.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            file.chmod(config.stat().st_mode)  # safetensors lets nobody but its writer read
            for path in (file, config):
                path.replace(folder / path.name)
    except OSError as error:
        raise CheckpointError(f"the checkpoint cannot be written to {folder}: {error}") from None
    return folder


def _size(folder: Path, config: dict) -> tuple[int, int]:
    """Input (height, width): of our config.json, else of transformers' preprocessor_config.json, else 640."""
    if "input_size" in config:
        return checked_size(config["input_size"], f"{folder / HUB_FILES[0]}: input_size")
    preprocessor = folder / "preprocessor_config.json"
    size = read_json(preprocessor).get("size", {}) if preprocessor.is_file() else {}
    pair = [size.get(key, side) for key, side in zip(("height", "width"), SIZE)] if isinstance(size, dict) else []
    if not pair or not all(isinstance(side, int) for side in pair):
        raise CheckpointError(f"{preprocessor}: size must have a height and a width, it is {size!r}")
    return tuple(pair)
