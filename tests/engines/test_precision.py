"""Names of precisions, and what is rounded to them."""

import copy

import pytest
import torch
from torch import nn

from dfine.config import Config
from dfine.engines.precision import BUDGET, ROUNDED, TYPES, Full, half_type, halve, rounded
from dfine.engines.precision_names import NAMES, agreed, named
from dfine.engines.torch_engine import TorchOptions
from dfine.network.attention import SelfAttention
from dfine.network.detector import DFINE


@pytest.mark.parametrize(
    "name, meant, kind",
    [
        ("off", "float32", None),
        ("float32", "float32", None),
        ("bf16", "bfloat16", torch.bfloat16),
        ("bfloat16", "bfloat16", torch.bfloat16),
        ("fp16", "float16", torch.float16),
    ],
)
def test_names_and_older_names(name, meant, kind):
    assert (named(name), half_type(name)) == (meant, kind)
    assert TorchOptions(precision=name).precision == meant
    assert {*BUDGET, "float32"} == {*TYPES, "int8"} == set(NAMES)


@pytest.mark.parametrize("name", ["", "half", "float64", "BF16"])
def test_what_is_no_precision_is_said(name):
    for wish in (named, half_type, agreed, lambda n: TorchOptions(precision=n)):
        with pytest.raises(
            ValueError, match=f"precision is '{name}'; it must be one of float32, bfloat16, float16, int8"
        ):
            wish(name)


def test_torch_does_not_run_int8():
    with pytest.raises(ValueError, match="int8 is for exported files: dfine export MODEL --precision int8"):
        TorchOptions(precision="int8")


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_only_products_are_rounded_and_once_is_enough(half):
    """Convolutions, linear layers and attention's projections; norms keep what they had."""
    torch.manual_seed(0)
    network = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 5), nn.LayerNorm(5)])
    network.append(SelfAttention(8, 2))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    halve(network, half)
    halved = {key for key, value in network.state_dict().items() if value.dtype == half}
    assert halved == {key for key in before if key.startswith(("0.", "2.", "4."))}
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key].to(value.dtype))
    again = {key: value.clone() for key, value in network.state_dict().items()}
    halve(network, half)
    assert all(torch.equal(value, again[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("device", ROUNDED)
def test_the_selection_of_queries_is_never_rounded(device):
    network = rounded(DFINE(Config.of("n", queries=20)).eval(), torch.bfloat16, device)
    assert isinstance(network.queries, Full) and isinstance(network.decoder, Full) == (device == "cpu")
    kinds = {name: {p.dtype for p in getattr(network, name).parameters()} for name in ("queries", "decoder", "encoder")}
    assert kinds["queries"] == {torch.float32} and torch.bfloat16 in kinds["encoder"]
    assert (torch.bfloat16 in kinds["decoder"]) == (device == "cuda")


@torch.no_grad()
def test_places_where_queries_read_are_never_rounded():
    """Also where the products of the decoder are, as on a GPU; a CPU's autocast stands for its own here."""
    torch.manual_seed(0)
    plain = DFINE(Config.of("n", queries=20)).eval()
    network, seen = rounded(copy.deepcopy(plain), torch.bfloat16, "cuda"), {}
    for i, (layer, before) in enumerate(zip(network.decoder.layers, plain.decoder.layers)):
        offsets = layer.cross_attn.offsets
        for key, value in before.cross_attn.offsets.state_dict().items():
            assert torch.equal(offsets.layer.state_dict()[key], value)
        offsets.register_forward_hook(lambda _, args, out, i=i: seen.update({i: out.dtype}))
    with torch.autocast("cpu", torch.bfloat16):
        trace = network(torch.rand(1, 3, 64, 64))
    assert seen == dict.fromkeys(range(3), torch.float32)
    assert all(stage.boxes.dtype == torch.float32 for stage in trace.stages.values())
