"""A model by its name: above predictor and engines, which know nothing of it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from dfine.inference.device import resolve
from dfine.inference.predictor import Predictor, _count
from dfine.weights import checkpoints


def load(
    source: str | os.PathLike,
    device: str | torch.device = "auto",
    *,
    names: Sequence[str] | None = None,
    family: str = "dfine",
    size: tuple[int, int] | None = None,
    fast: bool = True,
    half: str = "off",
    compiled: bool = False,
    graphs: bool = False,
    layers: int | None = None,
) -> Predictor:
    """A model, ready to look at pictures.

    >>> model = load("demo")
    >>> model("picture.jpg").detections

    Args:
        source: a short name ("demo", "nano-coco" …; `dfine.zoo()` lists them), a Hub id, a folder in this project's or
            transformers' layout, an official .pth, a .safetensors file, or an .onnx file that `dfine export` wrote.
        device: "auto" takes cuda, then mps, then cpu; an .onnx file can also run on "tensorrt" or "openvino".
        names: class names, where the checkpoint has none or others are wanted.
        family: "deim" for DEIM's D-FINE weights; it cannot be told from the file.
        size: input (height, width), multiples of 32; by default the one that the checkpoint was trained with.
        fast: run a fused copy, which says the same within rounding; False runs the network itself.
        half: "bf16" or "fp16" run that copy in half precision, which is for GPUs; edges and boxes stay in float32.
        compiled: run that copy through `torch.compile`; the first picture of every size takes a minute or so.
        graphs: on a GPU, record that copy's work as CUDA graphs and play it back, for small batches; a CPU plays none.
        layers: answer after that many decoder layers (early exit); by default after all.

    Raises:
        CheckpointError: the checkpoint cannot be found, fetched or understood (a ValueError; the message says why).
        ValueError: there is no such device, precision or layer.
    """
    if str(source).endswith(".onnx"):
        from dfine.engines.onnx.engine import open_file

        if half != "off" or compiled or graphs:
            raise ValueError(f"{source} is an exported file: it is compiled, in the precision chosen at its export")
        model = open_file(source, str(device), names=names, size=size)
        model.layers = _count(layers, model.config.layers)
        return model
    device = resolve(device)
    checkpoint = checkpoints.open_checkpoint(source, names=names, family=family)
    return Predictor(
        checkpoint.network(),
        checkpoint.names,
        device=device,
        size=checkpoint.size if size is None else size,
        source=checkpoint.source,
        digest=checkpoint.digest,
        card=checkpoint.card,
        temperature=checkpoint.temperature,
        fast=fast,
        half=half,
        compiled=compiled,
        graphs=graphs,
        layers=layers,
    )
