import pytest


@pytest.fixture
def cup(fo):
    return fo.Detection(label="cup", confidence=0.973, query=7)


def test_what_a_detection_is_called(fo, cup):
    from dfine.explore.panel_text import called

    assert called(cup) == "cup 0.97, query 7"
    cup["error"] = "Dupe"
    assert called(cup) == "cup 0.97, query 7, Dupe"
    assert called(fo.Detection(label="cup", query=1)) == "cup, query 1"


def test_a_verdict_says_what_kind_it_is_and_how_good_the_box_became(fo, cup):
    from dfine.explore.panel_text import verdict

    assert verdict(cup, None, 3) == ""
    cup["error"] = "Bkg"
    assert verdict(cup, None, 3) == "**Nothing true is there (Bkg).**"
    cup["error"], cup["iou"], cup["right_50"], cup["right_75"] = "correct", [0.4, 0.7, 0.8, 0.9], 1, 2
    said = verdict(cup, fo.Detection(label="cup"), 3)
    assert said.startswith("**Correct.** IoU with the true cup: 0.40 at the start, 0.90 at the end (gain +0.5")
    assert said.endswith("at least 0.5 from layer 1 on, at least 0.75 from layer 2 on.")
    cup["right_50"], cup["right_75"] = 0, None
    assert verdict(cup, fo.Detection(label="cup"), 3).endswith("at least 0.5 from the initial box on.")


def test_every_kind_of_error_has_words():
    from dfine.evaluation.tide import KINDS as known
    from dfine.explore.panel_text import KINDS

    assert set(known) - {"Miss"} <= set(KINDS)
