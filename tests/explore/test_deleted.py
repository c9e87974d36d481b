"""What a person has deleted in FiftyOne stays out, while what is new on disk comes in."""

import json
import warnings
from pathlib import Path

import pytest

from tests.explore.test_datasets import coco, paint

pytestmark = pytest.mark.usefixtures("fo")


def names(dataset):
    return sorted(Path(path).name for path in dataset.values("filepath"))


def delete(dataset, name):
    dataset.delete_samples([sample.id for sample in dataset if sample.filepath.endswith(name)])


def test_of_nothing_nothing_was_deleted(fo):
    from dfine.explore.deleted import deleted, note

    dataset = fo.Dataset("given-nothing")
    note(dataset)
    assert deleted(dataset, ["a.png"]) == set() and not dataset.info


def test_a_picture_that_was_deleted_stays_out_until_it_is_asked_for(tmp_path):
    from dfine.explore.datasets import open_dataset

    paint(tmp_path / "set", "a.png", "b.png", "c.png")
    dataset = open_dataset(tmp_path / "set", name="deleted")
    delete(dataset, "b.png")
    paint(tmp_path / "set", "d.png")
    for _ in range(2):
        with pytest.warns(
            UserWarning, match="1 picture of the data was deleted from .*'deleted', and left out; --rest"
        ):
            assert names(open_dataset(tmp_path / "set", name="deleted")) == ["a.png", "c.png", "d.png"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names(open_dataset(tmp_path / "set", name="deleted", restore=True)) == [
            "a.png",
            "b.png",
            "c.png",
            "d.png",
        ]
        open_dataset(tmp_path / "set", name="deleted")
        (tmp_path / "set" / "c.png").unlink()  # on disk: no matter of ours
        delete(dataset, "c.png")
        assert len(open_dataset(tmp_path / "set", name="deleted")) == 3
        dataset.delete_samples(dataset.values("id"))
        assert len(open_dataset(tmp_path / "set", name="deleted")) == 3, "to begin anew, all are deleted"


def test_answers_of_what_was_deleted_are_no_change_and_come_back_with_it(tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"] = [a for a in content["annotations"] if all(a["bbox"][2:])]
    file.write_text(json.dumps(content))
    dataset = open_dataset(file, name="deleted-answers")
    delete(dataset, "a.png")
    with pytest.warns(UserWarning) as said:
        assert names(open_dataset(file, name="deleted-answers", reread=True)) == ["b.png", "c.png"]
        open_dataset(file, name="deleted-answers")
    texts = [str(one.message) for one in said]
    assert sum("was deleted from" in text for text in texts) == 2 and not any("have changed since" in t for t in texts)
    assert any("0 pictures of" in text for text in texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_dataset(file, name="deleted-answers", restore=True)
        assert dataset.count("ground_truth.detections") == len(content["annotations"])
        dataset.delete_samples(dataset.values("id"))
        assert len(open_dataset(file, name="deleted-answers")) == 3


def test_what_was_deleted_beyond_the_count_is_not_told_of(tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set", name="beyond")
    last = sorted(names(dataset))[-1]
    delete(dataset, last)
    many = len(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_dataset(tmp_path / "set", name="beyond", count=many)
    with pytest.warns(UserWarning, match="1 picture of the data was deleted"):
        open_dataset(tmp_path / "set", name="beyond")


def test_of_a_data_set_of_fiftyones_own_nothing_can_be_restored(fo):
    from dfine.explore.datasets import open_dataset

    fo.Dataset("own-one")
    with pytest.raises(ValueError, match="'own-one' is a FiftyOne data set: --restore needs the folder or file"):
        open_dataset("own-one", restore=True)
