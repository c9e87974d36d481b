"""A trace by hand: edges that sharpen towards known offsets, so that figures can be checked by number."""

import pytest
import torch
from PIL import Image

from dfine.distribution import decode, weighting
from dfine.trace.detections import Detections
from dfine.trace.records import Estimate, Refinement, Trace

SIZE = (200, 100)


def trace(layers: int = 3, classes: int = 3) -> Trace:
    """Two queries; query 0 moves its left edge outward and sharpens, query 1 is flat in every layer and stays."""
    w = weighting()
    initial = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.1, 0.2]]])
    n = torch.arange(33.0)
    aims = torch.tensor([20.0, 16.0, 14.0, 16.0])[:, None]
    refinements = []
    for layer in range(1, layers + 1):
        edges = torch.stack((-0.02 * layer**2 * (n - aims) ** 2, torch.zeros(4, 33)))[None]
        logits = torch.full((1, 2, classes), -4.0)
        logits[0, :, 1] = torch.tensor([layer, -layer], dtype=torch.float)
        quality = torch.full((1, 2, 1), 0.5)
        boxes = decode(initial, torch.softmax(edges, -1) @ w)
        refinements.append(Refinement(logits, quality, edges, boxes))
    estimate = Estimate(torch.full((1, 2, classes), -1.0), initial)
    return Trace(estimate, estimate, tuple(refinements), torch.tensor([[5, 9]]), ((4, 8),), w)


@pytest.fixture
def trace_of():
    return trace


@pytest.fixture
def history():
    return trace().history(0, SIZE, name="star", label=1)


@pytest.fixture
def picture():
    return Image.new("RGB", SIZE, (40, 90, 60))


@pytest.fixture
def detections():
    boxes = torch.tensor([[10.0, 10, 110, 90], [20, 20, 60, 60], [150, 5, 195, 50]])
    return Detections(
        boxes,
        torch.tensor([0, 1, 2]),
        torch.tensor([0.9, 0.6, 0.3]),
        torch.tensor([4, 0, 2]),
        ("ring", "star", "<fish>"),
        SIZE,
    )


@pytest.fixture
def nothing(detections):
    return detections[torch.zeros(3, dtype=torch.bool)]
