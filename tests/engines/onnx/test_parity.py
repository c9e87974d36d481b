"""Differences are told by output, and too large ones refused."""

import pytest
import torch

from dfine.engines.onnx.export import tensors
from dfine.engines.onnx.parity import ExportError, check, compare
from tests.helpers import synthetic_trace


def test_a_file_that_says_something_else_is_not_written():
    trace = synthetic_trace()
    want = tensors(trace)
    have = {name: value.clone() for name, value in want.items()}
    have["trace.layers.edges"][0, 1, 2, 3, 4] += 1
    parity = compare(have, want)
    assert max(v for k, v in parity.items() if k != "trace.layers.edges") == 0
    with pytest.raises(ExportError, match="trace.layers.edges"):
        check(parity, half=False)
    check(compare(want, want), half=False)


def test_queries_in_another_order_are_the_same_answer():
    want = tensors(synthetic_trace(queries=5))
    order = torch.tensor([3, 0, 4, 1, 2])
    have = {n: value.index_select(2 if n.startswith("trace.layers.") else 1, order) for n, value in want.items()}
    assert max(compare(have, want).values()) == 0


@pytest.mark.parametrize("query, gap", [(4, 0.0), (3, 1 / 5), (0, 4 / 5)], ids=["last", "last but one", "first"])
def test_a_token_that_only_one_side_chose_is_as_far_off_as_its_score(query, gap):
    """Scores 5, 4, 3, 2, 1: whoever chose another token than the last may have rounded, than the first has not."""
    want = tensors(synthetic_trace(queries=5))
    want["trace.proposals.logits"] = torch.arange(5.0, 0, -1)[None, :, None] - torch.arange(3.0)
    have = want | {"trace.origin": want["trace.origin"].clone()}
    have["trace.origin"][0, query] = 99
    assert compare(have, want)["trace.origin"] == pytest.approx(gap)
    have["trace.origin"][0, :3] = torch.tensor([97, 98, 99])
    assert compare(have, want)["trace.origin"] == float("inf")


def test_a_nan_is_a_difference():
    want = tensors(synthetic_trace())
    have = want | {"trace.layers.boxes": want["trace.layers.boxes"] * float("nan")}
    assert compare(have, want)["trace.layers.boxes"] == float("inf")
