"""A download is whole or not there, goes on where it broke off, and never keeps anybody waiting."""

import os
import time

import pytest
from filelock import FileLock

from dfine.weights import download as downloads
from dfine.weights.download import Refused, download
from dfine.weights.exceptions import CheckpointError, OfflineError
from tests.weights.servers import Sends, serving

CONTENT = bytes(range(256)) * 4000  # 1 MB


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 5.0)
    monkeypatch.setattr(downloads, "SILENCE", 2.0)


def fetch(url, folder):
    return download(f"{url}/a/file.bin", folder / "file.bin", what="file.bin", advice="or do without it")


def sends(**how):
    return Sends({"file.bin": CONTENT}, **how)


def test_the_longest_wait_is_below_fifteen_seconds():
    assert downloads.PATIENCE + downloads.SILENCE < 15


@pytest.mark.parametrize("content", [b"", b"a", CONTENT])
def test_a_file_comes_whole_and_leaves_nothing_beside_it(tmp_path, content):
    with serving(Sends({"file.bin": content})) as url:
        about = fetch(url, tmp_path / "new")
    assert (tmp_path / "new" / "file.bin").read_bytes() == content
    assert about["x-repo-commit"] == "a" * 40
    assert {p.name for p in (tmp_path / "new").iterdir()} <= {"file.bin", "file.bin.lock"}


