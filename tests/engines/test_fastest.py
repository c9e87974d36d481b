"""The fastest engine is measured once, remembered, and found off the path of any request."""

import json
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from dfine.config import Config
from dfine.engines import fastest
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.sessions import available
from dfine.inference.looking import look
from dfine.network.detector import DFINE
from tests.engines.onnx.same import SIZE, close
from tests.helpers import NAMES, noise, predictor, shaken

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return predictor(shaken(DFINE(Config.of("n", classes=3, queries=20))), NAMES, SIZE, digest="ab" * 32)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """The model as a file of the cache."""
    return fastest.cached(model.network, model.card, tmp_path_factory.mktemp("cache")).path


def test_only_the_timed_run_counts(monkeypatch):
    """A GPU has still to do what it was asked before: who does not wait takes that for a part of the next run."""
    asked, now = [], [0.0]
    monkeypatch.setattr(fastest.time, "perf_counter", lambda: now[0])

    class Gpu:
        last = property(lambda self: self)
        boxes = property(lambda self: self)

        def __call__(self, _pixels):
            asked.append(0.05)  # seconds of work asked for, and not yet done
            return self

        def cpu(self):
            now[0] += sum(asked)
            asked.clear()

    assert fastest.times({"gpu": Gpu()}, (32, 32)) == {"gpu": 50.0}


def test_a_model_is_exported_once_and_anew_where_the_file_is_torn(model, tmp_path, monkeypatch):
    torn = fastest.file_of(model.network, model.card, tmp_path)
    torn.write_bytes(b"\x08\x08" + bytes(1000))
    first = fastest.cached(model.network, model.card, tmp_path)
    assert first.path == torn and torn.stat().st_size > 1_000_000
    monkeypatch.setattr(fastest, "export", lambda *a: pytest.fail("it is there already"))
    again = fastest.cached(model.network, model.card, tmp_path)
    assert first.path == again.path
    quick = model.with_engine(again)
    assert close(quick(noise()).trace, model(noise()).trace)
    assert quick.network is model.network  # saving and looking work as before
    assert torch.equal(look(quick, noise(), 0).points, look(model, noise(), 0).points)


def test_other_weights_and_sizes_have_their_own_file(model, tmp_path):
    cards = [model.card, replace(model.card, input_size=(64, 64)), replace(model.card, digest="")]
    files = [fastest.file_of(model.network, card, tmp_path) for card in cards]
    assert len(set(files)) == 3 and fastest.file_of(model.network, cards[-1], tmp_path) in files


def test_the_faster_engine_is_measured_once(model, exported, tmp_path, monkeypatch):
    shutil.copy(exported, tmp_path)
    best = fastest.fastest(model.engine, model.card, tmp_path)
    pixels = torch.rand(1, 3, *SIZE)
    assert close(best(pixels), model.engine(pixels))
    note = next(tmp_path.glob("*.json"))
    known = json.loads(note.read_text())
    assert set(known["found"]) == {"fused", "onnx"} | ({"openvino"} & set(available()))
    opened = []
    monkeypatch.setattr(fastest, "OnnxEngine", lambda *a, **k: opened.append(a[1]) or OnnxEngine(*a, **k))
    for winner in known["found"]:
        opened.clear()
        note.write_text(json.dumps(known | {"found": {name: 2.0 - (name == winner) for name in known["found"]}}))
        engine = fastest.fastest(model.engine, model.card, tmp_path)
        provider = {"onnx": "cpu"}.get(winner, winner)
        assert getattr(engine, "provider", "fused") == provider
        assert opened == [provider] * (winner != "fused")  # and the others are left alone


def test_where_no_file_can_be_written_torch_answers(model, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder would be")
    best = fastest.fastest(model.engine, model.card, tmp_path / "taken")
    assert best.fast and best.network is model.network and not model.engine.fast


def test_the_fastest_engine_is_found_in_the_background(model, exported, tmp_path, monkeypatch):
    shutil.copy(exported, tmp_path)
    monkeypatch.setenv("DFINE_CACHE", str(tmp_path))
    found, ready = [], threading.Event()
    thread = fastest.in_background(model.engine, model.card, found.append, ready.is_set)
    assert not found
    ready.set()
    thread.join(120)
    pixels = torch.rand(1, 3, *SIZE)
    assert close(found[0](pixels), model.engine(pixels))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"setting": [1]}', '{"setting": [2], "found": {}}', "\0"])
def test_a_note_that_makes_no_sense_or_is_of_another_setting_is_not_believed(tmp_path, text):
    note = tmp_path / "note.json"
    note.write_text(text)
    assert fastest.remembered(note, [1]) is None and fastest.remembered(tmp_path / "none.json", [1]) is None
    fastest.remember(note, [1], {"fused": 2.5})
    assert fastest.remembered(note, [1]) == {"fused": 2.5} and fastest.remembered(note, [2]) is None
    fastest.remember(note / "below a file", [1], {})  # cannot be written, which costs nothing


def test_what_is_installed_and_cannot_be_imported_leaves_torch(model, tmp_path, monkeypatch):
    def broken(*_):
        raise ImportError("DLL load failed")

    monkeypatch.setattr(fastest, "export", broken)
    assert fastest.fastest(model.engine, model.card, tmp_path).network is model.network


def test_exported_files_are_kept_where_the_environment_says(monkeypatch, tmp_path):
    """A user of a container may have no home; then DFINE_CACHE is what helps."""

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DFINE_CACHE", "~/here")
    assert fastest.folder() == tmp_path / "here"
    monkeypatch.setattr(fastest.Path, "home", homeless)
    monkeypatch.setenv("DFINE_CACHE", str(tmp_path))
    assert fastest.folder() == tmp_path
    monkeypatch.delenv("DFINE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fastest.folder() == tmp_path / "dfine-lens" / "onnx"
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(OSError, match="no home folder, .*; name a folder for them in DFINE_CACHE"):
        fastest.folder()


def test_timing_uses_no_random_numbers_of_the_caller():
    before = torch.get_rng_state()
    answer = SimpleNamespace(last=SimpleNamespace(boxes=torch.zeros(1)))
    assert list(fastest.times({"quick": lambda _: answer}, (32, 32))) == ["quick"]
    assert torch.equal(torch.get_rng_state(), before)
