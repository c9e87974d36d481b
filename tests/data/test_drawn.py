"""Drawings that take the place of training pictures: right classes, exact boxes, nothing that is not asked for."""

import pytest
import torch

from dfine import boxes as box
from dfine.data.drawn import AKIN, DRAWABLE, Drawn, akin, cast
from dfine.data.loader import Batching, Shares, loader
from dfine.data.scenes import NAMES
from dfine.data.scenes.everyday import EVERYDAY
from dfine.trace.records import Target
from tests.data.test_loader import Numbered

CLASSES = ("dog", "bus", "person", "star")  # a dog cannot be drawn


def one(drawn, seed, size=(90, 120)):
    torch.manual_seed(seed)
    none = Target(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4), 5, size)
    return drawn(torch.zeros(3, *size, dtype=torch.uint8), none)


def test_a_cast_has_every_class_that_can_be_drawn_and_two_thirds_of_what_appears_are_asked_for():
    actors = cast(CLASSES)
    assert {(actor.name, actor.label) for actor in actors if actor.label >= 0} == {
        ("bus", 1),
        ("person", 2),
        ("star", 3),
    }
    others = [actor.name for actor in actors if actor.label < 0]
    assert sorted(others) == sorted(set(NAMES) - {"star"}), "what has a class is never shown without its label"
    assert sum(actor.label >= 0 for actor in actors) / len(actors) == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize(
    ("names", "asked"),
    [(("Bus", "PERSON"), {("bus", 0), ("person", 1)}), (("dog", "Wild Bird", "Car"), {("bird", 1), ("car", 2)})],
)
def test_classes_that_are_called_in_another_way_are_drawn_with_their_labels_too(names, asked):
    actors = cast(names)
    assert {(actor.name, actor.label) for actor in actors if actor.label >= 0} == asked
    assert not {name for name, _ in asked} & {actor.name for actor in actors if actor.label < 0}
    picture, target = one(Drawn(1.0, names), 0)
    assert set(target.labels.tolist()) <= {label for _, label in asked}


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("mug", "cup"),
        ("Coffee_mugs", "cup"),
        ("SUV", "car"),
        ("sports-cars", "car"),
        ("Sailboat", "boat"),
        ("sunglasses", "glasses"),
        ("Boxes and bird_houses", "house"),
        ("vehicle", "boat"),
    ],
)
def test_what_a_class_may_mean_under_another_name_is_not_drawn_without_a_label(name, thing):
    assert thing not in {actor.name for actor in cast(("star", name)) if actor.label < 0}
    assert thing in {actor.name for actor in cast(("star", "wheel")) if actor.label < 0}


def test_the_table_of_other_names_is_of_things_that_are_drawn():
    assert set(AKIN) <= set(NAMES)
    assert akin(("person", "cat", "bus", "train", "dog", "")) == set()


def test_where_all_that_can_be_drawn_has_a_class_nothing_else_stands_there():
    assert {actor.label for actor in cast(tuple(DRAWABLE))} == set(range(len(DRAWABLE)))


def test_a_car_of_everyday_life_is_drawn_in_more_ways_than_in_scenes():
    assert DRAWABLE["car"] is EVERYDAY["car"]


@pytest.mark.parametrize("names", [("dog", "wheel"), ()])
def test_classes_of_which_none_can_be_drawn_are_refused_by_name(names):
    with pytest.raises(
        ValueError, match=rf"none of the classes {', '.join(names)} can be drawn; these can: .*bus, .*train"
    ):
        Drawn(0.5, names)


def test_boxes_lie_in_the_picture_and_labels_are_of_classes_that_can_be_drawn():
    drawn, sizes, count = Drawn(1.0, CLASSES), set(), 0
    for seed in range(12):
        picture, target = one(drawn, seed)
        assert picture.dtype == torch.uint8 and picture.is_contiguous() and picture.shape[0] == 3
        assert target.image_id == 5 and len(target.labels) == len(target.boxes)
        assert set(target.labels.tolist()) <= {1, 2, 3}
        height, width = picture.shape[-2:]
        corners = box.to_pixels(target.boxes, (width, height))
        assert (corners >= -1e-3).all() and (corners <= corners.new_tensor([width, height] * 2) + 1e-3).all()
        assert (target.boxes[:, 2:] > 0).all()
        sizes.add((height, width))
        count += len(target.labels)
    assert count > 12 and len(sizes) > 3, "some are icons, as large as their thing and what surrounds it"
    assert (160, 160) in sizes, "others are whole scenes, not smaller than can be drawn"


