"""What sets one family of detectors apart from another that has the same decoder, in one table.

A new family is a row here, its name in `dfine.config.FAMILIES`, and a module for its backbone where that is new. Its
sizes stand in `dfine.config`, the names of its weights in `dfine.weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from dfine.config import Config
from dfine.network.backbone import Backbone


@dataclass(frozen=True)
class Family:
    """The parts that a family chooses."""

    backbone: Callable[[Config], nn.Module]  # pixels [B, 3, H, W] -> one feature map [B, C, H/s, W/s] per stride
    activation: str  # of the decoder's feed-forwards and of all MLPs (`layers.ACTIVATIONS`)
    norm: Callable[[int], nn.Module]  # of the decoder's layers


FAMILIES = {
    "dfine": Family(Backbone, activation="relu", norm=nn.LayerNorm),
    "deim": Family(Backbone, activation="silu", norm=nn.LayerNorm),  # the same tensors, trained with SiLU
}


def family(config: Config) -> Family:
    """The family of a configuration."""
    return FAMILIES[config.family]
