"""Scenes: what is said of a drawn picture must be true of its pixels."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

import numpy as np
import pytest
from PIL import Image

from dfine.data.scenes import DIALS, NAMES, Scenes, draw, props, random_dials, write
from dfine.data.scenes.composition import MIN_SIDE, MIN_VISIBLE, compose
from dfine.data.scenes.effects import _smear
from dfine.data.scenes.painting import Thing, alpha, paint

CLEAN = dict.fromkeys(DIALS, 0.0)


def mixed(i: int) -> dict[str, float]:
    return CLEAN | random_dials(np.random.default_rng(i))


def extents(cover: np.ndarray, threshold: float) -> np.ndarray:
    """x1, y1, x2, y2 around the pixels of which more than `threshold` is covered."""
    y, x = np.nonzero(cover > threshold)
    return np.array((x.min(), y.min(), x.max() + 1, y.max() + 1))


def compositions(count: int = 60):
    return [compose(i, (1.5, 1.0) if i % 3 else (1.0, 1.0), mixed(i)) for i in range(count)]


def gradient(image: np.ndarray) -> float:
    grey = image.astype(np.float64).mean(2)
    return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()


def test_no_pictures_are_a_set_too(tmp_path):
    assert len(Scenes(0)) == 0 and Scenes(0).ground_truth()["images"] == []
    write(tmp_path / "none", 0)
    assert json.loads((tmp_path / "none/annotations.json").read_text())["annotations"] == []


def test_there_are_24_classes_with_their_own_names():
    assert len(NAMES) == len(set(NAMES)) == 24


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: draw(0, 96, {"fog": 1.0}), "no dial 'fog'"),
        (lambda: draw(0, 96, {"occlusion": 1.5}), "occlusion must be in 0..1, not 1.5"),
        (lambda: draw(0, 96, {"occlusion": float("nan")}), "occlusion"),
        (lambda: draw(-1, 96), "not -1"),
        (lambda: draw(0, 8), "8 x 8"),
        (lambda: draw(0, (64, 640)), "64 x 640"),
        (lambda: Scenes(-1), "not -1"),
        (lambda: Scenes(1, clean=2), "and 2"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_picture_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError, match="no picture 3; there are 3"):
        Scenes(3)[3]


def test_the_record_has_the_promised_types():
    scene = draw(5, (128, 96), {"crowding": 0.5})
    n = len(scene.labels)
    assert scene.image.shape == (96, 128, 3) and scene.image.dtype == np.uint8
    assert scene.boxes.shape == (n, 4) and scene.boxes.dtype == np.float32
    assert scene.labels.dtype == np.int64 and scene.visible.dtype == np.float32 and scene.visible.shape == (n,)
    assert scene.dials == CLEAN | {"crowding": 0.5}


def pixels(seed: int) -> bytes:
    return draw(seed, 96, mixed(seed)).image.tobytes()


def test_the_same_seed_gives_the_same_picture_in_another_process():
    here = [pixels(i) for i in range(4)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(pixels, range(4))) == here
    assert len(set(here)) == 4


def test_another_size_shows_the_same_composition():
    small, large = draw(7, 96, mixed(8)), draw(7, 288, mixed(8))
    assert (small.labels == large.labels).all() and (small.visible == large.visible).all()
    np.testing.assert_allclose(small.boxes * 3, large.boxes, rtol=1e-5)
    shrunk = np.asarray(Image.fromarray(large.image).reduce(3), dtype=float)
    assert np.abs(shrunk - small.image).mean() < 8


@pytest.mark.parametrize("label", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("scale", [64, 300])
def test_the_box_is_where_the_paint_ends(label, scale):
    """The geometry's box and the extents of the drawn alpha mask agree within a pixel, outlined and turned or not."""
    for seed in range(4):
        r = Random(seed)
        thing = props.drawn_object(r, label, 0.6, seed / 3, props.backdrop(r, (1.0, 1.0))).put(0.5, 0.4)
        cover, left, top = alpha(thing, scale)
        box = np.array(thing.box) * scale - (left, top, left, top)
        outward = np.array((-1, -1, 1, 1))
        assert ((extents(cover, 0.0) - box) * outward > -1).all()  # some paint reaches to within a pixel of every edge
        assert ((extents(cover, 0.35) - box) * outward < 1).all()  # and no more than a trace of it lies a pixel beyond


def test_a_shadow_and_a_blur_reach_beyond_the_box_but_do_not_move_it():
    points = np.array(((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)))
    thing = Thing(0, ((points, (0, 0, 0), False),), (0.5, 0.5), shadow=0.5)
    canvas = np.full((100, 100, 3), 255.0, np.float32)
    paint(canvas, thing, 100, (0.0, -1.0), blur=2.0)
    assert thing.box == pytest.approx((0.3, 0.3, 0.7, 0.7))
    assert canvas[73, 50].max() < 250  # below the box, where the shadow falls
    assert canvas[10, 50].min() == 255
    assert canvas[50, 50].max() == 0


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


def test_every_dial_does_what_it_says():
    def mean(measure, **dials) -> float:
        return float(np.mean([measure(draw(i, 96, dials)) for i in range(12)]))

    def rises(measure, dial: str) -> bool:
        low, middle, high = (mean(measure, **{dial: v}) for v in (0.0, 0.5, 1.0))
        return low < middle < high

    assert rises(lambda s: -s.image.mean(), "low_light")
    assert rises(lambda s: -gradient(s.image), "motion_blur")
    assert rises(lambda s: -gradient(s.image), "depth_of_field")
    assert rises(lambda s: len(s.labels), "crowding")
    assert rises(lambda s: -s.visible.mean(), "occlusion")


