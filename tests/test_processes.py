"""Several processes share the pictures and come to the answer of one."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dfine import processes
from dfine.cli import main
from dfine.data import scenes
from dfine.processes import LOCK, InUseError, Ranks, held, ranks
from tests.helpers import ROOT, two


def test_nothing_to_share():
    assert Ranks().mine([]) == []
    assert Ranks().weave([[]]) == []


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 2, 7])
def test_shares_are_even_and_come_together_in_order(count, items):
    everything = list(range(items))
    shares = [Ranks(rank, count).mine(everything) for rank in range(count)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert Ranks(0, count).weave(shares) == everything


def test_one_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with ranks() as here:
        assert (here.first, here.gather("x"), here.device("auto")) == (True, ["x"], "auto")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scenes.write(tmp_path_factory.mktemp("data") / "scenes", scenes.Scenes(5, seed=5, size=(96, 96)), workers=0)


def alone(*arguments, status=0):
    """What one process, this one, prints."""
    done = CliRunner().invoke(main.app, [str(a) for a in arguments])
    assert done.exit_code == status, done.output
    return done.stdout


def test_two_processes_detect_what_one_does(folder, tmp_path):
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    images, drawn = folder / "images", tmp_path / "drawn"
    common = ["detect", images, "--model", "demo", "--threshold", 0.3, "--device", "cpu", "--batch", 1]
    said = alone(*common, "--json", files[0])
    assert said == two("-m", "dfine", *common, "--json", files[1], "--save", drawn)
    assert json.loads(files[0].read_text()) == json.loads(files[1].read_text())
    assert sorted(p.stem for p in drawn.iterdir()) == sorted(p.stem for p in images.iterdir())


def test_two_processes_evaluate_as_one_does_and_leave_out_what_it_does(folder, tmp_path):
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    for name in ("000001.jpg", "000002.jpg"):  # one of each process
        (damaged / "images" / name).write_bytes(b"")
    common = ["evaluate", "--data", damaged, "--device", "cpu", "--batch", 1, "--workers", 0, "--json"]
    alone(*common, files[0], status=1)
    two("-m", "dfine", *common, files[1], status=1)
    one, both = (json.loads(file.read_text()) for file in files)
    assert one == both
    assert one["all"]["pictures"] == 3
    assert ["000001.jpg" in one["all"]["left_out"][0], "000002.jpg" in one["all"]["left_out"][1]] == [True, True]


HOLDER = """
import sys
from dfine.processes import held
with held(sys.argv[1], "a training"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_only_one_is_at_work_in_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    with held(tmp_path, "a training"):
        with pytest.raises(InUseError, match=rf"a training is under way in .* \(process {os.getpid()} on .*, since \d"):
            with held(tmp_path, "a training"):
                raise AssertionError
    with held(tmp_path, "a training"):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert not list(tmp_path.iterdir())


def test_another_process_is_named_and_one_that_was_killed_holds_nothing(tmp_path):
    pytest.importorskip("fcntl")
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InUseError, match=f"process {other.pid} on "):
            with held(tmp_path, "a training"):
                raise AssertionError
    finally:
        other.kill()
        other.communicate()
    assert (tmp_path / LOCK).exists()
    with held(tmp_path, "a training"):
        assert f"process {os.getpid()} " in (tmp_path / LOCK).read_text()


def test_a_system_without_fcntl_has_locks_of_its_own(tmp_path, monkeypatch):
    """Windows'; here they are those that filelock makes of this system's."""
    monkeypatch.setattr(processes, "fcntl", None)
    taken = "a training is under way in .* already; wait for it, or choose another place"
    command = [sys.executable, "-c", HOLDER.replace("with", "import dfine.processes as p; p.fcntl = None\nwith", 1)]
    start = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT)
    other = subprocess.Popen([*command, str(tmp_path)], **start)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InUseError, match=taken):
            with held(tmp_path, "a training"):
                raise AssertionError
    finally:
        other.kill()
        other.communicate()
    with held(tmp_path, "a training"):
        with pytest.raises(InUseError, match="choose another --name"):
            with held(tmp_path, "a training", "choose another --name"):
                raise AssertionError
    with held(tmp_path, "a training"):
        pass
