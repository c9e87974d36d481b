"""The command line on a small detector with random weights: what is written and said, not what is found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import dfine
from dfine.cli.main import app
from dfine.cli.terminal import expand, free, table, write_json
from dfine.config import Config
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from dfine.trace.disk import load_trace
from tests.helpers import predictor

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=len(NAMES), queries=20))
    return str(predictor(network, NAMES, (64, 64)).save(tmp_path_factory.mktemp("model")))


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, size in (("a.png", (90, 60)), ("b.jpg", (60, 90))):
        Image.new("RGB", size, "teal").save(folder / name)
    return folder


def run(*arguments, code=0):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, f"{done.output}\n{done.stderr}\n{done.exception!r}"
    return done


def sentence(done):
    """The one line on stderr that says what went wrong."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


# -- detect


def test_detect_lists_every_picture_of_a_folder(model, pictures):
    done = run("detect", "-m", model, "-t", 0, pictures)
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert len(heads) == 2
    assert all(re.fullmatch(r".*[ab]\.(png|jpg): \d+ objects", head) for head in heads)


def test_detect_in_half_precision_stops_after_the_layer_it_was_told(model, pictures, tmp_path):
    early = ["--layers", 1, "--half", "bf16", "--graphs", "--device", "cpu"]  # a CPU plays no graphs
    run("detect", "-m", model, "-t", 0, *early, "--json", tmp_path / "found.json", pictures / "a.png")
    found = json.loads((tmp_path / "found.json").read_text())["pictures"][0]["detections"]
    expected = dfine.load(model, device="cpu", half="bf16", layers=1)(pictures / "a.png", threshold=0).detections
    assert found == expected.to_list()
    done = run("detect", "-m", model, "--layers", 9, pictures / "a.png", code=1)
    assert "this network has 3 decoder layers" in sentence(done)


def test_detect_that_finds_nothing_is_no_failure(model, pictures):
    done = run("detect", "-m", model, "-t", 1, pictures / "a.png")
    assert done.stdout.strip().endswith("a.png: 0 objects")


def test_detect_writes_json_and_pictures(model, pictures, tmp_path):
    out, drawn = tmp_path / "new" / "found.json", tmp_path / "drawn"
    run("detect", "-m", model, "-t", 0, "--json", out, "--save", drawn, pictures / "a.png", pictures)
    content = json.loads(out.read_text())
    assert [Path(p["file"]).name for p in content["pictures"]] == ["a.png", "b.jpg"], "each once"
    assert content["pictures"][0]["size"] == [90, 60]
    assert set(content["pictures"][0]["detections"][0]) == {"label", "name", "score", "box", "query"}
    assert (content["schema"], content["threshold"], content["model"]) == (1, 0.0, model)
    assert len(content["digest"]) == 64
    assert {p.name: Image.open(p).size for p in drawn.iterdir()} == {"a.jpg": (90, 60), "b.jpg": (60, 90)}


def test_saving_among_the_inputs_leaves_them_alone(model, tmp_path):
    for name in ("a.JPG", "a_2.jpg", "b.png"):
        Image.new("RGB", (90, 60), "teal").save(tmp_path / name)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    run("detect", "-m", model, "--save", tmp_path, tmp_path / "a.JPG", tmp_path / "b.png")
    assert {p: p.read_bytes() for p in before} == before
    assert {p.name for p in tmp_path.iterdir()} == {"a.JPG", "a_2.jpg", "b.png", "a_3.jpg", "b.jpg"}


def test_drawing_replaces_a_link_and_not_the_picture_behind_it(model, pictures, tmp_path):
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "b.jpg").symlink_to(pictures / "b.jpg")
    before = (pictures / "b.jpg").read_bytes()
    run("detect", "-m", model, "--save", tmp_path / "drawn", pictures / "b.jpg")
    assert (pictures / "b.jpg").read_bytes() == before


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["detect", "pictures/b.jpg", "--json", "pictures/b.jpg"], "pictures/b.jpg is being read"),
        (["detect", "pictures/b.jpg", "--json", "pictures"], "pictures is a folder; give the name of a file"),
        (["detect", "pictures/b.jpg", "--json", "pictures/b.jpg/x.json"], "b.jpg is a file where a folder is needed"),
        (["detect", "pictures/b.jpg", "--save", "pictures/a.png"], "a.png is a file where a folder is needed"),
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


