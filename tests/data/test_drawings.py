"""Scenes that this project wrote are told from other data sets, wherever they are pointed at."""

import json
import subprocess
import sys

import pytest

from dfine.data.drawings import are_scenes
from dfine.data.scenes import Scenes, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("drawn") / "set", Scenes(1, size=(64, 64)), workers=0)


@pytest.mark.parametrize("where", ["", "images", "annotations.json"])
def test_scenes_that_were_written_are_known_from_any_side(folder, where):
    assert are_scenes(folder / where) and are_scenes(str(folder / where))


def test_scenes_by_name_are_scenes_and_what_is_not_there_is_none(tmp_path):
    assert are_scenes("scenes")
    for other in (tmp_path, tmp_path / "images", tmp_path / "none.json", "a set in FiftyOne", "a\0b", "x" * 5000, ""):
        assert not are_scenes(other)


def test_other_answers_are_no_scenes(tmp_path):
    said = {"info": {"description": "COCO 2017 Dataset"}, "images": [], "annotations": [], "categories": []}
    (tmp_path / "annotations.json").write_text(json.dumps(said))
    (tmp_path / "images").mkdir()
    assert not are_scenes(tmp_path) and not are_scenes(tmp_path / "images")
    assert not are_scenes(tmp_path / "annotations.json")
    (tmp_path / "labels.json").mkdir()  # a folder that is called like a file
    assert not are_scenes(tmp_path / "labels.json")


def test_nothing_slow_is_imported_for_it():
    code = "import sys, dfine.data.drawings; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
