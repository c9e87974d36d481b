"""The checkpoints that come along: they load, are what their cards say, and know what they are said to know."""

import re
from pathlib import Path

import pytest

import dfine
from dfine.data import scenes
from dfine.weights.cache import assets

KNOWN = {"demo": scenes.NAMES, "photos": ("person", "car", "cat", "bus", "train")}


@pytest.mark.parametrize("name", KNOWN)
def test_a_shipped_checkpoint_is_the_one_of_its_card(name):
    folder = assets() / "checkpoints" / name
    text, model = (folder / "README.md").read_text(encoding="utf-8"), dfine.load(name, device="cpu", fast=False)
    assert model.names == tuple(KNOWN[name])
    assert re.search(r"SHA-256 `(\w+)`", text)[1] == model.digest
    assert f"Input {model.input_size[1]} × {model.input_size[0]}" in text
    assert (folder / "model.safetensors").stat().st_size < 10e6


@pytest.mark.parametrize("name, found", [("lion.jpg", ["cat"]), ("cheetah1.jpg", ["cat"]), ("tower.jpg", [])])
def test_the_photographs_of_the_page_show_what_their_captions_say(name, found):
    gradio = pytest.importorskip("gradio")
    picture = Path(gradio.__file__).parent / "media_assets" / "images" / name
    if not picture.is_file():
        pytest.skip("this version of gradio brings no such photograph")
    model = dfine.load("photos", device="cpu", fast=False)
    assert model(picture, 0.5).detections.class_names == found
