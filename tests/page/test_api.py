import json

import numpy as np
import pytest
from PIL import Image

from dfine.inference.predictor import Predictor
from dfine.page import api
from dfine.page.models import Models
from dfine.trace.base import SCHEMA
from dfine.version import VERSION
from tests.helpers import small_predictor

NAMES = ("", "dog", "fish")  # the first column is never reported


@pytest.fixture(scope="module")
def model() -> Predictor:
    return small_predictor(NAMES, source="somebody/something", digest="f" * 64)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "my cat.png"
    noise = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    Image.fromarray(noise).resize((120, 80)).save(path)
    return path


@pytest.fixture
def opened(model):
    return lambda name: model


def plain(answer: dict) -> dict:
    """The answer after a trip through strict JSON, which knows neither tensors nor NaN."""
    return json.loads(json.dumps(answer, allow_nan=False))


def test_nothing_found(opened, picture):
    answer = plain(api.detect(opened, picture, threshold=1.0))
    assert answer == {
        "schema": SCHEMA,
        "dfine": VERSION,
        "model": "somebody/something",
        "digest": "f" * 64,
        "engine": "torch on cpu",
        "precision": "float32",
        "picture": "my cat.png",
        "size": [120, 80],
        "threshold": 1.0,
        "detections": [],
    }


def test_detections_are_those_of_the_model(opened, model, picture):
    answer = plain(api.detect(opened, str(picture), threshold=0.5))
    assert answer["detections"] == plain(model(picture, threshold=0.5).detections.to_list())
    assert len(answer["detections"]) > 1


@pytest.mark.parametrize("model_name", ["", "nano-coco"])
def test_the_name_is_handed_on(model, picture, model_name):
    asked = []
    api.detect(lambda name: asked.append(name) or model, picture, model_name)
    assert asked == [model_name]


def test_an_object_adds_up(opened, picture):
    """The sum that the documentation promises ends at the box, for every layer and edge."""
    found = api.detect(opened, picture, threshold=0.1)["detections"]
    answer = plain(api.inspect(opened, picture, index=1))["object"]
    assert [answer[k] for k in ("label", "name", "query")] == [found[1][k] for k in ("label", "name", "query")]
    assert answer["score"] == pytest.approx(found[1]["score"], abs=1e-6)
    assert answer["edges"] == ["left", "top", "right", "bottom"]
    assert [layer["layer"] for layer in answer["layers"]] == [1, 2, 3]
    outward = (-1, -1, 1, 1)
    for layer in answer["layers"]:
        for k in range(4):
            p = layer["distributions"][k]
            assert sum(p) == pytest.approx(1, abs=1e-5) and len(p) == len(answer["w"]) == 33
            offset = sum(w * q for w, q in zip(answer["w"], p))
            assert offset == pytest.approx(layer["offsets"][k], abs=1e-5)
            pixels = offset * answer["pixels_per_size"][k]
            assert answer["initial"]["box"][k] + outward[k] * pixels == pytest.approx(layer["box"][k], abs=1e-2)
            low, high = layer["intervals"][k]
            assert low < high
    for k in range(4):
        moved = sum(layer["shifts"][k] for layer in answer["layers"])
        assert answer["initial"]["box"][k] + outward[k] * moved == pytest.approx(answer["box"][k], abs=1e-2)
    assert answer["layers"][-1]["iou_with_last"] == pytest.approx(1)


def test_more_mass_is_a_wider_interval(opened, picture):
    half, most = (api.inspect(opened, picture, mass=m)["object"]["layers"][-1]["intervals"] for m in (0.5, 0.95))
    assert all(b[0] <= a[0] and a[1] <= b[1] for a, b in zip(half, most))


def test_a_query_without_a_detection_can_be_asked_for(opened, model, picture):
    for query in (0, 19):
        answer = plain(api.inspect(opened, picture, query=query))["object"]
        assert answer["query"] == query
        logits = model(picture).trace.last.logits[0, query]
        assert answer["label"] == 1 + int(logits[1:].argmax())  # never the column without a name
        assert answer["name"] == NAMES[answer["label"]]


def test_where_an_object_was_born(opened, model, picture):
    answer = api.inspect(opened, picture, index=0)["object"]
    trace = model(picture, threshold=0).trace
    token, shapes = answer["token"], trace.shapes
    assert token["index"] == int(trace.origin[0, answer["query"]])
    before = sum(h * w for h, w in shapes[: token["level"]])
    assert before + token["row"] * shapes[token["level"]][1] + token["column"] == token["index"]


@pytest.mark.parametrize(
    "asked, complaint",
    [
        (dict(index=40), "no detection 40; there are 40"),
        (dict(index=-1), "no detection -1"),
        (dict(query=20), "no query 20; this trace has queries 0 to 19"),
        (dict(query=-1), "no query -1"),
        (dict(mass=0), "mass is a probability between 0 and 1, not 0"),
        (dict(mass=1.5), "not 1.5"),
    ],
)
def test_what_is_not_there(opened, picture, asked, complaint):
    with pytest.raises(ValueError, match=complaint):
        api.inspect(opened, picture, **asked)


def test_what_is_no_picture(opened, tmp_path):
    for ask in (api.detect, api.inspect):
        with pytest.raises(ValueError, match="no file"):
            ask(opened, tmp_path / "nowhere.png")


def test_paths_of_the_server_stay_at_home(model, picture, tmp_path):
    model.save(tmp_path / "secret" / "mine")
    answer = api.detect(Models(tmp_path / "secret" / "mine", "cpu"), picture)
    assert answer["model"] == "mine" and len(answer["digest"]) == 64
    assert "secret" not in json.dumps(answer) and str(picture.parent) not in json.dumps(answer)


def test_the_models_are_the_zoo(tmp_path):
    rows = plain({"rows": api.models(Models("demo"))})["rows"]
    assert {"demo", "nano-coco", "xlarge-obj2coco"} <= {row["name"] for row in rows}
    assert all({"AP", "parameters (M)", "GFLOPs", "licence", "cached", "state"} <= set(row) for row in rows)
