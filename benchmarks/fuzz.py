"""Everything that is parsed here, on texts and bytes that nobody would write: each is read, or refused in a sentence.

    python benchmarks/fuzz.py [--seconds 60] [--only NAME] [--seed 0]

Hypothesis makes the inputs: values of all kinds in the place of those that belong there, bytes of sound files changed,
cut off and doubled, and text in odd encodings. An input fails where reading it raises anything but a ValueError, an
OSError or an ImportError, says nothing, or takes more than five seconds. `tests/test_fuzz.py` runs a few of each.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dfine.data import texts
from dfine.data.pictures import read
from dfine.data.sources import train_and_val
from dfine.engines.onnx.engine import _about
from dfine.page import shapes
from dfine.trace.disk import load_trace
from dfine.weights.checkpoints import open_checkpoint
from dfine.weights.names import read_names

SENTENCES = (ValueError, OSError, ImportError)
SLOW = 5.0  # seconds

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([0, -1, 1, 10**12, 10**400, 2**53 + 1, 1e308, -0.0, True]),
)
words = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "\ud800", "\0", "../../etc/passwd", "a" * 300, "nan", "1e999", "no", "\ufeff", "C:\\a\\b.jpg"]
    ),
)
plain = st.one_of(st.none(), st.booleans(), numbers, words)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))


def mutated(sound: bytes) -> st.SearchStrategy[bytes]:
    """Bytes of a sound file with a few changed, a piece cut out, or a piece doubled."""
    place = st.integers(0, max(0, len(sound) - 1))

    def changed(edits: list, start: int, length: int, doubled: bool, end: int) -> bytes:
        data = bytearray(sound)
        for at, byte in edits:
            data[at] = byte
        piece = data[start : start + length]
        data[start : start + length] = piece * 2 if doubled else b""
        return bytes(data[:end] if end else data)

    edits = st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)
    return st.builds(changed, edits, place, st.integers(0, 200), st.booleans(), st.one_of(st.just(0), place))


def filled(shape: object) -> st.SearchStrategy:
    """A structure with any of its values, lists and tables put in place of what belongs there."""
    if isinstance(shape, dict):
        parts = st.fixed_dictionaries({}, optional={key: filled(value) for key, value in shape.items()})
        return st.one_of(parts, parts, parts, values)
    if isinstance(shape, list):
        return st.one_of(st.lists(filled(shape[0]), max_size=4), values) if shape else values
    return st.one_of(st.just(shape), st.just(shape), st.just(shape), plain)


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1], "area": 4, "iscrowd": 0, "segmentation": [[1]]}
    ],
    "categories": [{"id": 1, "name": "cup", "supercategory": "none"}],
}
LABELME = {
    "version": "5",
    "imagePath": "a.jpg",
    "imageWidth": 8,
    "imageHeight": 8,
    "shapes": [{"label": "cup", "points": [[1]], "shape_type": "rectangle", "group_id": None}],
}
YOLO = {"path": ".", "train": "images", "val": "images", "names": ["cup"], "kpt_shape": [1], "task": "detect"}
XML = (
    b"<annotation><filename>a.jpg</filename><size><width>8</width><height>8</height></size><object><name>cup</name>"
    b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"
)


def _picture(form: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((24, 16), 90).convert("P" if form == "GIF" else "RGB").save(file, form)
    return file.getvalue()


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(
        file, about=json.dumps({"schema": 1, "names": ["cup"], "size": [8, 8], "shapes": [[1, 1]]}), w=np.arange(5.0)
    )
    return file.getvalue()


def _pth() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


class Targets:
    """What is fuzzed: for each name what makes its inputs, and what reads them in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        for part in ("images", "labels"):
            (folder / part).mkdir()
        Image.new("RGB", (8, 8)).save(folder / "a.jpg")
        Image.new("RGB", (8, 8)).save(folder / "images" / "a.jpg")
        self.all: dict[str, tuple[st.SearchStrategy, Callable]] = {
            "COCO": (filled(COCO).map(_json), self._data("annotations.json")),
            "labelme": (filled(LABELME).map(_json), self._data("a.json")),
            "YOLO, its YAML": (st.one_of(filled(YOLO).map(_json), mutated(_json(YOLO))), self._data("data.yaml")),
            "YOLO, its labels": (st.one_of(st.binary(max_size=80), mutated(b"0 0.5 0.5 0.2 0.2\n" * 3)), self._labels),
            "VOC": (mutated(XML), self._data("a.xml")),
            "JSON": (st.one_of(st.binary(max_size=80), mutated(_json(COCO))), self._file("x.json", texts.content)),
            "YAML": (st.one_of(st.binary(max_size=80), words.map(_utf8)), self._file("x.yaml", texts.yaml_content)),
            "names": (st.one_of(values.map(_json), st.binary(max_size=80)), self._file("n.json", _names)),
            "traces": (mutated(_npz()), self._file("t.npz", load_trace)),
            "traces in JSON": (
                filled({"about": {"schema": 1}, "w": [1.0]}).map(_json),
                self._file("t.json", load_trace),
            ),
            "checkpoints": (mutated(_pth()), self._file("c.pth", open_checkpoint)),
            "safetensors": (mutated(_tensors()), self._file("c.safetensors", open_checkpoint)),
            "configurations": (values.map(_json), self._checkpoint),
            "exported files": (values.map(json.dumps), lambda text: _about(Path("m.onnx"), text)),
            "calls": (st.tuples(st.sampled_from(sorted(shapes.PARAMETERS)), values), self._call),
        }
        for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
            self.all[f"pictures, {form}"] = mutated(_picture(form)), self._file(f"p.{form.lower()}", read)

    def _file(self, name: str, reads: Callable) -> Callable[[bytes], None]:
        def run(data: bytes) -> None:
            (self.folder / name).write_bytes(data)
            reads(self.folder / name)

        return run

    def _data(self, name: str) -> Callable[[bytes], None]:
        """Reads a data set that has this file, and no other."""

        def run(data: bytes) -> None:
            path = self.folder / name
            path.write_bytes(data)
            try:
                train, _ = train_and_val(self.folder)
                for index in range(len(train)):
                    train.target(index)
            finally:
                path.unlink()

        return run

    def _labels(self, data: bytes) -> None:
        (self.folder / "labels" / "a.txt").write_bytes(data)
        self._data("data.yaml")(_json(YOLO))

    def _checkpoint(self, data: bytes) -> None:
        folder = self.folder / "checkpoint"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_bytes(data)
        (folder / "preprocessor_config.json").write_bytes(data)
        (folder / "model.safetensors").write_bytes(_tensors())
        open_checkpoint(folder)

    def _call(self, call: tuple[str, object]) -> None:
        said = shapes.complaint(*call, self.folder)
        if said is not None and not said.strip():
            raise AssertionError("the complaint says nothing")


