"""The model for people: a picture goes in; detections come out, with everything that led to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import torch
from PIL import Image
from torch import Tensor

from dfine.config import Config
from dfine.data import labels
from dfine.data.pictures import Picture, checked_batch, read, to_batch, to_pixels
from dfine.engines.device import out_of_memory, to_cpu
from dfine.engines.engine import Engine, fixed_batch
from dfine.network.decoder import checked_layers
from dfine.network.detector import DFINE
from dfine.network.layers import usual
from dfine.trace.base import Comparable, checked_size
from dfine.trace.card import Card
from dfine.trace.detections import Detections
from dfine.trace.disk import About
from dfine.trace.history import History
from dfine.trace.postprocess import Ranking, detections
from dfine.trace.records import Trace
from dfine.weights import publish
from dfine.weights.exceptions import CheckpointError, refused
from dfine.weights.names import label_map
from dfine.weights.official import save_official
from dfine.weights.saving import save
from dfine.weights.transformers import save_transformers

BATCH = 8  # pictures of a list that go through the network together, if an exported file does not fix it


@dataclass(frozen=True, repr=False)
class Result(Comparable):
    """What the model made of one picture."""

    picture: Image.Image  # upright RGB
    detections: Detections  # best first, in pixels of the picture
    trace: Trace  # on the CPU, with a batch axis of length 1

    def history(self, index: int) -> History:
        """The way of detection `index` through the layers. Raises IndexError when there is no such detection."""
        found = self.detections
        if index not in range(len(found)):
            raise IndexError(f"there is no detection {index!r}; there are {len(found)}, which go by number from 0")
        label = int(found.labels[index])
        return self.trace.history(int(found.query[index]), found.size, name=found.names[label], label=label)

    def __repr__(self) -> str:
        return f"Result({self.detections!r}, {self.trace!r})"

    def _repr_html_(self) -> str:
        from dfine.figures.html import result_html

        return result_html(self.picture, self.detections)


class Predictor:
    """An engine with its card: `model(picture)` gives a `Result`, a list gives a list.

    Attributes:
        engine: what looks at pictures (`dfine.engines`).
        card: what the model is: class names, input size, source, digest, calibration, words. Every trace carries the
            calibration, a temperature or a table of levels, and all that is said of spread follows it.
        layers: after how many decoder layers it answers (early exit).

    Args:
        engine: see above.
        card: its names and its input size must fit the engine.
        layers: see above; by default after all.

    Raises:
        CheckpointError: the names do not fit the network's classes, or the input size is not two multiples of 32.
        ValueError: there are not that many layers.
    """

    def __init__(self, engine: Engine, card: Card, *, layers: int | None = None):
        names = label_map(engine.config.classes, card.names, None)
        with refused():
            self.card = replace(card, names=names, input_size=checked_size(card.input_size))
        self.engine = engine
        self.layers = checked_layers(layers, engine.layers)

    @property
    def names(self) -> tuple[str, ...]:
        """The class of each column; "" for a column that is never reported."""
        return self.card.names

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) that every picture is resized to."""
        return self.card.input_size

    @property
    def size(self) -> tuple[int, int]:
        """`input_size`, by a shorter name."""
        return self.card.input_size

    @property
    def source(self) -> str:
        """What was loaded."""
        return self.card.source

    @property
    def digest(self) -> str:
        """SHA-256 of the file of weights."""
        return self.card.digest

    @property
    def temperature(self) -> tuple[float, ...] | None:
        """Fitted per edge (left, top, right, bottom); None where there is none. See `card.calibrated`."""
        return self.card.temperature

    @property
    def config(self) -> Config:
        """The configuration of the network."""
        return self.engine.config

    @property
    def device(self) -> torch.device:
        """Where the engine takes its memory from."""
        return self.engine.device

    @property
    def network(self) -> DFINE:
        """The network behind the engine. Raises ValueError where there is only an exported file."""
        if self.engine.network is None:
            raise ValueError(
                f"{self.source} is an exported file: its weights are folded, and it keeps no sampling points; "
                "load its checkpoint to save, export, train or look into it"
            )
        return self.engine.network

    def provenance(self) -> dict[str, Any]:
        """The head of every file about its answers: what its card says, and which engine answers in which precision."""
        return self.card.provenance() | {"engine": self.engine.runs_on, "precision": self.engine.precision}

    def with_engine(self, engine: Engine) -> Predictor:
        """The same model on another engine."""
        return Predictor(engine, self.card, layers=self.layers)

    def about(self, result: Result, picture: Picture = "") -> About:
        """Where a result comes from: this model, and the name of the picture's file.

        Only the last part of a path is given: readers elsewhere need not know the folders of this machine.
        """
        name = Path(picture).name if isinstance(picture, (str, Path)) else ""
        size, engine = result.detections.size, self.engine
        return About(self.card.without_folders(), size, name, engine.runs_on, engine.precision)

    def lowest(self, threshold: float | str) -> float | Tensor:
        """The lowest score that is reported: a number, or for "best" one of each class [K], those with the best F1.

        Those were found on validation pictures at the end of the training; a class that was not measured takes that of
        all classes together.

        Raises:
            ValueError: it is not a score in 0..1, or the checkpoint has no best thresholds.
        """
        if threshold != "best":
            if threshold is None or isinstance(threshold, str) or not 0 <= threshold <= 1:
                raise ValueError(f"the threshold is a score between 0 and 1, or 'best', not {threshold!r}")
            return threshold
        if self.card.threshold is None:
            raise ValueError(
                f"{self.source or 'this model'} has no best threshold: only `dfine train` finds one; give a score"
            )
        each = self.card.class_thresholds or (None,) * len(self.names)
        lowest = [self.card.threshold if score is None else score for score in each]
        return torch.tensor(lowest, dtype=torch.float32, device="cpu")

    @overload
    def __call__(self, picture: Picture, threshold: float | str = 0.5) -> Result: ...

    @overload
    def __call__(self, picture: Sequence[Picture], threshold: float | str = 0.5) -> list[Result]: ...

    def __call__(self, picture: Picture | Sequence[Picture], threshold: float | str = 0.5) -> Result | list[Result]:
        """Look at a picture (a path, bytes of a file, PIL image, array or tensor), or at each of a list of them.

        Args:
            picture: see `dfine.data.pictures.read`.
            threshold: lowest score in 0..1 that is reported, or "best" (see `lowest`).

        Raises:
            PictureError: one of them cannot be read; nothing is returned then.
            ValueError: the threshold is not in 0..1, or there is no best one.
        """
        self.lowest(threshold)
        if not isinstance(picture, (list, tuple)):
            return self._batch([read(picture)], threshold)[0]
        results, many = [], fixed_batch(self.engine) or BATCH
        for start in range(0, len(picture), many):
            results += self._batch([read(p) for p in picture[start : start + many]], threshold)
        return results

    def look(self, pictures: Sequence[Image.Image], pixels: Tensor, threshold: float | str = 0.5) -> list[Result]:
        """The results of pictures that are already `pixels` [B, 3, H, W] in 0..1, resized to `input_size`."""
        trace = self.trace(pixels).cpu()
        ranking = Ranking(ignore=labels.unused(self.names))
        found = detections(trace, self.names, [p.size for p in pictures], ranking)
        return [Result(p, found[i].above(self.lowest(threshold)), trace.picture(i)) for i, p in enumerate(pictures)]

    @torch.no_grad()
    def trace(self, pixels: Tensor, *, sampling: bool = False) -> Trace:
        """The trace of a batch, with the model's calibration, on the device that computed it.

        A batch that does not fit into the device's memory is halved, and its trace is on the CPU. A single picture that
        does not fit moves the network to the CPU, where later pictures are computed as well.

        Args:
            pixels: floats [B, 3, H, W] in 0..1, resized to `input_size`; on any device.
            sampling: also say where queries read the picture (`Trace.sampling`). The network itself is run then, as
                faster engines do not keep these points.

        Raises:
            ValueError: `pixels` are not what they should be, or sampling points are wanted of an exported file.
        """
        pixels = checked_batch(pixels)
        run = self._run_network if sampling else self.engine
        device = self.device
        try:
            with usual(device.type):
                trace = run(pixels, None if self.layers == self.engine.layers else self.layers)
        except RuntimeError as error:
            if not out_of_memory(error, device):
                raise
            trace = None
        if trace is None:  # outside of `except`, where the error would keep what was being computed in memory
            if device.type == "cuda":
                torch.cuda.empty_cache()
            if len(pixels) > 1:
                half = len(pixels) // 2
                parts = pixels[:half], pixels[half:]
                return Trace.joined([self.trace(part, sampling=sampling).cpu() for part in parts])
            to_cpu(self.network, device)
            return self.trace(pixels, sampling=sampling)
        fitted = {"temperature": self.card.temperature, "levels": self.card.levels}
        given = {k: torch.tensor(v, dtype=torch.float32, device=trace.w.device) for k, v in fitted.items() if v}
        return replace(trace, **given)

    def _run_network(self, pixels: Tensor, layers: int | None) -> Trace:
        """The trace with sampling points."""
        return self.network(pixels.to(self.device), layers=layers, sampling=True)

    def save(self, place: str | os.PathLike, *, half: bool = False, layout: str = "dfine") -> Path:
        """Write the model; loading it again gives bit-equal outputs (unless `half`).

        Args:
            place: a folder, or for the official layout a .pth file.
            half: kernels and matrices in float16, for half the space; only in our own layout.
            layout: "dfine" (`config.json` and `model.safetensors`), "transformers" (a folder that its
                `DFineForObjectDetection` and `AutoImageProcessor` load), or "official" (a file for the published code,
                which knows no class names).

        Raises:
            CheckpointError: there is no such layout, or the place cannot be written.
            ValueError: there is only an exported file.
        """
        if layout == "dfine":
            return save(place, self.network, self.card, half=half)
        if layout not in ("transformers", "official") or half:
            what = f"no layout {layout!r}" if not half else "no half precision in other layouts than dfine"
            raise CheckpointError(f"there is {what}; the layouts are dfine, transformers and official")
        if layout == "official":
            return save_official(place, self.network, self.input_size)
        return save_transformers(place, self.network, self.card)

    def push_to_hub(self, repo: str, *, token: str | None = None, private: bool = False, **about: Any) -> str:
        """Put the model on the Hugging Face Hub; see `dfine.weights.publish.push_to_hub`.

        Args:
            repo: "owner/model".
            token: of an account that may write; by default the one that is logged in.
            private: whether only its owners can see a new one.
            **about: what its card says besides: `data`, `ap`, `licence` (`dfine.weights.publish.model_card`).

        Returns:
            The address of the commit.
        """
        words = publish.model_card(self.network, self.card, repo, **about)
        return publish.push_to_hub(self.network, replace(self.card, words=words), repo, token=token, private=private)

    def _batch(self, pictures: list[Image.Image], threshold: float | str) -> list[Result]:
        return self.look(pictures, to_batch([to_pixels(p, self.input_size) for p in pictures]), threshold)

    def __repr__(self) -> str:
        named, (height, width) = len(self.names) - len(labels.unused(self.names)), self.input_size
        return (
            f"<D-FINE-{self.config.size.upper()} {self.source!r}, {named} classes, "
            f"input {height} x {width}, {self.engine.runs_on}>"
        )
