"""Letters that Pillow's own font lacks, and lines that fit."""

import pytest
from PIL import Image, ImageDraw

from dfine.figures import lettering


def missing(text, font):
    """The letters of a text that a font draws as it draws what no font has."""

    def look(letter):
        mask = font.getmask(letter)
        return mask.size, bytes(mask)

    return [letter for letter in text if not letter.isspace() and look(letter) == look(lettering.NO_LETTER)]


def test_english_stays_in_pillows_own_font():
    assert lettering.font(13, "cat 0.93").getname() == lettering.font(13).getname() == ("Aileron", "Regular")


@pytest.mark.parametrize("text", ["vélo 0.90", "Löwe, Straße", "кошка 0.51", "κύων", "a – b ≥ c"])
def test_letters_of_other_scripts_are_drawn(text):
    pytest.importorskip("matplotlib")  # which brings a font that has them
    assert missing(text, lettering.font(13)), "or the test shows nothing"
    found = lettering.font(13, text)
    assert not missing(text, found) and found.size == 13


def test_a_letter_that_no_font_has_is_no_error():
    assert lettering.font(13, "cat \U0010fffe").getlength("cat") > 0
    assert lettering.font(13, "").getlength("") == 0


@pytest.mark.parametrize("width", [0, 1, 20, 60, 100, 180])
def test_a_long_line_loses_its_middle_and_no_more_than_it_has_to(width):
    font, text = lettering.font(13), "a very long name of a class 0.93"
    line = lettering.fitted(text, font, width)
    if width >= 20:
        assert font.getlength(line) <= width
        start, end = line.split("…")
        assert text.startswith(start) and text.endswith(end)
        assert font.getlength(line) > width - 25, "one letter more would not have fitted"
    else:
        assert line == "…"


def test_a_line_that_fits_stays_and_breaks_become_spaces():
    font = lettering.font(13)
    assert lettering.fitted("cat 0.93", font, 200) == "cat 0.93"
    assert lettering.fitted("cat\nor\tdog", font, 200) == "cat or dog"
    assert lettering.fitted("", font, 0) == ""


def test_labels_of_the_same_box_do_not_hide_each_other():
    plates = lettering.places([(50, 60, 150, 140)] * 4, [40.0] * 4, (200, 200), 12, every=False)
    assert plates[0] == pytest.approx((50, 60 - 19.2, 97.2, 60)), "the first stands above its box"
    assert not any(lettering.overlap(a, b) for i, a in enumerate(plates) for b in plates[:i])


@pytest.mark.parametrize("every", [False, True])
def test_what_has_no_free_place_is_left_out_unless_every_label_counts(every):
    plates = lettering.places([(50, 60, 60, 70)] * 300, [40.0] * 300, (200, 200), 12, every=every)
    there = [plate for plate in plates if plate]
    assert len(plates) == 300 and len(there) == (300 if every else len(set(there))) and plates[0]
    if not every:
        assert not any(lettering.overlap(a, b) for i, a in enumerate(there) for b in there[:i])


def test_labels_cover_a_third_of_a_picture_at_most_and_the_first_is_always_there():
    boxes = [(x, y, x + 40, y + 15) for y in range(20, 200, 20) for x in range(0, 200, 50)]
    plates = lettering.places(boxes, [40.0] * len(boxes), (200, 200), 10, every=False)
    area = sum((p[2] - p[0]) * (p[3] - p[1]) for p in plates if p)
    assert 0.3 < area / 200**2 <= lettering.COVERED and all(plates[:10]) and not plates[-1]
    assert lettering.places([(0, 0, 9, 9)], [40.0], (10, 10), 12, every=False)[0]


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("box", [(0, 0, 20, 20), (190, 190, 200, 200), (-50, -50, 250, 250), (150, 5, 250, 10)])
def test_labels_stay_in_the_picture(box, every):
    x1, y1, x2, y2 = lettering.places([box], [60.0], (200, 200), 12, every=every)[0]
    assert 0 <= x1 < x2 <= 200 and 0 <= y1 < y2 <= 200


def test_a_long_label_is_no_longer_than_its_box_or_a_few_words():
    def drawn(text, box):
        picture = Image.new("RGB", (640, 200))
        lettering.labels(ImageDraw.Draw(picture), [(text, box, "#FFFFFF")], picture.size, 13)
        return picture.getbbox()

    left, _, right, _ = drawn("word " * 60, (10, 50, 60, 90))
    assert right - left < 26 * 13 + 10
    left, _, right, _ = drawn("word " * 60, (10, 50, 600, 90))
    assert right - left == pytest.approx(590, abs=20)
    left, _, right, _ = drawn("word", (10, 50, 60, 90))
    assert right - left < 50
