"""What learns how fast: parameter groups, the schedule, and the average of all weights so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

NORMS = (nn.BatchNorm2d, nn.LayerNorm)


def groups(network: nn.Module, *, rate: float, backbone_rate: float, weight_decay: float, decay_biases: bool) -> list:
    """AdamW parameter groups: the backbone at its own rate; no decay on norms of encoder and decoder, nor on biases.

    Follows the published configurations in what they do, not in what they meant: norms and affine blocks of the
    backbone are decayed, and biases of encoder and decoder are decayed only in L and X (`decay_biases`).
    """
    norms = {id(p) for m in network.modules() if isinstance(m, NORMS) for p in m.parameters(recurse=False)}
    backbone, plain, spared = [], [], []
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("backbone."):
            backbone.append(parameter)
        elif id(parameter) in norms or (not decay_biases and name.endswith("bias")):
            spared.append(parameter)
        else:
            plain.append(parameter)
    return [
        {"params": backbone, "lr": backbone_rate, "weight_decay": weight_decay},
        {"params": plain, "lr": rate, "weight_decay": weight_decay},
        {"params": spared, "lr": rate, "weight_decay": 0.0},
    ]


def factor(step: float, *, warmup: int, total: int, schedule: str, floor: float = 0.01) -> float:
    """What the rates are multiplied by at a step: a linear warm-up, then `constant` (published) or `cosine`.

    The cosine falls to `floor` at step `total`.

    Raises:
        ValueError: the schedule has another name.
    """
    if schedule not in ("constant", "cosine"):
        raise ValueError(f"there is no schedule {schedule!r}; choose constant or cosine")
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


@dataclass
class Decay:
    """How much the average keeps at a step: value·(1 − e^(−t/ramp)), so that the first steps are forgotten."""

    value: float  # changes when training enters its last stage
    ramp: int

    def at(self, step: float) -> float:
        """The decay of the `step`-th update."""
        return self.value * (1 - math.exp(-step / self.ramp))


def average(network: nn.Module, decay: Decay) -> AveragedModel:
    """The exponential moving average of weights and running statistics, which is what is evaluated and kept."""

    @torch.no_grad()
    def blend(averaged: list, current: list, _count: torch.Tensor) -> None:
        keep = decay.at(float(model.n_averaged))  # `_count` is a copy on the GPU, and to read it is to wait
        if averaged[0].is_floating_point():  # all of one device and type
            torch._foreach_lerp_(averaged, current, 1 - keep)
        else:
            torch._foreach_copy_(averaged, current)

    model = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)
    return model


def freeze(network: nn.Module) -> None:
    """Keep the backbone's stem and its norms at what they are, as published for L and X; see `still`."""
    norms = [m for m in network.backbone.modules() if isinstance(m, _BatchNorm)]
    for module in (network.backbone.stem, *norms):
        for parameter in module.parameters():
            parameter.requires_grad_(False)


def still(network: nn.Module) -> None:
    """Put the norms of a frozen backbone into eval mode, which is needed whenever the network went into training mode.

    They are looked up anew: several processes put others, which know of each other, in their places.
    """
    for module in network.backbone.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
