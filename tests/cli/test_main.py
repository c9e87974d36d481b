"""The command line as a whole: every command explains itself, and what goes wrong is one sentence."""

import os
import subprocess
import sys

import pytest
import torch

from dfine.cli import main
from tests.cli.runner import ROOT, run, sentence


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["detect", "pictures/b.jpg", "--json", "pictures/b.jpg"], "pictures/b.jpg is being read"),
        (["detect", "pictures/b.jpg", "--json", "pictures"], "pictures is a folder; give the name of a file"),
        (["detect", "pictures/b.jpg", "--json", "pictures/b.jpg/x.json"], "b.jpg is a file where a folder is needed"),
        (["detect", "pictures/b.jpg", "--save", "pictures/a.png"], "a.png is a file where a folder is needed"),
        (["detect", "pictures/b.jpg", "--save", "drawn.png"], "drawn.png is called like a file of one"),
        (["detect", "pictures/b.jpg", "--json", "x", "--parquet", "x"], "--json and --parquet both write to x"),
        (["detect", "clip.mp4", "--json", "x.mp4", "--save", "x.mp4"], "--save and --json both write to x.mp4"),
        (["data", "check", "data", "--json", "x", "--html", "x"], "--html and --json both write to x"),
        (["trace", "pictures/b.jpg", "pictures.npz/b.npz"], "pictures.npz is a file where a folder is needed"),
        (["evaluate", "--data", "data", "--json", "data/annotations.json"], "data/annotations.json is being read"),
        (["evaluate", "--json", "pictures"], "pictures is a folder; give the name of a file"),
        (["data", "check", "data", "--json", "data/annotations.json"], "data/annotations.json is being read"),
        (["data", "check", "data", "--html", "data/annotations.json"], "data/annotations.json is being read"),
        (["benchmark", "--json", "pictures"], "pictures is a folder; give the name of a file"),
        (["train", "--out", "pictures/b.jpg", "--device", "cpu"], "b.jpg is a file where a folder is needed"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(pictures, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures.npz").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "annotations.json").write_text("{}")
    before = {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")}
    assert words in sentence(run(*arguments, code=1))
    assert {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")} == before


def test_what_is_written_goes_to_the_home_folder_where_a_path_says_so(model, pictures, tmp_path, monkeypatch):
    """A shell leaves the `~` of `--out=~/x` to the program."""
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))  # of Windows
    run("scenes", "--count", 1, "--size", 64, "--workers", 0, "~/scenes")
    run("data", "check", "~/scenes", "--json=~/said/check.json")
    run("data", "convert", "~/scenes", "~/voc", "--format", "voc")
    (pictures / "a.png").rename(here / "~a.png")
    run("detect", "-m", model, "~a.png", "--json=~/said/found.json", "--save", "~/drawn")
    run("trace", "-m", model, "~a.png", "~/said/a.npz")
    assert sorted(p.name for p in home.iterdir()) == ["drawn", "said", "scenes", "voc"]
    assert sorted(p.name for p in (home / "said").iterdir()) == ["a.npz", "check.json", "found.json"]
    assert [p.name for p in (home / "drawn").iterdir()] == ["~a.jpg"] and [p.name for p in here.iterdir()] == ["~a.png"]


def test_a_page_that_is_not_installed_is_named_with_a_remedy(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "gradio" or name.startswith("dfine.page")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "the page needs gradio; in a copy of the project: pip install '.[app]'" in sentence(run("app", code=1))


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["detect", "none.png"], 1, "none.png"),
        (["detect", "none/*.png"], 1, "no file fits 'none/*.png'"),
        (["detect", "x.png", "-m", "no-such-model"], 1, "no-such-model"),
        (["evaluate", "--data", "nowhere"], 1, "there is no data set nowhere"),
        (["evaluate", "--device", "cuda"], 1, "cuda"),
        (["evaluate", "--device", "gpu"], 1, "there is no device 'gpu'"),
        (["evaluate", "--device", "openvino"], 1, "openvino runs exported files: dfine export MODEL first"),
        (["train", "--out", "x", "--data", "nowhere", "--device", "cpu"], 1, "there is no data set nowhere"),
    ],
)
def test_what_goes_wrong_is_one_sentence(model, arguments, code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    if "-m" not in arguments and arguments[0] != "train":
        arguments = [*arguments, "-m", model]
    assert words in sentence(run(*arguments, code=code))


@pytest.mark.parametrize(
    "arguments",
    [["detect"], ["detect", "a.png", "-t", 2], ["nonsense"], ["trace", "a.png", "a.txt"], ["train"], ["scenes"]],
)
def test_wrong_usage_is_status_two(arguments):
    run(*arguments, code=2)


@pytest.mark.parametrize(
    "arguments, option",
    [
        (["evaluate", "--split", "test"], "--split"),
        (["evaluate", "--data", "data", "--seed", 3], "--seed"),
        (["evaluate", "--data", "data", "--clean", 1], "--clean"),
        (["explore", "--split", "val"], "--split"),
        (["explore", "--data", "data", "--seed", 3], "--seed"),
        (["explore", "--format", "yolo"], "--format"),
        (["export", "demo", "--count", 50], "--count"),
    ],
)
def test_an_option_that_would_do_nothing_is_wrong_usage(arguments, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert option in run(*arguments, code=2).stderr
    assert not list(tmp_path.iterdir())


def test_debug_shows_where():
    done = run("--debug", "detect", "none/*.png", code=1)
    assert isinstance(done.exception, ValueError)


def test_scenes_do_not_write_into_a_full_folder(pictures):
    assert "not an empty folder" in sentence(run("scenes", "--count", 1, pictures, code=1))


def test_zoo_lists_every_checkpoint():
    lines = run("zoo").stdout.splitlines()
    assert lines[0].split()[:2] == ["name", "size"]
    assert any(line.startswith("demo ") for line in lines)
    assert any(line.startswith("xlarge-coco ") and " 55.8 " in line for line in lines)


@pytest.mark.parametrize("command", ["detect", "trace", "train", "evaluate", "scenes", "zoo", "version"])
def test_every_command_explains_itself(command):
    assert "Usage" in run(command, "--help").stdout


def test_the_module_runs():
    command = [sys.executable, "-m", "dfine", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Usage: dfine " in done.stdout


def test_versions_are_told():
    assert run("version").stdout.startswith("dfine ")


def test_the_page_takes_its_own_options():
    pytest.importorskip("gradio")
    assert "--port" in run("app", "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [["train", "--out", "x", "--input", 100], ["evaluate", "--input", 100], ["benchmark", "--input", 50, 64]],
)
def test_a_side_that_is_no_multiple_of_32_is_wrong_usage(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run(*arguments, code=2).stderr.replace("│", " ")  # the sentence stands in a box, over several lines
    assert "two multiples of 32" in " ".join(said.split())
    assert not list(tmp_path.iterdir())


ENDS = """
import atexit, sys
from dfine.cli import main

class Freed:
    def __del__(self):
        print("freed", flush=True)

kept, app = Freed(), main.app
main.app = lambda **named: (atexit.register(print, "last words"), app(**named))
sys.argv = ["dfine", *sys.argv[1:]]
main.main()
"""


@pytest.mark.parametrize("said, want", [(None, "1"), ("0", "0")])
def test_on_a_mac_torch_is_told_to_do_on_the_cpu_what_its_gpu_lacks(monkeypatch, said, want):
    """The gradient of attention's sampling, for one; torch reads that when it is imported."""
    monkeypatch.setattr(main.sys, "platform", "darwin")
    monkeypatch.setattr(main, "app", lambda **_: None)
    if said is None:
        monkeypatch.delenv("PYTORCH_ENABLE_MPS_FALLBACK", raising=False)
    else:
        monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", said)
    main.main()
    assert os.environ.pop("PYTORCH_ENABLE_MPS_FALLBACK") == want


@pytest.mark.parametrize("command, freed", [("detect", False), ("names", True)])
def test_a_short_command_does_what_is_to_be_done_in_the_end_and_frees_nothing(command, freed):
    done = subprocess.run([sys.executable, "-c", ENDS, command, "none.jpg"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode and "none.jpg" in done.stderr
    assert done.stdout.split("\n")[:-1] == ["last words"] + ["freed"] * freed
