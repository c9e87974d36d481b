"""The checkpoints that come along: they load, are what their cards say, and know what they are said to know."""

import re

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


def test_the_best_thresholds_of_photos_are_those_of_its_card():
    card = dfine.load("photos", device="cpu", fast=False).card
    text = (assets() / "checkpoints" / "photos" / "README.md").read_text(encoding="utf-8")
    row = r"^\| %s \| [\d.]+ \| [\d.]+ \| \d+ \| ([\d.]+) \|"
    told = [re.search(row % name, text, re.MULTILINE)[1] for name in card.names]
    assert [f"{score:.2f}" for score in card.class_thresholds] == told
    assert f"F1 is best\nat {card.threshold:.2f}:" in text


def test_the_photographs_of_the_page_show_what_their_captions_say():
    pytest.importorskip("gradio")
    from dfine.page import examples

    model, photographs = dfine.load("photos", device="cpu", fast=False), examples.photographs()
    if not photographs:
        pytest.skip("these versions of gradio and scikit-image bring no such photographs")
    for one in photographs:
        found = model(one.path, 0.5)
        assert found.detections.class_names == ([one.about] if one.about else []), one.label
        if one.truth:  # the covered edge at the bottom
            low, high = found.history(0).intervals()[-1].unbind(-1)
            widths, bottom = high - low, one.truth[0][1][3]
            assert low[3] < bottom < high[3] and widths[3] > 2.5 * widths[:3].max()
