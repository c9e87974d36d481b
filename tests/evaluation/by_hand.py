"""Objects and detections by hand, for tests of what is counted right and wrong."""

import numpy as np

CAT, DOG = 3, 13
BOX = [10, 10, 40, 40]


def truth(*objects, images=(4, 9)):
    """A COCO-format dict; objects are (image, category, bbox) or (…, crowd), their ids count from 1."""
    keys = ("image_id", "category_id", "bbox", "iscrowd")
    return {
        "images": [{"id": i, "width": 200, "height": 200} for i in images],
        "categories": [{"id": CAT, "name": "cat"}, {"id": DOG, "name": "dog"}],
        "annotations": [
            {"id": i + 1, "iscrowd": 0, "area": o[2][2] * o[2][3]} | dict(zip(keys, o)) for i, o in enumerate(objects)
        ],
    }


def rows(*detections):
    """(image, bbox, score, category) as [n, 7]."""
    return np.array([[i, *box, score, c] for i, box, score, c in detections], dtype=np.float64).reshape(-1, 7)


def moved(d):
    """The box of the object, moved right by `d`: IoU (40 − d) / (40 + d)."""
    return [10 + d, 10, 40, 40]
