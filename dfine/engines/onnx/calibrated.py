"""An exported file in int8 that says what it was calibrated on and what that costs; what costs much stays float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from dfine.engines.onnx import file as onnx_file
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Exported, Options, export, scratch_beside
from dfine.engines.onnx.int8 import PARTS, quantise, ranges
from dfine.engines.onnx.parity import ExportError
from dfine.engines.onnx.sessions import available
from dfine.engines.precision import BUDGET
from dfine.engines.shift import Shift, shift
from dfine.files import replacing
from dfine.network.detector import DFINE
from dfine.paths import at_home
from dfine.trace.card import Card

FEWEST = 8  # pictures to calibrate on and to measure with
BATCH = 8  # pictures that go through the network together
MEASURING = 4  # every Nth picture takes no part in the calibration; the cost is measured on these


@dataclass(frozen=True)
class Calibration:
    """What an int8 file is made with."""

    pictures: Tensor  # [N, 3, H, W] in 0..1, of the size of the file's input
    source: str  # what they are, in words
    compare: Callable[[OnnxEngine, OnnxEngine], dict] | None = None  # of the float32 and the int8 file: more to say
    refuse: bool = True  # whether parts that cost too much go back; random weights have no answers to keep


def export_int8(
    network: DFINE, card: Card, path: str | Path, calibration: Calibration, options: Options | None = None
) -> dict:
    """Write a network as an ONNX file with most of its layers in int8, all at once or not at all.

    Backbone, encoder and the largest products of the decoder are rounded as a whole. Where edges then move by more than
    0.7 pixels on average, or most objects are lost, the part that costs the most by itself goes back to float32, and
    the next one, until neither is so; not where the calibration is not to refuse anything.

    Args:
        network: in evaluation mode; it stays as it is.
        card: what the model is.
        path: ends in .onnx; an existing file is replaced.
        calibration: the pictures, and what is to be measured besides.
        options: what the file is to be like; it has a trace and is not in half precision.

    Returns:
        What the file says of itself under "int8": what it was calibrated on, the parts in int8, the cost.

    Raises:
        ExportError: the pictures are too few or of another size, or the file would not say what torch says.
        ImportError: onnx or onnxruntime is missing.
    """
    path, options = at_home(path), options or Options()
    height, width = options.size or card.input_size
    pictures = calibration.pictures
    if options.half or not options.trace:
        raise ExportError("an int8 file needs its trace, and cannot be in half precision as well")
    if len(pictures) < FEWEST or tuple(pictures.shape[2:]) != (height, width):
        had = f"{len(pictures)} pictures of {' x '.join(map(str, pictures.shape[2:]))}"
        raise ExportError(f"int8 is calibrated on at least {FEWEST} pictures of {height} x {width}, not on {had}")
    held, used = pictures[::MEASURING], pictures[[i for i in range(len(pictures)) if i % MEASURING]]
    provider = "openvino" if "openvino" in available() else "cpu"

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as finished, scratch_beside(finished) as scratch:
        whole, small = Path(scratch) / "float32.onnx", Path(scratch) / path.name
        export(network, card, whole, options)
        found = ranges(Exported(network, options).cpu().eval().network, used.split(BATCH))
        exact = OnnxEngine(whole, provider)
        want = exact(held)

        def cost(parts: list[str]) -> tuple[int, Shift]:
            count = quantise(whole, small, found, parts)
            return count, shift(want, OnnxEngine(small, provider)(held), (width, height))

        parts, alone = list(PARTS), {}
        count, moved = cost(parts)
        while calibration.refuse and (moved.edges > BUDGET["int8"] or not moved.finds_the_same):
            alone = alone or {part: cost([part])[1] for part in PARTS}
            parts.remove(max(parts, key=lambda part: (not alone[part].finds_the_same, alone[part].edges)))
            if not parts:
                raise ExportError(
                    f"in int8 no part of this model stays within {BUDGET['int8']} px and finds what it found before; "
                    "nothing was written"
                )
            count, moved = cost(parts)
        said = {
            "calibrated_on": calibration.source,
            "pictures": len(used),
            "measured_on": len(held),
            "parts": parts,
            "layers": count,
            "shift": moved.to_dict(),
        }
        about = exact.about | {"precision": "int8"}
        if calibration.compare:
            onnx_file.describe(small, about | {"int8": said})
            said |= calibration.compare(exact, OnnxEngine(small, provider))
        onnx_file.describe(small, about | {"int8": said})
        small.replace(finished)
    return said
