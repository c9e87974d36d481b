"""Paths as people give them, and as they are printed and written."""

import io
import json
import ntpath
import os
from pathlib import Path

import pytest

from dfine.paths import around, as_json, at_home, shown

posix = pytest.mark.skipif(os.name != "posix", reason="names of POSIX may hold any bytes")


def test_a_leading_tilde_is_the_home_folder_where_somebody_has_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    assert at_home("~/a/~b") == at_home(Path("~/a/~b")) == tmp_path / "a" / "~b" and at_home("~") == tmp_path
    for other in ("", ".", "/a", "a/~/b", "~nobody-has-this-name.jpg"):
        assert at_home(other) == Path(other)


def test_the_folder_around_pictures(tmp_path, monkeypatch):
    assert around([]) == Path()
    assert around([tmp_path / "a" / "1.jpg"]) == tmp_path / "a"
    assert around([str(tmp_path / "a" / "1.jpg"), tmp_path / "ab" / "c" / "2.jpg"]) == tmp_path
    with pytest.raises(ValueError, match="they lie in /a and in b; bring them together"):
        around(["/a/1.jpg", "b/2.jpg"])
    monkeypatch.setattr(os, "path", ntpath)
    with pytest.raises(ValueError, match=r"they lie in C:\\a and in D:\\a; bring them together"):
        around(["C:\\a\\1.jpg", "D:\\a\\2.jpg"])


@posix
def test_bytes_that_are_no_utf8_become_escapes():
    assert shown(os.fsdecode(b"caf\xe9 \xff.jpg")) == r"caf\udce9 \udcff.jpg"
    assert shown(Path("日本/é")) == str(Path("日本/é"))


@posix
def test_a_name_that_is_no_utf8_goes_through_json_and_back(tmp_path):
    name = os.fsdecode(b"caf\xe9 \xff.jpg")
    text = as_json({"picture": name, "ü": 1}, indent=1)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    again = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert os.fsencode(again["picture"]) == b"caf\xe9 \xff.jpg"
    assert "ü" in text, "everything else stays readable"


@posix
@pytest.mark.parametrize("encoding, whole", [("utf-8", True), ("UTF8", True), ("cp1252", False), ("ascii", False)])
def test_json_for_a_stream_of_another_encoding_is_plain_ascii(encoding, whole):
    """Read back as UTF-8, which JSON is: Windows' pipes are cp1252, or whatever a country has."""
    name = {"file": "é ☃ 日本 😀 \udcff.jpg"}
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace") as out:
        out.write(as_json(name, out=out))
        out.flush()
        written = raw.getvalue()
    assert json.loads(written.decode("utf-8")) == name
    assert written.isascii() != whole
