"""Files of tensors, read without ever running code that a file may hold."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import State
from dfine.weights.wrappers import find_state

PACKED = (b"PK\x03\x04", b"\x80")  # how files begin that `torch.save` writes: a zip archive or, formerly, a pickle
DAMAGE = (
    SafetensorError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
)  # what reading a damaged file comes to


def read_tensors(file: Path) -> State:
    """The tensors of a .safetensors file, or of one that `torch.save` wrote, wherever in it they are.

    Raises:
        CheckpointError: it is damaged, or holds something other than tensors. No code in it is ever run.
    """
    state = find_state(unpacked(file))
    if state is None:
        raise CheckpointError(f"{file.name} has no weights: no dictionary in it holds tensors under their names")
    return state


def unpacked(file: Path, remedy: str = "download it again") -> object:
    """What a .safetensors file, or one that `torch.save` wrote, holds; a `remedy` is for damage. No code is ever run.

    Raises:
        CheckpointError: it is damaged, of another kind, or holds something other than tensors and plain values.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(64)
        stranger = _stranger(head, file.suffix == ".safetensors")
        if stranger:
            raise CheckpointError(f"{file.name} {stranger}")
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {str(file)!r}") from None
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error).lower() and "unsupported" not in str(error).lower():
            raise CheckpointError(f"{file.name} is damaged or not a checkpoint; {remedy}") from None
        raise CheckpointError(
            f"{file.name} holds Python objects besides tensors, which are refused because loading them could run "
            "code; save its tensors alone, as .safetensors"
        ) from None
    except DAMAGE as error:
        raise CheckpointError(f"{file.name} cannot be read ({error}); it may be cut off: {remedy}") from None


def _stranger(head: bytes, safe: bool) -> str | None:
    """What a file is that begins with `head`, in words, where that is no file of weights; None where it may be one."""
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of git LFS, not the file that it stands for; fetch that with `git lfs pull`"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "is a web page, not a checkpoint; download the file itself"
    if not safe and head and not head.startswith(PACKED):
        return f"is not a checkpoint: it begins with {head[:12]!r}"
    return None


def digest(network: nn.Module) -> str:
    """SHA-256 of a network's weights, for one that comes from no file."""
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
