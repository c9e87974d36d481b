"""Many pictures: what is listed and drawn; no input is replaced, and a bad file costs no other."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

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
