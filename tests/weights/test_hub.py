import time

import pytest
import torch
from safetensors.torch import save_file

import dfine
from dfine.weights import download, zoo
from dfine.weights.exceptions import CheckpointError
from dfine.weights.hub import fetch, fetch_hub
from dfine.weights.zoo import ZOO


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Empty caches, and addresses at which nothing answers."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr(zoo, "RELEASE", "https://release.invalid/")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    return tmp_path


@pytest.mark.parametrize("name", ["nano-coco", "large-obj365-e25"])
def test_without_a_network_it_says_so_within_ten_seconds(nowhere, name):
    start = time.perf_counter()
    with pytest.raises(
        CheckpointError, match=r"cannot be reached .*check the network, or fetch .*dfine.load\('demo'\)"
    ):
        fetch(ZOO[name])
    assert time.perf_counter() - start < 10


def test_a_server_that_never_answers_is_given_up(nowhere, monkeypatch):
    """As where a firewall swallows every packet: the connection stands and nothing comes."""
    import socket

    from huggingface_hub import constants

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(download, "PATIENCE", 0.5)
        start = time.perf_counter()
        with pytest.raises(CheckpointError, match="127.0.0.1"):
            fetch_hub("somebody/something")
        assert time.perf_counter() - start < 3


def test_a_host_name_that_cannot_be_looked_up_is_given_up(nowhere, monkeypatch):
    """A look-up has no time limit of its own."""
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(3) or [])
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match="no answer"):
        fetch_hub("somebody/something")
    assert time.perf_counter() - start < 2


def test_offline_by_order(nowhere, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        fetch_hub("ustc-community/dfine-nano-coco")


def test_a_cached_copy_needs_no_network(nowhere):
    assert not ZOO["nano-coco"].cached
    repo = nowhere / "hub" / "models--ustc-community--dfine-nano-coco"
    snapshot = repo / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0123abcd")
    save_file({"a": torch.ones(2)}, snapshot / "model.safetensors")
    assert not ZOO["nano-coco"].cached  # half a checkpoint is none
    (snapshot / "config.json").write_text("{}")
    assert ZOO["nano-coco"].cached
    assert fetch(ZOO["nano-coco"]) == snapshot


def test_a_cached_release_file_needs_no_network(nowhere):
    known = ZOO["large-obj365-e25"]
    assert not known.cached
    (nowhere / "torch" / "checkpoints").mkdir(parents=True)
    torch.save({"a": torch.ones(2)}, nowhere / "torch" / "checkpoints" / known.file)
    assert fetch(known) == nowhere / "torch" / "checkpoints" / known.file


def test_a_missing_demo_says_where_it_should_be(monkeypatch, tmp_path):
    monkeypatch.setenv("DFINE_ASSETS", str(tmp_path))
    assert not ZOO["demo"].cached
    with pytest.raises(CheckpointError, match="'demo' is not in .*DFINE_ASSETS"):
        dfine.load("demo")
