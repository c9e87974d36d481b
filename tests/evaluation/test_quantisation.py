import math

import pytest
import torch
from PIL import Image

from dfine import distribution
from dfine.evaluation.quantisation import TrueEdges, errors, true_edges
from tests.helpers import NAMES, small_predictor


def test_no_object_has_no_error():
    none = true_edges([])
    assert len(none) == 0 and math.isnan(errors(none, [0.5], [0.25])[0, 0])


def test_edges_on_bins_cost_nothing_and_others_the_way_to_the_nearest_in_pixels():
    w = distribution.weighting(6)
    on = TrueEdges(w[[0, 2, 3, 6]][None], torch.full((1, 4), 100.0))
    assert errors(on, [0.5], [0.25], bins=6).item() == pytest.approx(0, abs=1e-4)
    off = TrueEdges(torch.tensor([[0.6, 1.5, 0.0, 0.0]]), torch.tensor([[100.0, 50.0, 100.0, 50.0]]))
    assert errors(off, [0.5], [0.25], bins=6).item() == pytest.approx((0.1 * 100 + 0.5 * 50) / 4, abs=1e-3)


def test_finer_steps_help_where_boxes_were_nearly_right_and_hurt_further_out():
    near = TrueEdges(torch.linspace(-0.02, 0.02, 40).reshape(10, 4), torch.full((10, 4), 100.0))
    far = TrueEdges(torch.linspace(0.2, 0.45, 40).reshape(10, 4), torch.full((10, 4), 100.0))
    table = [errors(edges, [0.25, 0.5], [1 / 32, 1]) for edges in (near, far)]
    assert (table[0][:, 0] < table[0][:, 1]).all() and table[1][1, 0] > table[1][1, 1]


def test_only_objects_that_were_found_count():
    result = small_predictor(NAMES)(Image.new("RGB", (80, 60), "red"), threshold=0.0)
    boxes, labels = result.detections.boxes[:1], result.detections.labels[:1].tolist()
    edges = true_edges([(result, boxes, labels), (result, boxes + 1e4, labels)])
    assert len(edges) == 1
    placed = distribution.edge_positions(result.history(0).initial, edges.offset[0], result.detections.size)
    torch.testing.assert_close(placed, boxes[0], rtol=0, atol=0.05)
