"""The released COCO weights against published values; for those who have them in their cache."""

import pytest
import torch
from safetensors import safe_open

import dfine
from dfine.trace.postprocess import detections
from dfine.weights.zoo import ZOO
from tests.helpers import NO_REFERENCE, REFERENCE

PUBLISHED = REFERENCE / "published_coco.safetensors"
pytestmark = [
    pytest.mark.online,
    pytest.mark.skipif(not PUBLISHED.exists(), reason=NO_REFERENCE),
]
NAMES = {"n": "nano-coco", "s": "small-coco", "m": "medium-coco", "l": "large-coco", "x": "xlarge-coco"}


@pytest.mark.parametrize("size", list(NAMES))
def test_released_weights_give_the_published_values(size):
    """`torch.rand(1, 3, 640, 640)` of seed 0: boxes of all queries, and the detections of a 640 x 640 picture."""
    name = NAMES[size]
    if not ZOO[name].cached:
        pytest.skip(f"{name} is not in the local cache; dfine.load({name!r}) fetches it")
    with safe_open(PUBLISHED, "pt") as file:
        want = {key: file.get_tensor(f"{size}.{key}") for key in ("pred_boxes", "labels", "boxes", "scores")}

    model = dfine.load(name, device="cpu")
    torch.manual_seed(0)
    with torch.no_grad():
        trace = model.network(torch.rand(1, 3, 640, 640))
    (found,) = detections(trace, model.names, [(640, 640)])

    # Queries of equal score may change places, and the last chosen with the first left out.
    nearest = torch.cdist(want["pred_boxes"][0], trace.last.boxes[0]).amin(1)
    assert (nearest < 1e-3).float().mean() > 0.98
    torch.testing.assert_close(found.scores[:100], want["scores"][:100], rtol=0, atol=1e-3)
    sure = found.scores[:20].diff().abs().amin() > 1e-3  # then the order of the first twenty is beyond doubt
    if sure:
        assert found.labels[:20].tolist() == want["labels"][:20].tolist()
        inside = want["boxes"][:20].clamp(0, 640)
        torch.testing.assert_close(found.boxes[:20], inside, rtol=0, atol=0.5)
