"""The day's data, made small enough to travel to a machine with a GPU."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from dfine.data import sources
from dfine.data.coco import CocoSet
from dfine.data.layout import meaning
from dfine.data.prepare import shrink
from dfine.files import drafted

MOST = {"photos": 32 << 20, "bccd": 6 << 20}  # bytes of a prepared folder: 64 MiB hold both and the project itself
# Pixels of the longer side, and quality of the JPEG files.
TRIES = ((416, 80), (384, 85), (352, 85), (352, 75), (320, 75), (320, 60))


def prepare(name: str, source: Path, data: Path, tell: Callable[[str], None]) -> Path:
    """Write a data set with smaller pictures to `data/name`: the largest that stay under `MOST`, splits and names kept.

    Args:
        name: "photos" or "bccd".
        source: folder or file of a data set, in any format that the project reads.
        data: made if it is not there.
        tell: takes a sentence about what was written.

    Raises:
        FileExistsError: it is written already.
        FileNotFoundError, ValueError: there is no data set, or it is damaged, or too large even at the lowest quality.
    """
    parts = sources.choose(sources.recognise(source), source, None)
    parts = {split: part for split, part in parts.items() if not split or meaning(split)}  # not one that holds them all
    for longest, quality in TRIES:
        with tempfile.TemporaryDirectory() as scratch:
            draft = Path(scratch) / name
            _write(parts, draft, longest, quality)
            size = sum(p.stat().st_size for p in draft.rglob("*") if p.is_file())
            if size <= MOST[name]:
                with drafted(data / name) as place:
                    shutil.copytree(draft, place, dirs_exist_ok=True)
                count = sum(len(part) for part in parts.values())
                tell(
                    f"{data / name}: {count} pictures, longer side {longest}, quality {quality}, {size / 2**20:.1f} MiB"
                )
                return data / name
    raise ValueError(
        f"{source} takes {size / 2**20:.0f} MiB even with {TRIES[-1][0]} pixels; name one with fewer pictures"
    )


def _write(parts: dict[str, CocoSet], out: Path, longest: int, quality: int) -> None:
    """All splits: one without a name as `annotations.json` and `images/`, others as COCO names and places them."""
    for split, data in parts.items():
        if not split:
            shrink(data, out, longest, progress=False, quality=quality)
            continue
        with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
            written = shrink(data, Path(scratch) / "split", longest, progress=False, quality=quality)
            (out / "annotations").mkdir(parents=True, exist_ok=True)
            (written / "images").rename(out / split)
            (written / "annotations.json").rename(out / "annotations" / f"instances_{split}.json")
