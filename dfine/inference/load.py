"""A model by its name: above predictor and engines, which know nothing of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch

from dfine.engines.device import moved, resolve
from dfine.engines.precision_names import agreed
from dfine.engines.torch_engine import FOLDING, TorchEngine, TorchOptions
from dfine.inference.predictor import Predictor
from dfine.weights.checkpoints import open_checkpoint, source_at_home
from dfine.weights.exceptions import CheckpointError
from dfine.weights.names import label_map


def load(
    source: str | os.PathLike,
    device: str | torch.device = "auto",
    *,
    names: Sequence[str] | None = None,
    family: str = "dfine",
    size: tuple[int, int] | None = None,
    fast: bool = True,
    precision: str = "float32",
    half: str = "off",
    compiled: bool = False,
    graphs: bool = False,
    layers: int | None = None,
) -> Predictor:
    """A model, ready to look at pictures.

    >>> model = load("photos")
    >>> model("picture.jpg").detections

    Args:
        source: a short name ("photos", "demo", "nano-coco" …; `dfine.zoo()` lists them), a Hub id, a folder in this
            project's or transformers' layout, an official .pth, a .safetensors file, or an .onnx file that
            `dfine export` wrote.
        device: "auto" takes cuda, then mps, then cpu; an .onnx file can also run on "tensorrt" or "openvino", and one
            in int8 takes openvino, where it is installed, rather than cpu.
        names: class names, where the checkpoint has none or others are wanted.
        family: "deim" for DEIM's D-FINE weights; it cannot be told from the file.
        size: input (height, width), multiples of 32; by default the one that the checkpoint was trained with.
        fast: run a fused copy, which says the same within rounding; False runs the network itself.
        precision: "bfloat16" or "float16" round the part that reads the picture (on a GPU also the decoder's products);
            edges, boxes and the choice of queries stay in float32. "auto" measures once what is the fastest on this
            machine whose edges move by at most 0.4 pixels on average (int8: 0.7), and remembers it.
        half: "bf16" or "fp16", the older form of `precision`.
        compiled: run that copy through `torch.compile`; the first picture of every size takes a minute or so.
        graphs: on a GPU, record that copy's work as CUDA graphs and play it back, for small batches; a CPU plays none.
        layers: answer after that many decoder layers (early exit); by default after all.

    Raises:
        CheckpointError: the checkpoint cannot be found, fetched or understood (a ValueError; the message says why).
        ValueError: there is no such device, precision or layer.
    """
    how, source = agreed(precision, half), source_at_home(source)
    if str(source).endswith(".onnx"):
        if half != "off" or compiled or graphs or how == "auto":
            raise ValueError(f"{source} is an exported file: it is compiled, in the precision chosen at its export")
        exported = _exported(source, str(device), names, size, layers, how)
        own = exported.config.family
        if family not in ("dfine", own):
            raise CheckpointError(f"{source} is of family {own!r}, not {family!r}; leave family out")
        return exported
    if how == "auto" and (compiled or graphs or not fast):
        raise ValueError("precision auto chooses the engine itself; leave out compiled, graphs and fast")
    device = resolve(device)
    checkpoint = open_checkpoint(source, names=names, family=family, size=size)
    for note in checkpoint.card.notes:
        warnings.warn(f"{source}: {note}", stacklevel=2)
    whole = "float32" if how == "auto" else how
    options = TorchOptions(fast and device.type in FOLDING, whole, compiled, graphs)
    engine = TorchEngine(moved(checkpoint.network(), device), options)
    if how == "auto":
        from dfine.engines.auto_precision import choose

        engine = choose(engine, checkpoint.card)
    return Predictor(engine, checkpoint.card, layers=layers)


def _exported(
    source: str | os.PathLike,
    provider: str,
    names: Sequence[str] | None,
    size: tuple[int, int] | None,
    layers: int | None,
    precision: str,
) -> Predictor:
    """An exported file, ready to look at pictures."""
    from dfine.engines.onnx.engine import OnnxEngine

    engine = OnnxEngine(source, provider, precision=precision)
    card = replace(engine.card, source=str(source))
    if size is not None and (not isinstance(size, (tuple, list)) or tuple(size) != card.input_size):
        own = " x ".join(map(str, card.input_size))
        raise CheckpointError(f"{source} was exported for an input of {own}; export the model again for {size}")
    if names is not None:
        card = replace(card, names=label_map(engine.config.classes, names, None), notes=())
    return Predictor(engine, card, layers=layers)
