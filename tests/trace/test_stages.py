import pytest

from dfine.trace.stages import layer_name, stage_names


@pytest.mark.parametrize(
    "layers, names", [(0, ["initial"]), (1, ["initial", "layer 1"]), (3, ["initial", "layer 1", "layer 2", "layer 3"])]
)
def test_names(layers, names):
    assert stage_names(layers) == names


def test_layers_count_from_one():
    assert [layer_name(i) for i in (1, 6)] == ["layer 1", "layer 6"]
