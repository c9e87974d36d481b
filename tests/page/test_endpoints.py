"""The public endpoints, as a client meets them."""

import pytest

gr = pytest.importorskip("gradio")
client = pytest.importorskip("gradio_client")

from dfine.page import answer
from dfine.page.endpoints import here
from dfine.page.models import Models
from tests.page.visitor import PHOTO


@pytest.fixture(scope="module")
def caller(url):
    return client.Client(url, verbose=False, httpx_kwargs=dict(timeout=120))  # by itself it waits for five seconds


def test_detect_and_inspect_answer(caller, model):
    found = caller.predict(client.handle_file(PHOTO), "", answer.FLOOR, api_name="/detect")
    assert found["schema"] and found["picture"].endswith(".jpg") and found["digest"] == model.digest
    expected = model(PHOTO, answer.FLOOR).detections
    assert [d["name"] for d in found["detections"]] == expected.class_names
    story = caller.predict(client.handle_file(PHOTO), api_name="/inspect")["object"]
    assert len(story["layers"]) == model.config.layers and story["name"] == expected.class_names[0]


def test_models_are_listed_and_nothing_else_is_public(caller):
    assert {"nano-coco", "demo"} <= {row["name"] for row in caller.predict(api_name="/models")}
    named = caller.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/detect", "/inspect", "/models"}


def test_a_caller_cannot_have_models_fetched(caller):
    """The page runs offline here, so that a fetch would be another sentence; nothing is asked of the Hub."""
    rows = caller.predict(api_name="/models")
    absent = [row["name"] for row in rows if row["state"] == "to be fetched"]
    if not absent:
        pytest.skip("every model of the zoo is cached here")
    for endpoint in ("/detect", "/inspect"):
        with pytest.raises(Exception, match=f"'{absent[-1]}' is not on this machine, and callers cannot"):
            caller.predict(client.handle_file(PHOTO), absent[-1], api_name=endpoint)


def test_what_cannot_be_answered_gets_a_sentence(caller):
    with pytest.raises(Exception, match="no model 'nothing' is offered"):
        caller.predict(client.handle_file(PHOTO), "nothing", 0.5, api_name="/detect")


def test_models_that_are_here_may_be_asked_for(checkpoint, monkeypatch):
    models = Models(checkpoint, "cpu")
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: None)
    assert here(models, "") == "" and here(models, checkpoint) == checkpoint
    with pytest.raises(gr.Error, match="nano-coco.* is not on this machine"):
        here(models, "nano-coco")
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: "cached")
    assert here(models, "nano-coco") == "nano-coco"
