"""Stamps of files: nothing at all, every kind of change, and folders that lead into themselves."""

import os
import time

import pytest

from dfine.explore.stamps import stamp


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set" / "inner").mkdir(parents=True)
    for name in ("a.txt", "inner/b.txt"):
        (tmp_path / "set" / name).write_text(name)
    return tmp_path / "set"


def test_nothing_and_what_is_not_there(tmp_path):
    assert stamp([]) == stamp([]) and stamp([]).count == 0 and stamp([]).newest == 0
    gone = stamp([tmp_path / "gone"])
    assert gone.count == 0 and gone.digest != stamp([]).digest != stamp([tmp_path / "other"]).digest


def test_the_same_files_have_the_same_stamp(folder):
    assert stamp([folder]) == stamp([str(folder)]) and stamp([folder]).count == 2
    assert stamp([folder]).newest == max(p.stat().st_mtime_ns for p in (folder, *folder.rglob("*")))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").touch()
    assert stamp([folder]).count == 2


def in_place(folder):
    """As many bytes, and the old time; once the clock of the disk goes on, which may tick a hundred times a second."""
    before, end = (folder / "a.txt").stat(), time.monotonic() + 10
    while (folder / "a.txt").stat().st_ctime_ns == before.st_ctime_ns and time.monotonic() < end:
        (folder / "a.txt").write_text("A.txt")
        os.utime(folder / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "longer": lambda folder: (folder / "a.txt").write_text("longer"),
    "in place": in_place,
    "new": lambda folder: (folder / "inner" / "c.txt").touch(),
    "gone": lambda folder: (folder / "inner" / "b.txt").unlink(),
    "another name": lambda folder: (folder / "a.txt").rename(folder / "c.txt"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_seen(folder, change):
    before = stamp([folder]).digest
    change(folder)
    assert stamp([folder]).digest != before


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_but_not_in_circles(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "inner" / "back").symlink_to(folder)
    before = stamp([folder])
    (tmp_path / "elsewhere" / "new.txt").touch()
    assert stamp([folder]).count == before.count + 1
