import threading

import pytest
import torch

import dfine.page.models
from dfine.config import Config
from dfine.data.labels import COCO
from dfine.network.detector import DFINE
from dfine.page.models import EVERYDAY, Models, wanted
from dfine.trace.card import Card
from dfine.weights import hub
from dfine.weights.exceptions import CheckpointError, OfflineError
from dfine.weights.saving import save

SECONDS = 60  # the tests may run beside a training


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Four small checkpoints on disk; the first lies where the shipped one would."""
    root = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=2, queries=10))
    for name in ("checkpoints/demo", "one", "two", "three"):
        save(root / name, network, Card(("sun", "moon"), (64, 64)))
    return root


@pytest.fixture
def offline(monkeypatch, tmp_path, checkpoints):
    """Empty caches, no network, and the first of the checkpoints as the shipped checkpoint."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setenv("DFINE_ASSETS", str(checkpoints))
    return tmp_path / "hub"


@pytest.fixture
def loads(monkeypatch):
    """The names that were read from disk, in order."""
    read, load = [], dfine.page.models.load
    monkeypatch.setattr(dfine.page.models, "load", lambda name, **k: (read.append(name), load(name, **k))[1])
    return read


def put_into_cache(cache, hub_id):
    """A checkpoint in transformers' layout, where the Hub's own client would have put it."""
    pytest.importorskip("transformers")
    from tests.network.test_parity_transformers import theirs

    repo = cache / ("models--" + hub_id.replace("/", "--"))
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0123abcd")
    theirs("n").save_pretrained(repo / "snapshots" / "0123abcd")


def test_a_model_is_read_once_and_then_found(offline, loads):
    models = Models(device="cpu")
    assert models.in_memory == []
    assert models() is models("demo") is models("")
    assert loads == ["demo"] and models.in_memory == ["demo"]


def test_the_last_few_stay_and_the_default_always(offline, checkpoints):
    own = [str(checkpoints / name) for name in ("one", "two", "three")]
    models = Models(device="cpu", more=own, kept=3)
    models()
    first = models(own[0])
    models(own[1])
    models(own[0])  # used again, so that the other one is older
    models(own[2])
    assert models.in_memory == ["demo", own[0], own[2]]
    assert models(own[0]) is first


def test_a_caller_keeps_a_model_that_was_dropped(offline, checkpoints):
    own = [str(checkpoints / name) for name in ("one", "two")]
    models = Models(device="cpu", more=own, kept=1)
    mine = models(own[0])
    models(own[1])
    assert own[0] not in models.in_memory
    assert mine.network(torch.rand(1, 3, 64, 64)).last.boxes.shape == (1, 10, 4)
    assert models(own[0]) is not mine


