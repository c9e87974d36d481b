"""What a selection in the App stands for."""

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import fields
from dfine.explore.selection import choose, runs

INFO = dict(layers=2, truth="ground_truth")


def box(label, score=None, **more):
    return fiftyone.Detection(label=label, confidence=score, bounding_box=[0.1, 0.1, 0.2, 0.2], **more)


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    sample = fo.Sample(filepath="/pictures/a.jpg", metadata=fo.ImageMetadata(width=64, height=48))
    found, missed = box("cat"), box("dog")
    sample["ground_truth"] = fo.Detections(detections=[found, missed])
    best, second = box("cat", 0.9, query=4, truth_id=found.id), box("cat", 0.6, query=7, truth_id=found.id)
    sample["dfine"] = fo.Detections(detections=[box("cow", 0.2, query=9, truth_id=""), second, best])
    sample["dfine_layer_1"] = fo.Detections(detections=[box("cat", 0.5, query=7), box("pig", 0.5, query=8)])
    sample["other"] = fo.Detections(detections=[box("cat", 0.5)])
    bare = fo.Sample(filepath="/pictures/b.jpg", metadata=fo.ImageMetadata(width=64, height=48))
    bare["dfine"] = fo.Detections()
    dataset.add_samples([sample, bare])
    dataset.add_dynamic_sample_fields()
    dataset.info["dfine"] = {"dfine": INFO}
    dataset.save()
    yield dataset
    dataset.delete()


def selected(sample, *paths):
    """Labels as the App tells of them, from (field, index)."""
    return [{"label_id": sample[field].detections[i].id, "sample_id": sample.id, "field": field} for field, i in paths]


def shown(choice):
    return choice.chosen and choice.chosen["query"], [d["query"] for d in choice.offered]


def test_where_nothing_was_explored(fo):
    dataset = fo.Dataset()
    choice = choose(dataset, None, [])
    assert choice.chosen is None and "`dfine explore` makes one" in choice.note
    dataset.delete()


def test_no_picture_and_an_empty_one(dataset):
    assert "Open a picture and click a box of the field `dfine`" in choose(dataset, None, []).note
    choice = choose(dataset, dataset.last().id, [])
    assert shown(choice) == (None, []) and "Nothing was found" in choice.note


def test_a_picture_alone_offers_its_detections_best_first(dataset):
    choice = choose(dataset, dataset.first().id, [])
    assert shown(choice) == (4, [4, 7, 9]) and not choice.note
    assert choice.size == (64, 48) and choice.truth.label == "cat"


MEANT = [
    ([("dfine", 1)], 7, ""),
    ([("dfine_layer_1", 0)], 7, ""),
    ([("ground_truth", 0)], 4, ""),  # the better one of the two that lie on it
    ([("dfine_layer_1", 1)], None, "Query 8 answered at layer 1, but not at the last layer."),
    ([("ground_truth", 1)], None, "No detection of `dfine` lies on this true dog: it was missed."),
    ([("other", 0)], None, "The field `other` has no edges to show: click a box of `dfine`."),
]


@pytest.mark.parametrize("paths, query, note", MEANT)
def test_what_one_selected_box_stands_for(dataset, paths, query, note):
    sample = dataset.first()
    choice = choose(dataset, sample.id, selected(sample, *paths))
    assert shown(choice) == (query, [4, 7, 9])
    assert choice.note == note


def test_several_selected_boxes_are_offered(dataset):
    sample = dataset.first()
    choice = choose(dataset, sample.id, selected(sample, ("dfine", 0), ("dfine", 1)))
    assert shown(choice) == (7, [7, 9]) and choice.note == "2 boxes are selected; choose one of them."
    other = choose(dataset, sample.id, selected(sample, ("dfine", 0), ("dfine", 1)), wanted=choice.offered[1].id)
    assert shown(other) == (9, [7, 9]) and other.note == choice.note


def test_what_was_chosen_from_the_list_wins(dataset):
    sample = dataset.first()
    wanted = sample.dfine.detections[0].id
    for paths in ([], [("dfine", 1)], [("other", 0)], [("dfine", 1), ("dfine", 2)]):
        choice = choose(dataset, sample.id, selected(sample, *paths), wanted=wanted)
        assert shown(choice) == (9, [4, 7, 9]) and not choice.note


def test_a_selection_in_another_picture_does_not_count(dataset):
    choice = choose(dataset, dataset.last().id, selected(dataset.first(), ("dfine", 1)))
    assert choice.chosen is None


def test_of_a_filtered_view_only_what_is_seen_is_offered(dataset):
    view = dataset.filter_labels("dfine", fiftyone.ViewField("confidence") < 0.7)
    assert shown(choose(dataset, dataset.first().id, [], view=view)) == (7, [7, 9])


def test_a_patch_stands_for_its_box(dataset):
    patches = dataset.to_patches("dfine")
    patch = next(p for p in patches if p.dfine["query"] == 7)
    assert shown(choose(dataset, patch.id, [], view=patches)) == (7, [7])


def test_a_second_model(dataset):
    sample = dataset.first()
    sample["second"] = fiftyone.Detections(detections=[box("cat", 0.3, query=1)])
    sample.save()
    dataset.info["dfine"] = {"dfine": INFO, "second": INFO, "gone": INFO}
    assert list(runs(dataset)) == ["dfine", "second"]  # the third has lost its field
    assert choose(dataset, sample.id, []).run == "second"
    assert choose(dataset, sample.id, [], run="dfine").run == "dfine"
    assert choose(dataset, sample.id, selected(sample, ("dfine_layer_1", 0)), run="second").run == "dfine"


def test_without_a_choice_it_is_the_run_that_was_made_last(dataset):
    sample = dataset.first()
    for field, entry in (("other", INFO), ("dfine", {})):  # a run that is made again is the latest one, too
        fields.note(dataset, field, entry)
        assert choose(dataset, sample.id, []).run == field
    assert runs(dataset)["dfine"] == INFO  # what was known of it stays
