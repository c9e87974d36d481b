"""What is put on the Hub loads from there, and a Hub that is not there is said at once."""

import time
from dataclasses import replace

import pytest
import torch
import yaml

import dfine
from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights import hub, publish
from dfine.weights.exceptions import CheckpointError, OfflineError
from tests.helpers import small_predictor

NAMES = ("cup", "", "bus")


@pytest.fixture(scope="module")
def model():
    return small_predictor(NAMES)


def test_the_folder_loads_again_and_its_card_is_one_to_the_hub(model, tmp_path):
    ap = {"initial": 0.5, "layer 3": 0.61}
    words = publish.model_card(model.network, model.card, "me/cups", data="Drawn cups.", ap=ap)
    folder = publish.write(tmp_path / "a", model.network, replace(model.card, words=words))
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    back = dfine.load(folder, device="cpu")
    assert all(
        torch.equal(a, b) for a, b in zip(back.network.state_dict().values(), model.network.state_dict().values())
    )
    front, text = back.card.words.split("---\n")[1:]
    assert yaml.safe_load(front)["pipeline_tag"] == "object-detection"
    assert "2 classes" in text and "Drawn cups." in text and "| layer 3 | 0.610 |" in text and "cup, bus" in text


def test_no_network_is_said_within_seconds(model, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(OfflineError, match="where the repository me/cups would be, cannot be reached"):
        model.push_to_hub("me/cups")
    assert time.monotonic() - start < 2 * hub.PATIENCE


@pytest.mark.parametrize("repo", ["cups", "me/", "/cups", "a/b/c"])
def test_what_is_no_id_is_said(model, repo):
    with pytest.raises(CheckpointError, match='it is "owner/model"'):
        model.push_to_hub(repo)


@pytest.mark.parametrize("family, call", [("dfine", 'load("me/a")'), ("deim", 'load("me/a", family="deim")')])
def test_the_card_says_how_its_family_is_loaded(family, call, tmp_path):
    network = DFINE(Config.of("n", family=family, classes=3, queries=20))
    card = Card(("cup", "key", "bus"), (64, 96))
    assert f"model = dfine.{call}\n" in publish.model_card(network, card, "me/a")
    place = publish.write(tmp_path, network, card)
    assert dfine.load(place, "cpu", **({} if family == "dfine" else {"family": family})).config == network.config


def test_a_card_without_words_replaces_no_readme(model, tmp_path):
    assert not (publish.write(tmp_path, model.network, replace(model.card, words=None)) / "README.md").exists()
