"""Names of precisions, and what is rounded to them."""

import pytest
import torch
from torch import nn

from dfine.engines.precision import half_type, halve
from dfine.engines.torch_engine import TorchOptions
from dfine.network.attention import SelfAttention


@pytest.mark.parametrize("name, kind", [("off", None), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_names_of_types(name, kind):
    assert half_type(name) is kind


@pytest.mark.parametrize("name", ["", "half", "float64", "BF16"])
def test_what_is_no_precision_is_said(name):
    with pytest.raises(ValueError, match=f"half is '{name}'; it must be one of off, bf16, fp16"):
        half_type(name)
    with pytest.raises(ValueError, match="half is"):
        TorchOptions(half=name)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_only_products_are_rounded_and_once_is_enough(half):
    """Convolutions, linear layers and attention's projections; norms keep what they had."""
    torch.manual_seed(0)
    network = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 5), nn.LayerNorm(5)])
    network.append(SelfAttention(8, 2))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    halve(network, half)
    rounded = {key for key, value in network.state_dict().items() if value.dtype == half}
    assert rounded == {key for key in before if key.startswith(("0.", "2.", "4."))}
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key].to(value.dtype))
    again = {key: value.clone() for key, value in network.state_dict().items()}
    halve(network, half)
    assert all(torch.equal(value, again[key]) for key, value in network.state_dict().items())
