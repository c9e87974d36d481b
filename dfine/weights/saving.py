"""A detector on disk: a folder with `config.json` and `model.safetensors`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file

from dfine.files import WriteError, replacing
from dfine.network.detector import DFINE
from dfine.paths import as_json, at_home
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.weights.cache import HUB_FILES
from dfine.weights.exceptions import CheckpointError, refused
from dfine.weights.layouts import State
from dfine.weights.names import label_map

# Of a card: the first two follow from where a folder lies and what is in it; what was assumed is written down as known.
UNWRITTEN = ("source", "digest", "notes")


def save(folder: str | os.PathLike, network: DFINE, card: Card, *, half: bool = False) -> Path:
    """Write `config.json` and `model.safetensors` into `folder`; what was there stays whole until both are complete.

    Args:
        folder: made if it is not there.
        network: a detector; its weights are written as they are, so that loading them gives bit-equal outputs.
        card: written but for `UNWRITTEN`.
        half: kernels and matrices in float16, for half the space; norms, biases and scales stay as they are.

    Raises:
        CheckpointError: the names or another value of the card do not fit, or the folder cannot be written.
    """
    names = label_map(network.config.classes, card.names, None)
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if half:
        weights = {k: v.half() if v.ndim > 1 else v for k, v in weights.items()}
    with refused(folder):
        card = Card.from_dict(replace(card, names=names).to_dict())
    about = {"schema": SCHEMA, "config": network.config.to_dict()} | written(card)
    return write_folder(folder, weights, {HUB_FILES[0]: as_json(about, indent=1)})


def written(card: Card) -> dict:
    """What `config.json` says of a model beside the configuration of its network, as plain values."""
    return {name: value for name, value in card.to_dict().items() if name not in UNWRITTEN}


def write_folder(
    folder: str | os.PathLike, weights: State, texts: dict[str, str], metadata: dict[str, str] | None = None
) -> Path:
    """Write weights and the texts beside them; what was there stays whole until all of it is complete.

    Args:
        folder: made if it is not there.
        weights: for `model.safetensors`.
        texts: by the names of their files.
        metadata: for the head of `model.safetensors`.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    folder = at_home(folder)
    if folder.is_file():
        raise CheckpointError(f"the checkpoint cannot be written to {folder}: it is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:  # the last one that is opened, the file of weights, gets its name first
            others = [stack.enter_context(replacing(folder / name)) for name in texts]
            for path, text in zip(others, texts.values()):
                path.write_text(text + "\n", encoding="utf-8")
            file = stack.enter_context(replacing(folder / HUB_FILES[1]))
            save_file(weights, file, metadata=metadata)
            file.chmod(others[0].stat().st_mode)  # safetensors lets nobody but its writer read
    except WriteError as error:
        raise CheckpointError(str(error)) from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the checkpoint cannot be written to {folder}: {error}") from None
    return folder
