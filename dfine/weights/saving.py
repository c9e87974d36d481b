"""A detector on disk: a folder with `config.json` and `model.safetensors`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from safetensors.torch import save_file

from dfine.files import WriteError, as_json, replacing
from dfine.network.detector import DFINE
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.weights.cache import HUB_FILES
from dfine.weights.checks import checked_levels, checked_temperature
from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import State
from dfine.weights.names import label_map


def save(folder: str | os.PathLike, network: DFINE, card: Card, *, half: bool = False) -> Path:
    """Write `config.json` and `model.safetensors` into `folder`; what was there stays whole until both are complete.

    Args:
        folder: made if it is not there.
        network: a detector; its weights are written as they are, so that loading them gives bit-equal outputs.
        card: its class names, input size, fitted temperature or levels, and thresholds are written.
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
    if card.levels is not None:
        about["levels"] = [list(row) for row in checked_levels(folder, card.levels)]
    if card.threshold is not None:
        about |= {"threshold": card.threshold, "class_thresholds": list(card.class_thresholds)}
    return write_folder(folder, weights, {HUB_FILES[0]: as_json(about, indent=1)})


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
    folder = Path(folder)
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
    except OSError as error:
        raise CheckpointError(f"the checkpoint cannot be written to {folder}: {error}") from None
    return folder
