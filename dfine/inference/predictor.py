"""The model for people: a picture goes in, detections and their whole story come out."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from dfine.config import Config
from dfine.data import labels
from dfine.data.pictures import Picture, read, to_batch, to_pixels
from dfine.engines.torch_engine import Fast, suits
from dfine.inference.device import resolve
from dfine.network.detector import DFINE
from dfine.trace.detections import Detections
from dfine.trace.history import History
from dfine.trace.postprocess import detections
from dfine.trace.records import Trace
from dfine.weights import checkpoints
from dfine.weights.exceptions import CheckpointError
from dfine.weights.official import save_official
from dfine.weights.transformers import save_transformers

BATCH = 8  # pictures of a list that go through the network together


@dataclass(frozen=True)
class Result:
    """What the model made of one picture."""

    picture: Image.Image  # upright RGB
    detections: Detections  # best first, in pixels of the picture
    trace: Trace  # on the CPU, with a batch axis of length 1

    def history(self, index: int) -> History:
        """The way of detection `index` through the layers. Raises IndexError when there is no such detection."""
        found = self.detections
        if not 0 <= index < len(found):
            raise IndexError(f"there is no detection {index}; there are {len(found)}")
        label = int(found.labels[index])
        return self.trace.history(int(found.query[index]), found.size, name=found.names[label], label=label)

    def _repr_html_(self) -> str:
        from dfine.figures.html import result_html

        return result_html(self.picture, self.detections)


class Predictor:
    """A detector with its class names and input size: `model(picture)` gives a `Result`, a list gives a list.

    Attributes:
        network: the `DFINE`; `model.network(pixels)` returns the `Trace` of a batch.
        names: the class of each column; "" for a column that is never reported.
        size: input (height, width) that every picture is resized to.
        device: where the network is.
        source: what was loaded.
        digest: SHA-256 of its file of weights.
        card: its model card in Markdown, where there is one.
        temperature: fitted per edge ([4], left, top, right, bottom; `dfine.evaluation.calibration`), or None; every
            trace carries it, and all that is said of spread follows it.
        engine: what looks at pictures: the network, or something that says the same sooner (`dfine.engines`).
        layers: after how many decoder layers it answers (early exit); None: after all.
    """

    def __init__(
        self,
        network: DFINE,
        names: Sequence[str],
        *,
        device: str | torch.device = "auto",
        size: tuple[int, int] = checkpoints.SIZE,
        source: str = "",
        digest: str = "",
        card: str | None = None,
        temperature: Sequence[float] | None = None,
        fast: bool = False,
        half: str = "off",
        compiled: bool = False,
        graphs: bool = False,
        layers: int | None = None,
    ):
        self.names = checkpoints.label_map(network.config.classes, names, None)
        self.size = checkpoints.checked_size(size)
        self.source, self.digest, self.card = source, digest, card
        self.temperature = None if temperature is None else tuple(float(t) for t in temperature)
        self.network = network.eval()
        self.device = resolve(device)
        try:
            self.network.to(self.device)
        except RuntimeError as error:
            if not self._out_of_memory(error):
                raise
            self._fall_back()
        fast = fast and suits(network, self.device)
        if not fast and (half != "off" or compiled or graphs):
            raise ValueError(
                "half precision, torch.compile and CUDA graphs are for a checkpoint's fused copy, on cpu or cuda"
            )
        how = dict(half=half, compiled=compiled, graphs=graphs)
        self.engine = Fast(self.network, **how) if fast else self.network
        self.layers = _count(layers, self.config.layers)

    def plain(self) -> Predictor:
        """The same predictor, which runs the network itself, so that hooks on it see what passes."""
        other = copy.copy(self)
        other.engine = self.network
        return other

    @property
    def config(self) -> Config:
        """The configuration of the network."""
        return self.network.config

    def __call__(self, picture: Picture | Sequence[Picture], threshold: float = 0.5) -> Result | list[Result]:
        """Look at a picture (a path, PIL image, array or tensor), or at each of a list of them.

        Args:
            picture: see `dfine.data.pictures.read`.
            threshold: lowest score in 0..1 that is reported.

        Raises:
            PictureError: one of them cannot be read; nothing is returned then.
            ValueError: the threshold is not in 0..1.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"the threshold is a score between 0 and 1, not {threshold}")
        if not isinstance(picture, (list, tuple)):
            return self._batch([read(picture)], threshold)[0]
        results = []
        for start in range(0, len(picture), BATCH):
            results += self._batch([read(p) for p in picture[start : start + BATCH]], threshold)
        return results

    def save(self, place: str | os.PathLike, *, half: bool = False, layout: str = "dfine") -> Path:
        """Write the model; loading it again gives bit-equal outputs (unless `half`).

        Args:
            place: a folder, or for the official layout a .pth file.
            half: kernels and matrices in float16, for half the space; in our own layout alone.
            layout: "dfine" (`config.json` and `model.safetensors`), "transformers" (a folder that its
                `DFineForObjectDetection` and `AutoImageProcessor` load), or "official" (a file for the published code,
                which knows neither class names nor the input size).

        Raises:
            CheckpointError: there is no such layout, or the place cannot be written.
        """
        if layout == "dfine":
            about = dict(size=self.size, temperature=self.temperature, half=half)
            return checkpoints.save(place, self.network, self.names, **about)
        if layout not in ("transformers", "official") or half:
            what = f"no layout {layout!r}" if not half else "no half precision in other layouts than dfine"
            raise CheckpointError(f"there is {what}; the layouts are dfine, transformers and official")
        if layout == "official":
            return save_official(place, self.network, self.size)
        return save_transformers(place, self.network, self.names, self.size)

    def push_to_hub(self, repo: str, *, token: str | None = None, private: bool = False, **about: object) -> str:
        """Put the model on the Hugging Face Hub with a card; see `dfine.weights.publish.push_to_hub`."""
        from dfine.weights.publish import push_to_hub

        return push_to_hub(self, repo, token=token, private=private, **about)

    def look(self, pictures: Sequence[Image.Image], pixels: Tensor, threshold: float = 0.5) -> list[Result]:
        """The results of pictures whose `pixels` [B, 3, H, W] in 0..1 are there already, resized to `size`.

        A batch that the device's memory does not suffice for is halved; a single picture goes to the CPU.
        """
        trace = None
        try:
            trace = self._trace(pixels)
        except RuntimeError as error:
            if not self._out_of_memory(error):
                raise
        if trace is None:  # outside of `except`, where the error would keep what was being computed in memory
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if len(pictures) == 1:
                self._fall_back()
                return self.look(pictures, pixels, threshold)
            half = len(pictures) // 2
            halves = ((pictures[:half], pixels[:half]), (pictures[half:], pixels[half:]))
            return [result for part in halves for result in self.look(*part, threshold)]
        found = detections(trace, self.names, [p.size for p in pictures], ignore=labels.unused(self.names))
        return [Result(p, found[i].above(threshold), trace.picture(i)) for i, p in enumerate(pictures)]

    def _batch(self, pictures: list[Image.Image], threshold: float) -> list[Result]:
        return self.look(pictures, to_batch([to_pixels(p, self.size) for p in pictures]), threshold)

    @torch.no_grad()
    def _trace(self, pixels: Tensor) -> Trace:
        """The trace of a batch, on the CPU."""
        # A predictor that shares this network may have gone on with the CPU meanwhile.
        self.device = next((p.device for p in self.network.parameters()), self.device)
        warmth = None if self.temperature is None else torch.as_tensor(self.temperature).float()
        early = {} if self.layers is None else {"layers": self.layers}
        return replace(self.engine(pixels.to(self.device), **early).cpu(), temperature=warmth)

    def _out_of_memory(self, error: RuntimeError) -> bool:
        """Whether a GPU failed for want of memory."""
        if self.device.type == "cpu":
            return False
        return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()

    def _fall_back(self) -> None:
        """Go on with the CPU."""
        warnings.warn(
            f"{self.device} ran out of memory; going on with the CPU, which is slower. A smaller model or input size "
            "may fit.",
            stacklevel=5,
        )
        self.device = torch.device("cpu")
        self.network.to(self.device)

    def __repr__(self) -> str:
        named = len(self.names) - len(labels.unused(self.names))
        where = getattr(self.engine, "runner", f"on {self.device}")
        return (
            f"<D-FINE-{self.config.size.upper()} {self.source!r}, {named} classes, "
            f"input {self.size[0]} x {self.size[1]}, {where}>"
        )


def _count(layers: int | None, available: int) -> int | None:
    """A number of decoder layers that the network has."""
    if layers is not None and not 1 <= layers <= available:
        raise ValueError(f"the network has {available} decoder layers; layers is 1 to {available}, not {layers}")
    return layers
