"""Many pictures: what is listed and drawn; no input is replaced, and a bad file costs no other."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial

import pytest
from PIL import Image

import dfine
from tests.cli.runner import ROOT, run, sentence


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


def test_a_bad_picture_is_named_and_the_others_go_on(model, pictures):
    (pictures / "aa.png").write_bytes(b"")
    done = run("detect", "-m", model, pictures, code=1)
    assert "aa.png" in sentence(done)
    assert "a.png: " in done.stdout
    assert "b.jpg: " in done.stdout


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


def interrupted(model, pictures, folder, *wanted, number=signal.SIGINT):
    """`dfine detect` with what is `wanted`, which is sent a signal when three pictures are listed."""
    for i in range(400):
        (folder / f"{i:03d}.png").symlink_to(pictures / "a.png")
    scores = dfine.load(model, device="cpu")(pictures / "a.png", 0.0).detections.scores
    ten = f"{0.999 * float(scores[9])}"  # objects in each, for to write down hundreds takes long
    command = [sys.executable, "-m", "dfine", "detect", "-m", model, "-t", ten, *map(str, wanted), str(folder)]
    around = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=around)
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background would not hear it
    with subprocess.Popen(command, preexec_fn=heard, **pipes) as process:
        listed = 0
        while listed < 3:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            listed += line.endswith("objects\n")
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    return said.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_found(model, pictures, tmp_path, number):
    """Under other names, as nobody should take it for all there is."""
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "many").mkdir()
    wanted = "--json", tmp_path / "found.json", "--parquet", tmp_path / "found.parquet"
    said = interrupted(model, pictures, tmp_path / "many", *wanted, number=number)
    assert {p.name for p in tmp_path.iterdir()} == {"many", "pictures", "found.partial.json", "found.partial.parquet"}
    found = json.loads((tmp_path / "found.partial.json").read_text())
    done = [os.path.basename(entry["file"]) for entry in found["pictures"]]
    assert found["complete"] is False and 3 <= len(done) < 400
    assert done == [f"{i:03d}.png" for i in range(len(done))]
    assert said == (
        f"error: interrupted after {len(done)} of 400 pictures; what was found in them is kept in "
        f"{tmp_path / 'found.partial.json'} and {tmp_path / 'found.partial.parquet'}"
    )
    table = parquet.read_table(tmp_path / "found.partial.parquet")
    assert json.loads(table.schema.metadata[b"dfine"])["complete"] is False
    assert len(table) == sum(len(entry["detections"]) for entry in found["pictures"])


def test_an_interrupt_without_files_says_how_far_it_came(model, pictures, tmp_path):
    (tmp_path / "many").mkdir()
    said = interrupted(model, pictures, tmp_path / "many")
    assert re.fullmatch(r"error: interrupted after \d+ of 400 pictures; no list of what was found is written", said)
