import threading
import time
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from safetensors.torch import save_file

import dfine
from dfine.weights import download, zoo
from dfine.weights.exceptions import CheckpointError
from dfine.weights.hub import fetch, fetch_hub
from dfine.weights.zoo import ZOO
from tests.helpers import small_predictor
from tests.weights.servers import Sends, serving


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
        CheckpointError, match=r"cannot be reached .*check the network, or fetch .*dfine.load\('photos'\)"
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
        assert time.perf_counter() - start < 7  # less than the default


def test_a_host_name_that_cannot_be_looked_up_is_given_up(nowhere, monkeypatch):
    """A look-up has no time limit of its own."""
    import socket

    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: over.wait(30) and [])
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match="no answer"):
        fetch_hub("somebody/something")
    assert time.perf_counter() - start < 15
    over.set()  # its thread goes, rather than end in the middle of another test


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


# ── a Hub on loopback ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What a Hub has of a model in the layout of transformers."""
    folder = small_predictor(("cup", "key", "bus")).save(tmp_path_factory.mktemp("hub"), layout="transformers")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def there(nowhere, monkeypatch):
    """A function that makes a server the Hub."""
    from huggingface_hub import constants

    return lambda url: monkeypatch.setattr(constants, "ENDPOINT", url)


def test_a_model_comes_with_its_preprocessor_and_is_cached_for_everybody(there, files):
    from huggingface_hub import try_to_load_from_cache

    sends = Sends(files)
    with serving(sends) as url:
        there(url)
        model = dfine.load("me/cups", device="cpu")
        asked = len(sends.asked)
        dfine.load("me/cups", device="cpu")
    assert (model.names, model.input_size) == (("cup", "key", "bus"), (64, 96))
    assert asked == len(sends.asked) == 3
    assert Path(try_to_load_from_cache("me/cups", "model.safetensors")).parent.name == "a" * 40


def test_a_model_without_a_preprocessor_is_one_too(there, files):
    with serving(Sends({name: files[name] for name in ("config.json", "model.safetensors")})) as url:
        there(url)
        with pytest.warns(UserWarning, match="me/cups: nothing says its input size; 640 x 640 is assumed"):
            assert dfine.load("me/cups", device="cpu").input_size == (640, 640)


def test_a_copy_that_others_cached_without_its_preprocessor_gets_it(there, files, monkeypatch):
    """As transformers leaves it where only the model was loaded. A size or scale that is guessed gives wrong boxes."""
    from huggingface_hub import constants

    sends = Sends(dict(files))
    with serving(sends) as url:
        there(url)
        folder = fetch_hub("me/cups")
        (folder / "preprocessor_config.json").unlink()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert fetch_hub("me/cups") == folder and len(sends.asked) == 3
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        assert dfine.load("me/cups", device="cpu").input_size == (64, 96)
        del sends.files["preprocessor_config.json"]
        (folder / "preprocessor_config.json").unlink()
        for _ in range(2):
            assert fetch_hub("me/cups") == folder and not (folder / "preprocessor_config.json").exists()
        assert len(sends.asked) == 5, "that there is none is asked once"


def test_a_file_that_one_can_do_without_is_not_waited_for_long(there, files):
    """Offline behind a firewall that swallows everything, every load would wait as long as for a whole model."""
    import socket

    with serving(Sends(dict(files))) as url:
        there(url)
        folder = fetch_hub("me/cups")
    (folder / "preprocessor_config.json").unlink()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        there(f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.perf_counter()
        assert fetch_hub("me/cups") == folder
    assert time.perf_counter() - start < download.PATIENCE


def test_a_torn_copy_in_the_cache_is_made_again(there, files):
    with serving(Sends(files)) as url:
        there(url)
        folder = fetch_hub("me/cups")
        (folder / "model.safetensors").write_bytes(files["model.safetensors"][:-1000])
        assert fetch_hub("me/cups") == folder
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="the copy in .* is damaged, and so .* cannot be reached"):
        fetch_hub("me/cups")


