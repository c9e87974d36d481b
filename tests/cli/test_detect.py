"""`dfine detect` and `dfine trace` on a small detector with random weights: what is written, not what is found."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

import dfine
from dfine.data.scenes import NAMES
from dfine.engines import auto_precision
from dfine.trace.disk import load_trace
from tests.cli.runner import run, sentence


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


def test_detect_writes_a_table_of_all_objects(model, pictures, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    places = ["--parquet", tmp_path / "a.parquet", "--json", tmp_path / "a.json"]
    run("detect", pictures, "-m", model, "--threshold", 0, "--device", "cpu", *places)
    told = json.loads((tmp_path / "a.json").read_text())["pictures"]
    assert all(set(entry) == {"file", "size", "detections"} for entry in told)
    whole = parquet.read_table(tmp_path / "a.parquet")
    table, about = whole.to_pylist(), json.loads(whole.schema.metadata[b"dfine"])
    assert (about["threshold"], about["model"]) == (0, model)
    assert [row["query"] for row in table] == [d["query"] for entry in told for d in entry["detections"]]
    assert {row["file"] for row in table} == {entry["file"] for entry in told} and len(table[0]["layers"]) == 4


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_files_say_which_engine_answered_in_which_precision(model, pictures, tmp_path, monkeypatch, capfd, precision):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("DFINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(auto_precision, "on_cpu", dict)  # only torch takes part
    monkeypatch.setattr(auto_precision, "MEASURED", 2)
    places = ["--parquet", tmp_path / "a.parquet", "--json", tmp_path / "a.json"]
    done = run("detect", pictures, "-m", model, "--device", "cpu", "--precision", precision, *places)
    about = json.loads((tmp_path / "a.json").read_text())
    metadata = json.loads(parquet.read_schema(tmp_path / "a.parquet").metadata[b"dfine"])
    assert (metadata["engine"], metadata["precision"]) == (about["engine"], about["precision"])
    chosen = dfine.load(model, device="cpu", precision=precision).engine
    assert (about["engine"], about["precision"]) == (chosen.runs_on, chosen.precision)
    assert precision in ("auto", about["precision"])
    said = [line for line in done.stderr.splitlines() if line.startswith("precision auto: ")]
    assert len(said) == (2 if precision == "auto" else 0)
    assert "measuring" not in capfd.readouterr().err, "what was measured once is remembered, where nothing else is kept"


def test_detect_says_that_tiles_have_a_batch_of_their_own(model, pictures):
    done = run("detect", "-m", model, "-t", 1, "--tile", 64, "--batch", 2, pictures / "a.png")
    assert "warning: --batch is for whole pictures" in done.stderr
    assert not run("detect", "-m", model, "-t", 1, "--tile", 64, pictures / "a.png").stderr


def test_a_threshold_that_the_model_lacks_is_said_once(model, pictures):
    assert "has no best threshold" in sentence(run("detect", "-m", model, "-t", "best", "--tile", 64, pictures, code=1))


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


def test_detect_to_stdout_is_nothing_but_json(model, pictures):
    done = run("detect", "-m", model, "--json", "-", pictures / "a.png")
    assert len(json.loads(done.stdout)["pictures"]) == 1


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
    assert len(about.card.digest) == 64 and (about.engine, about.precision) == ("torch on cpu", "float32")


def test_trace_is_named_after_the_picture(model, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("trace", "-m", model, pictures / "a.png")
    assert (tmp_path / "a.npz").is_file()
