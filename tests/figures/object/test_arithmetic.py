"""A reader with a pocket calculator: only the digits that stand on the page are used."""

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
import torch

from dfine.distribution import decode, weighting
from dfine.figures.object import arithmetic
from dfine.trace.history import History


class Page(HTMLParser):
    """Text by class of the element, and tables as rows of cells."""

    def __init__(self, html):
        super().__init__()
        self.marked, self.tables, self._open = {}, [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "col":
            return
        kind = dict(attributes).get("class")
        self._open.append((tag, kind))
        if tag == "table":
            self.tables.append((kind, []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][1][-1].append("")

    def handle_endtag(self, tag):
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        tags = [tag for tag, _ in self._open]
        if "td" in tags or "th" in tags:
            self.tables[-1][1][-1][-1] += text
        for _, kind in self._open:
            if kind:
                self.marked[kind] = self.marked.get(kind, "") + text

    def rows(self, kind):
        return [row for k, rows in self.tables if k == kind for row in rows]


def number(text):
    return Decimal(text.strip().replace("−", "-"))


def last_digit(value):
    return Decimal(1).scaleb(value.as_tuple().exponent)


def random_history(seed, size=(1333, 800), layers=3):
    generator = torch.Generator().manual_seed(seed)
    initial = torch.tensor([0.2, 0.2, 0.02, 0.02]) + 0.7 * torch.rand(4, generator=generator)
    edges = torch.randn(layers, 4, 33, generator=generator) * (1 + 2 * (seed % 3))
    w = weighting(c=(0.25, 0.125)[seed % 2])
    boxes = decode(initial.expand(layers, 4), torch.softmax(edges, -1) @ w)
    none = torch.zeros(3)
    return History(
        query=0,
        label=0,
        name="<fish>",
        size=size,
        proposal=initial,
        proposal_logits=none,
        initial=initial,
        initial_logits=none,
        logits=torch.zeros(layers, 3),
        quality=torch.zeros(layers),
        edges=edges,
        boxes=boxes,
        w=w,
    )


CASES = [(seed, size, edge) for seed in range(4) for size in ((40, 30), (1333, 800), (6000, 4000)) for edge in range(4)]


@pytest.mark.parametrize("seed, size, edge", CASES)
def test_a_pocket_calculator_ends_at_the_drawn_edge(seed, size, edge):
    history = random_history(seed, size)
    page = Page(arithmetic.arithmetic_html(history, edge))
    terms = [[number(c) for c in row] for row in page.rows("bins") if row[0] != "n"]
    assert sorted(int(t[0]) for t in terms) == list(range(33))

    for _, w, p, product in terms:
        assert abs(w * p - product) <= last_digit(product) / 2
    offset = sum(t[3] for t in terms)
    assert offset == number(page.marked["offset"]), "the sum of the products that are shown is exact"

    extent, centre = number(page.marked["extent"]), number(page.marked["centre"])
    assert abs(offset * extent - number(page.marked["shift"])) <= Decimal("0.0005")
    place = centre + (-1 if edge < 2 else 1) * (Decimal("0.5") + offset) * extent
    assert abs(place - number(page.marked["edge"])) <= Decimal("0.005")

    drawn = number(page.marked["drawn"])
    assert abs(place - drawn) < last_digit(drawn), "within the last digit that is shown"
    assert float(place) == pytest.approx(float(history.xyxy_pixels[-1, edge]), abs=0.02)


def test_the_digits_shown_are_those_of_the_network(history):
    numbers = arithmetic.written(history, 0, 1)
    for n, w, p, _ in numbers.terms:
        assert float(w) == pytest.approx(float(history.w[n]), abs=1e-4)
        assert float(p) == pytest.approx(float(history.probabilities[1, 0, n]), abs=1e-4)
    # By hand: the initial box is 40 px wide around x = 100, so that its left edge is at 80.
    assert (numbers.extent, numbers.centre, numbers.start) == (Decimal(40), Decimal(100), Decimal(80))
    assert numbers.edge < 80, "the left edge moves outward, to the left"


def test_large_contributions_come_first_and_the_rest_is_folded_away(history):
    html = arithmetic.arithmetic_html(history, 0)
    first, folded = [rows for kind, rows in Page(html).tables if kind == "bins"]
    shown = [abs(number(row[3])) for row in first[1:]]
    assert 3 <= len(shown) <= arithmetic.MOST
    assert shown == sorted(shown, reverse=True)
    assert max(abs(number(row[3])) for row in folded) <= shown[-1]
    assert html.count("<details>") == 1 and sum(number(r[3]) for r in folded) == number(Page(html).marked["rest"])


def test_every_layer_s_offset_stands_below(history):
    page = Page(arithmetic.arithmetic_html(history, 2, 0))
    rows = page.rows("layers")[1:]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    shifts = (history.offsets[:, 2] * history.pixels_per_size[2]).tolist()
    for row, shift, moved, place in zip(
        rows, shifts, history.shifts[:, 2].tolist(), history.xyxy_pixels[1:, 2].tolist()
    ):
        got = [float(number(cell)) for cell in row[2:]]
        assert got == [pytest.approx(shift, abs=0.02), pytest.approx(moved, abs=0.02), pytest.approx(place, abs=0.02)]
    assert number(page.marked["edge"]) == number(rows[0][4])


def test_an_edge_that_stays_says_so_with_zeros(trace_of):
    page = Page(arithmetic.arithmetic_html(trace_of().history(1, (200, 100)), 1))
    assert number(page.marked["offset"]) == 0 and number(page.marked["shift"]) == 0
    assert number(page.marked["drawn"]) == Decimal("40.0")  # (0.5 − 0.1) · 100 px


def test_outside_the_picture_the_clipped_place_is_named(history):
    beyond = replace(
        history, initial=torch.tensor([0.02, 0.5, 0.2, 0.4]), boxes=history.boxes - torch.tensor([0.48, 0, 0, 0])
    )
    assert "clipped to 0" in arithmetic.arithmetic_html(beyond, 0)
    assert "clipped" not in arithmetic.arithmetic_html(history, 0)


def test_names_are_escaped_and_nothing_is_loaded():
    html = arithmetic.arithmetic_html(random_history(0), 0)
    assert "&lt;fish&gt;" in html and "<fish>" not in html
    assert not re.search(r"<script|https?:|src=", html)


@pytest.mark.parametrize("edge, layer, said", [(4, -1, "no edge 4"), (0, 3, "no layer index 3"), (0, -4, "index -4")])
def test_what_does_not_exist_is_said(history, edge, layer, said):
    with pytest.raises(ValueError, match=said):
        arithmetic.arithmetic_html(history, edge, layer)


def test_an_edge_at_the_border_does_not_lie_at_minus_zero(history):
    left = float(history.xyxy_pixels[-1, 0]) / history.size[0]
    moved = torch.tensor([left + 1e-4, 0, 0, 0])
    border = replace(history, initial=history.initial - moved, boxes=history.boxes - moved)
    assert "clipped to 0" in (html := arithmetic.arithmetic_html(border, 0))
    assert not re.search(r"−0\.0+(?!\d)", html)