def icons(monkeypatch, names, seeds, size):
    """Icons and the corners of their only thing, in pixels; nothing where none of these classes came up."""
    monkeypatch.setattr("dfine.data.drawn.ICONS", 1.0)
    drawn, count = Drawn(1.0, names), 0
    for picture, target in (one(drawn, seed, size) for seed in seeds):
        if len(target):
            assert len(target) == 1
            yield picture, box.to_pixels(target.boxes, (picture.shape[2], picture.shape[1]))[0]
            count += 1
    assert count > len(seeds) / 2


def test_an_icon_shows_its_thing_from_border_to_border_at_least_for_a_fifth(monkeypatch):
    for picture, (x1, y1, x2, y2) in icons(monkeypatch, ("bus",), range(8), (90, 120)):
        assert (x2 - x1) * (y2 - y1) > 0.2 * picture[0].numel()


def test_an_icon_shows_nothing_but_its_thing_and_the_shadow_of_it(monkeypatch):
    """A piece of another thing would stand there without a label."""
    free = 0
    for picture, corners in icons(monkeypatch, CLASSES, range(30), (160, 200)):
        shadow = 0.15 * (corners[2:] - corners[:2]).max() + 3
        x1, y1, x2, y2 = (int(v) for v in (corners + corners.new_tensor([-1, -1, 1, 1]) * shadow).clamp(min=0))
        outside = torch.ones_like(picture[0], dtype=torch.bool)
        outside[y1 : y2 + 1, x1 : x2 + 1] = False
        rest = picture[:, outside]
        assert (rest == rest[:, :1]).all(), "one plain background"
        free += rest.shape[1] > 0
    assert free > 10


def test_the_box_of_an_icon_is_where_its_paint_ends(monkeypatch):
    """What differs from the plain background by much is the thing, and what differs by a little at most its shadow."""
    for picture, (x1, y1, x2, y2) in icons(monkeypatch, ("bus",), range(6), (300, 300)):
        apart = (picture.int() - picture[:, :1, :1].int()).abs().sum(0)
        for least, slack in ((150, (-2, 1e9)), (30, (-1e9, 2))):
            rows, columns = (apart > least).any(1).nonzero()[:, 0], (apart > least).any(0).nonzero()[:, 0]
            ends = columns[0] - x1, rows[0] - y1, x2 - columns[-1] - 1, y2 - rows[-1] - 1
            assert all(slack[0] <= end <= slack[1] for end in ends), "neither narrower nor wider"


def test_no_share_leaves_the_picture_and_the_same_state_draws_the_same():
    picture, target = one(Drawn(0.0, CLASSES), 3)
    assert not picture.any() and picture.shape == (3, 90, 120) and not len(target)
    first, again, other = (one(Drawn(1.0, CLASSES), seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not (first.shape == other.shape and torch.equal(first, other))


def test_a_picture_that_is_a_strip_is_replaced_by_one_that_can_be_drawn():
    picture, _ = one(Drawn(1.0, CLASSES), 4, (20, 3000))
    assert max(picture.shape[-2:]) <= 4 * 160


def test_a_huge_picture_is_replaced_by_one_of_its_proportions_that_is_drawn_in_a_moment(monkeypatch):
    monkeypatch.setattr("dfine.data.drawn.ICONS", 0.0)
    assert one(Drawn(1.0, CLASSES), 0, (6000, 4000))[0].shape == (3, 1280, 853)
    assert one(Drawn(1.0, CLASSES), 0, (375, 500))[0].shape == (3, 375, 500)


class Named(Numbered):
    names = ("bus", "cat")


def test_training_draws_them_and_evaluation_does_not():
    data = Named(4)
    drawn = list(loader(data, Batching(2, (64, 64), train=True, seed=1), shares=Shares(drawn=1.0)))
    assert {label for _, targets in drawn for target in targets for label in target.labels.tolist()} == {0, 1}
    plain, held_out = (list(loader(data, Batching(2, (64, 64)), shares=Shares(drawn=share))) for share in (0.0, 1.0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(plain, held_out))
