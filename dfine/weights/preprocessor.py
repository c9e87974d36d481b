"""What transformers does to a picture before the network sees it (`preprocessor_config.json`), and what we do of it.

We resize to one size and no more. Numbers on another scale, a mean and a standard deviation become a step in front of
the network (`Config.mean`, `Config.deviation`), so that training, export, video and evaluation all have it. Whatever
changes a picture's shape in another way is refused by name, since boxes would be found in the wrong places.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfine.trace.base import checked_size
from dfine.weights.checks import finite, read_json
from dfine.weights.exceptions import CheckpointError, refused

FILE = "preprocessor_config.json"
KNOWN = "RTDetrImageProcessor"  # D-FINE's; its defaults hold where the file leaves something out
DEFAULTS = {
    "do_resize": True,
    "size": {"height": 640, "width": 640},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": False,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "do_pad": False,
    "pad_size": None,
    "do_center_crop": False,
}
BILINEAR = 2
REMEDY = (
    'this project only resizes to one size; if the weights were trained with that, write "size": '
    '{"height": …, "width": …} and "do_pad": false into that file'
)


@dataclass(frozen=True)
class Preprocessor:
    """What is done to a picture, RGB in 0..1: resize, take `mean` off, divide by `deviation`."""

    input_size: tuple[int, int]  # (height, width)
    mean: tuple[float, ...] = ()  # per colour; () for 0, with a deviation of 1
    deviation: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()  # what is done a little differently here, in sentences

    def to_dict(self) -> dict:
        """The file for transformers."""
        return {
            "image_processor_type": KNOWN,
            "do_resize": True,
            "size": {"height": self.input_size[0], "width": self.input_size[1]},
            "resample": BILINEAR,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": bool(self.mean),
            **({"image_mean": list(self.mean), "image_std": list(self.deviation)} if self.mean else {}),
            "do_pad": False,
            "do_convert_annotations": True,
            "format": "coco_detection",
        }


def read_preprocessor(folder: Path) -> Preprocessor | None:
    """What the file in a folder asks for, None where there is no such file.

    Raises:
        CheckpointError: it asks for something that is not done here, or is no such file.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    says = read_json(file)
    kind = str(says.get("image_processor_type") or says.get("feature_extractor_type") or KNOWN)
    needed = ("do_resize", "size", "do_rescale", "do_normalize")
    if not kind.startswith(KNOWN) and any(key not in says for key in needed):
        raise CheckpointError(f"{file}: a {kind} is not known here, and it does not say {', '.join(needed)}")
    says = DEFAULTS | {key: value for key, value in says.items() if value is not None}

    size = _size(file, says)
    mean, deviation = _scale(file, says)
    notes = ()
    if says["resample"] != BILINEAR:
        notes = (f"{file.name} resizes with filter {says['resample']!r}, here it is bilinear: boxes may differ a bit",)
    return Preprocessor(size, mean, deviation, notes)


def _size(file: Path, says: dict) -> tuple[int, int]:
    """The one size that every picture gets, (height, width)."""
    size = says["size"]
    if not says["do_resize"]:
        raise CheckpointError(f"{file}: do_resize is false, so pictures keep their size; {REMEDY}")
    if says["do_center_crop"]:
        raise CheckpointError(f"{file}: do_center_crop cuts pictures; {REMEDY}")
    other = [key for key in ("shortest_edge", "longest_edge", "max_height", "max_width") if _side(size, key)]
    if other:
        raise CheckpointError(f"{file}: pictures keep their proportions (size has {' and '.join(other)}); {REMEDY}")
    if not (_side(size, "height") and _side(size, "width")):
        raise CheckpointError(f"{file}: size must have a height and a width, it is {size!r}")
    with refused():
        pair = checked_size((size["height"], size["width"]), f"{file}: size")
    pad = says["pad_size"]
    if says["do_pad"] and pad is not None and (_side(pad, "height"), _side(pad, "width")) != pair:
        raise CheckpointError(f"{file}: do_pad pads pictures to pad_size {pad!r}; {REMEDY}")
    return pair


def _side(size: object, key: str) -> object:
    return size.get(key) if isinstance(size, dict) else None


def _scale(file: Path, says: dict) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of pixels in 0..1 that come to what the file does to pixels in 0..255."""
    factor = says["rescale_factor"] if says["do_rescale"] else 1
    mean, deviation = (says["image_mean"], says["image_std"]) if says["do_normalize"] else ([0.0] * 3, [1.0] * 3)
    if not finite(factor) or factor <= 0:
        raise CheckpointError(f"{file}: rescale_factor is a positive number, not {factor!r}")
    for key, values in (("image_mean", mean), ("image_std", deviation)):
        if not (isinstance(values, list) and len(values) == 3 and all(map(finite, values))):
            raise CheckpointError(f"{file}: {key} is three numbers, one per colour, not {values!r}")
    if min(deviation) <= 0:
        raise CheckpointError(f"{file}: image_std is three positive numbers, not {deviation!r}")
    scale = 255 * factor
    if (scale, mean, deviation) == (1, [0, 0, 0], [1, 1, 1]):
        return (), ()
    return tuple(m / scale for m in mean), tuple(d / scale for d in deviation)
