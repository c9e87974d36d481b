"""An exported file as an engine, trace included; `dfine.engines.onnx.sessions` says what can run it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfine.config import Config
from dfine.engines.onnx.export import card_of, rebuilt
from dfine.engines.onnx.sessions import open_session, unnamed
from dfine.engines.precision_names import IN_FILES, named
from dfine.network.decoder import checked_layers
from dfine.network.detector import DFINE
from dfine.paths import at_home
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.trace.records import Trace
from dfine.weights.checks import finite
from dfine.weights.exceptions import CheckpointError

MOST = 4096  # pictures at a time, and sides of a map of the encoder: far more than any file has


class OnnxEngine:
    """A file that `dfine.engines.onnx.export` wrote: pixels [B, 3, H, W] in 0..1 -> Trace, both on the CPU.

    Attributes:
        card: of the model that the file was made from, with the file's own input size.
        config: of the network that it was made from.
        w: W(n) [N+1] in box sizes.
        about: what the file says of itself besides: `batch`, `precision`, `parity`, `shapes` …
        provider: where it runs: "cpu", "cuda", "tensorrt" or "openvino".
        precision: "float32", "bfloat16", "float16" or "int8"; the lowest in it.
        version: of ONNX Runtime, or of OpenVINO.
        network: the network that it was made from, where it is at hand.

    Args:
        path: the file.
        provider: where to run it: "cpu", "cuda", "tensorrt", "openvino"; "auto" takes cuda where it is there, else cpu,
            and for a file in int8 openvino rather than cpu, where it is installed.
        precision: "bfloat16" rounds what the file has in float32 of backbone and encoder, with openvino; of a file in
            int8 that is rounded by itself, where the CPU has bfloat16.
        network: see above.

    Raises:
        CheckpointError: it is no such file, has no trace, or says of itself what does not fit.
        ValueError: the provider is not there, or has no such precision.
        ImportError: onnxruntime is missing.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        path: str | os.PathLike,
        provider: str = "auto",
        *,
        precision: str = "float32",
        network: DFINE | None = None,
    ):
        self.path, self.network = at_home(path), network
        if not self.path.is_file():
            raise CheckpointError(f"there is no file {str(path)!r}")
        wanted = named(precision)
        self.session = open_session(self.path, provider, "bfloat16" if wanted == "bfloat16" else "float32")
        self.about, self.card, self.config = _about(self.path, self.session.text)
        self.w = torch.tensor(self.about["w"], dtype=torch.float32)
        own = IN_FILES.get(str(self.about.get("precision")), "float32")
        if own == "int8" and provider == "auto":
            self.session = unnamed(self.session, self.path)
        self.provider, self.version = self.session.provider, self.session.version
        if wanted not in ("float32", "bfloat16", own):
            raise ValueError(f"{self.path.name} is in {own}; export the model again with --precision {wanted}")
        self.precision = own if own == "int8" or wanted == "float32" else wanted
        self.outputs = [name for name in self.session.outputs if name.startswith("trace.")]
        if not self.outputs:
            raise CheckpointError(
                f"{self.path.name} returns detections without their trace; export the model with its trace, "
                "or run the file with onnxruntime itself"
            )

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return self.config.layers

    @property
    def batch(self) -> int | None:
        """How many pictures the file takes at a time, fewer of them being filled up; None for any number."""
        return self.about["batch"]

    @property
    def runs_on(self) -> str:
        """What runs the file, where, and in what precision where that is not float32, in words."""
        name = "OpenVINO" if self.provider == "openvino" else "ONNX Runtime"
        place = "cpu" if self.provider == "openvino" else self.provider
        how = "" if self.precision == "float32" else f", {self.precision}"
        how += " and bfloat16" if self.precision == "int8" and self.session.rounds else ""
        return f"{name} {self.version.split('-')[0]} on {place}{how}"

    @torch.no_grad()
    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        """The trace, on the CPU; `layers` cuts it short, which saves no time here.

        Raises:
            ValueError: pixels of another size than the file takes, or there are not that many layers.
        """
        height, width = self.card.input_size
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, height, width):
            raise ValueError(f"{self.path.name} takes pixels [B, 3, {height}, {width}], not {list(pixels.shape)}")
        count = checked_layers(layers, self.layers)
        parts = self._run(pixels.detach().float().cpu())
        shapes = tuple((h, w) for h, w in self.about["shapes"])
        trace = rebuilt(parts, shapes, self.w)
        return replace(trace, refinements=trace.refinements[:count])

    def _run(self, pixels: Tensor) -> dict[str, Tensor]:
        """The file's outputs for any number of pictures, however many it takes at a time."""
        at_once, count = self.batch or len(pixels), len(pixels)
        if count % at_once:
            pixels = torch.cat((pixels, pixels.new_zeros(at_once - count % at_once, *pixels.shape[1:])))
        runs = []
        for chunk in pixels.split(at_once):
            feed = {"images": np.ascontiguousarray(chunk.numpy())}
            if len(self.session.inputs) > 1:
                feed["orig_target_sizes"] = torch.ones(len(chunk), 2, dtype=torch.int64).numpy()
            runs.append(self.session.run(self.outputs, feed))
        # Copies are numpy's, in this thread: threads of torch, once woken, would spin beside those of the next run.
        whole = [values[0] if len(runs) == 1 else np.concatenate(values) for values in zip(*runs)]
        return {name: torch.from_numpy(value)[:count] for name, value in zip(self.outputs, whole)}


def _about(path: Path, text: str | None) -> tuple[dict, Card, Config]:
    """What the file says of itself, every value of its kind, with the card and the configuration in it.

    Raises:
        CheckpointError: it says nothing, or in another version's words, or something else than `dfine export` writes.
    """
    if text is None:
        raise CheckpointError(f"{path.name} was not written by `dfine export`: class names and W(n) are not in it")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"what {path.name} says of itself is not valid JSON ({error}); export it again") from None
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        schema = about.get("schema") if isinstance(about, dict) else None
        raise CheckpointError(f"{path.name} has schema {schema!r}, this version reads {SCHEMA}; export it again")
    try:
        card, config = card_of(about), Config.from_dict(about.get("config"))
        _check_numbers(about, config)
        if len(card.names) != config.classes or len(card.class_thresholds) not in (0, config.classes):
            raise ValueError(f"it names {len(card.names)} classes where its network has {config.classes}")
    except ValueError as error:
        raise CheckpointError(f"what {path.name} says of itself does not fit: {error}; export it again") from None
    return about, card, config


def _check_numbers(about: dict, config: Config) -> None:
    """Raise ValueError where the batch, the sizes of the encoder's maps or W(n) are none."""
    batch, shapes, w = (about.get(key) for key in ("batch", "shapes", "w"))
    if batch is not None and not (type(batch) is int and 1 <= batch <= MOST):
        raise ValueError(f"its batch is {batch!r}")
    pairs = isinstance(shapes, list) and all(isinstance(s, list) and len(s) == 2 for s in shapes)
    if not pairs or not all(type(side) is int and 1 <= side <= MOST for shape in shapes for side in shape):
        raise ValueError(f"its shapes are {str(shapes)[:60]}, not (height, width) of each level")
    rising = isinstance(w, list) and all(map(finite, w)) and all(a < b for a, b in zip(w, w[1:]))
    if not rising or len(w) != config.bins + 1:
        raise ValueError(f"its W(n) is not {config.bins + 1} rising numbers")
