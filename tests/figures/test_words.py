import re
from dataclasses import replace

import pytest
import torch

from dfine.figures import words


def test_the_words_name_place_move_and_certainty(history):
    text = words.describe(history)
    x1, y1, x2, y2 = (round(v) for v in history.xyxy_pixels[-1].tolist())
    assert text.startswith(f"Star, score 0.95, from ({x1}, {y1}) to ({x2}, {y2}) in a picture of 200 by 100")
    assert re.search(r"largest move in 3 layers was that of the left edge in layer \d, [\d.]+ px outward", text)
    assert text.endswith("(uncalibrated).")
    assert len(re.findall(r"\.(?: |$)", text)) == 2, "two sentences"


def test_the_words_for_an_object_that_stayed(trace_of):
    text = words.describe(trace_of(1).history(1, (200, 100), label=1))
    assert "initial box was kept" in text and "the one layer" in text and "Class 1" in text


def test_calibrated_edges_are_said_to_be(history):
    assert words.describe(replace(history, temperature=torch.ones(4))).endswith("(calibrated).")


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_every_number_of_the_sentences_is_one_of_the_object(trace_of, layers):
    history = trace_of(layers).history(0, (200, 100), name="star", label=1)
    shifts, lengths = history.shifts.abs(), history.intervals()[-1].diff(dim=-1)[:, 0]
    text = words.describe(history)
    px = [float(v) for v in re.findall(r"([\d.]+) px", text)]
    wanted = ([float(shifts.max())] if shifts.max() >= 0.5 else []) + [float(lengths.min()), float(lengths.max())]
    assert px == pytest.approx(wanted, rel=0.01, abs=0.05)


class Lengths:
    """Stands for an object of which only the intervals matter: their lengths in pixels, left, top, right, bottom."""

    def __init__(self, *lengths):
        self.lengths = torch.tensor(lengths)

    def intervals(self):
        return torch.stack([-self.lengths / 2, self.lengths / 2], 1)[None]


@pytest.mark.parametrize(
    "lengths, sentence",
    [
        ((14, 12, 18, 91), "Sure of three edges, within 18.0 px. The bottom edge could lie anywhere within 91.0 px."),
        ((91, 12, 18, 14), "Sure of three edges, within 18.0 px. The left edge could lie anywhere within 91.0 px."),
        (
            (50, 5, 60, 6),
            "Sure of two edges, within 6.00 px. "
            "The left and right edges could lie anywhere within 50.0 px and 60.0 px.",
        ),
        (
            (40, 50, 60, 6),
            "Sure of the bottom edge, within 6.00 px. "
            "The left, top and right edges could lie anywhere within 40.0 px, 50.0 px and 60.0 px.",
        ),
        ((10, 10, 10, 10), "About equally sure of all four edges: each lies within 10.0 px."),
        ((10, 12, 14, 20), "About equally sure of all four edges: each lies within 10.0 to 20.0 px."),
        (
            (23.2, 12.3, 57.6, 10.3),
            "Surest of the bottom edge, within 10.3 px, and least of the right one, within 57.6 px.",
        ),
        ((0, 0, 0, 2), "About equally sure of all four edges: each lies within 0 to 2.00 px."),
    ],
)
def test_how_sure_at_a_first_look(lengths, sentence):
    assert words.sureness(Lengths(*lengths)) == sentence


def test_how_many_boxes():
    assert [words.boxes(count) for count in (0, 1, 2)] == ["0 boxes", "1 box", "2 boxes"]


@pytest.mark.parametrize("name, wanted", [("cat", "cat"), ("twenty letters long!", "twenty letters long!"), ("", "")])
def test_a_short_name_stays(name, wanted):
    assert words.short(name) == wanted


@pytest.mark.parametrize("most", [8, 16, 20])
def test_a_long_name_keeps_both_ends(most):
    name = words.short("the beginning and the end", most)
    assert len(name) <= most and "the beginning and the end".startswith(name.split("…")[0])
    assert "the beginning and the end".endswith(name.split("…")[1])
