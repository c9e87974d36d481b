"""Which pictures a model was trained on, as far as it can be told."""

import json
import shutil

import pytest

from dfine.data.scenes import Scenes, write
from dfine.explore.suspect_training import OPTIONS, began_from, denoised, training_pictures


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "set", Scenes(40, size=(32, 32)), workers=0)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run" / "best").mkdir(parents=True)
    return tmp_path / "run"


def with_options(run, **options):
    (run / OPTIONS).write_text(json.dumps(options))
    return run


def test_a_folder_of_a_run_or_of_its_weights_tells_its_pictures(run, data):
    with_options(run, data=str(data), val="elsewhere")
    expected = {str(path) for path in (data / "images").iterdir()}
    assert training_pictures(run) == training_pictures(str(run / "best")) == expected and len(expected) == 40


def test_pictures_that_were_held_out_were_not_trained_on(run, data):
    told = training_pictures(with_options(run, data=str(data), val=None))
    assert 0 < len(told) < 40 and told < {str(path) for path in (data / "images").iterdir()}


def test_what_does_not_tell_tells_nothing(run, data, tmp_path):
    assert training_pictures("demo") == training_pictures(run) == frozenset()
    assert training_pictures(with_options(run, data="scenes")) == frozenset()
    assert training_pictures(with_options(run, val=None)) == frozenset()
    assert training_pictures(with_options(run, data=str(tmp_path / "gone"))) == frozenset()
    (run / OPTIONS).write_text("{")
    assert training_pictures(run) == frozenset()


def test_data_that_is_broken_by_now_tells_nothing(run, data, tmp_path):
    shutil.copytree(data, tmp_path / "copy")
    with_options(run, data=str(tmp_path / "copy"), val=None)
    assert training_pictures(run)
    (tmp_path / "copy" / "annotations.json").write_text("[]")
    assert training_pictures(run) == frozenset()


def test_what_a_training_began_from(run):
    assert began_from("demo") is None and began_from(run) is None
    assert began_from(with_options(run, init="photos")) == began_from(run / "best") == "photos"
    (run / OPTIONS).write_text("[]")
    assert began_from(run) is None


@pytest.mark.parametrize(("options", "expected"), [({"denoising": 60}, True), ({"denoising": 0}, False), ({}, True)])
def test_whether_it_was_trained_with_denoising(run, options, expected):
    assert denoised("demo") and denoised(run), "where nothing is known, it counts as if it was"
    assert denoised(with_options(run, **options)) == denoised(run / "best") == expected
