"""The report's section of probable label errors: details of pictures, with both boxes, and words beside them."""

import numpy as np
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
    text = suspects.section([(Image.new("RGB", (9, 9)), one | {"seen_in_training": True})], {"class": 2, "extra": 1})
    assert "2 class, 1 extra" in text and "&lt;a&gt;.png" in text and "<a>" not in text and "labelled &lt;b&gt;" in text
    assert "trained on this picture" in text
    assert "trained" not in suspects.section([(Image.new("RGB", (9, 9)), one | {"seen_in_training": False})], {})
    assert "less likely. Judged by &lt;b&gt;.</p>" in suspects.section([], {}, "judged by <b>")


def test_the_section_says_how_many_are_likely_where_that_is_known():
    text = suspects.section([], {"missing": 329, "class": 2}, "judged", {"class": 1})
    assert "329 missing, 2 class, most of which are right" in text
    assert "less likely. With a score of 0.1 or more: 1 class. Judged.</p>" in text
    assert "or more: none.</p>" in suspects.section([], {"missing": 3}, "", {})
