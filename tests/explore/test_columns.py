"""Stored boxes as columns: every sample once, in order, whatever it lacks."""

import numpy as np
import pytest


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    for number in range(3):
        sample = fo.Sample(filepath=f"/{number}.png", metadata=fo.ImageMetadata(width=100, height=50))
        if number:
            boxes = [fo.Detection(label="cup", bounding_box=[0.1, 0.2, 0.5, 0.4], confidence=0.5)] * number
            sample["truth"] = fo.Detections(detections=[b.copy() for b in boxes])
        dataset.add_sample(sample)
    yield dataset
    dataset.delete()


def test_corners_are_in_pixels():
    from dfine.explore.columns import corners

    assert corners([], (100, 50)).shape == (0, 4)
    np.testing.assert_allclose(corners([[0.1, 0.2, 0.5, 0.4]], (100, 50)), [[10, 10, 60, 30]])


def test_values_come_in_the_order_of_the_samples_and_lists_are_of_one_length(dataset, monkeypatch):
    from dfine.explore import columns

    monkeypatch.setattr(columns, "CHUNK", 2)
    parts = list(
        columns.chunks(dataset, ["filepath", "absent"], {"truth": ("label", "nowhere"), "missing": ("label",)})
    )
    assert [len(part) for part in parts] == [2, 1]
    rows = [row for part in parts for row in part]
    assert [row["filepath"] for row in rows] == ["/0.png", "/1.png", "/2.png"]
    assert [row["absent"] for row in rows] == [None] * 3
    assert [row["truth.label"] for row in rows] == [[], ["cup"], ["cup", "cup"]]
    assert [row["truth.nowhere"] for row in rows] == [[], [None], [None, None]]
    assert [row["missing.label"] for row in rows] == [[]] * 3


def test_a_field_that_is_called_like_a_dial_makes_no_scenes(dataset):
    from dfine.explore.columns import coco_truth

    dataset.set_values("rotation", ["left", "right", "none"])
    assert not any("dials" in image for image in coco_truth(dataset, "truth", ["cup"])["images"])


def test_answers_and_detections_count_pictures_from_1(dataset):
    from dfine.explore.columns import coco_truth, rows

    truth = coco_truth(dataset, "truth", ["dog", "cup"])
    assert [image["id"] for image in truth["images"]] == [1, 2, 3]
    assert [(a["id"], a["image_id"], a["category_id"], a["iscrowd"]) for a in truth["annotations"]] == [
        (1, 2, 2, 0),
        (2, 3, 2, 0),
        (3, 3, 2, 0),
    ]
    np.testing.assert_allclose([a["bbox"] for a in truth["annotations"]], [[10, 10, 50, 20]] * 3)
    found = rows(dataset, "truth", ["cup"])
    assert found["image"].tolist() == [2, 3, 3] and found["category"].tolist() == [1, 1, 1]
    assert found["score"].tolist() == [0.5] * 3
    assert rows(dataset, "truth", ["dog"])["category"].tolist() == [0, 0, 0], (
        "a class that is not asked for has no number"
    )


def test_an_area_is_the_share_of_the_box_that_an_object_fills(dataset):
    from dfine.explore.columns import coco_truth

    sample = dataset.last()
    sample.truth.detections[0]["area_share"] = 0.25
    sample.save()
    found = coco_truth(dataset, "truth", ["cup"])["annotations"]
    np.testing.assert_allclose([a["area"] for a in found], [1000, 250, 1000])
    sample.truth.detections[0].bounding_box = [0.1, 0.2, 0.5, 0.8]
    sample.save()
    np.testing.assert_allclose(coco_truth(dataset, "truth", ["cup"])["annotations"][1]["area"], 500)


def test_an_answer_of_a_class_that_came_after_the_evaluation_is_named(dataset):
    from dfine.explore.columns import coco_truth

    with pytest.raises(ValueError, match="1.png has an answer of the class 'cup', which was not there .* `dfine explo"):
        coco_truth(dataset, "truth", ["dog"])
