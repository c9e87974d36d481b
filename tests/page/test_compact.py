"""The compact answer: how large it is, and how much is lost on the way to the browser."""

import base64
import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio")

from dfine.inference.predictor import Result
from dfine.page.compact import STEP, compact, remainder
from dfine.trace.postprocess import detections
from tests.helpers import synthetic_trace

NAMES = ("cat", "</script><b>dog", "Ωmega")
SIZE = (640, 480)
LIMIT = 200_000  # bytes of an answer with 50 objects


def result_of(trace, threshold=0.0):
    found = detections(trace, NAMES, [SIZE])[0].above(threshold)
    return Result(Image.new("RGB", SIZE), found, trace)


def unpacked(text, kind, *shape):
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


def test_nothing_found_is_an_answer_too():
    told = json.loads(json.dumps(compact(result_of(synthetic_trace(), 1.1))))
    assert told["labels"] == told["rows"] == told["queries"] == [] and told["scores"] == told["distributions"] == ""
    assert len(told["w"]) == 33 and told["classes"] == {}


def test_an_answer_is_small():
    """50 objects of the largest sizes, which have six layers."""
    result = result_of(synthetic_trace(queries=50, classes=3, layers=6))
    result = Result(result.picture, result.detections[:50], result.trace)
    assert len(json.dumps(compact(result))) < LIMIT


def test_what_is_too_much_for_one_message_comes_in_a_second_one_the_best_first():
    """300 queries of the largest sizes."""
    result = result_of(synthetic_trace(queries=300, classes=3, layers=6))
    told = compact(result)
    assert 0.9 * LIMIT < len(json.dumps(told)) < LIMIT
    first, rest = (unpacked(text, "<u2", -1, 6, 4, 33) for text in (told["distributions"], remainder(result)))
    whole = unpacked(compact(result, limit=10**9)["distributions"], "<u2", -1, 6, 4, 33)
    assert 50 < len(first) < len(whole) == len(told["queries"])
    assert (np.concatenate((first, rest)) == whole).all()
    assert told["rows"][0] == 0 and max(told["rows"][:50]) < len(first), "the best detections are in the first"
    assert remainder(result, limit=10**9) == ""


@pytest.mark.parametrize("layers", [1, 3])
def test_everything_arrives(layers):
    result = result_of(synthetic_trace(queries=9, layers=layers))
    told, trace, found = compact(result), result.trace, result.detections
    n, m = len(found), len(told["queries"])
    assert [told["queries"][row] for row in told["rows"]] == found.query.tolist()
    assert [told["classes"][str(label)]["name"] for label in told["labels"]] == found.class_names
    assert (unpacked(told["scores"], "<f4", n) == found.scores.numpy()).all()
    boxes = unpacked(told["boxes"], "<f4", m, 1 + layers, 4)
    logits = unpacked(told["logits"], "<f4", n, 1 + layers)
    quality = unpacked(told["quality"], "<f4", m, layers)
    for i, row in enumerate(told["rows"]):
        history = result.history(i)
        assert boxes[row] == pytest.approx(history.xyxy_pixels.numpy(), abs=1e-4)
        assert logits[i, 1:] == pytest.approx(history.logits[:, history.label].numpy(), abs=0)
        assert logits[i, 0] == pytest.approx(float(history.initial_logits[history.label]), abs=0)
        assert quality[row] == pytest.approx(history.quality.numpy(), abs=0)
        assert told["tokens"][row] == history.token == int(trace.origin[0, history.query])


def test_distributions_lose_no_more_than_is_said():
    result = result_of(synthetic_trace(queries=9, layers=3))
    told, w = compact(result), result.trace.w.double()
    steps = unpacked(told["distributions"], "<u2", len(told["queries"]), 3, 4, 33)
    p = torch.softmax(-STEP * torch.from_numpy(steps.astype(np.float64)), -1)
    for i, row in enumerate(told["rows"]):
        history = result.history(i)
        exact = torch.softmax(history.edges.double(), -1)
        assert float((p[row] / exact - 1).abs().max()) < np.expm1(STEP)
        mean = (exact * w).sum(-1)
        distance = (exact * (w - mean[..., None]).abs()).sum(-1)
        assert bool(((p[row] * w).sum(-1) - mean).abs().le(2 * np.expm1(STEP / 2) * distance + 1e-12).all())


def test_bins_that_are_all_but_impossible_stay_so():
    trace = synthetic_trace(queries=3, layers=1)
    trace.refinements[0].edges[..., 0] = -1000.0
    told = compact(result_of(trace))
    assert unpacked(told["distributions"], "<u2", 3, 1, 4, 33)[..., 0].min() == 65535
