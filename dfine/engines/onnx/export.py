"""The network as an ONNX file with its whole trace, checked against torch before it is written.

Exporting wraps a fused copy; the model stays as it is. The file carries what is needed to use it: class names, input
size, W(n), the digest of the weights, the fitted temperature, the thresholds that were found, and how far its answers
were from torch's.

Outputs, each only where asked for: `labels`, `boxes`, `scores` (the published interface, with `orig_target_sizes` as
second input), and under `trace.` all that a `Trace` holds, batch first: `trace.layers.edges` is [B, L, Q, 4, N+1].
Without either there are `logits` and `boxes` of the last layer.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from dfine.boxes import to_xyxy
from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.gather_attention import GatherAttention
from dfine.engines.onnx import file as onnx_file
from dfine.engines.onnx.packages import needed
from dfine.engines.onnx.parity import ExportError, check, compare
from dfine.files import replacing
from dfine.network.detector import DFINE
from dfine.paths import at_home
from dfine.trace.base import COARSEST, SCHEMA, checked_size
from dfine.trace.card import Card
from dfine.trace.records import Refinement, Trace
from dfine.version import VERSION
from dfine.weights.tensors import digest

OPSETS = range(18, 24)
TOP = 300  # detections that the published interface returns


@dataclass(frozen=True)
class Options:
    """What an exported file is to be like."""

    size: tuple[int, int] | None = None  # input (height, width), multiples of 32; by default the model's
    batch: int | None = 1  # pictures per run; None for any number
    half: bool = False  # half precision inside; inputs, outputs and all distributions stay in float32
    postprocess: bool = False  # answer with labels, boxes and scores, as the published files do
    trace: bool = True  # tell every layer's distributions
    opset: int = 20
    gather: bool = True  # read sampling points with Gather, the faster way on CPUs; else with GridSample

    def __post_init__(self):
        try:
            checked_size((COARSEST, COARSEST) if self.size is None else self.size)
        except ValueError as error:
            raise ExportError(str(error)) from None
        if self.batch is not None and self.batch < 1:
            raise ExportError(f"the batch is a number of pictures of at least 1, or None for any, not {self.batch}")
        if self.opset not in OPSETS:
            raise ExportError(f"opset is {self.opset}; it must be {OPSETS[0]} to {OPSETS[-1]}")


class Exported(nn.Module):
    """The fused network with tensors for what it returns, and postprocessing where it is asked for."""

    def __init__(self, network: DFINE, options: Options):
        super().__init__()
        self.network, self.options = folded(fused(network).cpu()), options  # in double precision, which Macs' GPUs lack
        if options.gather:
            for layer in self.network.decoder.layers:
                layer.cross_attn = GatherAttention(layer.cross_attn)
        if options.half:
            _keep_norms_full(self.network)

    def forward(self, images: Tensor, orig_target_sizes: Tensor | None = None) -> tuple[Tensor, ...]:
        # Casts of weights are folded later; a cache of them would tie the graph to this run.
        with torch.autocast("cpu", torch.float16, enabled=self.options.half, cache_enabled=False):
            trace = self.network(images)
        return tuple(self.outputs(trace, orig_target_sizes).values())

    def outputs(self, trace: Trace, sizes: Tensor | None = None) -> dict[str, Tensor]:
        """What the file returns, by name."""
        found = {}
        if self.options.postprocess:
            found |= dict(zip(("labels", "boxes", "scores"), published(trace.last, sizes)))
        if self.options.trace:
            found |= tensors(trace)
        return found or {"logits": trace.last.logits.float(), "boxes": trace.last.boxes.float()}


class FullNorm(nn.Module):
    """A norm in single precision whatever comes in, because ONNX has none of mixed types."""

    def __init__(self, norm: nn.LayerNorm):
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.float())


def _keep_norms_full(module: nn.Module) -> None:
    """Put a `FullNorm` in the place of every layer norm."""
    for name, child in module.named_children():
        if isinstance(child, nn.LayerNorm):
            setattr(module, name, FullNorm(child))
        else:
            _keep_norms_full(child)


def published(last: Refinement, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The published interface: labels [B, n], boxes xyxy in pixels [B, n, 4], not clipped, and scores [B, n].

    `sizes` [B, 2] holds (width, height) of each picture in pixels.
    """
    scores = torch.sigmoid(last.logits.float())
    classes = scores.shape[2]
    score, index = scores.flatten(1).topk(min(TOP, scores.shape[1] * classes), 1)
    query = torch.div(index, classes, rounding_mode="trunc")
    boxes = to_xyxy(last.boxes.float()).gather(1, query[..., None].expand(-1, -1, 4))
    return index - query * classes, boxes * torch.cat((sizes, sizes), 1).to(boxes.dtype)[:, None], score


