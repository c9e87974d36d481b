"""Files are written whole or not at all, whatever comes between; refusals are sentences that name the file."""

import errno
import hashlib
import os
import subprocess
import sys
import textwrap
from contextlib import nullcontext
from pathlib import Path
from threading import Thread

import pytest

from dfine import files
from dfine.files import (
    Draft,
    WriteError,
    check_file,
    check_folder,
    digest,
    drafted,
    replacing,
    said,
    short_digest,
)

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")


def run(code, folder, **kwargs):
    """A process of its own that writes into `folder`."""
    head = f"import os, sys, resource, signal\nfrom pathlib import Path\nsys.path.insert(0, {str(ROOT)!r})\n"
    head += "from dfine.files import *\n"
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        **kwargs,
    )


# ── one file ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [None, "old"])
def test_the_new_file_takes_the_place_of_the_old_one(tmp_path, before):
    path = tmp_path / "a.json"
    if before:
        path.write_text(before)
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.name.startswith(".")
        temporary.write_text("new")
        assert not path.exists() or path.read_text() == before
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_stays(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not say which files are open")
def test_what_failed_has_the_file_open_no_more_when_it_is_removed(tmp_path, monkeypatch):
    """A traceback holds what its functions had; Windows would leave the file where it is, on a disk that is full."""
    unlink, refused = Path.unlink, []

    def fail(path):
        kept = path.open("wb")
        kept.write(b"x")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    def removed(path, **how):
        links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        if str(path) in [os.readlink(link) for link in links if os.path.islink(link)]:
            refused.append(path)
            raise PermissionError(errno.EACCES, "it is in use", str(path))
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", removed)
    with pytest.raises(WriteError, match="the disk is full"), replacing(tmp_path / "a.json") as temporary:
        fail(temporary)
    assert refused == [temporary] and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a" * 251, "ü" * 125, "a" * 250 + ".txt"[:4]])
def test_long_names(tmp_path, name):
    path = tmp_path / name
    with replacing(path) as temporary:
        temporary.write_text("x")
    assert path.read_text() == "x" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", range(3))
def test_the_hidden_name_of_a_long_one_holds_whole_letters(tmp_path, before):
    with replacing(tmp_path / ("a" * before + "写" * 70)) as temporary:
        temporary.name.encode("utf-8")  # disks of a Mac refuse half a letter, and Windows cannot even make it
        temporary.write_text("x")


@posix
def test_a_name_is_written_where_the_system_is_set_to_ascii(tmp_path):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run(r"write_json(Path(os.fsdecode(b'\xc3\xa9.json')), 1)", tmp_path, env=os.environ | env)
    assert not done.returncode, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["é.json"]


@pytest.mark.parametrize("times", [1, 9])
def test_where_a_file_in_use_cannot_be_replaced_that_is_tried_again(tmp_path, monkeypatch, times):
    """Windows answers so while a scanner looks at a new file, or for as long as a program has the old one open."""
    path, replace, refused = tmp_path / "a.json", os.replace, []
    path.write_text("old")

    def in_use(new, place):
        if len(refused) < times:
            refused.append(place)
            raise PermissionError(13, "Access is denied", str(new))
        replace(new, place)

    monkeypatch.setattr(os, "replace", in_use)
    monkeypatch.setattr(files, "_PAUSES", (0, 0))
    with pytest.raises(WriteError) if times > 3 else nullcontext(), replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == ("old" if times > 3 else "new") and len(refused) == min(times, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_do_not_meet(tmp_path):
    path, failed = tmp_path / "a.json", []

    def write(text):
        try:
            for _ in range(20):
                with replacing(path) as temporary:
                    temporary.write_text(text * 5000)
        except Exception as error:
            failed.append(error)

    threads = [Thread(target=write, args=(letter,)) for letter in "abcd"]
    [t.start() for t in threads], [t.join() for t in threads]
    assert failed == []
    assert path.read_text() in [letter * 5000 for letter in "abcd"]
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    killed = run(
        """
        with replacing(Path("a.json")) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    assert killed.returncode == -9
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    other = tmp_path / ".a.json.abcdef-1-0.tmp"  # of another machine, on a shared disk
    other.write_text("still being written")
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [other.name, path.name]
    assert path.read_text() == "new"


def test_what_another_process_is_writing_now_stays(tmp_path):
    path = tmp_path / "a.json"
    with replacing(path) as mine:
        mine.write_text("first")
        with replacing(path) as other:
            other.write_text("second")
        assert mine.exists()
    assert path.read_text() == "first"


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@posix
def test_a_limit_on_files_is_said_and_costs_nothing(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    done = run(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            with replacing(Path("a.json")) as temporary:
                temporary.write_text("x" * 100_000)
        except OSError as error:
            print(type(error).__name__, error)
        """,
        tmp_path,
    )
    assert done.stdout.strip() == (
        "WriteError a.json cannot be written: it would be larger than files may be here; raise the limit (ulimit -f) "
        "or choose another disk"
    ), done.stderr
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_said(tmp_path):
    with pytest.raises(WriteError, match=r"model.npz cannot be written: the disk is full; free some space") as caught:
        with said(tmp_path / "model.npz"), open("/dev/full", "w") as full:
            full.write("x")
            full.flush()
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(tmp_path / "model.npz")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="permission denied"), replacing(tmp_path / "a") as temporary:
            temporary.write_text("x")
    finally:
        tmp_path.chmod(0o700)


def test_errors_about_other_files_pass_as_they_are(tmp_path):
    elsewhere, out = tmp_path / "elsewhere" / "picture.jpg", tmp_path / "out"
    out.mkdir()
    for error in (FileNotFoundError(errno.ENOENT, "x", "a"), PermissionError(errno.EACCES, "no", str(elsewhere))):
        with pytest.raises(type(error)) as caught, replacing(out / "a.json") as temporary:
            temporary.write_text("x")
            raise error
        assert caught.value is error
    assert list(out.iterdir()) == []


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_appears_whole(tmp_path):
    with drafted(tmp_path / "new" / "set") as draft:
        (draft / "images").mkdir()
        (draft / "images" / "a.txt").write_text("x")
        assert not (tmp_path / "new" / "set").exists()
    assert (tmp_path / "new" / "set" / "images" / "a.txt").read_text() == "x"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["set"]


def test_a_folder_that_failed_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), drafted(tmp_path / "set") as draft:
        (draft / "a.txt").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@posix
