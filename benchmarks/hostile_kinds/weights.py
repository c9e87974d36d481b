"""Checkpoints that would run code, tensors and configurations that lie, and exported files that do so of themselves."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile_kinds.base import ODD, Case, as_json, changed, written
from dfine.engines.onnx.engine import _about
from dfine.weights.checkpoints import open_checkpoint

ROOT = Path(__file__).resolve().parents[2]

FORBIDDEN = (
    "os system",
    "os popen",
    "posix system",
    "nt system",
    "subprocess Popen",
    "subprocess run",
    "builtins eval",
    "builtins exec",
    "builtins compile",
    "builtins open",
    "builtins getattr",
    "builtins __import__",
    "sys exit",
    "shutil rmtree",
    "socket socket",
    "urllib.request urlopen",
    "importlib import_module",
    "runpy run_path",
    "pickle loads",
    "marshal loads",
    "ctypes CDLL",
    "code interact",
    "pty spawn",
    "webbrowser open",
    "pip main",
    "torch.hub load",
    "torch load",
    "torch.utils.cpp_extension load",
    "numpy load",
    "operator attrgetter",
    "functools partial",
    "types CodeType",
    "asyncio run",
    "multiprocessing.util spawnv_passfds",
)


def pickles() -> Iterator[Case]:
    """Checkpoints that would run code, of both forms that torch has had, and broken ones."""
    for stranger in FORBIDDEN:
        module, name = stranger.split()
        call = f"c{module}\n{name}\n(S'true'\ntR.".encode()
        for ending in (".pth", ".pt", ".ckpt"):
            yield Case(
                "checkpoints", f"{stranger} in {ending}", written(f"a{ending}", _zipped(call), open_checkpoint), True
            )
        yield Case("checkpoints", f"{stranger}, bare", written("a.pth", call, open_checkpoint), True)
    whole = _zipped(pickle.dumps({"model": {"a": 1}}, 2))
    for part in range(8):
        cut = whole[: len(whole) * part // 8]
        yield Case("checkpoints", f"{part} eighths", written("a.pth", cut, open_checkpoint), True)
    for name, odd in ODD.items():
        for key in ("", "model", "state_dict", "ema"):
            held = {key: odd} if key else odd
            data = (
                _zipped(pickle.dumps(held, 2))
                if name != "half a letter"
                else _zipped(b"\x80\x02X\x03\0\0\0\xed\xa0\x80.")
            )
            yield Case("checkpoints", f"{key or 'all'}: {name}", written("a.pth", data, open_checkpoint), True)


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def tensors() -> Iterator[Case]:
    """Files of tensors whose head lies."""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for name, head in changed({"decoder.heads.0.score.bias": entry}):
        yield Case("safetensors", name, written("a.safetensors", _safe(as_json(head)), open_checkpoint), True)
    for kind in ("I64", "BOOL", "C64", "F8_E4M3", "F128", "f32", "U4"):
        head = as_json({"a": entry | {"dtype": kind}})
        yield Case("safetensors", f"of {kind}", written("a.safetensors", _safe(head), open_checkpoint), True)
    for length in (0, 1, 2**31, 2**62, 2**64 - 1):
        data = length.to_bytes(8, "little") + b"{}"
        yield Case("safetensors", f"a head of {length} bytes", written("a.safetensors", data, open_checkpoint), True)


def _safe(head: bytes) -> bytes:
    return len(head).to_bytes(8, "little") + head + bytes(4)


def configurations() -> Iterator[Case]:
    """The shipped configuration with every value replaced, beside a file of one tensor."""
    whole = json.loads((ROOT / "assets/checkpoints/demo/config.json").read_text())
    small = {key: whole[key] for key in ("schema", "config", "names", "input_size")}

    def opened(config: Path) -> object:
        (config.parent / "model.safetensors").write_bytes(
            _safe(as_json({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}))
        )
        return open_checkpoint(config.parent)

    for name, value in changed(small):
        yield Case("config.json", name, written("config.json", as_json(value), opened), True)
    for name, odd in ODD.items():
        yield Case("config.json", f"all of it is {name}", written("config.json", as_json(odd), opened), True)


def exports() -> Iterator[Case]:
    """What an .onnx file says of itself, with every value replaced."""
    whole = json.loads((ROOT / "assets/checkpoints/demo/config.json").read_text())
    about = {key: whole[key] for key in ("schema", "config", "names", "input_size")}
    about |= {"w": [-1.0, -0.1, 0.0, 0.1, 1.0], "shapes": [[20, 20]], "batch": 1, "source": "demo", "digest": "0"}
    for name, value in changed(about):
        text = json.dumps(value)
        yield Case("onnx", name, lambda _, text=text: _about(Path("m.onnx"), text))
    for text in (None, "", "{", "[]", "null", "1e999", "[" * 100_000, '{"schema":', "\ud800"):
        yield Case("onnx", f"it says {str(text)[:20]!r}", lambda _, text=text: _about(Path("m.onnx"), text), True)
