"""What a benchmark compares."""

import pytest
import torch

from dfine.config import Config
from dfine.engines.compared import Setting, builders
from dfine.network.detector import DFINE


@pytest.mark.parametrize(
    "wrong, said",
    [({"sizes": ("q",)}, "no size 'q'"), ({"engines": ("jax",)}, "no engine 'jax'"), ({"precision": "f8"}, "f8")],
)
def test_settings_that_cannot_be(wrong, said):
    with pytest.raises(ValueError, match=said):
        Setting(**wrong)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DFINE(Config.of("n", queries=20)).eval()


@pytest.mark.parametrize(
    "setting, names",
    [
        (Setting(engines=("fused",)), ["fused"]),
        (Setting(engines=("fused",), layers=True), ["fused", "fused, 1 of 3 layers", "fused, 2 of 3 layers"]),
        (Setting(engines=("transformers",), precision="bfloat16"), ["transformers", "transformers, float32"]),
        (Setting(engines=("fused",), compiled=True, graphs=True), ["fused", "fused, compiled"]),
        (Setting(engines=("openvino",), device="cuda"), []),
        (Setting(engines=("onnx", "openvino"), precision="bf16"), ["onnx", "openvino", "openvino, bfloat16"]),
        (
            Setting(engines=("fused", "onnx", "openvino"), precision="int8"),
            ["fused", "onnx", "onnx, int8", "openvino", "openvino, int8"],
        ),
        (
            Setting(engines=("fused",), graphs=True, device="cuda:0"),
            ["fused", "fused, kernels", "fused, graphs"],
        ),
    ],
)
def test_which_engines_stand_for_a_setting(network, tmp_path, setting, names):
    assert list(builders(network, setting, tmp_path)) == names


@torch.no_grad()
def test_engines_are_of_the_same_network(network, tmp_path):
    pixels = torch.rand(1, 3, 64, 64)
    made = builders(network, Setting(engines=("torch", "fused"), layers=True, input=(64, 64)), tmp_path)
    traces = {name: build()(pixels) for name, build in made.items()}
    assert len(traces["fused, 2 of 3 layers"].refinements) == 2
    for trace in traces.values():
        assert torch.allclose(trace.refinements[0].boxes, traces["torch"].refinements[0].boxes, atol=1e-4)


@torch.no_grad()
def test_torch_runs_in_half_precision_where_that_is_asked_for(network, tmp_path):
    setting = Setting(engines=("torch",), precision="bfloat16", input=(64, 64))
    trace = builders(network, setting, tmp_path)["torch"]()(torch.rand(1, 3, 64, 64))
    assert trace.last.logits.dtype == torch.bfloat16 and trace.last.edges.dtype == torch.float32
