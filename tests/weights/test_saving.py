"""What is saved is loaded again as it was, and a write that fails leaves what was there."""

import json
import os
from dataclasses import replace

import pytest
import torch

from dfine.config import Config
from dfine.files import digest
from dfine.trace.card import Card
from dfine.weights import saving
from dfine.weights.checkpoints import SIZE, open_checkpoint
from dfine.weights.exceptions import CheckpointError
from dfine.weights.saving import save
from tests.helpers import full_card
from tests.weights.nets import NAMES, TINY, network, same


@pytest.mark.parametrize("changes", [{}, {"c": 1 / 8}, {"family": "deim"}, {"layers": 2, "bins": 16, "points": (4, 8)}])
def test_outputs_are_bit_equal_after_saving_and_loading(tmp_path, changes):
    net = network(**changes)
    save(tmp_path / "new" / "folder", net, Card(NAMES, (64, 96)))
    back = open_checkpoint(tmp_path / "new" / "folder")
    assert (back.config, back.card.names, back.card.input_size) == (net.config, NAMES, (64, 96))
    loaded = back.network()
    assert same(net, loaded)
    kept = loaded.state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in net.state_dict().items())


def test_a_folder_holds_two_files_and_no_leftovers(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    save(tmp_path, network(), Card(NAMES, SIZE))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_config_json_is_plain(tmp_path):
    save(tmp_path, network(), Card(NAMES, (320, 640)))
    about = json.loads((tmp_path / "config.json").read_text())
    assert about["schema"] == 1
    assert about["names"] == ["cat", "dog", "fish"]
    assert about["input_size"] == [320, 640]
    assert Config.from_dict(about["config"]) == Config.of("n", **TINY)


def test_the_whole_card_comes_back(tmp_path):
    card = full_card(NAMES, (320, 640))
    back = open_checkpoint(save(tmp_path, network(), card))
    made = {"source": str(tmp_path), "digest": digest(tmp_path / "model.safetensors")}
    card = replace(card, notes=(), **made)  # what was assumed is written down as known
    assert back.card == card
    (tmp_path / "README.md").write_text("# Others")
    assert open_checkpoint(tmp_path).card == replace(card, words="# Others")


def test_half_the_space(tmp_path):
    net = network()
    save(tmp_path / "whole", net, Card(NAMES, SIZE))
    save(tmp_path / "half", net, Card(NAMES, SIZE), half=True)
    sizes = [(tmp_path / f / "model.safetensors").stat().st_size for f in ("whole", "half")]
    assert sizes[1] < 0.52 * sizes[0] + 100_000
    back = open_checkpoint(tmp_path / "half").network()
    assert all(p.dtype == torch.float32 for p in back.parameters())
    kept = back.state_dict()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(kept[name], tensor, rtol=1e-3 if tensor.ndim > 1 else 0, atol=1e-7)


def test_what_was_there_survives_a_write_that_fails(tmp_path, monkeypatch):
    save(tmp_path, network(), Card(NAMES, SIZE))
    before = (tmp_path / "model.safetensors").read_bytes()

    def full(weights, path, metadata=None):
        path.write_bytes(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(saving, "save_file", full)
    with pytest.raises(CheckpointError, match="no space left"):
        save(tmp_path, network(c=1 / 8), Card(NAMES, SIZE))
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_names_that_do_not_fit_are_not_saved(tmp_path):
    with pytest.raises(CheckpointError, match="3 classes, but names= has 2"):
        save(tmp_path, network(), Card(NAMES[:2], SIZE))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "new", network(), Card(NAMES, SIZE))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "taken", network(), Card(NAMES, SIZE))


def test_what_is_done_to_pictures_is_saved_with_the_network(tmp_path):
    net = network(mean=(0.5, 0.4, 0.3), deviation=(0.2, 0.3, 0.4))
    back = open_checkpoint(save(tmp_path, net, Card(NAMES, (64, 96))))
    assert back.config == net.config and same(back.network(), net)
    assert not same(net, network())
