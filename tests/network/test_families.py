"""What families share and what sets them apart."""

import pytest
import torch
from torch import nn

from dfine.config import FAMILIES as NAMES
from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.network.families import FAMILIES
from dfine.network.layers import ACTIVATIONS


def test_every_family_of_the_configuration_has_its_row():
    assert tuple(FAMILIES) == NAMES
    assert all(family.activation in ACTIVATIONS for family in FAMILIES.values())


@pytest.mark.parametrize("name, activation", [("dfine", nn.ReLU), ("deim", nn.SiLU)])
def test_a_family_decides_the_activations_of_its_decoder(name, activation):
    with torch.device("meta"):
        decoder = DFINE(Config.of("n", family=name)).decoder
    parts = [
        *decoder.layers,
        decoder.position,
        decoder.initial,
        *(p for h in decoder.heads for p in (h.edges, h.lqe.mlp)),
    ]
    assert {type(part.activation) for part in parts} == {activation}


def test_families_have_the_same_weights_and_other_answers():
    torch.manual_seed(0)
    plain, deim = (DFINE(Config.of("n", classes=3, queries=10, family=name)).eval() for name in NAMES)
    deim.load_state_dict(plain.state_dict())
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.equal(plain(pixels).last.logits, deim(pixels).last.logits)


def test_a_family_decides_the_norms_of_its_decoder(monkeypatch):
    monkeypatch.setitem(FAMILIES, "deim", FAMILIES["deim"].__class__(FAMILIES["deim"].backbone, "silu", nn.RMSNorm))
    with torch.device("meta"):
        network = DFINE(Config.of("n", family="deim"))
    assert all(
        type(norm) is nn.RMSNorm
        for layer in network.decoder.layers
        for norm in (layer.norm1, layer.gateway.norm, layer.norm3)
    )
