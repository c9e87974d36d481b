"""A model's card: what is told of it, and what is kept back."""

import dataclasses

import pytest

from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.version import VERSION


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
