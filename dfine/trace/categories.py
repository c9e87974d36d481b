"""The numbers that COCO's tools expect for the classes of a model."""

from __future__ import annotations

from collections.abc import Sequence

# COCO's 80 classes in the order of the published weights' columns.
COCO = tuple(
    " ".join(name.split())
    for name in """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy bear, hair drier, toothbrush
""".split(",")
)

# COCO numbers its classes 1 to 90; these ten numbers were never given out.
COCO_GAPS = frozenset((12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
COCO_IDS = tuple(i for i in range(1, 91) if i not in COCO_GAPS)

_BY_NAME = dict(zip(COCO, COCO_IDS))
_OBJECTS365 = 366  # columns of its models


def category_ids(names: Sequence[str]) -> list[int]:
    """The category id of every column of a model, found by the names of its classes: [K].

    Where all classes are COCO's, in any order and however many, they get COCO's own ids, which run to 90. Objects365
    numbers its classes as the columns of its models, whose column 0 is unused. Everybody else counts the columns from
    1. Columns without a name are never reported; their ids mean nothing.

    >>> category_ids(("dog", "cat")), category_ids(("dog", "fish"))
    ([18, 17], [1, 2])
    """
    known = [_BY_NAME.get(name.strip().lower(), 0) for name in names]
    different = {i for i in known if i}
    if different and len(different) == sum(bool(name) for name in names):
        return known
    first = 0 if len(names) == _OBJECTS365 and not names[0] else 1
    return list(range(first, first + len(names)))