def test_two_who_want_the_same_wait_for_one_load(offline, loads):
    models, got = Models(device="cpu"), []
    threads = [threading.Thread(target=lambda: got.append(models())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(got) == 4 and len({id(m) for m in got}) == 1 and loads == ["demo"]


def test_a_slow_load_holds_up_nobody_else(offline, checkpoints, monkeypatch):
    slow, began, go_on, load = str(checkpoints / "one"), threading.Event(), threading.Event(), dfine.page.models.load

    def waiting(name, **options):
        if name == slow:
            began.set()
            assert go_on.wait(SECONDS)
        return load(name, **options)

    monkeypatch.setattr(dfine.page.models, "load", waiting)
    models = Models(device="cpu", more=[slow])
    thread = threading.Thread(target=models, args=(slow,))
    thread.start()
    assert began.wait(SECONDS)
    models()  # would hang if a load held everything
    assert models.in_memory == ["demo"] and len(models.table()) > 10
    go_on.set()
    thread.join(SECONDS)
    assert slow in models.in_memory


@pytest.mark.parametrize("name", ["/etc", "somebody/something", "../checkpoints/demo", "nano"])
def test_visitors_cannot_open_what_is_not_offered(offline, loads, name):
    with pytest.raises(CheckpointError, match="no model .* is offered here; choose one of demo, photos, nano-coco"):
        Models(device="cpu")(name)
    assert loads == []


def test_progress_is_told_and_ends_at_one(offline, checkpoints):
    told = []
    own = str(checkpoints / "two")
    Models(own, "cpu")(own, lambda share, what: told.append((share, what)))
    assert [what for _, what in told] == ["Reading two", "two is ready"]
    assert [share for share, _ in told] == sorted(share for share, _ in told) and told[-1][0] == 1


# ── without a network, and with one ───────────────────────────────────────────────────────────────────────────────────


def test_without_a_network_the_shipped_one_stays_and_the_page_says_so(offline, capfd):
    models, called = Models(device="cpu"), []
    assert models.sentence() == "Showing the shipped model of drawn things."
    models.fetch_in_background(done=called.append).join(SECONDS)
    assert models.sentence() == "The Hugging Face Hub cannot be reached: showing the shipped model of drawn things."
    assert models.default == "demo" and called == [] and models.fetching is None
    assert isinstance(models.trouble(EVERYDAY), OfflineError)
    assert capfd.readouterr() == ("", "")  # nothing on the console


def test_the_page_answers_while_the_network_is_silent(offline, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(hub, "fetch", lambda known: go_on.wait(SECONDS) or pytest.fail("nobody let it go on"))
    models = Models(device="cpu")
    thread = models.fetch_in_background()
    assert thread.daemon and models.fetching == EVERYDAY
    assert models.sentence() == (
        "Showing the shipped model of drawn things; nano-coco is on its way, and will be offered once it is here."
    )
    assert models() is models("demo")
    go_on.set()
    thread.join(SECONDS)
    assert models.fetching is None


def test_a_cached_model_of_everyday_things_takes_over(offline, tmp_path):
    put_into_cache(offline, "ustc-community/dfine-nano-coco")
    models, called = Models(device="cpu"), []
    before = models()
    models.fetch_in_background(done=called.append).join(SECONDS)
    assert called == [EVERYDAY] and models.default == EVERYDAY
    now = models()
    assert now is models(EVERYDAY) and now.names == COCO and now.size == (640, 640)
    assert models.sentence() == "Showing nano-coco, a model of 80 kinds of everyday things."
    assert models("demo") is before  # still there for those who look at it
    assert models.choices()[0][1] == EVERYDAY


def test_it_need_not_take_over(offline):
    put_into_cache(offline, "ustc-community/dfine-nano-coco")
    models = Models(device="cpu")
    models.fetch_in_background(become_default=False).join(SECONDS)
    assert models.default == "demo" and EVERYDAY in models.in_memory


def test_a_damaged_copy_is_not_called_a_missing_network(offline):
    put_into_cache(offline, "ustc-community/dfine-nano-coco")
    weights = offline / "models--ustc-community--dfine-nano-coco" / "snapshots" / "0123abcd" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    models = Models(device="cpu")
    models.fetch_in_background().join(SECONDS)
    assert models.sentence() == "nano-coco could not be opened: showing the shipped model of drawn things."


def test_trouble_is_forgotten_when_it_is_over(offline):
    models = Models(device="cpu")
    with pytest.raises(OfflineError):
        models(EVERYDAY)
    put_into_cache(offline, "ustc-community/dfine-nano-coco")
    models(EVERYDAY)
    assert models.trouble(EVERYDAY) is None


# ── what is offered ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_says_what_choosing_costs(offline):
    put_into_cache(offline, "ustc-community/dfine-nano-coco")
    models = Models(device="cpu")
    models()
    states = {row["name"]: row["state"] for row in models.table()}
    assert (states["demo"], states[EVERYDAY], states["small-coco"]) == ("in memory", "cached", "to be fetched")
    assert models.choices()[:3] == [
        ("nano-coco · AP 42.8 on COCO val2017 · 4 M", "nano-coco"),
        ("demo · 24 kinds of drawn things, trained by this project", "demo"),
        ("small-coco · AP 48.5 on COCO val2017 · 10 M · fetched when chosen, 40 MB", "small-coco"),
    ]


def test_a_path_given_at_start_up_comes_first_by_its_own_name(offline, checkpoints):
    models = Models(checkpoints / "one", "cpu")
    assert models.choices()[0] == ("one · given at start-up", str(checkpoints / "one"))
    assert models.sentence() == "Showing one, given at start-up."


def test_a_path_in_a_home_folder(offline, checkpoints, monkeypatch):
    monkeypatch.setenv("HOME", str(checkpoints))
    monkeypatch.setenv("USERPROFILE", str(checkpoints))  # of Windows
    models = Models("~/one", "cpu", more=["~/two"])
    assert [words for words, _ in models.choices()[:2]] == ["one · given at start-up", "two · given at start-up"]
    assert models() is models(str(checkpoints / "one"))


def test_without_the_shipped_checkpoint_it_is_not_offered(offline, monkeypatch, tmp_path):
    monkeypatch.setenv("DFINE_ASSETS", str(tmp_path))
    assert "demo" not in [name for _, name in Models(EVERYDAY).choices()]


def test_what_is_here_needs_no_fetching(offline):
    models = Models("demo")
    here = models.here()
    assert "demo" in here and set(here) <= {name for _, name in models.choices()}
    assert all(row["state"] != "to be fetched" for row in models.table() if row["name"] in here)


@pytest.mark.parametrize(
    "value, want", [(None, True), ("", True), ("1", True), ("0", False), ("off", False), (" No ", False)]
)
def test_the_switch(monkeypatch, value, want):
    monkeypatch.delenv("DFINE_FETCH", raising=False)
    if value is not None:
        monkeypatch.setenv("DFINE_FETCH", value)
    assert wanted() is want
