import pytest
import torch

from dfine import distribution
from dfine.evaluation.calibration import Matches, study
from dfine.figures.pages.calibration_section import fitted, named, section

W = distribution.weighting()


@pytest.fixture(scope="module")
def found() -> dict:
    g = torch.Generator().manual_seed(0)
    edges, truth = 3 * torch.randn(1200, 1, 4, 33, generator=g), 0.2 * torch.randn(1200, 4, generator=g)
    groups = {"size": ["large", "small"] * 600}
    done = study(Matches(edges, truth, W, list(range(1200)), groups))
    return {"measured": done.before, "study": done.to_dict(), "note": ""}


def test_nothing_measured_is_no_section():
    assert section(None) is None and section({"measured": {"objects": 0}}) is None


def test_levels_and_their_score_are_told_and_parts_stand_in_their_order(found):
    made = section(found)
    titles = [panel.name for panel in made.panels]
    assert titles == ["Reliability", "By width of the interval", "By size", "Where the truth lies"]
    text = made.panels[0].text
    assert "Levels by the width of the interval, fitted on 600 objects" in text and "Interval score" in text
    ticks = [list(panel.figure.layout.yaxis.ticktext) for panel in made.panels[1:3]]
    assert [t.split()[0] for t in ticks[0]] == ["narrowest", "narrow", "middle", "wide", "widest"]
    assert [t.split()[0] for t in ticks[1]] == ["small", "large"]


def test_what_is_in_force_is_said(found):
    assert not fitted(found["measured"]) and fitted(found["study"]["after"])
    after = {"measured": found["study"]["after"], "study": None, "note": "No calibration was fitted: too few."}
    text = section(after).panels[0].text
    assert "too few" in text and "with the stored calibration" in text


def test_what_the_stored_one_does_on_the_same_pictures_is_told(found):
    study = found["study"] | {"stored": found["study"]["after"]}
    text = section(found | {"study": study}).panels[0].text
    assert "with the stored calibration, 600 objects of other pictures" in text and "with the stored cal" in text
    assert text.count("with the stored calibration") == 2, "its coverage and its score"
    assert "stored" not in section(found).panels[0].text


def test_names_lose_their_underscores_and_long_lists_their_end():
    assert named({"motion_blur": 1, "b": 2, "c": 3}, 2) == {"motion blur": 1, "b": 2}


def test_parts_whose_names_differ_in_an_underscore_only_stay_apart():
    assert named({"stop_sign": 1, "stop sign": 2, "a_b": 3}, 9) == {"stop_sign": 1, "stop sign": 2, "a b": 3}
    assert named({"stop_sign": 1, "stop sign": 2}, 1) == {"stop_sign": 1}
