"""Files that are no traces, are damaged, or were made to hurt: one sentence that names the file, and nothing else."""

import io
import json
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dfine.trace import schema
from dfine.trace.card import Card
from dfine.trace.disk import About, load_trace, save_trace
from tests.helpers import synthetic_trace

ABOUT = About(Card(("cat", "dog", "fish"), (640, 640), "demo", "0123abcd"), (64, 48), "a.png")


@pytest.fixture(scope="module", params=[".npz", ".json"])
def whole(request, tmp_path_factory):
    return save_trace(
        tmp_path_factory.mktemp("whole") / f"a{request.param}", synthetic_trace(queries=2, layers=2), ABOUT
    )


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = save_trace(tmp_path_factory.mktemp("content") / "a.json", synthetic_trace(queries=2, layers=2), ABOUT)
    return path.read_text()


def refused(path: Path, words: str = "") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(ValueError) as caught:
        load_trace(path)
    said = str(caught.value)
    assert path.name in said and words in said, said
    assert "\n" not in said and len(said) < 500, said
    return said


def read_or_refused(path: Path) -> bool:
    """Whether a file that something was done to can still be read; if not, it is refused in a sentence."""
    try:
        load_trace(path)
        return True
    except ValueError as error:
        assert path.name in str(error) and "\n" not in str(error) and len(str(error)) < 500, error
        return False


# ── what is there, cut, and shaken ────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_file_is_read(whole):
    load_trace(whole)


@pytest.mark.parametrize("share", [0, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_file_that_was_cut_off(tmp_path, whole, share):
    path, data = tmp_path / f"cut{whole.suffix}", whole.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "cut off")


def test_a_file_with_bytes_that_flipped(tmp_path, whole):
    data, chance, read = whole.read_bytes(), random.Random(0), 0
    for _ in range(150):
        shaken = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 20))):
            shaken[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / f"shaken{whole.suffix}"
        path.write_bytes(shaken)
        read += read_or_refused(path)
    assert read < 150


@pytest.mark.parametrize("name", ["a.npz", "a.json", "a.txt"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"[]",
        b"{}",
        b"null",
        b"1",
        b'"about"',
        b"PK\x03\x04",
        b"\x93NUMPY",
        b"\xff\xfe{}",
        b"GIF89a",
        b"[" * 100_000,
        b'{"about":' * 50_000,
        b"9" * 5000,
        b'{"about": {"schema": ' + b"9" * 5000 + b"}}",
        b"\xef\xbb\xbf{}",
        b"\x80abc",
        b'{"about": []}',
        b'{"about": {"schema": true}}',
        b'{"about": {"schema": 1}}',
    ],
)
def test_files_of_another_kind(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name)


def test_a_byte_order_mark_is_no_obstacle(tmp_path, content):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + content.encode())
    load_trace(tmp_path / "a.json")


# ── values of another kind ────────────────────────────────────────────────────────────────────────────────────────────

KINDS = [None, True, -1, 0, 1.5, 10**12, 10**30, float("nan"), float("inf"), "", "x", "\ud800", [], [[]], {}, [None]]


@pytest.mark.parametrize("key", ["schema", "picture", "size", "model", "digest", "names", "shapes"])
def test_every_value_of_the_description_in_every_other_kind(tmp_path, content, key):
    for value in KINDS:
        values = json.loads(content)
        same = type(value) is type(values["about"][key]) is str
        values["about"][key] = value
        (tmp_path / "a.json").write_text(json.dumps(values))
        assert read_or_refused(tmp_path / "a.json") == same, (key, value)
        del values["about"][key]
        (tmp_path / "a.json").write_text(json.dumps(values))
        refused(tmp_path / "a.json", repr(key))


@pytest.mark.parametrize("key", schema.ANSWERED)
def test_who_answered_is_text_where_it_is_said(tmp_path, content, key):
    values = json.loads(content)
    for value in KINDS:
        values["about"][key] = value
        (tmp_path / "a.json").write_text(json.dumps(values))
        assert read_or_refused(tmp_path / "a.json") == isinstance(value, str), (key, value)
    values["about"].pop(key)
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert read_or_refused(tmp_path / "a.json"), "traces of before do not say it"


