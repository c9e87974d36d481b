"""The score from which it is worth reporting a detection, on hand-made detections."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import dfine
from dfine.data.scenes import Scenes
from dfine.evaluation.coco import Evaluation, evaluate
from dfine.evaluation.thresholds import best_f1, thresholds
from tests.helpers import small_predictor

CATEGORIES = [{"id": 1, "name": "cup"}, {"id": 2, "name": "key"}]


def answers(*objects):
    """Ground truth of one picture: objects (category, x)."""
    annotations = [
        {"id": i, "image_id": 1, "category_id": c, "bbox": [x, 0, 10, 10], "area": 100, "iscrowd": 0}
        for i, (c, x) in enumerate(objects, 1)
    ]
    image = {"id": 1, "width": 200, "height": 20}
    return {"images": [image], "annotations": annotations, "categories": CATEGORIES}


def found(*rows):
    """Detections (category, x, score)."""
    return np.array([[1, x, 0, 10, 10, score, c] for c, x, score in rows], float).reshape(-1, 7)


def test_nothing_found():
    said = thresholds(Evaluation.of(answers((1, 0)), {"layer 1": found()}))
    assert said.overall is None and said.classes == {}
    assert best_f1(np.array([]), np.array([], bool), 3) is None
    assert best_f1(np.array([0.9]), np.array([False]), 3) is None


@pytest.mark.parametrize(
    ("scores", "right", "objects", "f1", "between"),
    [
        ([0.9], [True], 1, 1.0, (0.0, 0.9)),
        ([0.9, 0.8, 0.7], [True, True, False], 2, 1.0, (0.7, 0.8)),
        ([0.9, 0.8, 0.2, 0.1], [True, False, True, True], 3, 6 / 7, (0.0, 0.1)),
        ([0.9, 0.5, 0.5], [True, True, False], 2, 4 / 5, (0.0, 0.5)),  # equal scores are reported together
        ([0.4, 0.9], [False, True], 1, 1.0, (0.4, 0.9)),  # in any order
    ],
)
def test_the_best_f1(scores, right, objects, f1, between):
    best = best_f1(np.array(scores), np.array(right), objects)
    assert best.f1 == pytest.approx(f1)
    assert between[0] < best.threshold <= between[1] or between[0] == 0 <= best.threshold
    reported = np.array(scores) >= best.threshold
    assert best.precision == pytest.approx(np.array(right)[reported].mean())
    assert best.recall == pytest.approx(np.array(right)[reported].sum() / objects)


def test_classes_have_thresholds_of_their_own():
    truth = answers((1, 0), (1, 50), (2, 100))
    rows = found((1, 0, 0.9), (1, 50, 0.6), (1, 150, 0.5), (2, 100, 0.3), (2, 150, 0.2))
    said = thresholds(Evaluation.of(truth, {"initial": found(), "layer 1": rows}))
    assert 0.5 < said.classes["cup"].threshold <= 0.6 and said.classes["cup"].f1 == 1
    assert 0.2 < said.classes["key"].threshold <= 0.3 and said.classes["key"].objects == 1
    assert said.overall.objects == 3 and said.overall.f1 == pytest.approx(6 / 7)
    assert "cup" in str(said) and "all" in str(said)


def test_best_thresholds_travel_with_the_model_and_are_used_when_asked_for(tmp_path):
    model = small_predictor(("cup", "key", "hat"), source="test")
    model.card = replace(model.card, threshold=0.25, class_thresholds=(None, 0.75, None))
    model.save(tmp_path / "model")
    again = dfine.load(tmp_path / "model", device="cpu")
    assert (again.card.threshold, again.card.class_thresholds) == (0.25, (None, 0.75, None))
    lowest = again.lowest("best")
    assert lowest.tolist() == [0.25, 0.75, 0.25] and again.lowest(0.4) == 0.4
    picture = torch.rand(3, 64, 64)
    everything, best = again(picture, 0.0).detections, again(picture, "best").detections
    assert len(best) == int((everything.scores >= lowest[everything.labels]).sum())


def test_a_model_without_best_thresholds_says_so():
    model = small_predictor(("cup", "key", "hat"), source="test")
    with pytest.raises(ValueError, match="test has no best threshold"):
        model(torch.rand(3, 64, 64), "best")
    with pytest.raises(ValueError, match="between 0 and 1, or 'best', not 'good'"):
        model(torch.rand(3, 64, 64), "good")


def test_the_threshold_found_is_the_best_on_what_it_was_found_on():
    model = dfine.load("demo", device="cpu")
    evaluation = evaluate(model, Scenes(12, size=(320, 320), seed=77, clean=0.5), progress=False)
    best = thresholds(evaluation).overall
    rows = list(evaluation.results.values())[-1]
    for other in (best.threshold * 0.5, min(0.99, best.threshold * 1.5)):
        kept = Evaluation.of(evaluation.truth, {"last": rows[rows["score"] >= other]})
        again = thresholds(kept).overall
        assert again is None or again.f1 <= best.f1 + 1e-9
