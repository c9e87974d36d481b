"""Batches as Ray Data hands them out: arrays, bytes or paths, and rows that it can write."""

import io
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest
from PIL import Image

from dfine.data.pictures import PictureError
from dfine.inference import batch
from dfine.inference.batch import Detector
from dfine.inference.table import LISTS, PLAIN, rows
from tests.helpers import small_predictor

SIZE, ROOT = (120, 80), Path(__file__).parents[2]


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


def test_pictures_that_cannot_be_read_have_rows_that_say_so(detector, picture, tmp_path):
    picture.save(tmp_path / "a.png")
    good = (tmp_path / "a.png").read_bytes()
    tolerant = Detector(detector.model.source, threshold=0, column="bytes", error_rows=True, device="cpu")
    found = tolerant({"bytes": [b"no picture", good, good[:100]], "path": ["a", "b", "c"]})
    plain = detector({"image": [good], "path": ["b"]})
    assert list(found) == [*PLAIN, *LISTS, "error"]
    assert found["file"].tolist() == ["a", *plain["file"], "c"]
    assert found["error"][0] == "the picture is not a picture in a format that can be read here; save it as JPEG or PNG"
    assert "is damaged or cut off" in found["error"][-1] and not any(found["error"][1:-1])
    for name, column in plain.items():
        assert found[name].dtype == column.dtype or column.dtype.kind == "U"
        assert found[name][1:-1].tolist() == column.tolist()
    nothing = dict(width=0, height=0, name="", label=-1, score=0, query=-1)
    assert all(found[name][0] == found[name][-1] == value for name, value in nothing.items())
    assert all(np.isnan(np.array(found[name][i])).all() for name in LISTS for i in (0, -1))
    assert not len(tolerant({"bytes": []})["error"])


def test_a_table_of_nothing_but_unreadable_pictures_is_of_the_same_kind(detector, picture):
    arrow = pytest.importorskip("pyarrow")
    tolerant = Detector(detector.model.source, threshold=0, column="bytes", error_rows=True, device="cpu")
    picture.save(blank := io.BytesIO(), "PNG")
    kinds = [{n: arrow.array(c).type for n, c in tolerant({"bytes": [b]}).items()} for b in (b"none", blank.getvalue())]
    assert kinds[0] == kinds[1]


def test_the_worked_example_leaves_ray_a_core_for_reading(tmp_path, monkeypatch):
    """Its own lines, on a machine of two cores: read, detect, write."""
    pytest.importorskip("ray", reason="ray is not installed")
    pytest.importorskip("gradio", reason="gradio, which brings the photograph, is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    lines = re.search(r"```python\n(import ray\n.*?)```", page, re.DOTALL)[1]
    assert indent(lines, "    ") in batch.__doc__
    (tmp_path / "pictures").mkdir()
    cub = files("gradio") / "media_assets/images/cheetah1.jpg"
    for i, size in enumerate([(256, 256), (280, 300)]):
        with Image.open(cub) as photo:
            photo.convert("RGB").resize(size).save(tmp_path / "pictures" / f"{i}.png")
    own = "import ray\nray.init(num_cpus=2, include_dashboard=False)\n"
    code = own + lines.replace("s3://bucket/pictures", str(tmp_path / "pictures"))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")  # by itself it tells its makers that it is used
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=600)
    found = parquet.read_table(tmp_path / "found").to_pylist()
    sizes = {Path(row["file"]).name: (row["width"], row["height"]) for row in found}
    assert sizes == {"0.png": (256, 256), "1.png": (280, 300)}
    assert all(row["score"] >= 0.5 and len(row["layers"]) == 4 for row in found)
