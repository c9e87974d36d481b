"""Pictures that are spoiled on purpose."""

import numpy as np
import pytest
from PIL import Image

from dfine.data import scenes
from dfine.data.spoil import KINDS, cover, cover_patch, spoil


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(scenes.draw(10_000_034, (96, 64)).image)


def difference(a, b):
    return float(np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_the_picture_itself_and_more_is_worse(picture, kind):
    steps = [spoil(picture, kind, amount) for amount in (0, 0.3, 1)]
    assert steps[0].tobytes() == picture.tobytes()
    assert all(step.size == picture.size and step.mode == "RGB" for step in steps)
    assert 0 < difference(steps[1], picture) < difference(steps[2], picture)
    assert spoil(picture, kind, 0.3).tobytes() == steps[1].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_one_pixel_can_be_spoiled_too(kind):
    assert spoil(Image.new("L", (1, 1), 200), kind, 1).size == (1, 1)


@pytest.mark.parametrize(
    "edge, patch",
    [("left", (17, 17, 30, 53)), ("top", (17, 17, 53, 30)), ("right", (40, 17, 53, 53)), ("bottom", (17, 40, 53, 53))],
)
def test_a_cover_lies_on_its_side_and_nowhere_else(edge, patch):
    white = Image.new("RGB", (100, 80), "white")
    white.putpixel((99, 79), (0, 0, 0))  # so that the mean is not white
    covered = np.asarray(cover(white, (20, 20, 50, 50), edge, 1 / 3)) != np.asarray(white)
    ys, xs = covered.any(-1).nonzero()
    near = dict(abs=2)  # the paint reaches 15 % of the box beyond it: 4.5 pixels
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == pytest.approx(patch, **near)


def test_a_cover_ends_at_the_picture(picture):
    assert cover(picture, (-10, -10, 200, 200), "left", 1).size == picture.size
    assert cover(picture, (10, 10, 20, 20), "left", 0).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    "box, share, painted",
    [
        ((20, 30, 60, 50), 1, (20, 30, 60, 50)),
        ((20, 30, 60, 50), 0.5, (30, 35, 50, 45)),
        ((-9, 60, 30, 99), 1, (0, 60, 30, 80)),
    ],
)
def test_a_patch_is_painted_where_it_is_asked_for_and_ends_at_the_picture(box, share, painted):
    white = Image.new("RGB", (100, 80), "white")
    white.putpixel((99, 0), (0, 0, 0))  # so that the mean is not white
    ys, xs = (np.asarray(cover_patch(white, box, share)) != np.asarray(white)).any(-1).nonzero()
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == painted
    assert cover_patch(white, box, 0).tobytes() == white.tobytes()


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda p: spoil(p, "fog", 0.5), "not by 'fog'"),
        (lambda p: spoil(p, "blur", 1.5), "from 0 to 1, not 1.5"),
        (lambda p: cover(p, (0, 0, 9, 9), "middle", 0.5), "not 'middle'"),
        (lambda p: cover(p, (0, 0, 9, 9), "left", -1), "from 0 to 1, not -1"),
        (lambda p: cover_patch(p, (0, 0, 9, 9), 2), "from 0 to 1, not 2"),
    ],
)
def test_what_cannot_be_is_refused_by_name(picture, call, said):
    with pytest.raises(ValueError, match=said):
        call(picture)