def test_a_download_that_broke_off_goes_on_the_next_time(there, files, monkeypatch):
    half, patience = len(files["model.safetensors"]) // 2, download.SILENCE
    monkeypatch.setattr(download, "SILENCE", 2.0)  # a slow disk may keep a block waiting
    sends = Sends(files, stop=half, hold=True)
    with serving(sends) as url:
        there(url)
        with pytest.raises(CheckpointError, match="the download of model.safetensors of me/cups stands still after"):
            fetch_hub("me/cups")
        sends.stop, sends.hold = None, False
        monkeypatch.setattr(download, "SILENCE", patience)
        fetch_hub("me/cups")
    assert [headers["Range"] for headers in sends.asked if "Range" in headers] == [f"bytes={half}-"]


@pytest.mark.parametrize(
    "sends, said",
    [
        (Sends(), "the Hub has no model 'me/cups' with a config.json, or it is private .*nor is there a folder"),
        (Sends({"config.json": b"{}"}), "'me/cups' has no config.json and model.safetensors, so it is not"),
        (Sends(code=401), "or it is private .then: hf auth login"),
        (Sends(code=500), "answers 500"),
        (Sends(page=True), "a web page came in its place"),
        (Sends({"config.json": b"{}", "model.safetensors": bytes(1000)}), "model.safetensors of me/cups came damaged"),
        (Sends({"config.json": b"nothing"}), "config.json of me/cups came damaged"),
    ],
)
def test_a_hub_that_has_it_not(there, sends, said):
    with serving(sends) as url:
        there(url)
        with pytest.raises(CheckpointError, match=said):
            fetch_hub("me/cups")


def test_a_release_file_that_is_torn_comes_again(there, nowhere, monkeypatch, tmp_path):
    known = ZOO["large-obj365-e25"]
    torch.save({"a": torch.ones(2)}, tmp_path / "whole")
    place = nowhere / "torch" / "checkpoints" / known.file
    place.parent.mkdir(parents=True)
    place.write_bytes((tmp_path / "whole").read_bytes()[:-100])
    with serving(Sends({known.file: (tmp_path / "whole").read_bytes()})) as url:
        monkeypatch.setattr(zoo, "RELEASE", f"{url}/")
        assert fetch(known) == place
    assert place.read_bytes() == (tmp_path / "whole").read_bytes()


def test_processes_that_want_the_same_model_wait_for_the_one_that_fetches_it(there, nowhere, files):
    """As several of a training that torchrun starts, which begins with a model that is not there yet."""
    sends, found = Sends(files), []
    with serving(sends) as url:
        there(url)
        threads = [threading.Thread(target=lambda: found.append(fetch_hub("me/cups"))) for _ in range(3)]
        with FileLock(nowhere / "hub" / ".locks" / "models--me--cups" / "dfine.lock"):
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            assert not sends.asked and not found
        for thread in threads:
            thread.join(120)
    assert len(found) == 3 and len(set(found)) == 1 and len(sends.asked) == 3


def test_a_cache_that_cannot_be_written_is_named(there, nowhere, files):
    (nowhere / "hub").write_text("a file where the cache would be")
    with serving(Sends(files)) as url:
        there(url)
        with pytest.raises(CheckpointError, match="me/cups cannot be written to .*choose another cache .HF_HOME"):
            fetch_hub("me/cups")


def test_a_small_file_that_fails_does_not_cost_the_large_one(there, files):
    asked = []

    class Fails(dict):
        def __getitem__(self, name):
            asked.append(name)
            if name == "preprocessor_config.json" and asked.count(name) == 1:
                raise OSError("the network goes away")
            return super().__getitem__(name)

    with serving(Sends(Fails(files))) as url:
        there(url)
        with pytest.raises(CheckpointError, match="preprocessor_config.json of me/cups"):
            fetch_hub("me/cups")
        fetch_hub("me/cups")
    assert asked.count("model.safetensors") == 1
