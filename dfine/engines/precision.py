"""Half precision: which types there are, and what is rounded to them."""

from __future__ import annotations

import torch
from torch import nn

HALF = {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}  # precisions by name


def half_type(name: str) -> torch.dtype | None:
    """The type that `name` stands for; None for single precision. Raises ValueError when there is no such name."""
    if name not in HALF:
        raise ValueError(f"half is {name!r}; it must be one of {', '.join(HALF)}")
    return HALF[name]


@torch.no_grad()
def halve(network: nn.Module, half: torch.dtype) -> None:
    """Round the weights of convolutions and linear layers once, as autocast would for every picture anew."""
    for part in network.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.to(half)
        elif isinstance(part, nn.MultiheadAttention):
            part.in_proj_weight.data = part.in_proj_weight.to(half)
            part.in_proj_bias.data = part.in_proj_bias.to(half)
