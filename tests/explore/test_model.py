"""The detector as FiftyOne asks for it: one picture, a batch, what cannot be read, and which run it is."""

from dataclasses import replace

import pytest
from PIL import Image

pytest.importorskip("fiftyone")

from dfine.explore import fields
from dfine.explore.model import DFineModel, Opener, opened
from dfine.explore.store import Keep
from dfine.inference.predictor import Predictor
from tests.explore.worlds import predictor


@pytest.fixture(scope="module")
def detector():
    return predictor(("cat", "dog"), queries=20, size=(64, 96))


@pytest.fixture
def photo(tmp_path):
    Image.effect_noise((40, 30), 80).convert("RGB").save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


def test_no_pictures(detector):
    assert DFineModel(detector).look([]) == [] == DFineModel(detector).predict_all([])


def test_a_picture_is_opened_as_the_library_opens_it(photo):
    item = opened(photo, (64, 96))
    assert item["pixels"].shape == (3, 64, 96) and item["size"] == (40, 30)
    assert Opener((64, 96))({"filepath": photo})["filepath"] == photo


def test_what_cannot_be_read_is_an_item_with_a_sentence(tmp_path, detector, photo):
    (tmp_path / "b.png").write_bytes(b"")
    opener, model = Opener((64, 96)), DFineModel(detector)
    bad = opener({"filepath": str(tmp_path / "b.png")})
    assert "b.png" in bad["error"] and "pixels" not in bad
    with pytest.warns(UserWarning, match="b.png.*skipped"):
        first, second, third = model.predict_all([opener({"filepath": photo}), bad, opener({"filepath": photo})])
    assert second is None and first is not None and len(first["last"].detections) == len(third["last"].detections)


def test_all_stages_of_one_picture(detector, photo):
    model = DFineModel(detector, keep=Keep(0.0, 7))
    labels = model.predict(photo)
    assert list(labels) == ["initial", "layer_1", "layer_2", "last", "run"] and labels["run"] == model.run
    assert [len(labels[stage].detections) for stage in list(labels)[:4]] == [7] * 4
    assert model.label_fields("mine") == {
        "initial": "mine_initial",
        "layer_1": "mine_layer_1",
        "layer_2": "mine_layer_2",
        "last": "mine",
        "run": "mine_run",
    }


def test_a_run_is_known_by_weights_and_settings(detector):
    run = DFineModel(detector).run
    assert run == DFineModel(detector).run and len(run) == 16
    fitted = Predictor(detector.engine, replace(detector.card, temperature=(1.0, 1.0, 1.0, 2.0)))
    early = Predictor(detector.engine, detector.card, layers=2)
    others = [DFineModel(detector, keep=Keep(0.2)), DFineModel(detector, classes=("cat",)), DFineModel(fitted)]
    others += [DFineModel(early), DFineModel(predictor(("cat", "dog"), queries=20, size=(64, 96), seed=1))]
    assert len({run, *(model.run for model in others)}) == 6


def test_what_is_noted_of_a_run_is_plain(detector):
    import json

    info = DFineModel(detector, classes=("dog",)).info("answers")
    assert json.loads(json.dumps(info)) == info
    assert (info["truth"], info["classes"], info["layers"]) == ("answers", ["dog"], 3)
    assert info["w"] == detector.engine.w.tolist() and fields.card(info) == detector.card


def test_fiftyone_leaves_pictures_and_batches_alone(detector):
    model = DFineModel(detector)
    assert model.media_type == "image" and model.ragged_batches is False and model.transforms is None
    assert model.has_collate_fn and model.collate_fn([1, None]) == [1, None]
    assert model.build_get_item().required_keys == ["filepath"]
