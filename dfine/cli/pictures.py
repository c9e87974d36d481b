"""`dfine detect`: many pictures; reading, the network, drawing and writing side by side, in one process or several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

import dfine
from dfine.cli.shipped import note_drawings, note_found, note_nothing
from dfine.cli.terminal import complain, free, interruptible, write_json
from dfine.data.folders import suffixes
from dfine.engines.onnx.sessions import placed
from dfine.figures.picture import draw
from dfine.files import check_file, check_folder, replacing
from dfine.inference.predictor import Predictor, Result
from dfine.inference.stream import Seen, stream
from dfine.inference.table import needed_arrow, rows, write_parquet
from dfine.inference.tiling import suppress, tiled
from dfine.processes import ranks
from dfine.video.sources import is_video

WRITERS, WAITING = 2, 8  # threads that draw and write, and how many pictures may wait for them
FEW = 8  # so many pictures are listed without a bar


@dataclass(frozen=True)
class How:
    """What is done with every picture."""

    threshold: float | str = 0.5
    batch: int | None = None  # pictures per forward pass; None: as many as fit
    tile: int | None = None  # side of tiles in pixels; None: only the whole picture
    same: float | None = None  # IoU from which two boxes of a class are one object; None: all are kept


@dataclass(frozen=True)
class Out:
    """What is written, apart from the list on stdout."""

    save: Path | None = None  # folder of the pictures with their boxes
    json: Path | None = None  # file of all detections; - is stdout
    parquet: Path | None = None  # file of the same as a table, with every layer's boxes

    @property
    def partial(self) -> Out:
        """The same with the names of files that do not hold everything, as those of videos: `out.partial.json`."""

        def named(path: Path | None) -> Path | None:
            return path if path is None or str(path) == "-" else path.with_name(f"{path.stem}.partial{path.suffix}")

        return replace(self, json=named(self.json), parquet=named(self.parquet))


@dataclass(frozen=True)
class Say:
    """What is said of each picture."""

    quiet: bool = False  # list nothing on stdout
    rows: bool = False  # make the rows of a table, too


def run(files: list[Path], model: str, device: str, loading: dict, how: How, out: Out) -> bool:
    """Detect in every file, list or write what was found, and say which could not be read.

    Started by `torchrun`, every process takes its share, and the first one writes the JSON. What `loading` says goes
    to `dfine.load`. After Ctrl-C what was found so far is written under partial names, by one process; several write
    nothing.

    Returns:
        Whether all of them could be read.
    """
    save = out.save
    check_file(out.json, files)
    check_file(out.parquet, files)
    if out.parquet:
        needed_arrow()  # a missing package is said before the work, not after it
    if save:
        check_folder(save)
        if not save.exists() and (is_video(save) or save.suffix.lower() in suffixes()):
            raise ValueError(f"--save names a folder for the drawn pictures, and {save} is called like a file of one")
    with ranks() as here:
        if here.first:
            note_drawings(model, {path.parent.absolute() for path in files})
        detector = dfine.load(model, device=placed(model, device, here), **loading)
        detector.lowest(how.threshold)  # that it has no best one is said once, and not of every picture
        places = here.gather(_places(files, save) if here.first else None)[0]
        say = Say(quiet=str(out.json) == "-" or here.count > 1, rows=bool(out.parquet))
        entries, whole = _entries(detector, here.mine(files), here.mine(places), how, say)
        if not whole and here.count > 1:
            if here.first:
                complain("interrupted; nothing is written, as several processes share the pictures")
            raise KeyboardInterrupt
        entries = here.weave(here.gather(entries))
        if here.first and here.count > 1 and str(out.json) != "-":
            for path, entry in zip(files, entries):
                if entry:
                    _list(path, entry["detections"])
        if here.first and (whole or entries):
            _lists(out if whole else out.partial, entries, detector, how.threshold, whole)
        if here.first and whole and any(entries):
            found = any(entry["detections"] for entry in entries if entry)
            (note_found if found else note_nothing)(model, detector.names)
        if not whole:
            _say_where_it_ended(out, len(entries), len(files))
        return whole and all(entries)


def _lists(out: Out, entries: list[dict | None], model: Predictor, threshold: float | str, whole: bool) -> None:
    """Write the files of all detections; one that does not hold all of them says so: `complete` is false."""
    table = [row for entry in entries if entry for row in entry.pop("rows")]
    if out.parquet:
        write_parquet(out.parquet, table, model, threshold=threshold, complete=whole)
    if out.json:
        head = model.provenance() | {"threshold": threshold} | ({} if whole else {"complete": False})
        write_json(out.json, head | {"pictures": [e for e in entries if e]})


def _say_where_it_ended(out: Out, done: int, count: int) -> None:
    """How far an interrupted run has come, and where that is."""
    files = [str(path) for path in (out.partial.json, out.partial.parquet) if path and str(path) != "-"]
    kept = f"what was found in them is kept in {' and '.join(files)}" if files and done else ""
    complain(f"interrupted after {done} of {count} pictures; {kept or 'no list of what was found is written'}")


def _entries(
    model: Predictor, files: list[Path], places: list[Path | None], how: How, say: Say
) -> tuple[list[dict | None], bool]:
    """What was found in each file, as plain values; None where it cannot be read, or its drawing not be written.

    Also whether that is all: after Ctrl-C or SIGTERM it is what was found before.
    """
    entries, whole = [], True
    waiting: deque[tuple[Seen, Future | None]] = deque()
    bar = tqdm(total=len(files), unit="picture", disable=len(files) <= FEW, leave=False)
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool, bar, interruptible():
        try:
            for seen, place in zip(_seen(model, files, how), places):
                written = pool.submit(_write, seen.result, place) if seen.result and place else None
                waiting.append((seen, written))
                while len(waiting) > WAITING:
                    entries.append(_entry(*waiting[0], say))  # still waiting: an interrupt in here loses nothing
                    waiting.popleft()
                bar.update()
        except KeyboardInterrupt:
            whole = False
        entries += [_entry(*one, say) for one in waiting]
    return entries, whole


def _seen(model: Predictor, files: list[Path], how: How) -> Iterator[Seen]:
    """The results of the files, in their order."""
    if how.tile is None:
        for seen in stream(model, files, how.threshold, batch=how.batch):
            if seen.result and how.same is not None:
                seen = replace(seen, result=replace(seen.result, detections=suppress(seen.result.detections, how.same)))
            yield seen
        return
    same = {} if how.same is None else {"same": how.same}
    for path in files:
        try:
            yield Seen(path, tiled(model, path, how.threshold, tile=how.tile, **same))
        except (ValueError, OSError) as error:
            yield Seen(path, None, error)


def _entry(seen: Seen, written: Future | None, say: Say) -> dict | None:
    """What is said of one picture, once its drawing has been written."""
    error = seen.error
    try:
        if written:
            written.result()
    except (ValueError, OSError) as failed:
        error = failed
    if error:
        complain(error if seen.path.name in str(error) else f"{seen.path}: {error}")
        return None
    found = seen.result.detections
    if not say.quiet:
        _list(seen.path, found.to_list())
    table = rows(str(seen.path), seen.result) if say.rows else []
    return {"file": str(seen.path), "size": list(found.size), "detections": found.to_list(), "rows": table}


def _write(result: Result, place: Path) -> None:
    drawn = draw(result.picture, result.detections, limit=max(result.picture.size))
    with replacing(place) as temporary:
        drawn.save(temporary, "JPEG", quality=92)


def _places(files: list[Path], folder: Path | None) -> list[Path | None]:
    """Where every picture's drawing goes; makes the folder. In a folder of inputs nothing that is there is replaced."""
    if folder is None:
        return [None] * len(files)
    folder.mkdir(parents=True, exist_ok=True)
    among = any(folder.resolve() in (path.parent.resolve(), path.resolve().parent) for path in files)
    taken = {f.stem.casefold() for f in folder.iterdir() if f.suffix.lower() == ".jpg"} if among else set()
    return [free(folder, path.stem, taken) for path in files]


def _list(path: Path, found: list[dict]) -> None:
    """What was found in one picture, a line an object."""
    lines = [f"{path}: {len(found)} object{'' if len(found) == 1 else 's'}"]
    for d in found:
        x1, y1, x2, y2 = (round(v) for v in d["box"])
        lines.append(f"  {d['score']:.2f}  {d['name']:<16s} {x1:5d} {y1:5d} {x2:5d} {y2:5d}")
    tqdm.write("\n".join(lines))
