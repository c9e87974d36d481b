"""How many bytes a file lacks of those that it announces, for files whose last frames do not show that it is cut."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067  # ids of the two elements that a Matroska or WebM file consists of
_FIRST = (b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip")  # boxes that an MP4 or MOV file begins with


def lacking(path: Path) -> int:
    """Bytes that are missing at the end of an MP4, MOV, Matroska or WebM file; 0 where it announces nothing, too."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        if head[:4] == _EBML.to_bytes(4, "big"):
            announced = _matroska(file)
        else:
            announced = _mp4(file, size) if head[4:] in _FIRST else 0
    return max(0, announced - size)


def _matroska(file: BinaryIO) -> int:
    """Where the segment, which holds everything, is said to end; 0 if it is not said, as in a live recording."""
    for wanted in (_EBML, _SEGMENT):
        if _number(file, marked=True) != wanted:
            return 0
        length = _number(file)
        if length is None:
            return 0
        end = file.tell() + length
        if wanted == _EBML:
            file.seek(end)
    return end


def _number(file: BinaryIO, marked: bool = False) -> int | None:
    """An EBML number, whose first bit says how many bytes it has; `marked` keeps that bit. None: unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 9 - first[0].bit_length()
    value, mark = int.from_bytes(first + file.read(count - 1), "big"), 1 << 7 * count
    if marked:
        return value
    return None if value == 2 * mark - 1 else value - mark


def _mp4(file: BinaryIO, size: int) -> int:
    """Where the last box of pictures and sound is said to end."""
    place, end = 0, 0
    while place < size:
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length < 8:  # to the end of the file, or no box any more
            break
        place += length
        end = place if kind == b"mdat" else end
    return end
