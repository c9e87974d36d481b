"""Which pictures a model was trained on: there it has learned the label errors, too, and finds fewer of them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from dfine.data.sources import train_and_val
from dfine.paths import at_home

OPTIONS = "options.json"  # what `dfine train` writes into a run's folder, beside the folders of weights


def training_pictures(model: str | Path) -> frozenset[str]:
    """The absolute paths of the pictures that a checkpoint was trained on, as far as they can be told.

    They can where the checkpoint lies in the folder of its training run, and its data is still where it was. Scenes
    are never told.
    """
    options = _options(model)
    try:
        data = at_home(str(options.get("data") or ""))
        if not options.get("data") or not data.exists():
            return frozenset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all was said when it was trained
            train, _ = train_and_val(data, hold_out=options.get("val") is None)
    except (OSError, ValueError):
        return frozenset()
    return frozenset(str(train.path(i).absolute()) for i in range(len(train)))


def began_from(model: str | Path) -> str | None:
    """The checkpoint that a model's training started from, as far as it can be told; None where there was none."""
    return _options(model).get("init")


def denoised(model: str | Path) -> bool:
    """Whether a checkpoint was trained with denoising; where that is not known, it counts as if it was."""
    return _options(model).get("denoising") != 0


def _options(model: str | Path) -> dict:
    """The options of the training run in whose folder a checkpoint lies; empty where it lies in none."""
    folder = at_home(model)
    file = next((f for f in (folder / OPTIONS, folder.parent / OPTIONS) if folder.exists() and f.is_file()), None)
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
