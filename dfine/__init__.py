"""D-FINE Lens: a D-FINE detector (arXiv 2410.13842) that you can look inside.

>>> import dfine
>>> model = dfine.load("photos")
>>> result = model("picture.jpg", threshold=0.5)
>>> result.detections, result.history(0)

Importing this package is quick and imports no torch: each name below is fetched from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dfine.version import VERSION as __version__

if TYPE_CHECKING:
    from dfine.data.pictures import PictureError
    from dfine.engines.onnx.export import export
    from dfine.evaluation.coco import evaluate
    from dfine.inference.load import load
    from dfine.inference.predictor import Predictor, Result
    from dfine.inference.stream import stream
    from dfine.inference.tiling import tiled
    from dfine.trace.detections import Detections
    from dfine.trace.history import History
    from dfine.trace.records import Trace
    from dfine.weights.exceptions import CheckpointError
    from dfine.weights.zoo import zoo

__all__ = [
    "CheckpointError",
    "Detections",
    "History",
    "PictureError",
    "Predictor",
    "Result",
    "Trace",
    "__version__",
    "evaluate",
    "export",
    "load",
    "stream",
    "tiled",
    "zoo",
]

_HOMES = {
    "CheckpointError": "dfine.weights.exceptions",
    "Detections": "dfine.trace.detections",
    "History": "dfine.trace.history",
    "PictureError": "dfine.data.pictures",
    "Predictor": "dfine.inference.predictor",
    "Result": "dfine.inference.predictor",
    "Trace": "dfine.trace.records",
    "evaluate": "dfine.evaluation.coco",
    "export": "dfine.engines.onnx.export",
    "load": "dfine.inference.load",
    "stream": "dfine.inference.stream",
    "tiled": "dfine.inference.tiling",
    "zoo": "dfine.weights.zoo",
}


if not TYPE_CHECKING:  # where checkers of types saw it, every misspelt name would be one of this package

    def __getattr__(name: str) -> Any:
        """A public name, from the module that defines it; kept here, so that this runs once for each."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
