"""What stands where: large enough, visible enough, apart where nothing is hidden."""

import numpy as np

from dfine.data.scenes import DIALS, random_dials
from dfine.data.scenes.composition import MIN_SIDE, MIN_VISIBLE, compose
from dfine.data.scenes.painting import alpha
from tests.data.scenes.masks import extents

CLEAN = dict.fromkeys(DIALS, 0.0)


def mixed(i: int) -> dict[str, float]:
    return CLEAN | random_dials(np.random.default_rng(i))


def compositions(count: int = 60):
    return [compose(i, (1.5, 1.0) if i % 3 else (1.0, 1.0), mixed(i)) for i in range(count)]


def looked_at(c, scale: int) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Every thing by its finished mask: what is seen [H, W], what is in the picture [H, W], and how much there is."""
    height, width = round(c.extent[1] * scale), round(c.extent[0] * scale)
    free, result = np.ones((height, width)), []
    for thing in reversed(c.things):
        cover, left, top = alpha(thing, scale)
        whole = np.zeros((height, width))
        y, x = (slice(max(o, 0), max(o + n, 0)) for o, n in zip((top, left), cover.shape))
        view = whole[y, x]
        view[:] = cover[max(-top, 0) :, max(-left, 0) :][: view.shape[0], : view.shape[1]]
        result.append((whole * free, whole, cover.sum()))
        free *= 1 - whole
    return result[::-1]


def test_every_object_is_large_and_visible_enough_by_the_painted_pixels():
    """Visibility is counted again, at another resolution than the one at which it was decided."""
    shares = []
    for c in compositions():
        sides = c.boxes[:, 2:] - c.boxes[:, :2]
        assert (sides.min(1) >= MIN_SIDE).all()
        assert (c.boxes >= 0).all() and (c.boxes <= c.extent * 2).all()
        seen = looked_at(c, 240)
        truth = np.array([seen[i][0].sum() / seen[i][2] for i in c.objects])
        assert (truth >= MIN_VISIBLE).all()
        np.testing.assert_allclose(truth, c.visible, atol=0.1)
        shares += truth.tolist()
    assert min(shares) < 0.5  # the rule was put to the test


def test_boxes_are_of_the_whole_thing_also_where_it_is_hidden():
    scale, retreated = 200, 0
    for c in (compose(i, (1.0, 1.0), CLEAN | {"occlusion": 1.0}) for i in range(25)):
        seen = looked_at(c, scale)
        for box, i in zip(c.boxes * scale, c.objects):
            visible, whole, _ = seen[i]
            if (np.array(c.things[i].box) * scale == box).all():  # it does not leave the picture
                np.testing.assert_allclose(box, extents(whole, 0.02), atol=1.5)
            else:
                np.testing.assert_allclose(box, np.clip(c.things[i].box, 0, 1) * scale)
            retreated += np.abs(extents(visible, 0.02) - box).max() > 0.15 * (box[2:] - box[:2]).max()
    assert retreated > 10


def test_clean_pictures_are_clean():
    for c in (compose(i, (1.0, 1.0), CLEAN) for i in range(60)):
        assert 1 <= len(c.labels) <= 6 and len(c.things) == len(c.labels)
        assert (c.visible == 1).all()
        for k, a in enumerate(c.boxes):
            for b in c.boxes[:k]:
                assert (np.minimum(a[2:], b[2:]) <= np.maximum(a[:2], b[:2])).any()  # apart


def test_things_come_small_and_large_and_in_every_class():
    clean = [compose(i, (1.0, 1.0), CLEAN) for i in range(150)]
    sizes = np.concatenate([(c.boxes[:, 2:] - c.boxes[:, :2]).max(1) for c in clean])
    assert sizes.min() < 0.17 and sizes.max() > 0.5
    assert set(np.concatenate([c.labels for c in clean]).tolist()) == set(range(24))