def tensors(trace: Trace) -> dict[str, Tensor]:
    """A trace as named tensors, batch first; layers are stacked behind the batch: [B, L, Q, …]."""
    parts = trace.to_tensors()
    return {f"trace.{name}": part.float() if part.is_floating_point() else part for name, part in parts.items()}


def rebuilt(parts: dict[str, Tensor], shapes: tuple[tuple[int, int], ...], w: Tensor) -> Trace:
    """The inverse of `tensors`."""
    return Trace.from_tensors({name.removeprefix("trace."): part for name, part in parts.items()}, shapes, w)


def export(network: DFINE, card: Card, path: str | Path, options: Options | None = None) -> dict[str, float]:
    """Write a network as an ONNX file, all at once or not at all.

    Args:
        network: in evaluation mode; it stays as it is.
        card: what the model is; the file holds it, and its input size is the file's unless `options` has another.
        path: ends in .onnx; an existing file is replaced.
        options: what the file is to be like.

    Returns:
        By output, the largest difference to torch's answer for a test picture, in units of its largest value.

    Raises:
        ExportError: the file would not say what torch says; nothing is written.
        TypeError: in the place of the network or its card is something else.
        ImportError: onnx or onnxruntime is missing.
    """
    if not isinstance(network, nn.Module) or not isinstance(card, Card):
        raise TypeError(
            "what is exported is a network with its card: dfine.export(model.network, model.card, path), not "
            f"({type(network).__name__}, {type(card).__name__}, …)"
        )
    path, options = at_home(path), options or Options()
    if path.suffix != ".onnx":
        raise ExportError(f"an exported model is written as .onnx, not as {path.name!r}")
    needed("onnx"), needed("onnxruntime")
    card = replace(
        card.without_folders(),
        input_size=options.size or card.input_size,
        digest=digest(network, card),
    )
    wrapped = Exported(network, options).eval()
    inputs = sample(options, card.input_size)
    with torch.inference_mode():
        trace = wrapped.network(inputs[0])
        want = wrapped.outputs(copy.deepcopy(network).cpu()(inputs[0]), *inputs[1:])

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as whole, scratch_beside(whole) as scratch:
        raw, file = Path(scratch) / "raw.onnx", Path(scratch) / path.name
        onnx_file.write(wrapped, inputs, list(want), raw, opset=options.opset, any_batch=options.batch is None)
        onnx_file.simplify(raw, file, half=options.half)
        onnx_file.merge_pads(file)
        have = onnx_file.run(file, inputs)
        parity = compare({name: torch.from_numpy(value) for name, value in have.items()}, want)
        check(parity, options.half)
        onnx_file.describe(file, about(card, network, options, trace) | {"parity": parity}, have)
        file.replace(whole)
    return parity


def scratch_beside(path: Path) -> tempfile.TemporaryDirectory:
    """A folder beside a hidden file, called so that it is removed with such files if this process is killed."""
    return tempfile.TemporaryDirectory(
        prefix=f"{path.name}-", suffix=".tmp", dir=path.parent, ignore_cleanup_errors=True
    )


def sample(options: Options, input_size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Inputs to trace and to compare with: smooth pictures with some noise, and their sizes where they are needed."""
    batch = options.batch or 2
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, 3, 8, 8, generator=random)
    images = nn.functional.interpolate(coarse, size=input_size, mode="bilinear")
    images = (images + 0.05 * torch.randn(images.shape, generator=random)).clamp(0, 1)
    if not options.postprocess:
        return (images,)
    return images, torch.tensor([[640, 480], [480, 640]]).repeat(batch, 1)[:batch]


def about(card: Card, network: DFINE, options: Options, trace: Trace) -> dict:
    """What the file says of itself, as plain values: the card among them, which `card_of` finds again."""
    return {
        "schema": SCHEMA,
        "dfine": VERSION,
        "torch": str(torch.__version__),
        **card.to_dict(),
        "size": list(card.input_size),  # its older name
        "batch": options.batch,
        "precision": "half" if options.half else "single",
        "config": network.config.to_dict(),
        "shapes": [list(shape) for shape in trace.shapes],
        "w": trace.w.tolist(),
    }


def card_of(about: dict) -> Card:
    """The card in what a file says of itself. Raises ValueError where a value of it is of another kind.

    Files of earlier versions call the input size `size`, and hold no model card and no notes.
    """
    card = Card.from_dict({"input_size": about.get("size")} | about)
    if not card.digest:
        raise ValueError("it does not say the digest of its model's weights")
    return card