def _tensors() -> bytes:
    head = _json({"decoder.heads.0.score.bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    return len(head).to_bytes(8, "little") + head + bytes(4)


def _names(path: Path) -> None:
    read_names(str(path))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def tried(run: Callable, value: object) -> None:
    """Raise AssertionError where an input is neither read nor refused in a sentence, in time."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run(value)
        except SENTENCES as error:
            if not str(error).strip():
                raise AssertionError(f"{type(error).__name__} says nothing") from error
    if time.perf_counter() - start > SLOW:
        raise AssertionError(f"it took {time.perf_counter() - start:.1f} s")


def fuzzed(name: str, examples: int, folder: Path, start: int | None = None) -> int:
    """Try one target on a number of inputs; the same ones every time unless a `start` is given. Returns how many ran.

    Raises:
        Exception: whatever the smallest input that fails raises.
    """
    inputs, run = Targets(folder).all[name]
    count = 0

    def one(value: object) -> None:
        nonlocal count
        count += 1
        tried(run, value)

    phases = [Phase.generate, Phase.shrink]
    how = settings(
        max_examples=examples,
        derandomize=start is None,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    test = how(given(inputs)(one))
    (test if start is None else seed(start)(test))()
    return count


def main() -> int:
    """Run the targets in turn until time is up; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", help="a part of a target's name")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        (place := Path(scratch) / "names").mkdir()
        names = [name for name in Targets(place).all if (options.only or "") in name]
        counts, failed, start = dict.fromkeys(names, 0), {}, options.seed
        end = time.monotonic() + options.seconds
        while names and time.monotonic() < end:
            for name in list(names):
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        counts[name] += fuzzed(name, 50, Path(folder), start)
                    except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
                        failed[name] = f"{type(error).__name__}: {str(error)[:300]} {getattr(error, '__notes__', '')}"
                        names.remove(name)
                if time.monotonic() > end:
                    break
            start += 1
    for name, count in counts.items():
        print(f"{name:20s} {count:7d}  {failed.get(name, 'a result or a sentence each')}")
    print(f"{sum(counts.values())} inputs, {len(failed)} of {len(counts)} targets fail")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
