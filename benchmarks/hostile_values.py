"""Hostile inputs one by one, each with a name: every value, file and address that must cost one sentence at most.

    python benchmarks/hostile_values.py [--only KIND] [--every N]

`fuzz.py` tries inputs by chance; these are chosen. Each is read or refused in one line within five seconds; those that
nobody could make sense of must be refused. Printed is how many cases of each kind there are, and every one that fails.
`tests/test_hostile_values.py` counts them all and runs some.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import pickle
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["HF_HUB_OFFLINE"] = "1"  # names of models are asked about; nobody is to be asked

import dfine
from dfine.data import texts
from dfine.data.pictures import read
from dfine.data.sources import train_and_val
from dfine.engines.onnx.engine import _about
from dfine.page import shapes
from dfine.page.guard import Hosts
from dfine.trace.disk import load_trace
from dfine.video.clip import plan
from dfine.weights.checkpoints import open_checkpoint
from dfine.weights.names import read_names

SENTENCES = (ValueError, OSError, ImportError)
SLOW = 5.0  # seconds
LONGEST = 2_000  # characters of a sentence

ODD = {
    "nothing": None,
    "yes": True,
    "minus one": -1,
    "zero": 0,
    "10^12": 10**12,
    "10^400": 10**400,
    "half": 0.5,
    "1e308": 1e308,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "no text": "",
    "a long text": "x" * 100_000,
    "half a letter": "\ud800",
    "a path": "../../etc/passwd",
    "a null byte": "a\0b",
    "an empty list": [],
    "an empty table": {},
    "lists in lists": [[[[]]]],
    "a table in a list": [{"a": [1]}],
}


class Case(NamedTuple):
    """One input.

    Attributes:
        kind: what is read.
        name: what is wrong with it.
        run: reads it in an empty folder.
        refused: whether it must be refused.
    """

    kind: str
    name: str
    run: Callable[[Path], object]
    refused: bool = False


def cases() -> Iterator[Case]:
    """All of them, always the same."""
    for kind in (
        pictures,
        arrays,
        pickles,
        tensors,
        configurations,
        exports,
        traces,
        datasets,
        files,
        calls,
        addresses,
    ):
        yield from kind()


def _written(name: str, data: bytes, reads: Callable[[Path], object]) -> Callable[[Path], object]:
    """A run that writes a file and reads it."""

    def run(folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return reads(path)

    return run


def _json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _changed(value: dict) -> Iterator[tuple[str, dict]]:
    """A structure with each value in turn, however deep, replaced by each odd one, and left out."""
    for path in list(_paths(value)):
        for name, odd in ODD.items():
            yield f"{'.'.join(map(str, path))}: {name}", _with(value, path, odd)
        yield f"{'.'.join(map(str, path))}: missing", _with(value, path)


def _paths(value: object, before: tuple = ()) -> Iterator[tuple]:
    keys = value if isinstance(value, dict) else range(min(1, len(value))) if isinstance(value, list) else ()
    for key in keys:
        yield (*before, key)
        yield from _paths(value[key], (*before, key))


def _with(value: dict, path: tuple, *odd: object) -> dict:
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if odd:
        inner[path[-1]] = odd[0]
    else:
        del inner[path[-1]]
    return value


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SAVED = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "TGA", "PCX", "PPM", "ICO", "DDS", "SGI")
STRANGE = {
    "empty": b"",
    "text": b"no picture",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\nshowpage\n",
    "PostScript": b"%!PS\n/x 1 def {x} loop\n",
    "PDF": b"%PDF-1.7\n1 0 obj<<>>endobj\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "HTML": b"<html><script>alert(1)</script></html>",
    "ZIP": b"PK\x03\x04" + bytes(60),
    "pickle": pickle.dumps({"a": 1}),
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(60),
    "MPO head": b"\xff\xd8\xff\xe2MPF\0" + bytes(60),
    "ELF": b"\x7fELF" + bytes(60),
    "a megabyte of zeros": bytes(2**20),
    "a megabyte of 0xff": b"\xff" * 2**20,
}


def pictures() -> Iterator[Case]:
    """Every format cut off and with its head overwritten; what only says that it is a picture."""
    for form in SAVED:
        sound = _picture(form)
        for part in range(8):
            cut = sound[: len(sound) * part // 8]
            yield Case("pictures", f"{form}, {part} eighths of it", _written("a", cut, read), refused=part < 2)
        for at in range(4, min(len(sound) - 4, 36), 2):
            for fill in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"):
                data = sound[:at] + fill + sound[at + 4 :]
                yield Case("pictures", f"{form}, bytes {at} on are {fill.hex()}", _written("a", data, read))
        yield Case("pictures", f"{form}, twice", _written("a", sound * 2, read))
    for name, data in STRANGE.items():
        for ending in ("", ".png", ".jpg"):
            yield Case("pictures", f"{name} called a{ending}", _written(f"a{ending}", data, read), refused=True)


def _picture(form: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 32), 90).convert("P" if form == "GIF" else "RGB").save(file, form)
    return file.getvalue()


def arrays() -> Iterator[Case]:
    """Shapes and numbers that are no picture."""
    for shape in ((0,), (0, 0), (4,), (4, 4, 0), (7, 8, 5), (4, 4, 4, 4), (1,) * 20):
        for kind in ("uint8", "float32", "int64", "complex64", "U1", "O"):
            empty = np.zeros(shape, kind)
            yield Case("arrays", f"{kind} {shape}", lambda _, empty=empty: read(empty), refused=True)
    for value in (np.nan, np.inf, -np.inf, -2.0, 1e300, 256.5):
        odd = np.full((4, 4, 3), value)
        yield Case("arrays", f"all {value}", lambda _, odd=odd: read(odd), refused=True)
    for name, odd in ODD.items():
        yield Case("arrays", f"in their place {name}", lambda _, odd=odd: read(odd), refused=True)


# ── weights ───────────────────────────────────────────────────────────────────────────────────────────────────────────

FORBIDDEN = (
    *("os system", "os popen", "posix system", "nt system", "subprocess Popen", "subprocess run", "builtins eval"),
    *("builtins exec", "builtins compile", "builtins open", "builtins getattr", "builtins __import__", "sys exit"),
    *("shutil rmtree", "socket socket", "urllib.request urlopen", "importlib import_module", "runpy run_path"),
    *("pickle loads", "marshal loads", "ctypes CDLL", "code interact", "pty spawn", "webbrowser open", "pip main"),
    *("torch.hub load", "torch load", "torch.utils.cpp_extension load", "numpy load", "operator attrgetter"),
    *("functools partial", "types CodeType", "asyncio run", "multiprocessing.util spawnv_passfds"),
)


def pickles() -> Iterator[Case]:
    """Checkpoints that would run code, of both forms that torch has had, and broken ones."""
    for stranger in FORBIDDEN:
        module, name = stranger.split()
        call = f"c{module}\n{name}\n(S'true'\ntR.".encode()
        for ending in (".pth", ".pt", ".ckpt"):
            yield Case(
                "checkpoints", f"{stranger} in {ending}", _written(f"a{ending}", _zipped(call), open_checkpoint), True
            )
        yield Case("checkpoints", f"{stranger}, bare", _written("a.pth", call, open_checkpoint), True)
    whole = _zipped(pickle.dumps({"model": {"a": 1}}, 2))
    for part in range(8):
        cut = whole[: len(whole) * part // 8]
        yield Case("checkpoints", f"{part} eighths", _written("a.pth", cut, open_checkpoint), True)
    for name, odd in ODD.items():
        for key in ("", "model", "state_dict", "ema"):
            held = {key: odd} if key else odd
            data = (
                _zipped(pickle.dumps(held, 2))
                if name != "half a letter"
                else _zipped(b"\x80\x02X\x03\0\0\0\xed\xa0\x80.")
            )
            yield Case("checkpoints", f"{key or 'all'}: {name}", _written("a.pth", data, open_checkpoint), True)


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def tensors() -> Iterator[Case]:
    """Files of tensors whose head lies."""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for name, head in _changed({"decoder.heads.0.score.bias": entry}):
        yield Case("safetensors", name, _written("a.safetensors", _safe(_json(head)), open_checkpoint), True)
    for kind in ("I64", "BOOL", "C64", "F8_E4M3", "F128", "f32", "U4"):
        head = _json({"a": entry | {"dtype": kind}})
        yield Case("safetensors", f"of {kind}", _written("a.safetensors", _safe(head), open_checkpoint), True)
    for length in (0, 1, 2**31, 2**62, 2**64 - 1):
        data = length.to_bytes(8, "little") + b"{}"
        yield Case("safetensors", f"a head of {length} bytes", _written("a.safetensors", data, open_checkpoint), True)


def _safe(head: bytes) -> bytes:
    return len(head).to_bytes(8, "little") + head + bytes(4)


def configurations() -> Iterator[Case]:
    """The shipped configuration with every value replaced, beside a file of one tensor."""
    whole = json.loads((ROOT / "assets/checkpoints/demo/config.json").read_text())
    small = {key: whole[key] for key in ("schema", "config", "names", "input_size")}

    def opened(config: Path) -> object:
        (config.parent / "model.safetensors").write_bytes(
            _safe(_json({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}))
        )
        return open_checkpoint(config.parent)

    for name, value in _changed(small):
        yield Case("config.json", name, _written("config.json", _json(value), opened), True)
    for name, odd in ODD.items():
        yield Case("config.json", f"all of it is {name}", _written("config.json", _json(odd), opened), True)


def exports() -> Iterator[Case]:
    """What an .onnx file says of itself, with every value replaced."""
    whole = json.loads((ROOT / "assets/checkpoints/demo/config.json").read_text())
    about = {key: whole[key] for key in ("schema", "config", "names", "input_size")}
    about |= {"w": [-1.0, -0.1, 0.0, 0.1, 1.0], "shapes": [[20, 20]], "batch": 1, "source": "demo", "digest": "0"}
    for name, value in _changed(about):
        text = json.dumps(value)
        yield Case("onnx", name, lambda _, text=text: _about(Path("m.onnx"), text))
    for text in (None, "", "{", "[]", "null", "1e999", "[" * 100_000, '{"schema":', "\ud800"):
        yield Case("onnx", f"it says {str(text)[:20]!r}", lambda _, text=text: _about(Path("m.onnx"), text), True)


def traces() -> Iterator[Case]:
    """Traces of which the head or an array is another."""
    head = {
        "schema": 1,
        "picture": "a.png",
        "model": "demo",
        "digest": "0",
        "names": ["cup"],
        "size": [8, 8],
        "shapes": [[1, 1]],
    }
    for name, value in _changed(head):
        data = _npz(about=json.dumps(value), w=np.arange(5.0))
        yield Case("traces", name, _written("t.npz", data, load_trace), True)
        yield Case(
            "traces", f"{name}, in JSON", _written("t.json", _json({"about": value, "w": [0.0]}), load_trace), True
        )
    for name, odd in ODD.items():
        data = _json({"about": head, "w": odd, "origin": odd})
        yield Case("traces", f"arrays are {name}", _written("t.json", data, load_trace), True)
    for kind in ("object", "U3", "complex64", "datetime64[s]"):
        data = _npz(about=json.dumps(head), w=np.zeros(3, kind))
        yield Case("traces", f"an array of {kind}", _written("t.npz", data, load_trace), True)


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


# ── data sets, other files, calls, addresses ──────────────────────────────────────────────────────────────────────────

COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "cup"}],
}
LABELME = {
    "imagePath": "a.png",
    "imageWidth": 8,
    "imageHeight": 8,
    "shapes": [{"label": "cup", "points": [[1, 1], [4, 4]], "shape_type": "rectangle"}],
}
YOLO = {"path": ".", "train": "images", "val": "images", "names": ["cup"], "nc": 1}
VOC = (
    "<annotation><filename>a.png</filename><size><width>8</width><height>8</height></size><object><name>cup</name>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
BOMBS = {
    "a hundred thousand brackets": b"[" * 100_000,
    "a number of 5,000 digits": b'{"images": ' + b"9" * 5_000 + b"}",
    "half a letter": b'{"images": "\\ud800"}',
    "UTF-16 without a mark": '{"images": []}'.encode("utf-16-le"),
    "UTF-16": '{"images": []}'.encode("utf-16"),
    "Latin-1": '{"images": "\u00e9"}'.encode("latin-1"),
    "null bytes": bytes(1_000),
    "cut off": b'{"images": [',
    "twice": b"{}{}",
    "NaN": b"NaN",
    "nothing": b"",
}
YAML_BOMBS = {
    "a billion laughs": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (97 + i, 97 + i, b",".join([b"*%c" % (96 + i)] * 9)) for i in range(1, 9)),
    "a call": b"!!python/object/apply:os.system ['true']",
    "an object": b"!!python/object:os.path {}",
    "an anchor in itself": b"a: &a [*a]",
    "a merge with itself": b"a: &a\n  <<: *a\n",
    "a hundred lists deep": b"[" * 100 + b"]" * 100,
    "a tab": b"\tnames: [cup]",
    "names that count": b"names: {0: 1, 1: 2}",
    "a date": b"names: 2001-01-01",
    "binary": b"names: !!binary aGk=",
    "no": b"names: [no, yes, on, off, ~, 1e3, 0x10]",
}
XML_BOMBS = {
    "a billion laughs": b'<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx">'
    + b"".join(b'<!ENTITY %c "%s">' % (97 + i, b"&%c;" % (96 + i) * 10) for i in range(1, 10))
    + b"]><annotation>&j;</annotation>",
    "a file": b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><annotation><filename>&f;</filename></annotation>',
    "an address": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><annotation/>',
    "ten thousand deep": b"<a>" * 10_000,
    "an unknown encoding": b'<?xml version="1.0" encoding="klingon"?><annotation/>',
    "cut off": b"<annotation><object>",
}
LINES = (
    *(
        "0 0.5 0.5",
        "0 0.5 0.5 0.2",
        "a 0.5 0.5 0.2 0.2",
        "-1 0.5 0.5 0.2 0.2",
        "9999999999 0.5 0.5 0.2 0.2",
        "0 nan 0.5 0.2 0.2",
    ),
    *(
        "0 inf 0.5 0.2 0.2",
        "0 1e999 0.5 0.2 0.2",
        "0 5 5 2 2",
        "0 -0.5 0.5 0.2 0.2",
        "0 0.5 0.5 -0.2 0.2",
        "0 0.5 0.5 0 0",
    ),
    *(
        "0 0,5 0,5 0,2 0,2",
        "0;0.5;0.5;0.2;0.2",
        "0.5 0.5 0.5 0.2 0.2",
        "0 0.5 0.5 0.2 0.2 0.9 0.9",
        "\ufeff0 0.5 0.5 0.2 0.2",
    ),
    *(
        "0 " + "0.5 " * 5_000,
        "x" * 100_000,
        "0 0x1 0.5 0.2 0.2",
        "0 \u0665 0.5 0.2 0.2",
        "0 0.5 0.5 0.2 0.2\0",
        "1e3 0.5 0.5 0.2 0.2",
    ),
)


def datasets() -> Iterator[Case]:
    """Data sets of every form in which one value is another."""
    for form, file, whole in (
        ("COCO", "annotations.json", COCO),
        ("labelme", "a.json", LABELME),
        ("YOLO", "data.yaml", YOLO),
    ):
        for name, value in _changed(whole):
            yield Case(form, name, _dataset(file, _json(value)))
    for tag in ("filename", "width", "height", "name", "xmin", "ymin", "xmax", "ymax"):
        for name, odd in ODD.items():
            if not isinstance(odd, (list, dict)):
                start, end = f"<{tag}>", f"</{tag}>"
                changed = VOC[: VOC.index(start) + len(start)] + str(odd) + VOC[VOC.index(end) :]
                data = changed.encode("utf-8", "surrogatepass")
                yield Case("VOC", f"{tag}: {name}", _dataset("a.xml", data))
        yield Case(
            "VOC",
            f"{tag}: missing",
            _dataset("a.xml", VOC.replace(f"<{tag}>", "<x>").replace(f"</{tag}>", "</x>").encode()),
        )
    for line in LINES:
        labels = {"labels/a.txt": line.encode(), "data.yaml": _json(YOLO)}
        yield Case("YOLO", f"the line {line[:30]!r}", _dataset("labels/a.txt", line.encode(), labels))
    for name, data in XML_BOMBS.items():
        yield Case("VOC", name, _dataset("a.xml", data))
    for name, data in BOMBS.items():
        yield Case("COCO", name, _dataset("annotations.json", data))
    for name, data in YAML_BOMBS.items():
        yield Case("YOLO", name, _dataset("data.yaml", data))


def _dataset(name: str, data: bytes, more: dict[str, bytes] | None = None) -> Callable[[Path], object]:
    """A run that reads a data set which has this file, and a few pictures."""

    def run(folder: Path) -> None:
        for part in ("a.png", "images/a.png"):
            (folder / part).parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(folder / part)
        for part, content in {name: data, **(more or {})}.items():
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).write_bytes(content)
        train, val = train_and_val(folder)
        for part in (train, val):
            for index in range(len(part or ())):
                part.target(index)

    return run


def files() -> Iterator[Case]:
    """Lists of names, JSON, YAML and videos that are broken."""
    for name, data in (BOMBS | YAML_BOMBS).items():
        yield Case("names", f"{name} as JSON", _written("n.json", data, lambda path: read_names(str(path))))
        yield Case("names", f"{name} as YAML", _written("n.yaml", data, lambda path: read_names(str(path))))
        yield Case("names", f"{name} as lines", _written("n.txt", data, lambda path: read_names(str(path))))
        yield Case("JSON", name, _written("x.json", data, texts.content))
        yield Case("YAML", name, _written("x.yaml", data, texts.yaml_content))
    for name, odd in ODD.items():
        yield Case("names", name, _written("n.json", _json(odd), lambda path: read_names(str(path))))
        yield Case("names", f"a list of {name}", _written("n.json", _json([odd]), lambda path: read_names(str(path))))
    lists = {"HLS": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "concat": b"ffconcat version 1.0\nfile /etc/passwd\n"}
    for name, data in (STRANGE | BOMBS | lists).items():
        for ending in (".mp4", ".mkv", ".m3u8"):
            yield Case("videos", f"{name} called a{ending}", _written(f"a{ending}", data, plan), True)


def calls() -> Iterator[Case]:
    """Values of calls: a sentence, or nothing where they are fine; never an exception."""
    names = ("picture", "model", "threshold", "index", "query", "mass")
    odd = ODD | {
        "many values": [0] * 100,
        "a file of the server": {"path": "/etc/passwd"},
        "another's": {"path": "../x"},
    }
    odd |= {
        "a path of lists": {"path": ["a"]},
        "an address": {"url": "http://127.0.0.1:9/a.png"},
        "a long path": {"path": "/a" * 9_000},
    }
    for endpoint in sorted(shapes.PARAMETERS):
        for name, value in odd.items():
            yield Case("calls", f"/{endpoint}: {name}", _called(endpoint, value))
            for place in range(6):
                data = [None] * place + [value]
                yield Case("calls", f"/{endpoint}: {name} as value {place}", _called(endpoint, data))
                yield Case("calls", f"/{endpoint}: {name} as {names[place]}", _called(endpoint, {names[place]: value}))


def _called(endpoint: str, data: object) -> Callable[[Path], object]:
    def run(folder: Path) -> str | None:
        said = shapes.complaint(endpoint, data, folder)
        if said is not None:
            raise ValueError(said)
        return None

    return run


HOSTS = (
    *(
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:7860",
        "127.0.0.1@evil.example",
    ),
    *(
        "",
        " ",
        ".",
        "..",
        "localhost.",
        "0",
        "0x7f000001",
        "2130706433",
        "[",
        "[::",
        "[::1",
        "]",
        "@",
        "a@b@c",
        "127.1",
    ),
    *(
        "localhost#.evil.example",
        "evil.example#localhost",
        "evil.example?localhost",
        "evil.example/localhost",
        "\u24db\u24de\u24d2",
    ),
    *(
        "localhost\0.evil.example",
        "localhost evil.example",
        "evil.example,localhost",
        "*",
        "xn--localhost-",
        "169.254.169.254",
    ),
)
MODELS = (
    *(
        "http://127.0.0.1:9/a.pth",
        "https://127.0.0.1:9/a",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "//127.0.0.1/a",
        "\\\\127.0.0.1\\a",
    ),
    *(
        "/etc/passwd",
        "../../etc/passwd",
        "~root",
        "~",
        ".",
        "..",
        "/",
        "",
        " ",
        "a/b/c",
        "a//b",
        "a/..",
        "../a",
        "a/b.pth",
        "/dev/zero",
    ),
    *(
        "/dev/null",
        "a\0b",
        "\ud800",
        "a/" + "b" * 200,
        "x" * 300,
        "nano-coco\n",
        "$(true)",
        "`true`",
        "%2e%2e",
        "con",
        "nul",
        "demo/../demo",
    ),
    *(
        "data:text/plain,a",
        "javascript:1",
        "s3://a/b",
        "hf://a/b",
        "git+https://127.0.0.1/a",
        "a:b",
        "C:\\a.pth",
        "*.pth",
        "{}",
        "[]",
    ),
)
PICTURES = (
    *(
        "http://127.0.0.1:9/a.png",
        "https://127.0.0.1:9/a.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "//a/b",
        "/etc/passwd",
        "/dev/zero",
    ),
    *(
        "/dev/random",
        "/dev/stdin",
        "/proc/self/mem",
        "/proc/self/environ",
        "..",
        ".",
        "",
        "a\0b",
        "\ud800",
        "x" * 300,
        "a/" * 3_000,
        "~",
        "*.png",
    ),
    *("data:image/png;base64,AAAA", "-", "|true", "$(true)", "con", "\n", "\u202egnp.a"),
)


def addresses() -> Iterator[Case]:
    """Hosts, names of models and names of pictures that mean something else."""
    hosts = Hosts.of("127.0.0.1")
    for host in HOSTS:
        fine = host in ("localhost.",)

        def asked(_: Path, host: str = host) -> None:
            if not hosts.allow(host):
                raise ValueError(f"not {host}")

        yield Case("hosts", repr(host), asked, refused=not fine)
    for name in MODELS:
        yield Case(
            "models", repr(name[:40]), lambda _, name=name: dfine.load(name, device="cpu"), refused="demo" not in name
        )
    for name in PICTURES:
        yield Case("addresses", repr(name[:40]), lambda _, name=name: read(name), refused=True)


def fault(case: Case) -> str | None:
    """What is wrong with how a case is answered; None where it is as it should be."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case.run(Path(folder))
            said = None
        except SENTENCES as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 - what must not be
            return f"{type(error).__name__}: {str(error)[:200]}"
    seconds = time.perf_counter() - start
    if seconds > SLOW:
        return f"it takes {seconds:.1f} s"
    if said is None:
        return "it is not refused" if case.refused else None
    if not said.strip() or len(said) > LONGEST or "Traceback" in said or len(said.strip().splitlines()) > 2:
        return f"it says {said[:200]!r}"
    return None


def main() -> int:
    """Run the cases; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a kind, or a part of its name")
    parser.add_argument("--every", type=int, default=1, help="only every so many")
    options = parser.parse_args()
    counts, wrong, start = Counter(), 0, time.perf_counter()
    for case in list(case for case in cases() if options.only in case.kind)[:: options.every]:
        counts[case.kind] += 1
        said = fault(case)
        if said:
            wrong += 1
            print(f"{case.kind}, {case.name}: {said}", flush=True)
    print(", ".join(f"{kind} {count}" for kind, count in counts.items()))
    print(f"{sum(counts.values())} cases, {wrong} otherwise than they should be, {time.perf_counter() - start:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
