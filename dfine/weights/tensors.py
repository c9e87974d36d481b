"""Files of tensors, read without ever running code that a file may hold."""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dfine.trace.card import Card
from dfine.weights.cache import HUB_FILES
from dfine.weights.checks import read_json
from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import State
from dfine.weights.wrappers import find_state
from dfine.wording import some

SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")  # of files of weights
PACKED = (b"PK\x03\x04", b"\x80")  # how files begin that `torch.save` writes: a zip archive or, formerly, a pickle
ARRAYS = {  # what numpy rebuilds a number and an array with, where numpy keeps it
    "scalar": np.float64(0).__reduce__()[0],
    "_reconstruct": np.zeros(0).__reduce__()[0],
}
PATHS = (pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
HARMLESS = [  # what trainers keep beside weights, and what runs no code when it is read: numbers of numpy, options
    *(np.dtype, np.ndarray, argparse.Namespace),
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")),
    # numpy 1 and 2, and Python 3.13 and others, write these under different names
    *((made, f"numpy.{core}.multiarray.{name}") for name, made in ARRAYS.items() for core in ("core", "_core")),
    *((path, f"{module}.{path.__name__}") for path in PATHS for module in ("pathlib", "pathlib._local")),
]
TOLD = {"schema", "config", "names", "ema"}  # what a training writes of the network beside its weights
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
    return tensors_in(unpacked(file), file)


def tensors_in(content: object, file: Path) -> State:
    """The tensors in what `unpacked` gave of a file, wherever in it they are.

    Raises:
        CheckpointError: there are none, or some of them hold no plain numbers.
    """
    state = find_state(content)
    if state is None:
        raise CheckpointError(f"{file.name} has no weights: no dictionary in it holds tensors under their names")
    odd = [key for key, value in state.items() if value.is_meta or value.is_quantized or value.layout != torch.strided]
    if odd:
        raise CheckpointError(
            f"{file.name} has no plain numbers for {some(odd)}: they are sparse, quantised or left out"
        )
    return state


def told_by_training(content: object) -> dict:
    """What a `config.json` would say, of what `unpacked` gave of a training's own state (`last.pt`); else nothing."""
    if not (isinstance(content, dict) and isinstance(content.get("options"), dict) and TOLD <= content.keys()):
        return {}
    side = content["options"].get("input")
    size = side if isinstance(side, (tuple, list)) else (side, side)
    return {key: content[key] for key in ("schema", "config", "names")} | {"input_size": size}


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
            with torch.device("cpu"):  # safetensors asks for none, and a program may have set another
                return load_file(file)
        with torch.serialization.safe_globals(HARMLESS):
            return torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {str(file)!r}") from None
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error).lower() and "unsupported" not in str(error).lower():
            raise CheckpointError(f"{file.name} is damaged or not a checkpoint; {remedy}") from None
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise CheckpointError(
            f"{file.name} holds Python objects besides tensors{f' ({named[1]})' if named else ''}, which are refused "
            "because loading them could run code; save only its tensors, as .safetensors"
        ) from None
    except DAMAGE as error:
        if "TorchScript" in str(error):
            raise CheckpointError(
                f"{file.name} is a TorchScript program, which is not run here; save the state dict of the model that "
                "it was made of"
            ) from None
        raise CheckpointError(f"{file.name} cannot be read ({error}); it may be cut off: {remedy}") from None


def _stranger(head: bytes, safe: bool) -> str | None:
    """What a file is that begins with `head`, in words, where that is no file of weights; None where it may be one."""
    if not head:
        return "is empty (0 bytes); download it again"
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of git LFS, not the file that it stands for; fetch that with `git lfs pull`"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "is a web page, not a checkpoint; download the file itself"
    tensors = head[8:9] == b"{"  # behind a length of eight bytes a .safetensors file has JSON
    if safe and head.startswith(PACKED) and not tensors:
        return "was written by torch.save; give it a name that ends in .pth"
    if not safe and tensors:
        return "holds safetensors; give it a name that ends in .safetensors"
    if not safe and not head.startswith(PACKED):
        return f"is not a checkpoint: it begins with {head[:12]!r}"
    return None


INDEX = "model.safetensors.index.json"  # says which file of a folder holds which tensor, where there are several


def shards(folder: Path) -> list[Path]:
    """The files of weights in a folder: `model.safetensors`, or those that its index names, each once.

    Raises:
        CheckpointError: there are none, or not all of them.
    """
    whole = folder / HUB_FILES[1]
    if whole.is_file():
        return [whole]
    if not (folder / INDEX).is_file():
        there = _checkpoints(folder)
        also = f"; name one of the checkpoints in it: {some(there)}" if there else ""
        raise CheckpointError(
            f"the folder {folder} has no {HUB_FILES[1]}; a checkpoint is {' and '.join(HUB_FILES)}{also}"
        )
    places = read_json(folder / INDEX).get("weight_map")
    names = sorted(set(map(str, places.values()))) if isinstance(places, dict) else []
    if not names or any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise CheckpointError(f"{folder / INDEX} does not say which .safetensors files hold the weights")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"the folder {folder} lacks {some(missing)} of the {len(names)} that {INDEX} names")
    return [folder / name for name in names]


def _checkpoints(folder: Path) -> list[str]:
    """What in a folder may be loaded by itself, as in those that trainings write: files of weights, and folders."""
    try:
        return [p.name for p in sorted(folder.iterdir()) if p.suffix in SUFFIXES or (p / HUB_FILES[1]).is_file()]
    except OSError:
        return []


def sound(file: Path) -> bool:
    """Whether a file of a checkpoint is all there, as far as its size and first bytes tell."""
    try:
        if file.suffix == ".json":
            return isinstance(json.loads(file.read_bytes()), dict)
        with file.open("rb") as stream:
            if file.suffix != ".safetensors":
                return zipfile.is_zipfile(stream) or stream.seek(0) == 0 and stream.read(1) == PACKED[1]
            length, size = int.from_bytes(stream.read(8), "little"), file.stat().st_size
            header = json.loads(stream.read(length)) if length < size else {}
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return size == 8 + length + max(ends, default=0)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        return False


def digest(network: nn.Module | None, card: Card | None = None) -> str:
    """SHA-256 of the file that a network came from, where its card says so; else of its weights.

    An exported file's network is not at hand, but its card always says so.
    """
    if card is not None and card.digest:
        return card.digest
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
