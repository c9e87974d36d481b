"""The same predictor on another engine: an exported file as a network, trace included.

`dfine.load("model.onnx")` comes here; `dfine.engines.onnx.sessions` says what can run the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dfine.config import Config
from dfine.engines.onnx.export import rebuilt
from dfine.engines.onnx.sessions import open_session
from dfine.inference.predictor import Predictor
from dfine.trace.base import SCHEMA
from dfine.trace.records import Trace
from dfine.weights.exceptions import CheckpointError


class OnnxNetwork(nn.Module):
    """An exported file as a network: pixels [B, 3, H, W] in 0..1 -> Trace.

    Attributes:
        config: of the network that the file was made from.
        about: what the file says of itself: `names`, `size`, `digest`, `precision`, `parity`, `temperature` …
        provider: where it runs: "cpu", "cuda", "tensorrt" or "openvino".
        version: of ONNX Runtime, or of OpenVINO.
    """

    def __init__(self, path: str | os.PathLike, provider: str = "auto"):
        super().__init__()
        self.path = Path(path)
        self.session = open_session(self.path, provider)
        self.provider, self.version = self.session.provider, self.session.version
        self.about = _about(self.path, self.session.text)
        self.config = Config.from_dict(self.about["config"])
        self.outputs = [name for name in self.session.outputs if name.startswith("trace.")]
        if not self.outputs:
            raise CheckpointError(
                f"{self.path.name} returns detections without their story; export the model with its trace, "
                "or run the file with onnxruntime itself"
            )

    @torch.no_grad()
    def forward(self, pixels: Tensor, noise: None = None, layers: int | None = None) -> Trace:
        """The trace, on the CPU; `layers` cuts it short, which saves no time here.

        Raises:
            ValueError: pixels of another size than the file takes, or there are not that many layers.
        """
        height, width = self.about["size"]
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, height, width):
            raise ValueError(f"{self.path.name} takes pixels [B, 3, {height}, {width}], not {list(pixels.shape)}")
        if noise is not None:
            raise ValueError(f"{self.path.name} is an exported file: it detects, and cannot be trained")
        if layers is not None and not 1 <= layers <= self.config.layers:
            raise ValueError(f"this network has {self.config.layers} layers; layers is not {layers}")
        parts = self._run(pixels.detach().float().cpu())
        shapes = tuple((h, w) for h, w in self.about["shapes"])
        trace = rebuilt(parts, shapes, torch.tensor(self.about["w"]))
        return replace(trace, refinements=trace.refinements[:layers])

    def _run(self, pixels: Tensor) -> dict[str, Tensor]:
        """The file's outputs for any number of pictures, however many it takes at a time."""
        at_once, count = self.about["batch"] or len(pixels), len(pixels)
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

    @property
    def runner(self) -> str:
        """What runs the file, and where, in words."""
        name = "OpenVINO" if self.provider == "openvino" else "ONNX Runtime"
        return f"{name} {self.version.split('-')[0]} on {'cpu' if self.provider == 'openvino' else self.provider}"

    @property
    def decoder(self):
        """Not in the file. Raises ValueError."""
        raise ValueError(f"{self.path.name} is an exported file, which keeps no sampling points; load its checkpoint")

    def state_dict(self, *args, **kwargs):
        """Not in the file. Raises ValueError."""
        raise ValueError(f"{self.path.name} is an exported file, whose weights are folded; save its checkpoint instead")


def open_file(
    path: str | os.PathLike,
    provider: str = "auto",
    *,
    names: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
) -> Predictor:
    """An exported file, ready to look at pictures.

    Args:
        path: a file written by `dfine.engines.onnx.export`.
        provider: where to run it: "cpu", "cuda", "tensorrt", "openvino"; "auto" takes cuda where it is there, else cpu.
        names: other class names.
        size: must be the file's own, if given: it was chosen when the model was exported.

    Raises:
        CheckpointError: it is no such file, has no trace, or does not fit.
        ValueError: the provider is not there.
        ImportError: onnxruntime is missing.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"there is no file {str(path)!r}")
    network = OnnxNetwork(path, provider)
    about = network.about
    if size is not None and (not isinstance(size, (tuple, list)) or list(size) != about["size"]):
        own = " x ".join(map(str, about["size"]))
        raise CheckpointError(f"{path} was exported for an input of {own}; export the model again for {size}")
    return Predictor(
        network,
        names if names is not None else about["names"],
        device="cpu",
        size=tuple(about["size"]),
        source=str(path),
        digest=about["digest"],
        temperature=about["temperature"],
    )


def _about(path: Path, text: str | None) -> dict:
    """What the file says of itself. Raises CheckpointError when it says nothing, or in another version's words."""
    if text is None:
        raise CheckpointError(f"{path.name} was not written by `dfine export`: class names and W(n) are not in it")
    about = json.loads(text)
    if about["schema"] != SCHEMA:
        raise CheckpointError(f"{path.name} has schema {about['schema']}, this version reads {SCHEMA}; export it again")
    return about
