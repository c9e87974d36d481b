"""What the largest pictures that the page decodes take, by format: seconds, and megabytes of the process that does it.

    python benchmarks/decoding.py [--only FORMAT] [--folder FOLDER]

Each picture is about the largest that is allowed, and goes to a new process, as on the page; its time limit is lifted,
the one of its memory is not. They show a slope with a little noise: flat pictures decode faster, and more noise would
not fit into the 40 MB of an upload. The last case would go on for days; it shows when it is ended. To make the pictures
takes longer than to decode them: a folder keeps them for another run.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dfine.data.pictures import PictureError
from dfine.page.decoding import PATIENCE, Decoder

SIDE = 10_900  # 119 megapixels
HALF = 5_450  # 30 megapixels, the most with transparency
SIDES = {"JPEG": 8_600, "JPEG2000": 4_450, "WEBP": 5_900, "AVIF": 7_700, "TIFF": 8_600}  # where a format takes more


def drawn(mode: str, side: int) -> Image.Image:
    """A slope with a little noise."""
    tile = np.random.default_rng(0).integers(0, 6, (256, 256))
    slope = np.linspace(0, 200, side)[:, None]
    grey = (np.tile(tile, (-(-side // 256), -(-side // 256)))[:side, :side] + slope).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    return Image.fromarray(grey).convert(mode)


def oriented() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


# What each case is called: the mode and side of its picture, and how it is saved.
CASES = {
    "JPEG": ("RGB", SIDE, dict(format="JPEG", quality=85)),
    "JPEG, lying on its side": ("RGB", SIDE, dict(format="JPEG", quality=85, exif=oriented())),
    "JPEG, grey": ("L", SIDE, dict(format="JPEG", quality=85)),
    "JPEG, CMYK": ("CMYK", 9_400, dict(format="JPEG", quality=85)),
    "JPEG, progressive": ("RGB", SIDES["JPEG"], dict(format="JPEG", quality=85, progressive=True)),
    "JPEG 2000": ("RGB", SIDES["JPEG2000"], dict(format="JPEG2000", quality_layers=[60], irreversible=True)),
    "PNG": ("RGB", SIDE, dict(format="PNG", compress_level=1)),
    "PNG, transparent": ("RGBA", HALF, dict(format="PNG", compress_level=1)),
    "PNG, 16 bits": ("I;16", HALF, dict(format="PNG", compress_level=1)),
    "WebP": ("RGB", SIDES["WEBP"], dict(format="WEBP", quality=60, method=0)),
    "WebP, lossless": ("RGB", SIDES["WEBP"], dict(format="WEBP", lossless=True, quality=0, method=0)),
    "WebP, transparent": ("RGBA", HALF, dict(format="WEBP", quality=60, method=0)),
    "AVIF": ("RGB", SIDES["AVIF"], dict(format="AVIF", speed=10, quality=50)),
    "GIF": ("P", SIDE, dict(format="GIF")),
    "TIFF, deflate, one strip": (
        "RGB",
        SIDES["TIFF"],
        dict(format="TIFF", compression="tiff_adobe_deflate", tiffinfo={278: SIDE}),
    ),
    "BMP": ("L", 6_300, dict(format="BMP")),
    "TGA, run lengths": ("L", 5_900, dict(format="TGA", compression="tga_rle")),
}


def endless() -> bytes:
    """A progressive JPEG of less than 40 MB that repeats its last pass for days."""
    file = io.BytesIO()
    Image.new("L", (SIDES["JPEG"],) * 2, 128).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    again = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + again * (30_000_000 // len(again)) + whole[-2:]


def most(process_id: int) -> float:
    """Megabytes that a process has held at most."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def measured(path: Path, patience: float) -> tuple[str, float, float]:
    """What became of a picture, how many seconds it took, and how many megabytes."""
    decode = Decoder(at_once=1, patience=patience)
    process = decode._process()
    time.sleep(1)  # it starts
    decode._idle.append(process)
    start = time.perf_counter()
    try:
        picture = decode(path)
        said = f"{picture.width} x {picture.height}"
    except PictureError as error:
        said = str(error)
    seconds = time.perf_counter() - start
    megabytes = most(process.pid) if process.poll() is None else float("nan")
    decode.close()
    return said, seconds, megabytes


def main() -> None:
    """Make each picture, have it decoded, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a part of the names")
    parser.add_argument("--folder", type=Path, help="where the pictures are kept")
    options = parser.parse_args()
    print("| picture | megabytes of the file | seconds | megabytes of the process | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, (mode, side, how)) in enumerate(CASES.items()):
            path = folder / f"{number:02d}"
            if options.only in name:
                if not path.is_file():
                    drawn(mode, side).save(path, **how)
                _tell(name, path, 120)
        if options.only in "a JPEG without an end":
            path = folder / "endless"
            path.write_bytes(endless())
            _tell("a JPEG without an end", path, PATIENCE)


def _tell(name: str, path: Path, patience: float) -> None:
    said, seconds, megabytes = measured(path, patience)
    print(f"| {name} | {path.stat().st_size / 1e6:.1f} | {seconds:.1f} | {megabytes:.0f} | {said} |", flush=True)


if __name__ == "__main__":
    main()
