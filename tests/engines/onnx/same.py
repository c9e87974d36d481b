"""What the tests of ONNX share: names, a size, pictures, and whether two traces say the same."""

from dfine.engines.onnx.export import Options, tensors
from dfine.engines.onnx.parity import compare

SIZE = (64, 96)
# Files that several tests read.
GRID = Options(batch=None, gather=False)
TWO = Options(batch=2, postprocess=True)
ANY = Options(batch=None, postprocess=True, opset=18)


def close(ours, theirs, tolerance=1e-4):
    """Whether two traces are the same within rounding, whatever the order of queries with equal scores."""
    return max(compare(tensors(ours), tensors(theirs)).values()) <= tolerance
