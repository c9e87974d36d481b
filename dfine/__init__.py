"""D-FINE Lens: a D-FINE detector (arXiv 2410.13842) that you can look inside.

>>> import dfine
>>> model = dfine.load("demo")
>>> result = model("picture.jpg", threshold=0.5)
>>> result.detections, result.history(0)
"""

from dfine.inference.load import load
from dfine.trace.detections import Detections
from dfine.trace.records import Trace
from dfine.version import VERSION as __version__
from dfine.weights.zoo import zoo

__all__ = ["Detections", "Trace", "__version__", "load", "zoo"]
