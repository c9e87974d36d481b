"""Convolutions of an exported file in int8: what is rounded, how far each input reaches, and the file that results.

Only the part that reads the picture is rounded, backbone and encoder; queries, places, distributions and boxes stay in
float32. Weights get a scale for each output channel, inputs one for all, found on pictures: the range at which cutting
off what lies beyond and rounding what lies within cost the least together.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dfine.engines.onnx.packages import needed

SAMPLE = 1024  # values of one input that are kept of every picture
SHARES = tuple(i / 20 for i in range(20, 5, -1))  # of the range that was seen, from all of it down
LEVELS = 255  # steps between the ends of a range
PARTS = ("backbone.stem", *(f"backbone.stages.{i}" for i in range(4)), "encoder")


@dataclass(frozen=True)
class Range:
    """The range that an input is quantised over; 0 lies within, because it must have a value of its own."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """What one step is worth."""
        return max(self.high - self.low, 1e-8) / LEVELS

    @property
    def zero(self) -> int:
        """The step that stands for 0."""
        return int(np.clip(round(-self.low / self.scale), 0, LEVELS))

    def rounded(self, values: Tensor) -> Tensor:
        """The values as int8 keeps them."""
        return ((values / self.scale).round() + self.zero).clamp(0, LEVELS).sub(self.zero) * self.scale


def part_of(name: str) -> str | None:
    """Which of `PARTS` a layer belongs to, by its place in the network; None where it stays in float32."""
    return next((part for part in PARTS if name.startswith(part + ".")), None)


@torch.no_grad()
def ranges(network: nn.Module, batches: Iterable[Tensor]) -> dict[str, Range]:
    """By its place in the network, the range of what every convolution of `PARTS` reads.

    Args:
        network: the folded copy that is exported.
        batches: pixels [B, 3, H, W] in 0..1.

    Raises:
        ValueError: there are no pictures.
    """
    seen: dict[str, list[Tensor]] = {}

    def keep(name: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].detach().flatten(1)
        step = max(1, values.shape[1] // SAMPLE) | 1  # odd, so that not all come from a few columns
        ends = torch.stack((values.amin(1), values.amax(1)), 1)
        seen.setdefault(name, []).append(torch.cat((values[:, ::step], ends), 1).flatten())

    convs = {n: m for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and part_of(n)}
    hooks = [conv.register_forward_pre_hook(functools.partial(keep, name)) for name, conv in convs.items()]
    try:
        for pixels in batches:
            network(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise ValueError("int8 is calibrated on pictures, and there are none")
    return {name: best_range(torch.cat(values)) for name, values in seen.items()}


def best_range(values: Tensor) -> Range:
    """The range that costs the least squared error: a narrow one rounds finely, a wide one cuts nothing off."""
    low, high = min(0.0, values.min().item()), max(0.0, values.max().item())
    tried = [Range(low * share, high * share) for share in SHARES]
    return min(tried, key=lambda r: (r.rounded(values) - values).square().mean().item())


def quantise(source: Path, target: Path, found: dict[str, Range], parts: Iterable[str]) -> int:
    """Write `source` with the convolutions of some `parts` in int8, as pairs of QuantizeLinear and DequantizeLinear.

    Returns:
        How many convolutions there are in int8.
    """
    onnx = needed("onnx")
    model, parts = onnx.load(source), set(parts)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    wanted = {f"network.{name}.weight": span for name, span in found.items() if part_of(name) in parts}
    nodes, done, replaced = [], {}, set()

    def constant(name: str, values: np.ndarray) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        return name

    for node in graph.node:
        span = wanted.get(node.input[1]) if node.op_type == "Conv" else None
        if span is not None:
            if node.input[0] not in done:
                stem = f"{node.input[0]}.int8"
                by = [constant(f"{stem}.scale", np.float32(span.scale)), constant(f"{stem}.zero", np.uint8(span.zero))]
                nodes.append(onnx.helper.make_node("QuantizeLinear", [node.input[0], *by], [stem], name=f"{stem}/Q"))
                nodes.append(onnx.helper.make_node("DequantizeLinear", [stem, *by], [f"{stem}.back"], name=f"{stem}/D"))
                done[node.input[0]] = f"{stem}.back"
            values = onnx.numpy_helper.to_array(weights[node.input[1]])
            scale = np.maximum(np.abs(values).reshape(len(values), -1).max(1), 1e-8).astype(np.float32) / 127
            steps = np.rint(values / scale.reshape(-1, *[1] * (values.ndim - 1))).astype(np.int8)
            stem = f"{node.input[1]}.int8"
            by = [constant(stem, steps), constant(f"{stem}.scale", scale)]
            by.append(constant(f"{stem}.zero", np.zeros(len(scale), np.int8)))
            nodes.append(onnx.helper.make_node("DequantizeLinear", by, [f"{stem}.back"], name=f"{stem}/D", axis=0))
            replaced.add(node.input[1])
            node.input[0], node.input[1] = done[node.input[0]], f"{stem}.back"
        nodes.append(node)
    kept = [tensor for tensor in graph.initializer if tensor.name not in replaced]
    count = len(replaced)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes), graph.initializer.extend(kept)
    onnx.save(model, target)
    return count
