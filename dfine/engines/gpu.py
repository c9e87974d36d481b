"""The fused copy for one kind of machine: an NVIDIA GPU, where every pass over memory costs time of its own.

Convolutions are those of `dfine.engines.gpu_convolutions`. Each layer's queries read the encoder's tokens where they
lie, and no token is multiplied by one.
"""

from __future__ import annotations

import functools
import warnings
from types import ModuleType

import torch
from torch import Tensor, nn

from dfine.engines.gpu_convolutions import replace_convolutions
from dfine.network.attention import DeformableAttention
from dfine.network.detector import DFINE
from dfine.network.queries import TokenNorm, margins
from dfine.trace.records import Memory


class GpuAttention(nn.Module):
    """Deformable attention that reads the tokens where they lie, all levels in one pass."""

    def __init__(self, attention: DeformableAttention, kernels: ModuleType):
        super().__init__()
        self.attention, self.kernels = attention, kernels

    def forward(
        self, query: Tensor, reference: Tensor, values: tuple[Tensor, tuple]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        tokens, shapes = values
        sampled = self.attention.sampling(query, reference)
        return self.kernels.read(tokens, shapes, self.attention.points, *sampled, query.dtype), sampled

    def values(self, tokens: Tensor, shapes: tuple[tuple[int, int], ...]) -> tuple[Tensor, tuple]:
        """The tokens themselves, and the shapes of the levels."""
        return tokens, shapes


class GpuTokenNorm(TokenNorm):
    """As `TokenNorm`; what zeros give is written over the few tokens that may not propose, at the border."""

    def __init__(self, norm: TokenNorm):
        nn.Module.__init__(self)
        self.proj, self.norm = norm.proj, norm.norm

    def proposing(self, memory: Memory, valid: Tensor) -> Tensor:
        x, zero = self.proj(memory.tokens), self.proj.bias
        levels = x.split([h * w for h, w in memory.shapes], 1)
        for (h, w), level, (left, right, top, bottom) in zip(memory.shapes, levels, margins(memory.shapes)):
            level = level.unflatten(1, (h, w))
            border = level[:, :, :left], level[:, :, w - right :], level[:, :top], level[:, h - bottom :]
            for part in border:
                if part.numel():
                    part.copy_(zero)
        return self.norm(x)


def for_gpu(network: DFINE, kernels: ModuleType | None) -> DFINE:
    """A folded network on a GPU, rewritten in place; in half precision after `precision.rounded`.

    `kernels` are `working_kernels`, or None for torch's own operators only.
    """
    replace_convolutions(network, kernels)
    _replace(network, kernels)
    return network.eval().requires_grad_(False)


@functools.cache
def working_kernels(device: torch.device, kind: torch.dtype) -> ModuleType | None:
    """`dfine.engines.gpu_kernels`, if they work there on maps of this type; else None, with a warning."""
    try:
        from dfine.engines import gpu_kernels
    except ImportError:  # torch for Windows comes without Triton
        return None
    try:
        with torch.inference_mode(False), torch.no_grad():
            _tried(gpu_kernels, device, kind)
    except Exception as error:  # whatever a compiler says
        warnings.warn(f"Triton does not work on {device} ({type(error).__name__}); torch does its work", stacklevel=2)
        return None
    return gpu_kernels


def _tried(kernels: ModuleType, device: torch.device, kind: torch.dtype) -> None:
    """Raise ArithmeticError unless the kernels say what they must of ones."""
    middle = torch.full((1, 1, 2, 1, 2), 0.5, device=device)  # a point for each of two heads
    x = torch.ones(1, 16, 2, 2, device=device, dtype=kind).to(memory_format=torch.channels_last)
    read = kernels.read(x.flatten(2).mT, ((2, 2),), (1,), middle, middle[..., 0], kind)
    one = torch.ones_like(x[0, :, 0, 0])
    two, most = kernels.pooled(kernels.laid(x.float(), 16, kind), one, (False, 1.0, None))
    three = kernels.finish(x, one, (False, 1.0, None), torch.ones_like(x))
    if not ((read == 0.5).all() and (two == 2).all() and (most == 2).all() and (three == 3).all()):
        raise ArithmeticError("other numbers than torch's")


def _replace(module: nn.Module, kernels: ModuleType | None) -> None:
    """Put the GPU's form in the place of what selects queries and what they read with."""
    for name, child in module.named_children():
        if type(child) is TokenNorm:
            setattr(module, name, GpuTokenNorm(child))
        elif isinstance(child, DeformableAttention):
            if kernels and kernels.can_read(child.heads, child.points, child.weights.in_features):
                setattr(module, name, GpuAttention(child, kernels))
        else:
            _replace(child, kernels)
