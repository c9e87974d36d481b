import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from dfine.config import EDGES
from dfine.figures.pages.object_page import page, sections
from dfine.trace.history import History
from dfine.trace.postprocess import detections
from tests.helpers import synthetic_trace

SIZE = (200, 100)
NAMES = ("cat", "dog", "fish")


def history_of(layers=3, **changes) -> History:
    return replace(synthetic_trace(layers=layers).history(0, SIZE, name="cat", label=0), **changes)


def nothing_found(names=NAMES):
    trace = synthetic_trace()
    return detections(trace, names, [SIZE])[0][:0]


def test_the_opening_names_the_edges_that_it_should():
    history = history_of()
    moved = (history.offsets[-1] * history.pixels_per_size).abs()
    width = history.intervals()[-1].diff().flatten()
    text = page(Image.new("RGB", SIZE), history, nothing_found(), {})
    named = re.findall(r"the <b>(\w+)</b> edge", re.search(r'class="lead">(.*?)</p>', text)[1])
    assert named == [EDGES[int(moved.argmax())], EDGES[int(width.argmin())], EDGES[int(width.argmax())]]


class Balance(HTMLParser):
    """Fails on a tag that is closed without having been opened, or the other way round."""

    void = {"meta", "img", "br", "input", "link", "col", "hr"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["cat", "<script>alert(1)</script>", '"&amp;', ""])
def test_a_whole_page_whatever_the_name(name):
    history = history_of(name=name)
    found = nothing_found((name or "x", "dog", "fish"))
    text = page(Image.new("RGB", SIZE), history, found, {"picture": name}, {"name": name})
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert "<script>alert" not in text


def test_every_figure_has_its_place():
    history = history_of()
    text = page(Image.new("RGB", SIZE), history, nothing_found(), {})
    places = re.findall(r'data-figure="(figure-\d+)"', text)
    assert places == re.findall(r'<script type="application/json" id="(figure-\d+)"', text)
    assert len(places) == 1 + sum(panel.figure is not None for s in sections(history) for panel in s.panels)
