import re

import pytest
from PIL import Image

from dfine.figures.pages import errors

KINDS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss", "FalsePos", "FalseNeg")


def summary(ap50=0.5, **delta):
    gains = dict.fromkeys(KINDS, 0.0) | delta
    if ap50 is None:
        gains = dict.fromkeys(KINDS)
    fixed = {k: None if v is None else ap50 + v for k, v in gains.items()}
    return {"ap50": ap50, "delta": gains, "fixed": fixed, "counts": dict.fromkeys(KINDS[:6], 7), "objects": 3}


def test_bars_are_what_fixing_would_gain():
    figure = errors.costs(summary(Loc=0.2, Miss=0.1, FalsePos=0.3))
    bars = dict(zip((re.search("<b>(.*?)</b>", y)[1] for y in figure.data[0].y), figure.data[0].x))
    assert bars == dict.fromkeys(KINDS, 0.0) | {"Loc": 0.2, "Miss": 0.1, "FalsePos": 0.3}
    assert "(7)" in figure.data[0].text[1] and "(" not in figure.data[0].text[6]
    assert "0.500 → 0.700" in figure.data[0].hovertext[1]


def test_nothing_measured_has_no_bars():
    assert set(errors.costs(summary(None)).data[0].x) == {0.0}


def test_a_row_for_every_part_darkest_where_it_costs_most():
    text = errors.parts_html({"<clean>": summary(Cls=0.3), "dark": summary(0.25, Bkg=0.15), "none": summary(None)})
    assert "&lt;clean&gt;" in text and "<clean>" not in text
    shades = [float(v) for v in re.findall(r"background:rgba\(\d+,\d+,\d+,([\d.]+)\)", text)]
    assert len(shades) == 12
    assert max(shades) == shades[0] == pytest.approx(2 * shades[6 + 4])
    assert text.count("<tr>") == 4 and text.count("<td>–</td>") == 7


def boxes(*roles):
    return [{"role": role, "box": [20, 30, 60, 70], "label": "cat 0.90, not dog"} for role in roles]


def test_a_picture_without_boxes_stays_as_it_is():
    picture = Image.new("RGB", (640, 320), (10, 20, 30))
    assert errors.draw(picture, [], (640, 320)).getcolors() == [(640 * 320, (10, 20, 30))]


@pytest.mark.parametrize(
    "role, colour",
    [("correct", errors.RIGHT), ("wrong", errors.WRONG), ("missed", "#F2F3F5"), ("unlabelled", errors.FREE)],
)
def test_boxes_lie_where_they_should_in_the_colour_of_their_kind(role, colour):
    """A picture of half the size that the boxes count in, drawn twice as large again."""
    drawn = errors.draw(Image.new("RGB", (50, 50)), boxes(role), (100, 100), limit=640)
    assert drawn.size == (640, 640)
    ink = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    found = [(x, y) for x in range(640) for y in range(640) if drawn.getpixel((x, y)) == ink]
    left, bottom = min(x for x, _ in found), max(y for _, y in found)
    assert left == pytest.approx(6.4 * 20, abs=3) and bottom == pytest.approx(6.4 * 70, abs=3)
    labelled = sum(drawn.getpixel((x, y)) == ink for x in range(128, 240) for y in range(165, 190))
    assert (labelled > 500) == (role in ("wrong", "unlabelled")), "what is right or missed has no label"


def test_a_fix_that_costs_is_shown_with_its_sign():
    figure = errors.costs(summary(Loc=-0.01, Cls=0.001))
    assert figure.data[0].text[1].startswith(" −0.010") and figure.data[0].text[0].startswith(" +0.001")
    low, high = figure.layout.xaxis.range
    assert low < -0.01 and high > 0.001
    assert figure.layout.xaxis.tickformat == ".3~f", "two ticks of one number are none"
