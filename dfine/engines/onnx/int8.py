"""Layers of an exported file in int8: what is rounded, how far each input reaches, and the file that results.

Rounded are the convolutions of the part that reads the picture, backbone and encoder, and the largest products of the
decoder, its feed-forward layers and gates. What is chosen, places, distributions and boxes stay in float32. Weights get
a scale for each output channel, inputs one for all, found on pictures: the range at which cutting off what lies beyond
and rounding what lies within cost the least together.
"""

from __future__ import annotations

import functools
import re
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
PARTS = ("backbone.stem", *(f"backbone.stages.{i}" for i in range(4)), "encoder", "decoder")
PRODUCTS = re.compile(r"decoder\.layers\.\d+\.(linear1|linear2|gateway\.gate)")  # all that is rounded of the decoder


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


def _place(name: str) -> str:
    """How a file calls the weight of a convolution, or the product of another layer."""
    if not PRODUCTS.fullmatch(name):
        return f"network.{name}.weight"
    return "/network/" + re.sub(r"\.(?=\D)", "/", name) + "/MatMul"


def may_round(name: str, layer: nn.Module) -> bool:
    """Whether a layer is one of those that may be in int8."""
    if isinstance(layer, nn.Linear):
        return PRODUCTS.fullmatch(name) is not None
    return isinstance(layer, nn.Conv2d) and part_of(name) is not None


def part_of(name: str) -> str | None:
    """Which of `PARTS` a layer belongs to, by its place in the network; None where it stays in float32."""
    if PRODUCTS.fullmatch(name):
        return "decoder"
    return next((part for part in PARTS if part != "decoder" and name.startswith(part + ".")), None)


@torch.no_grad()
def ranges(network: nn.Module, batches: Iterable[Tensor]) -> dict[str, Range]:
    """By its place in the network, the range of what every layer of `PARTS` reads.

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

    layers = {n: m for n, m in network.named_modules() if may_round(n, m)}
    hooks = [layer.register_forward_pre_hook(functools.partial(keep, name)) for name, layer in layers.items()]
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


def rounded_weight(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """A weight as int8 keeps it, and what a step is worth for each channel of the output, which lie along `axis`."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.maximum(np.abs(values).max(others, keepdims=True), 1e-8).astype(np.float32) / 127
    return np.rint(values / scale).astype(np.int8), scale.flatten()


def quantise(source: Path, target: Path, found: dict[str, Range], parts: Iterable[str]) -> int:
    """Write `source` with the layers of some `parts` in int8, as pairs of QuantizeLinear and DequantizeLinear.

    Returns:
        How many layers there are in int8.
    """
    onnx = needed("onnx")
    model, parts = onnx.load(source), set(parts)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    wanted = {_place(name): span for name, span in found.items() if part_of(name) in parts}
    nodes, done, replaced, count = [], {}, set(), 0

    def constant(name: str, values: np.ndarray) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        return name

    for node in graph.node:
        by_name = node.name.removesuffix("/MatMulAddFusion")  # where a bias has been taken in
        span = wanted.get(node.input[1] if node.op_type == "Conv" else by_name)
        if span is not None:
            if node.input[0] not in done:
                stem = f"{node.input[0]}.int8"
                by = [constant(f"{stem}.scale", np.float32(span.scale)), constant(f"{stem}.zero", np.uint8(span.zero))]
                nodes.append(onnx.helper.make_node("QuantizeLinear", [node.input[0], *by], [stem], name=f"{stem}/Q"))
                nodes.append(onnx.helper.make_node("DequantizeLinear", [stem, *by], [f"{stem}.back"], name=f"{stem}/D"))
                done[node.input[0]] = f"{stem}.back"
            stem = f"{node.input[1]}.int8"
            if node.input[1] not in replaced:  # layers whose weights are equal share them in a file
                axis = 0 if node.op_type == "Conv" else 1  # along which the output's channels lie
                steps, scale = rounded_weight(onnx.numpy_helper.to_array(weights[node.input[1]]), axis)
                by = [constant(stem, steps), constant(f"{stem}.scale", scale)]
                by.append(constant(f"{stem}.zero", np.zeros(len(scale), np.int8)))
                made = onnx.helper.make_node("DequantizeLinear", by, [f"{stem}.back"], name=f"{stem}/D", axis=axis)
                nodes.append(made)
                replaced.add(node.input[1])
            node.input[0], node.input[1] = done[node.input[0]], f"{stem}.back"
            count += 1
        nodes.append(node)
    replaced -= {name for node in nodes for name in node.input}  # another layer, which is not rounded, has it too
    kept = [tensor for tensor in graph.initializer if tensor.name not in replaced]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes), graph.initializer.extend(kept)
    onnx.save(model, target)
    return count
