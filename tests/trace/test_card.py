"""A model's card: what is told of it, and what is kept back."""

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.version import VERSION
from tests.helpers import full_card


def test_a_card_without_a_source_tells_that_much():
    card = Card(("cup",), (64, 96))
    assert card.provenance() == {"schema": SCHEMA, "dfine": VERSION, "model": "", "digest": ""}
    assert card.without_folders() is card


def test_what_every_file_says_of_its_model():
    card = Card(("cup", "key"), (64, 96), source="demo", digest="00ff", temperature=(1.0, 1.0, 2.0, 2.0))
    assert card.provenance() == {"schema": SCHEMA, "dfine": VERSION, "model": "demo", "digest": "00ff"}


def test_of_a_path_on_this_machine_only_the_last_part_is_told(tmp_path):
    (tmp_path / "mine").mkdir()
    card = Card(("cup",), (64, 96), source=str(tmp_path / "mine"), digest="00ff", words="# Mine")
    told = card.without_folders()
    assert told == dataclasses.replace(card, source="mine")


def test_a_short_name_or_an_id_of_the_hub_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source in ("nano-coco", "ustc-community/dfine-nano-coco"):
        card = Card(("cup",), (64, 96), source=source)
        assert card.without_folders() is card


def test_a_card_cannot_be_written_into():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Card(("cup",), (64, 96)).source = "other"


FULL = full_card(("cup", "", "Tür"), (64, 96))
HALF = {name: getattr(FULL, name) for name in ("names", "input_size")}
BARE = Card(**HALF)


@pytest.mark.parametrize("card", [Card((), (32, 32)), BARE, FULL, dataclasses.replace(FULL, words=None, levels=None)])
def test_a_card_comes_back_from_json_as_it_was(card):
    told = json.loads(json.dumps(card.to_dict()))
    assert told == card.to_dict() and Card.from_dict(told | {"of": "something else"}) == card
    assert {"names", "input_size"} <= set(told) <= {f.name for f in dataclasses.fields(Card)}


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Card)])
def test_every_field_is_told_where_there_is_something_in_it(name):
    assert getattr(FULL, name), "the card of this test fills every field"
    assert name in FULL.to_dict() and (name in HALF) is (name in BARE.to_dict())


score = st.floats(0, 1) | st.none()
CARDS = st.builds(
    Card,
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=4).map(tuple),
    input_size=st.tuples(*[st.integers(1, 256).map(lambda cells: 32 * cells)] * 2),
    source=st.text(st.characters(codec="utf-8"), max_size=9),
    digest=st.text("0123456789abcdef", max_size=16),
    temperature=st.none() | st.tuples(*[st.floats(0.01, 100)] * 4),
    threshold=score,
    class_thresholds=st.lists(score, max_size=4).map(tuple),
    words=st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
    levels=st.none() | st.just(FULL.levels),
    notes=st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(CARDS)
def test_whatever_a_card_says_comes_back(card):
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("names", 5, "names is 5; it must be a list of strings"),
        ("names", ["a", None], "it must be a list of strings"),
        ("names", ["\ud800"], "names holds half a letter"),
        ("input_size", None, "input_size is .height, width., two multiples of 32, not None"),
        ("input_size", [64, 65], "two multiples of 32, not .64, 65."),
        ("input_size", [64, 32 * 10**6], "a side has at most 8192 pixels"),
        ("source", 5, "source must be text, not 5"),
        ("digest", ["ab"], "digest must be text"),
        ("words", {}, "words must be text"),
        ("temperature", [1, 1, 1], "temperature is 4 positive numbers, one per edge"),
        ("temperature", [1, 1, 1, True], "4 positive numbers"),
        ("temperature", [1, 1, 1, math.nan], "4 positive numbers"),
        ("levels", [[0, 0.5], [0.1, 0.5]], "table of levels does not begin with 0 and widths"),
        ("threshold", 1.5, "threshold holds 1.5, which is no score in 0..1"),
        ("threshold", "high", "threshold holds high"),
        ("class_thresholds", 0.5, "class_thresholds is 0.5, not a list of scores"),
        ("class_thresholds", [0.5, -1], "class_thresholds holds -1"),
        ("notes", "one", "notes is one; it must be a list of strings"),
    ],
)
def test_a_value_of_another_kind_is_named(name, value, said):
    with pytest.raises(ValueError, match=said):
        Card.from_dict(FULL.to_dict() | {name: value})
