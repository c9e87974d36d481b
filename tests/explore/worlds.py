"""Models and data sets that the tests of this folder make for themselves."""

import json
import os
from dataclasses import replace
from pathlib import Path

import torch

from dfine.config import Config
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from tests import helpers

DATA = Path(os.environ.get("DFINE_DATA", Path(__file__).parents[3] / "shared" / "data"))
TINY, BCCD = DATA / "tiny_coco", DATA / "bccd" / "BCCD"
NO_TINY, NO_BCCD = f"no pictures in {TINY}; set DFINE_DATA", f"no pictures in {BCCD}; set DFINE_DATA"


def predictor(names, queries=60, size=(128, 128), seed=0, layers=3) -> Predictor:
    """A size N with random heads and class columns `names`, sure enough of itself that much of it is stored."""
    torch.manual_seed(seed)
    network = DFINE(replace(Config.of("n", classes=len(names), queries=queries), layers=layers))
    with torch.no_grad():
        for name, p in network.named_parameters():
            if p.ndim > 1 and not p.any():
                torch.nn.init.normal_(p, std=0.1)
            if name.endswith("score.bias"):
                p.fill_(-1.0)
    return helpers.predictor(network, names, size)


def coco_json(images, annotations, names) -> str:
    """A COCO file of pictures 64 x 48: annotations are (image index, class index, box, iscrowd)."""
    return json.dumps(
        {
            "images": [{"id": i + 1, "file_name": f, "width": 64, "height": 48} for i, f in enumerate(images)],
            "annotations": [
                {
                    "id": k + 1,
                    "image_id": i + 1,
                    "category_id": 10 * (c + 1),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": crowd,
                }
                for k, (i, c, box, crowd) in enumerate(annotations)
            ],
            "categories": [{"id": 10 * (c + 1), "name": name} for c, name in enumerate(names)],
        }
    )
