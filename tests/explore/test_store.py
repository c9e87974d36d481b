"""What is stored of a trace, and the way back to the network's own history."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dfine.trace.card import Card
from tests.helpers import synthetic_trace

NAMES, SIZE = ("cat", "dog", "bird"), (200, 100)
EDGES = ("left", "top", "right", "bottom")


@pytest.fixture
def trace():
    return synthetic_trace(layers=4, seed=3)


def stored(trace, threshold=0.0, classes=(), top=100):
    from dfine.explore import store
    from dfine.explore.names import match

    return store.documents(trace, match(NAMES, classes), SIZE, store.Keep(threshold, top))


def labels(fo, document):
    return fo.Detections.from_dict(document).detections


def info(trace):
    t = trace.temperature
    card = Card(NAMES, (64, 64), temperature=None if t is None else tuple(t.tolist()))
    return {"layers": len(trace.refinements), "w": trace.w.tolist(), "card": card.to_dict()}


def test_nothing_found_is_stored_as_nothing(fo, trace):
    documents = stored(trace, threshold=1.0)
    assert list(documents) == ["initial", "layer 1", "layer 2", "layer 3", "layer 4"]
    assert all(labels(fo, d) == [] for d in documents.values())


@pytest.mark.parametrize("temperature", [None, (0.5, 1.0, 2.0, 3.0)])
def test_a_stored_detection_gives_the_networks_history_back(fo, trace, temperature):
    from dfine.explore.record import history

    trace = replace(trace, temperature=None if temperature is None else torch.tensor(temperature))
    found = labels(fo, stored(trace)["layer 4"])
    assert len(found) == 5 * 3  # every query with every class
    for detection in found:
        label = NAMES.index(detection.label)
        own = trace.history(detection.query, SIZE, name=detection.label, label=label)
        back = history(detection, info(trace), SIZE)
        assert back.name == detection.label and back.query == detection.query
        assert back.token == own.token and back.shapes == own.shapes and back.size == SIZE
        for key in ("xyxy_pixels", "shifts", "deviations", "entropies", "scores", "scores_before_lqe", "iou_with_last"):
            torch.testing.assert_close(getattr(back, key), getattr(own, key), atol=1e-5, rtol=1e-5, msg=key)
        torch.testing.assert_close(back.intervals(), own.intervals(), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(back.proposal_logits, own.proposal_logits[label : label + 1])
        torch.testing.assert_close(back.initial_logits, own.initial_logits[label : label + 1])


@pytest.mark.parametrize("temperature", [None, (0.5, 1.0, 2.0, 3.0)])
def test_attributes_say_what_the_history_says(fo, trace, temperature):
    trace = replace(trace, temperature=None if temperature is None else torch.tensor(temperature))
    for detection in labels(fo, stored(trace)["layer 4"]):
        h = trace.history(detection.query, SIZE, label=NAMES.index(detection.label))
        x1, y1, x2, y2 = h.xyxy_pixels[-1].tolist()
        sides = (x2 - x1, y2 - y1, x2 - x1, y2 - y1)
        for k, edge in enumerate(EDGES):
            low, high = h.intervals()[-1, k].tolist()
            assert detection[f"spread_{edge}"] == pytest.approx(float(h.deviations[-1, k]), abs=1e-3)
            assert detection[f"interval_{edge}"] == pytest.approx([low, high], abs=1e-3)
            assert detection[f"range_{edge}"] == pytest.approx(high - low, abs=1e-3)
            assert detection[f"entropy_{edge}"] == pytest.approx(float(h.entropies[-1, k]), abs=1e-3)
            assert detection[f"shift_{edge}"] == pytest.approx(h.shifts[:, k].tolist(), abs=1e-3)
            assert detection[f"distribution_{edge}"] == pytest.approx(h.probabilities[-1, k].tolist(), abs=1e-5)
        relative = [detection[f"range_{edge}"] / side for edge, side in zip(EDGES, sides)]
        assert detection.doubt == pytest.approx(max(relative), abs=1e-3)
        assert detection.doubt_edge == EDGES[int(np.argmax(relative))]
        assert detection.scores == pytest.approx(h.scores.tolist(), abs=1e-5)
        assert detection.scores[-1] == pytest.approx(detection.confidence, abs=1e-5)
        assert detection.scores_before_lqe == pytest.approx(h.scores_before_lqe.tolist(), abs=1e-5)
        whole = torch.tensor([200.0, 100.0, 200.0, 100.0])
        inside = torch.minimum(h.xyxy_pixels.clamp(min=0), whole)
        np.testing.assert_allclose(detection.boxes, inside, atol=1e-3)
        x, y, w, h = detection.bounding_box
        np.testing.assert_allclose(detection.boxes[-1], [200 * x, 100 * y, 200 * (x + w), 100 * (y + h)], atol=1e-3)


def test_stages_rank_by_their_own_scores_and_are_tied_by_query(fo, trace):
    for stage, document in stored(trace, threshold=0.4, top=6).items():
        found = labels(fo, document)
        scores = [d.confidence for d in found]
        assert 0 < len(found) <= 6 and scores == sorted(scores, reverse=True) and scores[-1] >= 0.4
        estimate = trace.initial if stage == "initial" else trace.refinements[int(stage[-1]) - 1]
        for d in found:
            assert d.confidence == pytest.approx(
                float(estimate.logits[0, d.query, NAMES.index(d.label)].sigmoid()), abs=1e-6
            )


def test_classes_that_the_data_does_not_have_are_left_out(fo, trace):
    found = labels(fo, stored(trace, classes=("Dog", "fish"))["initial"])
    assert {d.label for d in found} == {"Dog"} and len(found) == 5


def test_bad_settings_and_foreign_records_are_refused(fo, trace):
    from dfine.explore.record import history
    from dfine.explore.store import Keep

    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        Keep(threshold=2)
    with pytest.raises(ValueError, match="not 0"):
        Keep(top=0)
    detection = labels(fo, stored(trace)["layer 4"])[0]
    with pytest.raises(ValueError, match="does not fit 3 layers.*another model"):
        history(detection, info(trace) | {"layers": 3}, SIZE)
    with pytest.raises(ValueError, match="no record"):
        history(labels(fo, stored(trace)["initial"])[0], info(trace), SIZE)


def test_the_table_lists_everything_that_is_stored(fo, explored):
    from dfine.explore import store

    table = Path(store.__file__).with_name("README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", table))
    named |= {f"{name[:-1]}{edge}" for name in named if name.endswith("_k") for edge in EDGES}
    found = next(s["dfine"].detections[0] for s in explored if s["dfine"].detections)
    kept = set(found.to_dict()) - set(fo.Detection(label="a", confidence=0.5).to_dict())
    assert {name for name in kept if not name.startswith("dfine_eval")} <= named
    assert {"query", "spread_left", "distribution_bottom", "record", "gain", "error"} <= kept
    missing = {name for name in named if name.endswith(tuple(EDGES)) and name not in kept}
    assert not missing  # and it promises nothing that is not there
