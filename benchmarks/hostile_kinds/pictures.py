"""Pictures that are cut off, lie about themselves, or are none."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator

import numpy as np
from PIL import Image

from benchmarks.hostile_kinds.base import ODD, Case, written
from dfine.data.pictures import read

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
            yield Case("pictures", f"{form}, {part} eighths of it", written("a", cut, read), refused=part < 2)
        for at in range(4, min(len(sound) - 4, 36), 2):
            for fill in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"):
                data = sound[:at] + fill + sound[at + 4 :]
                yield Case("pictures", f"{form}, bytes {at} on are {fill.hex()}", written("a", data, read))
        yield Case("pictures", f"{form}, twice", written("a", sound * 2, read))
    for name, data in STRANGE.items():
        for ending in ("", ".png", ".jpg"):
            yield Case("pictures", f"{name} called a{ending}", written(f"a{ending}", data, read), refused=True)


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
