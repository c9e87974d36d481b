"""The small parts that several modules of the network share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, wraps

import torch
from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


@contextmanager
def usual(kind: str = "cpu") -> Iterator[None]:
    """Torch with its own defaults, whatever a program has set: new tensors in float32 on the CPU, and no autocast.

    `kind` is that of the device that computes.
    """
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        if dtype != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, dtype)
        if torch.empty(0).device.type != "cpu":  # torch's own question knows no `with torch.device` before 2.7
            stack.enter_context(torch.device("cpu"))
        if torch.is_autocast_enabled(kind):
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield


class Normalise(nn.Module):
    """Pixels [B, 3, H, W] in 0..1 on another scale: (pixels − mean) / deviation, per colour."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.deviation


class Affine(nn.Module):
    """A learnable scale and shift of a whole map, after the activation (HGNetV2's "learnable affine block")."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x + self.bias


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm, and where asked for an activation and an affine block."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        padding: int | None = None,
        activation: str | None = None,
        affine: bool = False,
    ):
        super().__init__()
        padding = (kernel - 1) // 2 if padding is None else padding
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = ACTIVATIONS[activation]() if activation else nn.Identity()
        self.affine = Affine() if affine else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.affine(self.activation(self.norm(self.conv(x))))


class MLP(nn.Module):
    """Linear layers with an activation between them, none after the last."""

    def __init__(self, in_width: int, width: int, out_width: int, depth: int, activation: str = "relu"):
        super().__init__()
        widths = [in_width] + [width] * (depth - 1) + [out_width]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)

    def zero_last(self) -> MLP:
        """Start as a function that is 0 everywhere; returns itself."""
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)
        return self


def inverse_sigmoid(x: Tensor, eps: float = 1e-5) -> Tensor:
    """log(x / (1 − x)), with numerator and denominator of at least `eps`."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=eps) / (1 - x).clamp(min=eps))


def table(build: Callable) -> Callable:
    """Keep the tables that `build(*sizes, device, dtype)` makes, for the last few sizes, devices and types.

    The result is called as `(*sizes, like=tensor)`. Tables are shared: do not write into them.
    """

    @lru_cache(maxsize=8)
    @torch.inference_mode(False)  # a table made in inference may be part of a gradient later
    @torch.no_grad()
    def kept(*args):
        return build(*args)

    @wraps(build)
    def get(*sizes, like: Tensor):
        # A compiler's or an exporter's stand-ins for tensors mean nothing later, so they are not kept. A CUDA graph
        # must not read a table that may be dropped before the graph is played, so it makes tables of its own.
        real = type(like) in (Tensor, nn.Parameter) and not torch.compiler.is_compiling()
        real = real and not (like.is_cuda and torch.cuda.is_current_stream_capturing())
        return (kept if real else build)(*sizes, like.device, like.dtype)

    return get


def flatten(feature: Tensor) -> Tensor:
    """A map as tokens in row-major order: [B, C, H, W] -> [B, H·W, C]."""
    return feature.flatten(2).transpose(1, 2)
