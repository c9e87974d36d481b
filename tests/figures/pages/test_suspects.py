"""The report's section of probable label errors: details of pictures, with both boxes, and words beside them."""

import numpy as np
import pytest
from PIL import Image

from dfine.figures import style
from dfine.figures.pages import suspects


def colours(image):
    return {tuple(c) for c in np.asarray(image).reshape(-1, 3).tolist()}


def test_a_detail_shows_what_there_is():
    picture = Image.new("RGB", (400, 300), "black")
    answer, suggested = style.rgb(suspects.ANSWER), style.rgb(suspects.SUGGESTED)
    both = suspects.crop(picture, [100, 100, 150, 140], [110, 100, 160, 140])
    assert max(both.size) == suspects.SIDE and {answer, suggested} <= colours(both)
    extra = suspects.crop(picture, [390, 290, 400, 300], None)
    assert answer in colours(extra) and suggested not in colours(extra)
    missing = suspects.crop(picture, None, [0, 0, 400, 300])
    assert suggested in colours(missing) and answer not in colours(missing)
    assert missing.size == (suspects.SIDE, suspects.SIDE * 3 // 4)


def test_the_section_escapes_and_counts():
    one = dict(rank=1, kind="class", picture="<a>.png", reason="labelled <b>", fix="change", score=0.5)
    counts = {"all": {"class": 20, "extra": 3}, "likely": {"class": 2, "extra": 1}}
    text = suspects.section([(Image.new("RGB", (9, 9)), one | {"seen_in_training": True})], counts)
    assert "3 likely (a score of 0.1 or more): 2 class, 1 extra; most of the other 20 are no errors" in text
    assert "1. class, score 0.50:" in text and f"The score is {suspects.SCORE}." in text
    assert "&lt;a&gt;.png" in text and "<a>" not in text and "labelled &lt;b&gt;" in text
    assert "trained on this picture" in text
    assert "trained" not in suspects.section([(Image.new("RGB", (9, 9)), one | {"seen_in_training": False})], {})
    assert suspects.counted({"all": {}, "likely": {}}) == "none"
    assert suspects.counted({"all": {"extra": 1}, "likely": {}}).startswith(
        "0 likely (a score of 0.1 or more); most of"
    )
    assert "less likely. Judged by &lt;b&gt;.</p>" in suspects.section([], {}, "judged by <b>")


def test_the_first_stand_there_and_the_others_are_folded_so_that_the_numbers_are_not_far_below():
    def text(count):
        one = dict(kind="extra", picture="a.png", reason="no", fix="remove", score=0.5, seen_in_training=False)
        crops = [(Image.new("RGB", (9, 9)), one | {"rank": rank}) for rank in range(1, count + 1)]
        return suspects.section(crops, {})

    first, folded = text(suspects.OPEN + 37).split("<details><summary>The next 37</summary>")
    assert (first.count("<figure>"), folded.count("<figure>")) == (suspects.OPEN, 37)
    assert f">{suspects.OPEN}. extra" in first and f">{suspects.OPEN + 1}. extra" in folded
    assert all("<details" not in text(count) for count in (0, suspects.OPEN))


@pytest.mark.parametrize("ground", [suspects.SUGGESTED, suspects.ANSWER, "#7A4A2B", "#7A6BEE", "#FFFFFF", "#000000"])
def test_both_frames_are_set_off_from_any_ground(ground):
    """Around each frame, or in its gaps, something differs plainly from the ground, and so does what it stands on."""
    picture, plain = Image.new("RGB", (400, 400), style.rgb(ground)), np.array(style.rgb(ground))
    for boxes, colour in (
        ((None, [100, 100, 300, 300]), suspects.SUGGESTED),
        (([100, 100, 300, 300], None), suspects.ANSWER),
    ):
        seen = np.array(suspects.crop(picture, *boxes)).reshape(-1, 3)
        frame = seen[(seen != plain).any(-1)]
        assert max(luminance_ratio(one, plain) for one in np.unique(frame, axis=0)) > 1.8, colour


def luminance_ratio(one, other):
    """The contrast of two colours, as WCAG has it."""

    def luminance(colour):
        c = np.asarray(colour) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722] + 0.05

    a, b = luminance(one), luminance(other)
    return max(a, b) / min(a, b)


def test_a_detail_as_a_figure_keeps_its_shape():
    made = suspects.figure(Image.new("RGB", (320, 200), "red"))
    (image,) = made.layout.images
    assert (
        image.source.startswith("data:image/jpeg;base64,") and made.layout.height == 200 and image.sizing == "contain"
    )


def test_the_score_in_words_is_what_it_is_learned_for():
    from dfine.explore.suspect_learning import SHARE

    assert f"one answer in {1 / SHARE:.0f} had" in suspects.SCORE