@pytest.mark.parametrize("dial", ["low_light", "motion_blur", "depth_of_field"])
def test_effects_change_pixels_and_leave_the_answers_alone(dial):
    sharp, spoilt = draw(11, 96), draw(11, 96, {dial: 1.0})
    assert (sharp.boxes == spoilt.boxes).all() and (sharp.labels == spoilt.labels).all()
    assert (sharp.visible == spoilt.visible).all() and (sharp.image != spoilt.image).any()


def test_rotation_turns_things():
    """At 0 a hammer stands: taller than wide, always. At 1 it lies in some pictures."""

    def shape(seed: int, rotation: float) -> float:
        thing = props.drawn_object(Random(seed), NAMES.index("hammer"), 0.5, rotation, backdrop)
        x1, y1, x2, y2 = thing.extent
        return (y2 - y1) / (x2 - x1)

    backdrop = props.backdrop(Random(0), (1.0, 1.0))
    assert min(shape(i, 0.0) for i in range(20)) > 1
    assert min(shape(i, 1.0) for i in range(20)) < 1


def test_motion_blur_leaves_no_gaps_and_keeps_the_brightness():
    canvas = np.zeros((101, 101, 3), np.float32)
    canvas[50, 50] = 1000
    for length, heading in ((12.0, 0.0), (40.0, 0.0), (40.0, np.pi / 2), (23.0, 0.7)):
        trail = _smear(canvas, length, heading)
        lit = trail[..., 0] > 0
        assert trail.sum() == pytest.approx(3000, rel=1e-4)
        along = lit.any(0) if abs(np.cos(heading)) > 0.5 else lit.any(1)
        ends = np.flatnonzero(along)
        assert along[ends[0] : ends[-1] + 1].all()
        assert np.hypot(*(np.ptp(np.argwhere(lit), axis=0) + 1)) == pytest.approx(length, abs=4)
        assert abs(ends.mean() - 50) <= 1.5


def test_the_clean_share_is_kept_exactly_and_evenly():
    for clean, count in ((0.5, 100), (0.3, 100), (1.0, 10), (0.0, 10), (0.1, 50)):
        flags = [Scenes(count, clean=clean).is_clean(i) for i in range(count)]
        assert sum(flags) == round(clean * count)
    assert [Scenes(4).is_clean(i) for i in range(4)] == [True, False, True, False]


def test_a_data_set_item_says_what_the_ground_truth_says():
    scenes = Scenes(6, size=(96, 128), seed=3)
    truth = scenes.ground_truth()
    assert [c["id"] for c in truth["categories"]] == scenes.category_ids and scenes.names == NAMES
    for i, entry in enumerate(truth["images"]):
        image, target = scenes[i]
        assert tuple(image.shape) == (3, 96, 128) and target.size == (128, 96) and target.image_id == entry["id"]
        assert (entry["width"], entry["height"]) == (128, 96)
        assert (max(entry["dials"].values()) == 0) == scenes.is_clean(i)
        mine = [a for a in truth["annotations"] if a["image_id"] == i]
        assert [a["category_id"] - 1 for a in mine] == target.labels.tolist()
        x, y, w, h = np.array([a["bbox"] for a in mine]).T
        expected = np.stack(((x + w / 2) / 128, (y + h / 2) / 96, w / 128, h / 96), 1)
        np.testing.assert_allclose(target.boxes.numpy(), expected, atol=1e-6)
        assert (image == scenes[i][0]).all()


def test_different_seeds_are_different_sets():
    assert (Scenes(1, size=(64, 64), seed=0)[0][0] != Scenes(1, size=(64, 64), seed=1)[0][0]).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_written_is_what_coco_tools_read(tmp_path, workers):
    from pycocotools.coco import COCO

    folder = write(tmp_path / "set", 5, seed=2, size=(64, 96), workers=workers, quality=None)
    scenes = Scenes(5, size=(64, 96), seed=2)
    coco = COCO(folder / "annotations.json")
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(NAMES)
    for i, entry in enumerate(coco.loadImgs(coco.getImgIds())):
        scene = scenes.scene(i)
        assert (np.asarray(Image.open(folder / "images" / entry["file_name"])) == scene.image).all()
        assert entry["dials"] == scene.dials
        boxes = np.array([a["bbox"] for a in coco.loadAnns(coco.getAnnIds(imgIds=[entry["id"]]))])
        np.testing.assert_allclose(boxes[:, 2:], scene.boxes[:, 2:] - scene.boxes[:, :2], rtol=1e-6)
    assert list(tmp_path.iterdir()) == [folder]  # nothing half-made is left


def test_a_jpeg_set_goes_into_an_empty_folder_and_never_into_another(tmp_path):
    (tmp_path / "set").mkdir()
    folder = write(tmp_path / "set", 1, size=(64, 64), workers=0, quality=80)
    assert [p.name for p in (folder / "images").iterdir()] == ["000000.jpg"]
    before = (folder / "annotations.json").read_bytes()
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write(folder, 1, size=(64, 64), workers=0)
    assert (folder / "annotations.json").read_bytes() == before
    with pytest.raises(ValueError, match="quality"):
        write(tmp_path / "other", 1, quality=101)
