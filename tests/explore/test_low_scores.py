"""The switch of the App: low scores go and come back, and nothing else."""

import pytest

pytest.importorskip("fiftyone")

from dfine.explore import low_scores, views  # noqa: E402


def test_the_switch_is_a_button_above_the_pictures():
    switch = low_scores.SwitchLowScores()
    placed = switch.resolve_placement(None).to_json()
    assert placed["place"] == "samples-grid-secondary-actions" and placed["view"]["label"] == "Low scores"
    assert switch.config.name == low_scores.NAME


def test_where_nothing_was_explored(fo):
    dataset = fo.Dataset()
    assert low_scores.switched(dataset, dataset.view()) is None
    dataset.delete()


def test_low_scores_go_and_come_back(explored):
    shown = low_scores.switched(explored, explored.view())
    assert len(shown) == len(explored) and shown == views.reported(explored)
    for field in ("dfine_initial", "dfine_layer_1", "dfine"):
        assert min(shown.values(f"{field}.detections.confidence", unwind=True)) >= views.SHOWN
    assert shown.count("ground_truth.detections") == explored.count("ground_truth.detections")
    every = low_scores.switched(explored, shown)
    assert every.count("dfine.detections") == explored.count("dfine.detections") > shown.count("dfine.detections")