def test_what_a_killed_process_left_of_a_folder_is_removed_by_the_next(tmp_path):
    code = """
        with drafted("set") as draft:
            (draft / "a.txt").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    assert run(code, tmp_path).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with drafted(tmp_path / "set") as draft:
        (draft / "b.txt").write_text("y")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["b.txt"]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(FileExistsError, match="is not an empty folder"), drafted(tmp_path):
        pass


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("whole, name", [(True, "a.mp4"), (False, "a.partial.mp4")])
def test_a_draft_settles_under_its_name_or_the_partial_one(tmp_path, whole, name):
    draft = Draft(tmp_path / "new" / "a.mp4")
    assert draft.temporary.suffix == ".mp4"
    assert draft.settle(whole) is None, "nothing was written"
    draft.temporary.write_text("x")
    assert draft.settle(whole) == tmp_path / "new" / name
    assert [p.name for p in (tmp_path / "new").iterdir()] == [name]


# ── what is said beforehand ───────────────────────────────────────────────────────────────────────────────────────────


def test_check_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("x")
    for fine in (None, "-", path, tmp_path / "b.json", tmp_path / "new" / "b.json"):
        check_file(fine, [path] if fine != path else [])
    for bad, words in ((tmp_path, "is a folder"), (path, "is being read"), (path / "b", "is a file where a folder")):
        with pytest.raises(ValueError, match=words):
            check_file(bad, [path])
    assert list(tmp_path.iterdir()) == [path], "checking makes nothing"
    check_folder(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == [path]


# ── names that are no UTF-8 ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_is_no_utf8_can_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.json")
    with replacing(path) as temporary:
        temporary.write_text("x")
    assert [os.fsencode(p.name) for p in tmp_path.iterdir()] == [b"caf\xe9.json"]


# ── telling files apart ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", [b"", b"a", bytes(3_000_000)], ids=["empty", "short", "of several blocks"])
def test_digest(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_short_digest_is_the_beginning_of_the_whole_one():
    whole = hashlib.sha256("Tür".encode()).hexdigest()
    assert (short_digest("Tür"), short_digest("Tür".encode(), 64)) == (whole[:16], whole)
    assert short_digest(b"") != short_digest("a") and len(short_digest("x", 6)) == 6
    assert short_digest(os.fsdecode(b"\xff")) == short_digest(b"\xff")
