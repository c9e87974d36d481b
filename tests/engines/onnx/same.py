"""What the tests of ONNX share: names, a size, pictures, and whether two traces say the same."""

import numpy as np
from PIL import Image

from dfine.engines.onnx.export import tensors
from dfine.engines.onnx.parity import compare

NAMES = ("cat", "dog", "fish")
SIZE = (64, 96)


def picture(seed=0, size=(120, 80)) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return Image.fromarray(noise).resize(size)


def close(ours, theirs, tolerance=1e-4):
    """Whether two traces are the same within rounding, whatever the order of queries with equal scores."""
    return max(compare(tensors(ours), tensors(theirs)).values()) <= tolerance
