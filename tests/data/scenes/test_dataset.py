"""Scenes: what is said of a drawn picture must be true of its pixels."""

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image

from dfine.data.scenes import DIALS, NAMES, Scenes, draw, random_dials, size_for, write
from tests.helpers import ROOT

CLEAN = dict.fromkeys(DIALS, 0.0)


def mixed(i: int) -> dict[str, float]:
    return CLEAN | random_dials(np.random.default_rng(i))


def test_no_pictures_are_a_set_too(tmp_path):
    assert len(Scenes(0)) == 0 and Scenes(0).ground_truth()["images"] == []
    write(tmp_path / "none", Scenes(0))
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


@pytest.mark.parametrize(
    ("input_size", "size"),
    [((64, 96), (64, 96)), ((64, 256), (64, 256)), ((128, 640), (160, 640)), ((640, 128), (640, 160))],
)
def test_scenes_for_an_input_are_as_long_as_scenes_can_be(input_size, size):
    assert size_for(input_size) == size
    assert Scenes(1, size=size).size == size[::-1]


def test_another_size_shows_the_same_composition():
    small, large = draw(7, 96, mixed(8)), draw(7, 288, mixed(8))
    assert (small.labels == large.labels).all() and (small.visible == large.visible).all()
    np.testing.assert_allclose(small.boxes * 3, large.boxes, rtol=1e-5)
    shrunk = np.asarray(Image.fromarray(large.image).reduce(3), dtype=float)
    assert np.abs(shrunk - small.image).mean() < 8


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

    scenes = Scenes(5, size=(64, 96), seed=2)
    folder = write(tmp_path / "set", scenes, workers=workers, quality=None)
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
    folder = write(tmp_path / "set", Scenes(1, size=(64, 64)), workers=0, quality=80)
    assert [p.name for p in (folder / "images").iterdir()] == ["000000.jpg"]
    before = (folder / "annotations.json").read_bytes()
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write(folder, Scenes(1, size=(64, 64)), workers=0)
    assert (folder / "annotations.json").read_bytes() == before
    with pytest.raises(ValueError, match="quality"):
        write(tmp_path / "other", Scenes(1), quality=101)


SCRIPT = """
import multiprocessing
multiprocessing.set_start_method("spawn", force=True)  # as on Windows and macOS; this script guards nothing
from dfine.data.scenes import Scenes, write
print("begins", flush=True)
write("set", Scenes(3, size=(64, 64)))
"""


def test_a_script_without_a_guard_draws_where_processes_import_it_anew(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=300)
    assert (done.returncode, done.stdout) == (0, "begins\n"), done.stderr
    assert len(list((tmp_path / "set" / "images").iterdir())) == 3