@pytest.mark.parametrize("name", schema.ARRAYS)
def test_every_array_in_every_other_kind(tmp_path, content, name):
    for value in KINDS:
        values = json.loads(content)
        values[name] = value
        (tmp_path / "a.json").write_text(json.dumps(values))
        refused(tmp_path / "a.json", repr(name))
    del values[name]
    (tmp_path / "a.json").write_text(json.dumps(values))
    refused(tmp_path / "a.json", f"it has no {name!r}")


@pytest.mark.parametrize("name", schema.ARRAYS)
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[:-1],
        lambda a: a[..., None],
        lambda a: a[None],
        lambda a: a[:0],
        lambda a: a.astype(complex),
        lambda a: a.astype(str),
        lambda a: a.astype(bool),
        lambda a: a.astype(object),
        lambda a: a * np.nan,
        lambda a: np.zeros((3, 3, 3, 3, 3)),
        lambda a: np.zeros(len(a), [("x", float)]),
    ],
)
def test_every_array_in_another_shape_or_kind(tmp_path, name, change):
    path = save_trace(tmp_path / "a.npz", synthetic_trace(queries=2, layers=2), ABOUT)
    with np.load(path) as file:
        arrays = dict(file)
    arrays[name] = change(arrays[name])
    np.savez(path, **arrays)
    refused(path)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("origin", [0, 60], "tokens"),
        ("origin", [0, -2], "tokens"),
        ("origin", [0.0, 4.5], "whole numbers"),
        ("w", list(range(33))[::-1], "rise"),
        ("w", [0.0] * 33, "rise"),
        ("temperature", [1, 1, 1, 0], "positive"),
        ("temperature", [1, 1, 1], "does not fit 4"),
    ],
)
def test_values_that_mean_nothing(tmp_path, content, name, value, words):
    (tmp_path / "a.json").write_text(json.dumps(json.loads(content) | {name: value}))
    refused(tmp_path / "a.json", words)


def test_what_is_not_known_is_left_out(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(json.loads(content) | {"more": "of a later version"}))
    load_trace(tmp_path / "a.json")


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.float32, ">f4"])
def test_other_precisions_are_read(tmp_path, dtype):
    path = save_trace(tmp_path / "a.npz", synthetic_trace(queries=2, layers=2), ABOUT)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{k: v.astype(dtype) if v.dtype == np.float32 and k != "w" else v for k, v in arrays.items()})
    trace, _ = load_trace(path)
    assert trace.last.edges.dtype == synthetic_trace(queries=2, layers=2).last.edges.dtype


# ── files that announce more than they hold ───────────────────────────────────────────────────────────────────────────


def packed(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def header(shape, descr="<f4"):
    text = str({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6, 10**6), (2**62, 4), (-1,), (2**31, 0)])
def test_a_header_that_announces_terabytes(tmp_path, shape):
    path = packed(tmp_path / "a.npz", {"about.npy": header(shape), "w.npy": header(shape)})
    refused(path)


def test_an_archive_of_too_many_or_too_large_parts(tmp_path):
    refused(packed(tmp_path / "many.npz", {f"{i}.npy": header((0,)) for i in range(1000)}), "announces 1000 arrays")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for i in range(5):
            with file.open(f"{i}.npy", "w") as part:
                for _ in range(16):
                    part.write(bytes(2**24))
    (tmp_path / "bomb.npz").write_bytes(bomb.getvalue())
    assert len(bomb.getvalue()) < 10_000_000
    refused(tmp_path / "bomb.npz", "announces 5 arrays of")


def test_no_code_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "a.npz"
    np.savez(path, about=np.array(Evil(), dtype=object), allow_pickle=True)
    refused(path)
    assert not (tmp_path / "ran").exists()
