"""The browser's modules: their own tests, in node, and the same numbers as Python's."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("gradio")

from dfine.figures import style, words
from dfine.figures.object.arithmetic import written
from dfine.page.compact import compact
from tests.page.visitor import EXAMPLES, LOW

HERE = Path(__file__).parent / "browser"
NODE = shutil.which("node")
PATIENCE = 120  # seconds; the tests may run beside a training

pytestmark = pytest.mark.skipif(NODE is None, reason="node, which runs the browser's modules, is not installed")


def node(*arguments):
    done = subprocess.run([NODE, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_modules_pass_their_own_tests():
    node("--test", *sorted(HERE.glob("*.test.mjs")))


LEVELS = [[0, 0.1, 0.5, 0.9], [0, 0.2, 0.5, 0.8], [0.03, 0.1, 0.45, 0.85], [0.08, 0.05, 0.5, 0.97]]  # of three widths
CALIBRATIONS = {
    "uncalibrated": {},
    "by a temperature": dict(temperature=torch.tensor([0.8, 1.3, 1.0, 2.5])),
    "by levels": dict(levels=torch.tensor(LEVELS)),
}


@pytest.fixture(scope="module", params=CALIBRATIONS)
def both(request, model, tmp_path_factory):
    """A result, and what the browser reads off its compact answer."""
    result = model(EXAMPLES[1], LOW)
    result = replace(result, trace=replace(result.trace, **CALIBRATIONS[request.param]))
    path = tmp_path_factory.mktemp("answer") / "answer.json"
    path.write_text(json.dumps(compact(result)))
    return result, json.loads(node(HERE / "numbers.mjs", path))


def close(told, exact, abs):
    """Whether all numbers are there and equal, up to a difference."""
    told, exact = torch.as_tensor(told).flatten().double(), exact.flatten().double()
    return told.shape == exact.shape and bool(((told - exact).abs() <= abs + 1e-6 * exact.abs()).all())


def test_every_stage_and_edge_has_the_same_numbers_in_python_and_in_the_browser(both):
    result, told = both
    assert len(told) == len(result.detections) > 5
    for i, (one, d) in enumerate(zip(told, result.detections.to_list())):
        h = result.history(i)
        pixels = dict(abs=0.02)  # of several hundred: see what `compact` says of its loss
        assert (one["name"], one["query"]) == (d["name"], d["query"])
        assert one["score"] == pytest.approx(d["score"], abs=1e-6) and one["box"] == pytest.approx(d["box"], abs=1e-3)
        for name, exact, near in (
            ("boxes", h.xyxy_pixels, dict(abs=1e-3)),
            ("moments", h.xyxy_pixels, dict(abs=1e-3)),
            ("edges", h.xyxy_pixels[1:], pixels),
            ("intervals", h.intervals(), pixels),
            ("deviations", h.deviations, pixels),
            ("shifts", h.shifts, pixels),
            ("offsets", h.offsets, dict(abs=1e-4)),
            ("entropies", h.entropies, dict(abs=1e-3)),
            ("scores", torch.cat((h.initial_logits[h.label].sigmoid()[None], h.scores)), dict(abs=1e-6)),
            ("before", h.scores_before_lqe, dict(abs=1e-6)),
            ("ious", h.iou_with_last, dict(abs=1e-5)),
            ("peaks", h.peaks, dict(abs=1e-4)),
            ("quality", h.quality, dict(abs=1e-6)),
        ):
            assert close(one[name], exact, **near), name
        deep = h.edges.amax(-1, keepdim=True) - h.edges > 39  # such bins are sent as if they lay 40 below the highest
        told_of = ~(deep | torch.cat((torch.zeros_like(deep[:1]), deep[:-1])))
        added = torch.tensor(one["added"])[told_of]
        assert close(added, h.added[told_of], 2e-3) and len(added) > 100
        for layer in range(h.layers if i < 6 else 0):  # the same lines for each, and digits take their time
            for edge in range(4):
                offset, shift, place = one["sums"][layer][edge]
                exact = written(h, edge, layer)
                assert offset == pytest.approx(float(exact.offset), abs=1e-4)
                assert shift == pytest.approx(float(exact.shift), **pixels)
                assert place == pytest.approx(float(exact.edge), abs=0.03)


def test_an_object_is_described_in_the_same_words(both):
    result, told = both
    kinds = set()
    for i, one in enumerate(told):
        history = result.history(i)
        assert one["title"] == style.title(history)
        for mine, wanted in ((one["words"], words.describe(history)), (one["sure"], words.sureness(history))):
            here, there = (re.split(r"(?<= )([\d.]+)(?= px| to)", text) for text in (mine, wanted))
            assert here[::2] == there[::2]
            assert [float(v) for v in here[1::2]] == pytest.approx([float(v) for v in there[1::2]], rel=0.01)
        kinds.add(one["sure"].split()[0])
    assert kinds == {"About", "Sure", "Surest"}, "all kinds of sentences are compared"
