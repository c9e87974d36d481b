"""What the figure of an object's stages shows at each moment, by number."""

from dataclasses import replace

import pytest
import torch

from dfine.figures.object.moments import FRAMES, View, moments, numbers_of, view_of

MASS = 0.8


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_every_stage_is_reached_once_and_in_order(trace_of, layers):
    history = trace_of(layers).history(0, (200, 100))
    film = moments(history, MASS)
    arrived = [m for m in film if m.arrived]
    assert [m.stage for m in arrived] == list(range(1 + layers)) and film[0].arrived and film[-1].arrived
    assert [m.stage for m in film] == sorted(m.stage for m in film)
    assert len(film) - len(arrived) == layers * (max(4, FRAMES // layers) - 1)
    for moment, box in zip(arrived, history.xyxy_pixels.tolist()):
        assert moment.box == pytest.approx(box, abs=1e-4)


def test_whiskers_are_the_intervals_of_the_layer_and_the_initial_box_has_none(history):
    arrived = [m for m in moments(history, MASS) if m.arrived]
    assert arrived[0].reach is None and arrived[0].hover == [""] * 4
    for layer, moment in enumerate(arrived[1:]):
        assert torch.allclose(torch.tensor(moment.reach), history.intervals(MASS)[layer])
        low, high = moment.reach[0]
        assert moment.hover[0].startswith(f"<b>left edge</b>, layer {layer + 1}: ")
        assert "80 % between" in moment.hover[0] and high > low


def test_on_the_way_to_the_first_layer_there_is_no_interval_yet(history):
    between = [m for m in moments(history, MASS) if not m.arrived]
    assert all((m.reach is None) == (m.stage == 1) for m in between)
    assert all(m.hover == [""] * 4 for m in between) and "initial box → layer 1" in between[0].headline


def test_words_for_a_stage(history):
    said = numbers_of(history)
    assert len(said) == 4 and said[-1] == f"score {float(history.scores[-1]):.2f}, IoU with final 1.00"


@pytest.mark.parametrize("x", [0.02, 0.5, 0.98])
def test_the_view_holds_every_box_and_keeps_its_shape(history, x):
    moved = replace(history, initial=torch.tensor([x, 0.5, 0.2, 0.4]))
    boxes = torch.tensor([x, 0.5, 0.2, 0.4]).repeat(3, 1)
    moved = replace(moved, boxes=boxes)
    view = view_of(moved, MASS)
    corners = moved.xyxy_pixels
    assert view.left <= corners[:, 0].min() and view.right >= corners[:, 2].max()
    assert view.top <= corners[:, 1].min() and view.bottom >= corners[:, 3].max()
    assert view.left <= moved.intervals(MASS)[-1, 0, 0] and view.right >= moved.intervals(MASS)[-1, 2, 1]
    width, height = view.right - view.left, view.bottom - view.top
    assert width >= 0.75 * height * 0.99 or width >= 200
    if x == 0.5:
        assert view.left >= 0 and view.right <= 200, "inside the picture where nothing leaves it"


def test_a_box_of_negative_size_is_in_view_too(history):
    turned = replace(history, boxes=torch.tensor([[0.5, 0.5, -0.2, 0.4]]).repeat(3, 1))
    view, corners = view_of(turned, MASS), turned.xyxy_pixels
    assert view.left <= corners[:, [0, 2]].min() and view.right >= corners[:, [0, 2]].max()
    assert view.right - view.left > 0 and view.bottom - view.top > 0


def test_a_cap_looks_the_same_at_every_zoom():
    assert View(0, 0, 100, 50).cap == pytest.approx(1.6) and View(0, 0, 1000, 500).cap == pytest.approx(16)