def test_a_connection_that_breaks_off_is_taken_up_again_at_once(tmp_path):
    how = sends(stop=len(CONTENT) // 3 + 1)
    with serving(how) as url:
        fetch(url, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [headers.get("Range") for headers in how.asked] == [None, "bytes=341334-", "bytes=682668-"]


def test_what_came_is_kept_and_the_next_try_goes_on_from_there(tmp_path, impatient, monkeypatch):
    how = sends(stop=600_000, hold=True)
    with serving(how) as url:
        with pytest.raises(CheckpointError, match="stands still after 0.6 of 1.0 MB, which are kept: try again"):
            fetch(url, tmp_path)
        assert not (tmp_path / "file.bin").exists()
        how.hold = False
        monkeypatch.undo()  # a slow machine is given its time
        fetch(url, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert how.asked[1]["Range"] == "bytes=600000-"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not say which files are open")
def test_what_is_given_up_has_its_file_open_no_more(tmp_path, impatient):
    """The thread still waits for its server, and Windows would neither move nor remove the file until it ends."""
    with serving(sends(stop=600_000, hold=True)) as url:
        with pytest.raises(CheckpointError, match="stands still"):
            fetch(url, tmp_path)
        links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        there = [os.readlink(link) for link in links if os.path.islink(link)]
        assert not [link for link in there if link.startswith(str(tmp_path))]
    assert (tmp_path / "file.bin.part").stat().st_size == 600_000


def test_what_has_changed_meanwhile_comes_anew(tmp_path, impatient, monkeypatch):
    how = sends(stop=600_000, hold=True)
    with serving(how) as url:
        with pytest.raises(CheckpointError, match="stands still"):
            fetch(url, tmp_path)
        how.files["file.bin"], how.stop, how.hold = CONTENT[::-1], None, False
        monkeypatch.undo()
        fetch(url, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT[::-1]


def test_a_server_that_always_hangs_up_halfway_is_given_up(tmp_path):
    """It cannot go on from the middle, so that every try ends there."""
    with serving(sends(stop=600_000, ranges=False)) as url, pytest.raises(CheckpointError) as caught:
        fetch(url, tmp_path)
    assert "broke off after 0.6 of 1.0 MB" in str(caught.value) and "or do without it" in str(caught.value)


@pytest.mark.parametrize(
    "how, kind, said",
    [
        ({"pause": 0.05}, CheckpointError, "stands still after 0.0 of 1.0 MB"),  # 20 bytes a second
        ({"stop": 0, "hold": True}, CheckpointError, "stands still after 0.0"),
        ({"code": 500}, Refused, "127.0.0.1:.* answers 500 .*for file.bin; try again later, or do without it"),
        ({"code": 404}, Refused, "answers 404"),
        ({"page": True}, CheckpointError, "a web page came in its place"),
    ],
)
def test_trouble_is_one_sentence_soon(tmp_path, impatient, how, kind, said):
    start = time.monotonic()
    with serving(sends(**how)) as url, pytest.raises(kind, match=said):
        fetch(url, tmp_path)
    assert time.monotonic() - start < 20
    assert not (tmp_path / "file.bin").exists()


def test_an_address_that_leads_to_itself_is_one_line(tmp_path):
    with serving(how := sends()) as url:
        how.elsewhere = url
        with pytest.raises(Refused, match=r"answers 302 \(Found\) for file.bin") as caught:
            fetch(url, tmp_path)
    assert "\n" not in str(caught.value)


def test_nobody_there(tmp_path):
    with pytest.raises(OfflineError, match="127.0.0.1:9 cannot be reached .*check the network, or do without it"):
        fetch("http://127.0.0.1:9", tmp_path)


def test_bytes_that_are_not_those_of_the_digest_are_thrown_away(tmp_path, impatient):
    """As where a try that broke off, or a disk, has spoiled what is there already."""
    how = sends(stop=600_000, hold=True)
    with serving(how) as url:
        with pytest.raises(CheckpointError, match="stands still"):
            fetch(url, tmp_path)
        (tmp_path / "file.bin.part").write_bytes(bytes(600_000))
        how.stop, how.hold = None, False
        with pytest.raises(CheckpointError, match="file.bin came damaged; try again"):
            fetch(url, tmp_path)
        fetch(url, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_token_goes_to_its_own_host_only(tmp_path):
    there = sends()
    with serving(there) as store:
        here = Sends(elsewhere=store.replace("127.0.0.1", "localhost"))
        with serving(here) as url:
            about = download(
                f"{url}/file.bin", tmp_path / "a", what="a", advice="", headers={"Authorization": "Bearer secret"}
            )
    assert here.asked[0]["Authorization"] == "Bearer secret" and "Authorization" not in there.asked[0]
    assert (tmp_path / "a").read_bytes() == CONTENT and about["x-repo-commit"] == "a" * 40


def test_two_processes_do_not_write_one_file(tmp_path):
    with FileLock(tmp_path / "file.bin.lock"), pytest.raises(CheckpointError, match="another process is downloading"):
        fetch("http://127.0.0.1:9", tmp_path)


def test_a_place_that_cannot_be_written_is_said_with_another(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder would be")
    said = "file.bin cannot be written to .*taken: .*; choose another cache .HF_HOME .*TORCH_HOME .*, or do without it"
    with serving(sends()) as url, pytest.raises(CheckpointError, match=said):
        fetch(url, tmp_path / "taken")


def test_one_process_waits_for_another_as_long_as_something_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0.1)
    monkeypatch.setattr(downloads, "SILENCE", 0.1)
    lock, part, other = tmp_path / "lock", tmp_path / "part", FileLock(tmp_path / "lock")
    other.acquire()
    sizes, looks = downloads._sizes, []

    def looked(folder):
        """One byte more comes between every two looks, and after the fourth one the other process is done."""
        looks.append(sizes(folder))
        part.write_bytes(bytes(len(looks)))
        if len(looks) == 4:
            other.release()
        return looks[-1]

    with monkeypatch.context() as coming:
        coming.setattr(downloads, "_sizes", looked)
        with downloads.in_turn(lock, tmp_path, "a model", "or do without it"):
            assert [sizes.get("part", 0) for sizes in looks] == [0, 1, 2, 3]
    with other, pytest.raises(CheckpointError, match="another process is downloading a model and gets nothing; end it"):
        with downloads.in_turn(lock, tmp_path, "a model", "or do without it"):
            pytest.fail("it is not free")
