"""From COCO's entries to samples: what an annotation says besides its box, and pictures that several splits hold."""

import pytest

from dfine.data.sources import open_data
from tests.data.test_coco import annotation, picture, write

pytestmark = pytest.mark.usefixtures("fo")


def test_no_pictures(tmp_path):
    from dfine.explore.samples import pictured, samples

    pictures = pictured({"": open_data(write(tmp_path, [], []))})
    assert pictures == [] and samples(pictures, "truth", ids=True) == []


def test_what_an_annotation_says_is_kept_and_a_picture_without_objects_has_an_empty_answer(tmp_path):
    from dfine.explore.samples import pictured, samples

    more = {"visible": 0.5, "note": "worn", "attributes": {"occluded": True}, "segmentation": [[1, 2, 3, 4, 5, 6]]}
    boxes = [annotation(9, bbox=(5, 2, 10, 5), iscrowd=1, label="no name of a class", **more)]
    data = open_data(write(tmp_path, [picture(7), picture(8)], boxes))
    first, second = samples(pictured({"train": data}), "truth", ids=True)
    (found,) = first["truth"].detections
    assert (found.label, found.bounding_box, found.iscrowd, found.coco_id) == ("bottle", [0.25, 0.2, 0.5, 0.5], True, 9)
    assert (found.visible, found.note, found.occluded) == (0.5, "worn", True)
    assert not found.has_field("segmentation") and first.tags == ["train"]
    assert (first.metadata.width, first.metadata.height) == (20, 10)
    assert second["truth"].detections == []


def test_the_share_of_its_box_that_an_object_fills_is_known_where_the_file_says_its_area(tmp_path):
    from dfine.explore.samples import pictured, samples

    about = [dict(area=20), dict(area=50.01), dict(), dict(area=0), dict(area=50, area_share=0.3)]
    boxes = [annotation(i, bbox=(5, 2, 10, 5), **more) for i, more in enumerate(about)]
    (first,) = samples(pictured({"": open_data(write(tmp_path, [picture(7)], boxes))}), "truth", ids=True)
    assert [d.get_attribute_value("area_share", None) for d in first["truth"].detections] == [0.4, *[None] * 4]


def test_tags_of_an_exported_data_set_are_tags_again(tmp_path):
    from dfine.explore.samples import pictured, samples

    images = [picture(7) | {"tags": ["seen", "train"]}, picture(8) | {"tags": "no list"}]
    boxes = [annotation(9, tags=["label error"]), annotation(10), annotation(11, tags=[1])]
    data = open_data(write(tmp_path, images, boxes))
    first, second = samples(pictured({"train": data}), "truth", ids=True)
    assert (first.tags, second.tags) == (["train", "seen"], ["train"])
    assert [d.tags for d in first["truth"].detections] == [["label error"], [], []]


def test_an_id_that_fiftyone_has_exported_gives_way_to_that_of_the_file(tmp_path):
    from dfine.explore.samples import pictured, samples

    data = open_data(write(tmp_path, [picture(7)], [annotation(9, coco_id=4)]))
    (first,) = samples(pictured({"": data}), "truth", ids=True)
    assert first["truth"].detections[0].coco_id == 9


def test_a_picture_of_several_splits_is_one_sample_with_their_tags(tmp_path):
    from dfine.explore.samples import pictured

    data = open_data(write(tmp_path, [picture(7), picture(8)], [annotation(1)]))
    part = data.only(lambda name: name.startswith("7"))
    found = pictured({"train": part, "trainval": data})
    assert [(one.path.rsplit("/")[-1], one.tags) for one in found] == [
        ("7.png", ["train", "trainval"]),
        ("8.png", ["trainval"]),
    ]
    assert len(pictured({"train": part, "trainval": data}, 1)) == 1
