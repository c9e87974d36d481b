"""Ranges are found and kept to, and what is written computes what they say."""

import numpy as np
import pytest
import torch
from torch import nn

from dfine.config import Config
from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.onnx import file
from dfine.engines.onnx.int8 import PARTS, Range, best_range, part_of, quantise, ranges
from dfine.network.detector import DFINE
from tests.helpers import shaken


@pytest.mark.parametrize("low, high, zero", [(0.0, 255.0, 0), (-100.0, 155.0, 100), (-255.0, 0.0, 255)])
def test_steps_of_one(low, high, zero):
    span = Range(low, high)
    assert (span.scale, span.zero) == (1.0, zero)
    values = torch.tensor([low - 9, low, 0.0, 0.4, high, high + 9])
    assert span.rounded(values).tolist() == [low, low, 0, 0 if high > 0 else 0, high, high]


def test_an_input_that_is_always_zero_has_a_range():
    span = best_range(torch.zeros(10))
    assert span.scale > 0 and span.rounded(torch.zeros(3)).tolist() == [0, 0, 0]


def test_one_value_far_off_does_not_cost_all_others_their_steps():
    torch.manual_seed(0)
    values = torch.rand(1_000_000)
    assert best_range(values).high == pytest.approx(1, abs=1e-3)
    assert best_range(torch.cat((values, torch.tensor([3.0])))).high < 2


@pytest.mark.parametrize(
    "name, part",
    [
        ("backbone.stem.stem1.conv", "backbone.stem"),
        ("backbone.stages.2.blocks.0.layers.0.conv1.conv", "backbone.stages.2"),
        ("encoder.project.0.conv", "encoder"),
        ("encoders.project", None),
        ("queries.score", None),
        ("decoder.layers.0.linear1", "decoder"),
        ("decoder.layers.2.gateway.gate", "decoder"),
        ("decoder.layers.0.self_attn.out_proj", None),
        ("decoder.layers.0.cross_attn.offsets", None),
        ("decoder.edges.0.layers.1", None),
    ],
)
def test_only_what_may_be_rounded_has_a_part(name, part):
    assert part_of(name) == part


def test_every_layer_of_a_part_gets_a_range_and_no_hook_stays():
    torch.manual_seed(0)
    network = folded(fused(shaken(DFINE(Config.of("n", classes=3, queries=20)))))
    found = ranges(network, [torch.rand(2, 3, 64, 64)])
    convolutions = {name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    products = {f"decoder.layers.{i}.{name}" for i in range(3) for name in ("linear1", "linear2", "gateway.gate")}
    assert set(found) == convolutions | products
    assert {part_of(name) for name in found} == set(PARTS)
    assert not any(part._forward_pre_hooks for part in network.modules())
    with pytest.raises(ValueError, match="calibrated on pictures, and there are none"):
        ranges(network, [])


class Layer(nn.Module):
    """A layer of the decoder, as far as it is rounded."""

    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(2, 5)

    def forward(self, tokens):
        return self.linear1(tokens)


class Decoder(nn.Module):
    """A convolution that stays as it is, and two layers with equal weights, which are one in a file."""

    def __init__(self):
        super().__init__()
        self.first, self.layers = nn.Conv2d(4, 2, 1), nn.ModuleList([Layer(), Layer()])
        self.layers[1].load_state_dict(self.layers[0].state_dict())

    def forward(self, x):
        tokens = self.first(x).flatten(2).transpose(1, 2)
        return self.layers[0](tokens) + self.layers[1](tokens.tanh())


class Network(nn.Module):
    """Two convolutions where `PARTS` looks for them, with the same input, and a decoder."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleDict({"a": nn.Conv2d(3, 4, 3), "b": nn.Conv2d(3, 4, 3)})
        self.decoder = Decoder()

    def forward(self, x):
        return self.decoder(self.encoder["a"](x).relu() + self.encoder["b"](x))


class Whole(nn.Module):
    """What is exported: the network under its name."""

    def __init__(self):
        super().__init__()
        self.network = Network()

    def forward(self, x):
        return self.network(x)


@torch.no_grad()
def test_the_file_computes_what_the_ranges_say(tmp_path):
    torch.manual_seed(0)
    module, x = Whole().eval(), torch.rand(1, 3, 6, 6)
    file.write(module, (x,), ["y"], tmp_path / "raw.onnx", opset=20, any_batch=False)
    file.simplify(tmp_path / "raw.onnx", tmp_path / "a.onnx", half=False)
    found = {f"encoder.{name}": Range(0.0, 0.8) for name in "ab"} | {"decoder.first": Range(0.0, 1.0)}
    found |= {f"decoder.layers.{i}.linear1": Range(-0.5, 0.4) for i in range(2)}
    assert quantise(tmp_path / "a.onnx", tmp_path / "b.onnx", found, ["backbone.stem"]) == 0
    np.testing.assert_array_equal(*(file.run(tmp_path / f"{n}.onnx", (x,))["y"] for n in "ab"))

    assert quantise(tmp_path / "a.onnx", tmp_path / "c.onnx", found, ["encoder", "decoder"]) == 4
    for layer in module.modules():
        if isinstance(layer, nn.Linear) or layer in list(module.network.encoder.values()):
            scale = layer.weight.abs().flatten(1).amax(1).view(-1, *[1] * (layer.weight.ndim - 1)) / 127
            layer.weight.copy_((layer.weight / scale).round() * scale)
            span = Range(0.0, 0.8) if isinstance(layer, nn.Conv2d) else Range(-0.5, 0.4)
            layer.register_forward_pre_hook(lambda layer, inputs, span=span: (span.rounded(inputs[0]),))
    have = file.run(tmp_path / "c.onnx", (x,))["y"]
    np.testing.assert_allclose(have, module(x).numpy(), atol=1e-5)
    assert file.operators(tmp_path / "c.onnx") >= {"QuantizeLinear", "DequantizeLinear"}
