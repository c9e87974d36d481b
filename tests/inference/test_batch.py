"""Batches as Ray Data hands them out: arrays, bytes or paths, and rows that it can write."""

import io

import numpy as np
import pytest
from PIL import Image

from dfine.data.pictures import PictureError
from dfine.inference.batch import Detector
from dfine.inference.table import LISTS, PLAIN, rows
from tests.helpers import small_predictor

SIZE = (120, 80)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    small_predictor(("cat", "dog", "fish")).save(folder)
    return Detector(str(folder), threshold=0, device="cpu")


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(0).integers(0, 255, (6, 9, 3), np.uint8)
    return Image.fromarray(noise).resize(SIZE)


def test_whatever_a_picture_comes_as(detector, picture, tmp_path):
    picture.save(tmp_path / "a.png")
    want = rows("0", detector.model(picture, 0))
    stacked = np.stack([np.asarray(picture)] * 2)
    for values in (stacked, [(tmp_path / "a.png").read_bytes()] * 2, np.array([str(tmp_path / "a.png")] * 2)):
        found = detector({"image": values})
        assert list(found) == [*PLAIN, *LISTS] and len(found["score"]) == 2 * len(want)
        assert found["file"].tolist() == ["0"] * len(want) + ["1"] * len(want)
        assert found["query"][: len(want)].tolist() == [row["query"] for row in want]
        np.testing.assert_allclose(found["layers"][0], want[0]["layers"], atol=0.1)


def test_paths_name_the_pictures_and_other_columns_are_left_out(detector, picture):
    found = detector({"image": [np.asarray(picture)], "path": np.array(["s3://a/b.jpg"]), "more": [1]})
    assert set(found["file"]) == {"s3://a/b.jpg"} and "more" not in found


def test_an_empty_batch_has_the_same_columns(detector):
    found = detector({"image": np.zeros((0, 80, 120, 3), np.uint8)})
    assert list(found) == [*PLAIN, *LISTS] and not any(len(column) for column in found.values())


def test_what_cannot_be_read_is_said(detector, monkeypatch):
    with pytest.raises(ValueError, match="no column 'image'; it has bytes, path"):
        detector({"bytes": [], "path": []})
    with pytest.raises(PictureError, match="picture 1 of the batch"):
        blank = io.BytesIO()
        Image.new("RGB", SIZE).save(blank, "PNG")
        detector({"image": [blank.getvalue(), b"no picture"]})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow opens nothing of twice as many
    with pytest.raises(PictureError, match="picture 0 of the batch cannot be read: .* million pixels allowed"):
        detector({"image": [blank.getvalue()]})


def test_ray_runs_it(tmp_path, picture, monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")  # by itself it tells its makers that it is used
    ray = pytest.importorskip("ray", reason="ray is not installed")
    small_predictor(("cat", "dog", "fish")).save(tmp_path / "model")
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
    try:
        how = {"model": str(tmp_path / "model"), "threshold": 0, "device": "cpu"}
        data = ray.data.from_items([{"image": np.asarray(picture), "path": f"{i}.png"} for i in range(3)])
        found = data.map_batches(Detector, fn_constructor_kwargs=how, batch_size=2, concurrency=1)
        assert {row["file"] for row in found.take_all()} == {"0.png", "1.png", "2.png"}
    finally:
        ray.shutdown()