def test_detect_to_stdout_is_nothing_but_json(model, pictures):
    done = run("detect", "-m", model, "--json", "-", pictures / "a.png")
    assert len(json.loads(done.stdout)["pictures"]) == 1


def test_a_bad_picture_is_named_and_the_others_go_on(model, pictures):
    (pictures / "aa.png").write_bytes(b"")
    done = run("detect", "-m", model, pictures, code=1)
    assert "aa.png" in sentence(done)
    assert "a.png: " in done.stdout
    assert "b.jpg: " in done.stdout


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


def test_debug_shows_where():
    done = run("--debug", "detect", "none/*.png", code=1)
    assert isinstance(done.exception, ValueError)


# -- trace, evaluate, scenes, train, zoo


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_trace_holds_what_the_network_made_of_the_picture(model, pictures, tmp_path, suffix):
    import dfine

    out = tmp_path / f"out{suffix}"
    run("trace", "-m", model, pictures / "a.png", out)
    trace, about = load_trace(out)
    expected = dfine.load(model, device="cpu")(pictures / "a.png")
    assert torch.equal(trace.last.boxes, expected.trace.last.boxes)
    assert torch.equal(trace.last.edges, expected.trace.last.edges)
    assert (about.card.names, about.picture_size, about.picture) == (NAMES, (90, 60), "a.png")
    assert len(about.card.digest) == 64


