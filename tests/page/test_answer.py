"""What a session keeps of one picture: places in it, and whether it answers the same question."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

pytest.importorskip("gradio")

from dfine.inference.predictor import Result
from dfine.page import answer as answers
from dfine.page.answer import Answer, Refusal
from dfine.trace.card import Card
from dfine.trace.detections import Detections
from dfine.trace.disk import About
from tests.helpers import synthetic_trace

SIZE = (400, 200)


@pytest.fixture
def answer():
    """A picture of 400 × 200 that is shown at half its size: two cups and a key, and one key that is hardly seen."""
    boxes = torch.tensor([[0.0, 0, 40, 40], [10, 10, 60, 60], [100, 0, 140, 40], [0, 0, 9, 9]])
    scores, labels = torch.tensor([0.9, 0.6, 0.5, 0.1]), torch.tensor([0, 1, 0, 1])
    found = Detections(boxes, labels, scores, torch.arange(4), ("cup", "key", ""), SIZE)
    shown = Image.new("RGB", (200, 100))
    where = About(Card(("cup", "key", ""), (64, 96)), SIZE, "a.png")
    return Answer(Result(shown, found, synthetic_trace()), shown, 0.1, "/pictures/a.png", "demo", where, "shown.jpg")


def test_a_place_on_the_shown_picture_is_a_place_in_the_visitors(answer):
    assert answer.size == SIZE
    assert answer.point(0, 0) == (0, 0) and answer.point(50, 25) == (100, 50) and answer.point(200, 100) == SIZE


@pytest.mark.parametrize(
    "place, inside", [((-5, 3), (0, 3)), ((500, 3), (400, 3)), ((7, 900), (7, 200)), ((7, 8), (7, 8))]
)
def test_a_place_beside_the_picture_is_its_nearest_place(answer, place, inside):
    assert answer.inside(*place) == inside and all(type(v) is float for v in answer.inside(*place))


def test_the_history_of_a_detection_is_that_of_its_query(answer):
    assert answer.history(2).query == 2 and answer.history(2).name == "cup"


def test_an_answer_stands_for_its_picture_and_model(answer):
    assert answer.stands(("/pictures/a.png", "demo"))
    assert not answer.stands(("/pictures/b.png", "demo")) and not answer.stands(("/pictures/a.png", "other"))


def test_a_refusal_stands_for_a_moment(monkeypatch):
    subject = ("/pictures/a.png", "demo")
    refused, now = replace(Refusal.of(ValueError("no picture"), subject), at=1000.0), [1000.0]
    monkeypatch.setattr(answers, "time", SimpleNamespace(monotonic=lambda: now[0]))
    assert refused.sentence == "That did not work: no picture"
    assert refused.stands(subject) and not refused.stands(("/pictures/b.png", "demo"))
    now[0] += answers.AT_ONCE
    assert not refused.stands(subject), "later it is tried again"


def test_before_the_first_picture_there_is_a_sentence():
    assert "choose a picture" in Refusal().sentence and not Refusal().stands(("", ""))
