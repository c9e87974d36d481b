"""A run that is asked for again: told as done only while nothing of it has changed, each thing in turn."""

import os
import subprocess
import sys

import pytest
from PIL import Image

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import again, fields
from dfine.explore.again import Asked, remember, unchanged

OLD = 10**9  # a time long before any run


@pytest.fixture(scope="module")
def dataset(fo, tmp_path_factory):
    """Three pictures with an answer each, as in a folder of a data set, and what FiftyOne has of them."""
    folder = tmp_path_factory.mktemp("again") / "set"
    folder.mkdir()
    made = fo.Dataset()
    for i in range(3):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / f"{i}.png")
        box = fo.Detection(label="cat", bounding_box=[0, 0, 1, 1])
        made.add_sample(fo.Sample(filepath=str(folder / f"{i}.png"), ground_truth=fo.Detections(detections=[box])))
    made.info[fields.INFO] = {}
    made.save()
    yield made
    made.delete()


@pytest.fixture
def run(dataset, tmp_path):
    """A run that ended well: what was asked for, and the folders of its data, its model and its report."""
    data = os.path.dirname(dataset.first().filepath)
    for name in ("model", "start", "report"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    for place in (data, str(tmp_path / "model"), str(tmp_path / "start")):
        for path in (place, *(os.path.join(place, name) for name in os.listdir(place))):
            os.utime(path, (OLD, OLD))
    options = {"model": str(tmp_path / "model"), "out": {"start": str(tmp_path / "start")}}
    asked = Asked(options, (tmp_path / "report",))
    assert unchanged(asked) is None
    assert remember(asked, dataset, data, str(tmp_path / "model"))
    return asked, data, tmp_path


def test_what_is_as_it_was_is_told(run, dataset):
    left = unchanged(run[0])
    assert (left.dataset, left.pictures) == (dataset.name, 3) and left.when
    assert unchanged(Asked(run[0].options, run[0].outputs)) == left  # whenever it is asked


def test_other_options_or_outputs_are_another_run(run):
    asked, _, folder = run
    assert unchanged(Asked(asked.options | {"threshold": 0.1}, asked.outputs)) is None
    assert unchanged(Asked(asked.options, (folder / "elsewhere",))) is None


def repainted(asked, data, folder, dataset):
    Image.new("RGB", (8, 8), (9, 0, 0)).save(os.path.join(data, "0.png"))


def new_picture(asked, data, folder, dataset):
    Image.new("RGB", (8, 8)).save(os.path.join(data, "new.png"))


def new_weights(asked, data, folder, dataset):
    (folder / "model" / "file").write_text("MODEL")


def new_weights_to_start_from(asked, data, folder, dataset):
    (folder / "start" / "file").write_text("START")


def report_gone(asked, data, folder, dataset):
    (folder / "report" / "file").unlink()


def tagged(asked, data, folder, dataset):
    dataset.limit(1).tag_samples("seen")


def relabelled(asked, data, folder, dataset):
    sample = dataset.last()
    sample.ground_truth.detections[0].label = "dog"
    sample.save()


def label_tagged(asked, data, folder, dataset):
    dataset.tag_labels("wrong", label_fields="ground_truth")


def another_run_in_it(asked, data, folder, dataset):
    fields.note(dataset, "other", {"truth": "ground_truth", "layers": 3})


def one_less(asked, data, folder, dataset):
    dataset.delete_samples(dataset.take(1, seed=1))


def record_torn(asked, data, folder, dataset):
    asked.record.write_text(asked.record.read_text()[:-20])


CHANGES = (
    repainted,
    new_picture,
    new_weights,
    new_weights_to_start_from,
    report_gone,
    tagged,
    relabelled,
    label_tagged,
    another_run_in_it,
    one_less,
    record_torn,
)


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__ for change in CHANGES])
def test_whatever_has_changed_is_run_again(run, dataset, change):
    assert unchanged(run[0])
    change(*run, dataset)
    assert unchanged(run[0]) is None


@pytest.mark.parametrize(
    "name, value", [("VERSION", "0.0.0"), ("SCHEMA", 0), ("PACKAGES", ("torch",)), ("READ", ("PATH",))]
)
def test_another_program_runs_again(run, monkeypatch, name, value):
    monkeypatch.setattr(again, name, value)
    assert unchanged(run[0]) is None


def test_another_environment_or_database_runs_again(run, monkeypatch):
    monkeypatch.setenv("DFINE_ASSETS", "elsewhere")
    assert unchanged(run[0]) is None
    monkeypatch.delenv("DFINE_ASSETS")
    assert unchanged(run[0])
    monkeypatch.setenv("FIFTYONE_DATABASE_NAME", "another")
    assert unchanged(run[0]) is None


def test_what_cannot_be_told_is_not_remembered(run, dataset, tmp_path):
    asked, data, _ = run
    model = str(tmp_path / "model")
    assert not remember(asked, dataset, data, "somebody/unheard-of") and unchanged(asked) is None
    assert not remember(asked, dataset, str(tmp_path), model)  # the pictures lie elsewhere, and so may answers
    (tmp_path / "data.yaml").touch()
    assert not remember(asked, dataset, str(tmp_path / "data.yaml"), model)
    (tmp_path / "model" / "file").write_text("while it ran")
    assert not remember(asked, dataset, data, model) and unchanged(asked) is None


def test_answers_in_one_file_and_in_fiftyone(run, dataset, tmp_path):
    asked, _, _ = run
    (tmp_path / "answers.json").write_text("{}")
    os.utime(tmp_path / "answers.json", (OLD, OLD))
    for data in (str(tmp_path / "answers.json"), dataset.name):
        assert remember(asked, dataset, data, str(tmp_path / "model")) and unchanged(asked)
        os.utime(dataset.first().filepath, (OLD + 1, OLD + 1))
        assert unchanged(asked) is None
    assert remember(asked, dataset, str(tmp_path / "answers.json"), str(tmp_path / "model")) and unchanged(asked)
    (tmp_path / "answers.json").write_text("{ }")
    assert unchanged(asked) is None


def test_nothing_slow_is_imported_before():
    code = "import sys, dfine.cli.main, dfine.explore.again; print({'torch', 'fiftyone', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
