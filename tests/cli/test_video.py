"""`dfine detect` on a clip: what is written and said, not what is found."""

import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

pytest.importorskip("av")

from typer.testing import CliRunner

from dfine.cli.main import app
from dfine.processes import Ranks
from tests.helpers import small_predictor
from tests.video.clips import clip, cut, times_of


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_predictor(("cup", "key", "bus")).save(tmp_path_factory.mktemp("model")))


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["detect", *(str(a) for a in arguments)])
    assert done.exit_code == code, f"{done.output}\n{done.stderr}\n{done.exception!r}"
    return done


def test_a_clip_is_summed_up_listed_and_saved(model, tmp_path):
    path, out, found = clip(tmp_path / "a.mp4"), tmp_path / "o.mp4", tmp_path / "o.json"
    done = run("-m", model, "-t", 0.4, "--save", out, "--json", found, path)
    assert done.stdout.startswith("a.mp4: 12 frames, ")
    assert f"written: {out}" in done.stdout
    assert times_of(out) == times_of(path)
    content = json.loads(found.read_text())
    assert (content["count"], content["threshold"], content["model"]) == (12, 0.4, model)
    assert len(content["digest"]) == 64


def test_a_glob_may_fit_a_clip(model, tmp_path):
    clip(tmp_path / "a.mp4")
    assert run("-m", model, "--every", 6, tmp_path / "*.mp4").stdout.startswith("a.mp4: 2 frames, ")
    clip(tmp_path / "b.mp4")
    done = run("-m", model, tmp_path / "*.mp4", code=1)
    assert "one video at a time, and no pictures with it:" in done.stderr
    assert "no file fits" in run("-m", model, tmp_path / "*.mov", code=1).stderr


def test_json_on_stdout_is_nothing_but_json(model, tmp_path):
    done = run("-m", model, "--every", 5, "--json", "-", clip(tmp_path / "a.mp4"))
    assert [f["index"] for f in json.loads(done.stdout)["frames"]] == [0, 5, 10]
    assert "3 frames" in done.stderr


@pytest.mark.parametrize("rank", [0, 1])
def test_of_several_processes_the_first_one_looks_at_a_clip(model, tmp_path, monkeypatch, rank):
    monkeypatch.setattr("dfine.cli.video.ranks", lambda: nullcontext(Ranks(rank, 2)))
    done = run("-m", model, "--every", 5, "--save", tmp_path / "o.mp4", clip(tmp_path / "a.mp4"))
    assert (tmp_path / "o.mp4").exists() is (rank == 0)
    assert ("a.mp4: 3 frames" in done.stdout, "the others have nothing to do" in done.stderr) == (rank == 0,) * 2


def test_a_clip_that_breaks_off_is_a_warning_and_status_one(model, tmp_path):
    done = run("-m", model, "--save", tmp_path / "o.mp4", cut(clip(tmp_path / "a.mkv", 60)), code=1)
    assert "warning: cut-a.mkv breaks off at" in done.stderr
    assert len(times_of(tmp_path / "o.mp4")) > 5


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["none.mp4"], 1, "there is no file 'none.mp4'"),
        (["a.mp4", "b.jpg"], 1, "one video at a time"),
        (["b.mp4", "--json", "b.mp4"], 1, "b.mp4 is being read"),
        (["b.mp4", "--json", "."], 1, "is a folder; give the name of a file"),
        (["a.mp4", "--suppress", "0.5"], 1, "are for pictures"),
        (["webcam:97"], 1, "webcam 97 cannot be opened"),
        (["a.jpg", "--track"], 2, "--track"),
        (["a.jpg", "--every", "2"], 2, "--every"),
    ],
)
def test_what_goes_wrong_is_one_sentence(model, arguments, code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = clip(tmp_path / "b.mp4").read_bytes()
    done = run("-m", model, *arguments, code=code)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "b.mp4").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="there, a process is ended without being asked")
def test_a_signal_to_end_is_as_good_as_an_interrupt(model, tmp_path):
    """As `timeout 60 dfine detect webcam:0 --save out.mp4` sends it."""
    path, out = clip(tmp_path / "a.mp4", 4_000), tmp_path / "out"
    command = [sys.executable, "-m", "dfine", "detect", "-m", model, "--save", out / "o.mp4", "--json", out / "o.json"]
    with subprocess.Popen([*map(str, command), str(path)], stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while time.monotonic() < until and not any(p.stat().st_size for p in out.glob(".o.mp4*")):
            time.sleep(0.1)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "a.mp4 was interrupted" in said) == (1, True), said
    assert sorted(p.name for p in out.iterdir()) == ["o.partial.json", "o.partial.mp4"]
    content = json.loads((out / "o.partial.json").read_text())
    kept = len(times_of(out / "o.partial.mp4"))
    assert content["complete"] is False and content["count"] in (kept, kept + 1) and kept  # listed before it is drawn
