import numpy as np
import pytest

from dfine.data.coco_masks import box_around


def runs_of(mask):
    """COCO's run lengths of a mask [H, W]: column by column, outside first."""
    flat = np.asarray(mask, dtype=int).T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = [0, *changes.tolist(), len(flat)]
    runs = [b - a for a, b in zip(ends, ends[1:])]
    return runs if not flat[0] else [0, *runs]


def compressed(runs):
    """As COCO writes them: differences to the run two places before, in characters of five bits, the lowest first."""
    text = ""
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            done = value == (-1 if bits & 16 else 0)
            text += chr(48 + (bits if done else bits | 32))
            if done:
                break
    return text


@pytest.mark.parametrize(
    "nothing", [None, [], [[]], {}, {"size": [4, 4], "counts": [16]}, "x", [["a", "b"]], [[1, 2, 3]]]
)
def test_what_outlines_nothing(nothing):
    assert box_around(nothing) is None


def test_polygons():
    assert box_around([[1, 2, 5, 2, 5, 9]]) == [1, 2, 4, 7]
    assert box_around([[1, 2, 5, 2, 5, 9], [0, 4, 1, 4, 1, 12.5]]) == [0, 2, 5, 10.5]


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 2, 5, 4), (0, 0, 60, 50), (17, 41, 40, 9)])
def test_run_lengths_written_out_and_compressed(box):
    x, y, w, h = box
    mask = np.zeros((50, 60), bool)
    mask[y : y + h, x : x + w] = True
    mask[y + h // 2, x + w // 2] = w < 4 or h < 4  # a hole, where there is room for one
    runs = runs_of(mask)
    for counts in (runs, compressed(runs), compressed(runs).encode()):
        assert box_around({"size": [50, 60], "counts": counts}) == list(map(float, box))


def test_runs_beyond_the_picture_are_no_mask():
    assert box_around({"size": [4, 4], "counts": [3, 20]}) is None
