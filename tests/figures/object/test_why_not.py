from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image, ImageChops

from dfine.figures import style
from dfine.figures.object import why_not
from dfine.trace.sampling import Birthplace
from dfine.trace.why_not import Birth, Candidate, Stage

SIZE = (200, 100)


@pytest.fixture
def candidate():
    box = (20.0, 30.0, 80.0, 90.0)
    stages = tuple(
        Stage(name, box, (("key", score), ("<nail>", 0.05)), score, before)
        for name, score, before in (("proposal", 0.1, None), ("initial", 0.2, None), ("layer 1", 0.3, 0.45))
    )
    born = Birthplace(0, 1, 2, 16, (0.25, 0.5, 0.125, 0.25))
    return Candidate(7, 2, "key", 0.3, 0.0, 0.3, 0.5, SIZE, stages, born, None, "Its score was <never> above 0.30.")


class Tags(HTMLParser):
    """Fails on a tag that is not closed, and collects their names."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_no_candidates_say_so(picture):
    assert "No query came close" in why_not.why_html([])
    image = why_not.probe_picture(picture, [], (50, 50), limit=200)
    assert ImageChops.difference(image, picture).getbbox() == pytest.approx((39, 39, 62, 62), abs=1), "a ring alone"


def test_a_card_a_candidate_with_its_reason_and_every_stage(candidate):
    html = why_not.why_html([candidate, replace(candidate, query=9)])
    tags = Tags(html).seen
    assert tags.count("section") == tags.count("svg") == 2
    assert tags.count("tr") == 6
    assert "query 7" in html and "query 9" in html
    assert "Its score was &lt;never&gt; above 0.30." in html
    assert "&lt;nail&gt; 0.05" in html and "<nail>" not in html


def test_the_curve_goes_through_the_scores_and_can_be_read_aloud(candidate):
    html = why_not.why_html([candidate])
    # Of 62 px, 6 lie below 0 and 18 above the highest, the threshold of 0.5: 0.1 is 56 − 0.2·38, and so on.
    assert 'points="6.0,48.4 137.0,40.8 268.0,33.2"' in html
    assert 'cx="268.0" cy="21.8"' in html, "0.45 before LQE"
    assert 'aria-label="Score of key: proposal 0.10, initial 0.20, layer 1 0.30; threshold 0.50"' in html


def test_where_it_began_and_ended(candidate):
    assert "Born at stride 16, around 50, 50 px; in the end its box holds this point." in why_not.why_html([candidate])
    beside = replace(candidate, distance=0.25, birthplace=None)
    assert "In the end this point lies 0.25 box sizes outside its box." in why_not.why_html([beside])


def test_what_was_born_there_is_said(candidate):
    birth = Birth(3, 0.0, "key", 0.1, "Query 3 was born right here & now.")
    assert "Query 3 was born right here &amp; now." in why_not.why_html([candidate], birth)
    assert "Query 3" in why_not.why_html([], birth)


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_and_point_are_drawn_where_they_are_whatever_the_scale(candidate, scale):
    picture = Image.new("RGB", (SIZE[0] * scale, SIZE[1] * scale), (40, 90, 60))
    image = why_not.probe_picture(picture, [candidate], (150, 50), limit=200 * scale)
    assert image.size == picture.size
    assert image.getpixel((80 * scale, 75 * scale)) == style.rgb(style.class_colour(2)), "the right edge"
    assert image.getpixel((150 * scale, 50 * scale)) == (255, 255, 255), "the point"
    assert image.getpixel((50 * scale, 75 * scale)) == (40, 90, 60), "nothing inside the box"


def test_the_closest_lies_on_top_and_the_picture_is_left_alone(picture, candidate):
    before = picture.copy()
    other = replace(candidate, label=5)
    image = why_not.probe_picture(picture, [candidate, other], (150, 50), limit=200)
    assert image.getpixel((80, 75)) == style.rgb(style.class_colour(2))
    assert not ImageChops.difference(before, picture).getbbox()


def test_a_long_name_does_not_run_out_of_its_card(candidate):
    long = "a name that is much longer than a card is wide, <b> & all"
    stages = tuple(replace(stage, best=((long, 0.4), ("nail", 0.05))) for stage in candidate.stages)
    text = why_not.why_html([replace(candidate, name=long, stages=stages)])
    Tags(text)
    table = text.split("<table")[1]
    assert table.count("a name that…") == len(stages) and table.count('title="a name that is') == len(stages)
    assert "<b> &" not in text and ">nail 0.05<" in text
    assert text.count("overflow-wrap:anywhere") == 1, "the words above the table wrap"
