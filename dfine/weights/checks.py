"""What lies in the files of a checkpoint, checked: JSON, numbers, the values of weights."""

from __future__ import annotations

import json
from pathlib import Path

from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import COUNTER, State
from dfine.wording import some


def read_json(path: Path) -> dict:
    """The object in a JSON file. Raises CheckpointError where it is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise CheckpointError(f"{path} is not valid JSON (brackets in brackets without end)") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not the configuration of a checkpoint")
    return content


def finite(value: object) -> bool:
    """Whether a value from a file is a number that one can count with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def check_values(weights: State) -> None:
    """Make sure that weights under our keys hold numbers that somebody trained.

    Raises:
        CheckpointError: some are whole or complex numbers, or NaN or infinite; or most matrices hold one number only.
    """
    wrong = {k: v for k, v in weights.items() if not v.is_floating_point() and not k.endswith(COUNTER)}
    if wrong:
        kinds = sorted({str(v.dtype).removeprefix("torch.") for v in wrong.values()})
        raise CheckpointError(
            f"{some(list(wrong))} hold {' and '.join(kinds)} where weights are floating-point numbers; "
            "quantised and complex weights cannot be read"
        )
    broken = [k for k, v in weights.items() if v.is_floating_point() and not v.float().isfinite().all()]
    if broken:
        raise CheckpointError(f"{some(broken)} hold NaN or infinity: the training went wrong, or the file is damaged")
    matrices = [v for v in weights.values() if v.ndim > 1 and v.numel() > 1]
    blank = [v for v in matrices if (v == v.flatten()[0]).all()]
    if len(blank) > len(matrices) / 2:
        raise CheckpointError("most of its weights hold one number only: it was never filled, or is damaged")
