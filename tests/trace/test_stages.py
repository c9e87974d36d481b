import pytest

from dfine.trace.postprocess import stage
from dfine.trace.stages import INITIAL, layer_name, spoken, stage_keys, stage_names
from tests.helpers import synthetic_trace


@pytest.mark.parametrize(
    "layers, names", [(0, ["initial"]), (1, ["initial", "layer 1"]), (3, ["initial", "layer 1", "layer 2", "layer 3"])]
)
def test_names(layers, names):
    assert stage_names(layers) == names


def test_layers_count_from_one():
    assert [layer_name(i) for i in (1, 6)] == ["layer 1", "layer 6"]


def test_every_name_has_the_key_by_which_its_stage_is_found():
    trace = synthetic_trace(layers=3)
    assert list(stage_keys(3)) == stage_names(3) == list(trace.stages)
    assert all(stage(trace, key) is trace.stages[name] for name, key in stage_keys(3).items())
    assert stage_keys(0) == {INITIAL: INITIAL}


def test_what_is_said_of_a_stage_in_a_sentence():
    assert [spoken(name) for name in stage_names(2)] == ["initial box", "layer 1", "layer 2"]
