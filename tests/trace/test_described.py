import json

import pytest
import torch

from dfine.trace.described import described
from tests.helpers import synthetic_trace

SIZE = (640, 480)


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_the_numbers_lead_from_the_initial_box_to_every_layer(layers):
    """As its docstring says: edge k lies Σ w[n]·distributions[k][n]·pixels_per_size[k] pixels outside of `initial`."""
    told = json.loads(json.dumps(described(synthetic_trace(layers=layers).history(2, SIZE, name="cat", label=1))))
    assert [layer["layer"] for layer in told["layers"]] == list(range(1, layers + 1))
    for layer in told["layers"]:
        for k in range(4):
            offset = sum(w * p for w, p in zip(told["w"], layer["distributions"][k]))
            assert layer["offsets"][k] == pytest.approx(offset, abs=1e-5)
            outward = -1 if k < 2 else 1
            place = told["initial"]["box"][k] + outward * offset * told["pixels_per_size"][k]
            assert layer["box"][k] == pytest.approx(place, abs=0.01)
            low, high = layer["intervals"][k]
            assert low <= high
    moved = [sum(layer["shifts"][k] for layer in told["layers"]) for k in range(4)]
    last = told["layers"][-1]
    assert moved == pytest.approx([o * p for o, p in zip(last["offsets"], told["pixels_per_size"])], abs=0.01)
    assert (told["score"], told["box"], told["name"]) == (last["score"], last["box"], "cat")


@pytest.mark.parametrize("token, place", [(0, (0, 0, 0)), (47, (0, 5, 7)), (48, (1, 0, 0)), (59, (1, 2, 3))])
def test_the_token_has_a_place(token, place):
    trace = synthetic_trace()  # levels of 6 × 8 and 3 × 4 tokens
    trace.origin.data = torch.full((1, 5), token)
    level, row, column = place
    told = described(trace.history(0, SIZE))["token"]
    assert told == {"index": token, "level": level, "row": row, "column": column}


@pytest.mark.parametrize("token", [-1, 60])
def test_a_query_of_no_token(token):
    trace = synthetic_trace()
    trace.origin.data = torch.full((1, 5), token)
    assert described(trace.history(0, SIZE))["token"] is None