def test_trace_is_named_after_the_picture(model, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("trace", "-m", model, pictures / "a.png")
    assert (tmp_path / "a.npz").is_file()


def test_drawn_scenes_can_be_evaluated_on_and_trained_on(model, tmp_path):
    pytest.importorskip("faster_coco_eval")
    data, out, figures = tmp_path / "scenes", tmp_path / "run", tmp_path / "figures.json"
    run("scenes", "--count", 4, "--seed", 3, "--size", 64, "--workers", 0, data)
    assert len(list((data / "images").iterdir())) == 4

    done = run("evaluate", "-m", model, "--data", data, "--json", figures, "--device", "cpu")
    assert "Clean (all dials at 0): 2 pictures" in done.stdout
    content = json.loads(figures.read_text())
    assert list(content["all"]["stages"]) == ["initial", "layer 1", "layer 2", "layer 3"]
    assert content["clean"]["pictures"] + content["hard"]["pictures"] == content["all"]["pictures"] == 4

    small = ["--input", 64, "--queries", 10, "--batch", 2, "--device", "cpu"]
    run("train", "--data", data, "--val", data, "--out", out, "--epochs", 1, *small)
    assert "already holds a training run" in sentence(run("train", "--data", data, "--out", out, *small, code=1))
    done = run("evaluate", "-m", out / "model", "--count", 2, "--scores", "last", "--device", "cpu")
    assert done.stdout.startswith("All: 2 pictures")


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
    done = subprocess.run(
        [sys.executable, "-m", "dfine", "version"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dfine ")


def test_the_page_takes_its_own_options():
    pytest.importorskip("gradio")
    done = subprocess.run(
        [sys.executable, "-m", "dfine", "app", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "--port" in done.stdout


# -- what commands share


def test_expand_knows_paths_folders_and_globs(pictures):
    for name in ("notes.txt", "notes.pdf", "w.h5", "v.mpg", ".hidden.jpg"):
        (pictures / name).write_text("not a picture")
    a, b = pictures / "a.png", pictures / "b.jpg"
    assert expand([]) == []
    assert expand([str(pictures)]) == [a, b]
    assert expand([str(b), str(pictures / "*.png"), str(pictures)]) == [b, a]
    assert expand([str(pictures / "none.png")]) == [pictures / "none.png"], "reading it says that it is not there"


def test_expand_of_an_empty_folder_says_so(tmp_path):
    with pytest.raises(ValueError, match="no picture in the folder"):
        expand([str(tmp_path)])


def test_a_file_name_with_brackets_is_a_file_first(tmp_path):
    odd = tmp_path / "a[1].png"
    odd.write_bytes(b"")
    assert expand([str(odd)]) == [odd]


def test_two_pictures_of_one_name_do_not_overwrite_each_other(tmp_path):
    taken = set()
    assert [free(tmp_path, "a", taken).name for _ in range(3)] == ["a.jpg", "a_2.jpg", "a_3.jpg"]


def test_a_table():
    assert table([]) == ""
    assert table([{"name": "a", "AP": 1.5}, {"name": "long", "AP": None}]) == "name  AP\na     1.5\nlong  –"


def test_json_is_readable_text(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Übung"})
    assert "Übung" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_dry_run_reads_the_data_as_training_would(tmp_path):
    said = run("train", "--out", tmp_path / "a", "--data", tmp_path / "none", "--dry-run", code=1)
    assert "there is no data set" in sentence(said)
    assert run("train", "--out", tmp_path / "a", "--dry-run").stdout.startswith("# 4000 scenes an epoch of 24 classes")
    assert not (tmp_path / "a").exists()


def test_resuming_takes_the_options_of_the_run(tmp_path):
    small = ["--input", 64, "--queries", 20, "--pictures", 4, "--batch", 2, "--val-count", 2, "--device", "cpu"]
    run("train", "--out", tmp_path / "a", "--epochs", 1, *small)
    said = run("train", "--out", tmp_path / "a", "--resume", "--device", "cpu").stdout
    assert "is trained to the end already" in said
    again = run("train", "--out", tmp_path / "a", "--resume", "--epochs", 2, "--device", "cpu").stdout
    assert "epoch 2/2, 4 steps" in again
    other = run("train", "--out", tmp_path / "a", "--resume", "--batch", 4, "--device", "cpu", code=1)
    assert "batch was 2, now 4" in sentence(other)


def test_a_dry_run_prints_what_config_takes_back_and_options_win(tmp_path):
    told = ["train", "--out", str(tmp_path / "a"), "--size", "s", "--batch", "8", "--epochs", "3"]
    said = run(*told, "--dry-run")
    assert not (tmp_path / "a").exists()
    config = tmp_path / "run.yaml"
    config.write_text(said.stdout)
    again = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--dry-run")
    assert again.stdout == said.stdout
    assert "rate: 5.0e-05" in said.stdout and "warmup: 2000" in said.stdout  # 2e-4 and 500 for batches of 32
    changed = run("train", "--out", str(tmp_path / "b"), "--config", str(config), "--epochs", "5", "--dry-run")
    assert "epochs: 5\n" in changed.stdout and f"out: {tmp_path / 'b'}" in changed.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "option 'colour'"),
        ("3: 4", "option 3"),
        ("- a", "not a list of options"),
        ("a: [", "not a YAML file"),
        *[
            (f"{option}: {value}", f"run.yaml: {option}: ")
            for option, value in [
                ("batch", "abc"),
                ("batch", "0"),
                ("batch", "2.5"),
                ("epochs", "-1"),
                ("input", "333"),
                ("input", "16"),
                ("amp", "foo"),
                ("amp", "on"),
                ("workers", "-1"),
                ("accumulate", "0"),
                ("save_every", "0"),
                ("val_every", "0"),
                ("queries", "0"),
                ("ema", "2"),
                ("rate", "fast"),
                ("scales", "[a]"),
            ]
        ],
    ],  # fmt: skip
)
def test_a_wrong_configuration_is_named(tmp_path, text, said):
    config = tmp_path / "run.yaml"
    config.write_text(text)
    done = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--dry-run", code=1)
    assert said in sentence(done)


def test_a_configuration_is_read_as_the_command_line_is(tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("rate: 1e-4\nscales: on\nfreeze: off\nqueries: null\nbatch: null\ncompile: true\nbackbone: 5\n")
    done = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--size", "s", "--dry-run")
    for line in ("rate: 0.0001", "scales: 'on'", "freeze: 'off'", "queries: 300", "compile: true", "backbone: '5'"):
        assert f"{line}\n" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["train", "--out", "x", "--input", 100], ["evaluate", "--input", 100], ["benchmark", "--input", 50, 64]],
)
def test_a_side_that_is_no_multiple_of_32_is_wrong_usage(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.search("multiples? of 32", run(*arguments, code=2).stderr)
    assert not list(tmp_path.iterdir())


def test_a_benchmark_of_nothing_is_refused():
    assert "name at least one size of n, s" in sentence(run("benchmark", "--sizes", ",", code=1))
    assert "name at least one engine of" in sentence(run("benchmark", "--engines", " ", code=1))
