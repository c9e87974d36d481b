"""Stored records and back: nothing is lost, and records of other models are refused."""

import numpy as np
import pytest
import torch

from dfine.explore.record import history, pack, unpack

N, LAYERS, BINS, SHAPES = 3, 2, 5, ((6, 8), (3, 4))


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    shapes = {
        "proposal": (4,),
        "proposal_logit": (),
        "initial": (4,),
        "initial_logit": (),
        "logits": (LAYERS,),
        "quality": (LAYERS,),
        "boxes": (LAYERS, 4),
        "edges": (LAYERS, 4, BINS),
    }
    return {name: rng.random((N, *shape), dtype=np.float32) for name, shape in shapes.items()}


def test_no_detections_are_no_records(parts):
    none = {name: value[:0] for name, value in parts.items()}
    assert pack(np.zeros(0, int), SHAPES, none).shape == (0, 2 + 4 + 10 + LAYERS * (2 + 4 + 4 * BINS))


def test_unpacking_undoes_packing(parts):
    records = pack(np.array([5, 0, 59]), SHAPES, parts)
    assert records.dtype == np.float32 and records.shape == (N, 2 + 4 + 10 + LAYERS * (2 + 4 + 4 * BINS))
    back = unpack(records, LAYERS, BINS)
    assert back["token"].tolist() == [5, 0, 59] and back["shapes"] == SHAPES
    for name, value in parts.items():
        np.testing.assert_array_equal(back[name].reshape(value.shape), value)


@pytest.mark.parametrize("layers, bins", [(LAYERS + 1, BINS), (LAYERS, BINS - 1), (9, 99)])
def test_a_record_of_another_model_is_refused(parts, layers, bins):
    records = pack(np.zeros(N, int), SHAPES, parts)
    with pytest.raises(ValueError, match=f"does not fit {layers} layers with {bins} values per edge"):
        unpack(records, layers, bins)


class Stored(dict):
    """A detection as the database gives it back."""

    label = "cup"

    def get_attribute_value(self, name, default):
        return self.get(name, default)


def test_a_history_has_the_stored_numbers(parts):
    records = pack(np.array([5, 0, 59]), SHAPES, parts)
    info = {"layers": LAYERS, "w": [-1.0, -0.5, 0.0, 0.5, 1.0], "input": [64, 64]}
    info |= {"temperature": [1.0, 2.0, 3.0, 4.0]}  # as versions before the card stored it
    told = history(Stored(record=records[2], query=7), info, (64, 48))
    assert (told.query, told.token, told.shapes, told.name, told.size) == (7, 59, SHAPES, "cup", (64, 48))
    assert torch.equal(told.edges, torch.from_numpy(parts["edges"][2]))
    assert torch.equal(told.logits[:, 0], torch.from_numpy(parts["logits"][2])) and told.label == 0
    assert told.temperature.tolist() == [1, 2, 3, 4] and told.w.tolist() == info["w"]


def test_a_detection_of_somebody_else_has_none():
    with pytest.raises(ValueError, match="holds no record of its edges"):
        history(Stored(query=7), {"layers": 1, "w": []}, (64, 48))
