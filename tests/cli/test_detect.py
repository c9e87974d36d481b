"""`dfine detect` and `dfine trace` on a small detector with random weights: what is written, not what is found."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import dfine
from dfine.data.scenes import NAMES
from dfine.trace.disk import load_trace
from tests.cli.runner import ROOT, run, sentence


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


def test_detect_to_stdout_is_nothing_but_json(model, pictures):
    done = run("detect", "-m", model, "--json", "-", pictures / "a.png")
    assert len(json.loads(done.stdout)["pictures"]) == 1


def test_a_bad_picture_is_named_and_the_others_go_on(model, pictures):
    (pictures / "aa.png").write_bytes(b"")
    done = run("detect", "-m", model, pictures, code=1)
    assert "aa.png" in sentence(done)
    assert "a.png: " in done.stdout
    assert "b.jpg: " in done.stdout


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


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode here")
def test_a_name_that_is_no_utf8_costs_no_other_picture_anything(model, pictures, tmp_path):
    odd = os.fsdecode(b"caf\xe9.png")
    for name in ("1.png", odd, "3.png"):
        shutil.copy(pictures / "a.png", tmp_path / name)
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "dfine", "detect", "-m", str(model), "--json", str(out), "--save", "drawn", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"caf\\udce9.png: " in done.stdout
    files = [os.fsencode(p["file"]) for p in json.loads(out.read_text(encoding="utf-8"))["pictures"]]
    assert sorted(files) == [b"1.png", b"3.png", b"caf\xe9.png"]
    assert sorted(os.fsencode(p.name) for p in (tmp_path / "drawn").iterdir()) == [b"1.jpg", b"3.jpg", b"caf\xe9.jpg"]
