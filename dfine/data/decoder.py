"""A process that does nothing but decode pictures, so that whoever waits for it can end it.

A decoder is native code. A file may keep it busy for hours (a progressive JPEG of 40 MB can ask for a million passes
over 120 million pixels), take more memory than its head says, or crash it. No thread can be ended from outside, but a
process can.

Over its pipes, a line of JSON asks for a file, and a line of JSON answers: an error, or the size of the stored picture
and how it has to be turned, followed by its rows as RGB. Rows are converted and turned a few at a time, so that the
decoded picture is the only large thing in this process.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from dfine.data import rgb
from dfine.data.rgb import SIDEWAYS, TURNS, PictureError

ROWS = 256  # at a time
MEMORY = 600_000_000  # bytes that decoding a picture may take
# Bytes a pixel that decoders of these formats hold, the picture included; others hold little besides it. Those of JPEG
# 2000 are for each band, and rather more than it holds: it is slow.
COSTS = {"WEBP": 17, "AVIF": 10, "HEIF": 10, "TIFF": 8, "JPEG": 8, "JPEG2000": 10}
PROGRAM = 150_000_000  # bytes that this process takes without a picture
LONGEST = 60  # seconds for a picture, should nobody end this process before


def main() -> None:
    """Answer until the other end of the pipe is closed."""
    _limit_memory()
    answers = sys.stdout.buffer
    for line in sys.stdin.buffer:
        if hasattr(signal, "alarm"):
            signal.alarm(LONGEST)  # ends this process, whatever it is doing
        _answer(json.loads(line), answers)
        answers.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _answer(path: str, out: BinaryIO) -> None:
    """Write what became of one file."""
    begun = False
    try:
        with rgb.opened(path, affordable) as picture:
            head = {"size": picture.size, "turn": rgb.orientation(picture)}
            for strip in strips(picture):
                if not begun:  # not before: the first rows show whether the picture can be converted
                    out.write(_line(head))
                begun = True
                out.write(strip)
    except PictureError as error:
        if begun:
            sys.exit(str(error))
        out.write(_line({"error": str(error)}))


def affordable(picture: Image.Image, name: str) -> None:
    """Raise PictureError where decoding a picture would take more than `MEMORY`, by what its head says."""
    form = picture.format or ""
    cost = COSTS.get(form, 0)
    if form == "JPEG" and not picture.info.get("progressive"):
        cost = 0  # decoded row by row
    if form == "JPEG2000":
        cost *= len(picture.getbands())
    needed = picture.width * picture.height * cost
    if needed > MEMORY:
        kind = "progressive JPEG" if form == "JPEG" else form
        raise PictureError(
            f"{name} is {picture.width} x {picture.height} pixels: to decode that much {kind} takes "
            f"{needed / 1e6:.0f} MB, more than the {MEMORY / 1e6:.0f} MB allowed here; scale it down, or save it as "
            "PNG or plain JPEG"
        )


def strips(picture: Image.Image) -> Iterator[bytes]:
    """The rows of a loaded picture as RGB, `ROWS` at a time, as they are stored (not turned)."""
    whole = rgb.flat(picture) if rgb.deep(picture) else picture
    for top in range(0, whole.height, ROWS):
        strip = whole.crop((0, top, whole.width, min(top + ROWS, whole.height)))
        yield rgb.flat(strip).tobytes()


def assembled(size: tuple[int, int], turn: int, read: BinaryIO) -> Image.Image:
    """The upright picture whose rows are read; the other end of `strips`.

    Raises:
        EOFError: there are too few.
    """
    width, height = size
    turned, far = TURNS.get(turn, (None, False))
    on_its_side = turn in SIDEWAYS
    picture = Image.new("RGB", (height, width) if on_its_side else size)
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        data = read.read(3 * width * rows)
        if len(data) < 3 * width * rows:
            raise EOFError
        strip = Image.frombytes("RGB", (width, rows), data)
        strip = strip if turned is None else strip.transpose(turned)
        place = height - top - rows if far else top
        picture.paste(strip, (place, 0) if on_its_side else (0, place))
    return picture


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _limit_memory() -> None:
    """A limit on this process's own memory, where the system has one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = PROGRAM + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    main()
