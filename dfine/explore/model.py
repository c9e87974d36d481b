"""The detector as a FiftyOne model: one pass of the network stores every layer.

    model = DFineModel(dfine.load("demo"), classes=["cup", "house"])
    prepare(dataset, model)  # of dfine.explore.run
    dataset.apply_model(model, label_field=model.label_fields("dfine"))
    evaluate(dataset)  # of dfine.explore.evaluate

With a plain string as `label_field` the last layer's detections lie in <label_field>_last. `dfine.explore.run.apply`
stores the same without FiftyOne's documents, goes on after an interruption, and skips what is there already.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import fiftyone as fo
from fiftyone.core.models import Model, SupportsGetItem, TorchModelMixin
from fiftyone.utils.torch import GetItem

from dfine.data.pictures import PictureError, read, to_batch, to_pixels
from dfine.explore import fields, store
from dfine.explore.names import match
from dfine.explore.store import Keep
from dfine.files import short_digest
from dfine.inference.predictor import Predictor
from dfine.trace.base import SCHEMA
from dfine.trace.stages import layer_name
from dfine.weights.tensors import digest


class _Seen(NamedTuple):
    """All that a predictor asks of a picture whose pixels it has already."""

    size: tuple[int, int]


class Opener(GetItem):
    """Reads pictures as this library does: upright, transparency over white, 16 bits scaled, a plain resize.

    Calling it with {"filepath": …} gives {"pixels": float [3, H, W], "size": (width, height), "filepath": …}, or
    {"error": sentence, "filepath": …} for a picture that cannot be read: one bad file does not cost its batch.
    """

    def __init__(self, size: tuple[int, int], field_mapping: dict | None = None):
        self.size = size
        super().__init__(field_mapping=field_mapping)

    @property
    def required_keys(self) -> list[str]:
        return ["filepath"]

    def __call__(self, d: dict) -> dict:
        try:
            return opened(d["filepath"], self.size) | {"filepath": d["filepath"]}
        except PictureError as error:
            return {"error": str(error), "filepath": d["filepath"]}


class DFineModel(Model, SupportsGetItem, TorchModelMixin):
    """A `Predictor` that `dataset.apply_model` takes.

    Attributes:
        predictor: the model for people.
        classes: of the data set.
        names: its own classes, matched with those.
        keep: which detections are stored.
        run: digest of the weights and of all settings; samples that carry it need not be looked at again.
    """

    config = None  # FiftyOne looks here for options that this model does not have

    def __init__(self, predictor: Predictor, *, classes: Sequence[str] = (), keep: Keep | None = None):
        """Wrap a predictor.

        Args:
            predictor: as `dfine.load` gives it.
            classes: of the data set; the model's are renamed to them where they are the same, and others are not
                stored. Without any, all classes are stored under the model's names.
            keep: which detections are stored, by default up to 100 a picture with a score of at least 0.05.

        Raises:
            ValueError: model and data set have no class in common.
        """
        self.predictor, self.keep = predictor, keep or Keep()
        self.classes = tuple(classes)
        self.names = match(predictor.names, classes)
        self.layers = predictor.layers
        self.digest = digest(predictor.engine.network, predictor.card)
        settings = predictor.input_size, predictor.card.temperature, self.keep, self.names.columns, self.names.ignore
        early = () if self.layers == predictor.config.layers else (self.layers,)  # else runs of old stay valid
        fitted = () if predictor.card.levels is None else (predictor.card.levels,)  # likewise
        self.run = short_digest(repr((self.digest, *settings, SCHEMA, *early, *fitted)))
        self._preprocess = True

    def label_fields(self, field: str = fields.FIELD) -> dict[str, str]:
        """The `label_field` of `apply_model` that puts every stage where the rest of this package looks for it."""
        named = {self._key(s): fields.field_of(field, s, self.layers) for s in fields.stages(self.layers)}
        return named | {"run": fields.run_field(field)}

    def info(self, truth: str = fields.TRUTH) -> dict:
        """What `dataset.info["dfine"][FIELD]` says of this run, as plain values."""
        card = self.predictor.card
        return {
            **card.provenance(),
            "card": card.to_dict(),
            "digest": self.digest,
            "run": self.run,
            "size": self.predictor.config.size,
            "names": list(self.names.columns),
            "classes": list(self.classes),
            "layers": self.layers,
            "w": self.predictor.engine.w.tolist(),
            "threshold": self.keep.threshold,
            "top": self.keep.top,
            "truth": truth,
            "names_report": self.names.report(),
        }

    def look(self, items: Sequence[dict]) -> list[dict[str, dict] | None]:
        """The documents of some pictures, by stage; None for each that could not be read.

        Args:
            items: as `Opener` gives them.
        """
        good = [i for i, item in enumerate(items) if "pixels" in item]
        looked: list[dict | None] = [None] * len(items)
        if good:
            pixels = to_batch([items[i]["pixels"] for i in good])
            seen = [_Seen(items[i]["size"]) for i in good]
            for i, result in zip(good, self.predictor.look(seen, pixels, threshold=1.0)):
                looked[i] = store.documents(result.trace, self.names, items[i]["size"], self.keep)
        return looked

    def predict(self, arg) -> dict | None:
        """The stages of one picture (an `Opener`'s item, or anything else that can be read as a picture) as labels."""
        return self.predict_all([arg])[0]

    def predict_all(self, args) -> list[dict | None]:
        """The stages of each picture as labels: initial, layer_1 …, last, and the run; None for unreadable ones."""
        size = self.predictor.input_size
        items = [arg if isinstance(arg, dict) else opened(arg, size) for arg in args]
        for item in items:
            if "error" in item:
                warnings.warn(f"{item['error']}; it was skipped", stacklevel=2)
        return [stored and self._labels(stored) for stored in self.look(items)]

    def _labels(self, stored: dict[str, dict]) -> dict:
        labels = {self._key(stage): fo.Detections.from_dict(document) for stage, document in stored.items()}
        return labels | {"run": self.run}

    def _key(self, stage: str) -> str:
        return "last" if stage == layer_name(self.layers) else stage.replace(" ", "_")

    def build_get_item(self, field_mapping: dict | None = None) -> Opener:
        """What reads the pictures for FiftyOne's data loader."""
        return Opener(self.predictor.input_size, field_mapping)

    @property
    def media_type(self) -> str:
        """Always "image"."""
        return "image"

    @property
    def ragged_batches(self) -> bool:
        """False: all pictures are resized to one size."""
        return False

    @property
    def has_collate_fn(self) -> bool:
        """True: batches stay lists, so that a picture that cannot be read does not spoil its batch."""
        return True

    @staticmethod
    def collate_fn(batch: list) -> list:
        """The batch as it is."""
        return batch

    @property
    def transforms(self):
        """None: `Opener` prepares the pictures."""
        return None

    @property
    def preprocess(self) -> bool:
        """Has no effect: what has not been prepared yet is prepared."""
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        self._preprocess = value


def opened(picture, size: tuple[int, int]) -> dict:
    """A picture as the network's input `pixels` [3, H, W] of `size` = (height, width), and its own (width, height)."""
    picture = read(picture)
    return {"pixels": to_pixels(picture, size), "size": picture.size}
