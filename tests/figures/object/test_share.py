"""One object as a card and as an animation."""

from dataclasses import replace

import pytest
from PIL import Image, ImageChops

from dfine.figures.object import share


@pytest.fixture
def picture():
    return Image.new("RGB", (200, 100), "#336699")


def coloured(image):
    """How many different colours are in a picture."""
    return len(image.getcolors(image.width * image.height))


def test_a_card_has_its_size_and_shows_the_object(picture, history):
    card = share.card(picture, history, "demo")
    assert card.size == share.CARD and coloured(card) > 50
    assert card.tobytes() != share.card(picture, history, "other").tobytes(), "the last line says where it is from"


def test_an_animation_leads_to_every_layer_and_rests_there(picture, history):
    frames = [frame.tobytes() for frame in share.clip(picture, history)]
    layers = history.layers
    assert len(frames) == layers * (share.STEPS + share.REST) + 2 * share.REST
    ends = [frames[(layer + 1) * share.STEPS + layer * share.REST - 1] for layer in range(layers)]
    assert len(set(ends)) == layers, "every layer looks different"
    assert frames[-1] == ends[-1] and frames[0] != frames[1]


@pytest.mark.parametrize("layers", [1, 2])
def test_other_depths_and_objects_without_a_name(picture, trace_of, layers):
    history = trace_of(layers).history(0, (200, 100), name="", label=1)
    assert share.card(picture, history).size == share.CARD
    assert all(frame.size == share.CLIP for frame in share.clip(picture, history))


def test_long_names_stay_on_the_sheet(picture, history):
    long = replace(history, name="a very long name of a class " * 4)
    white = Image.new("RGB", (30, share.CARD[1]), share.PAPER)
    edge = share.card(picture, long, "a/very/long/source/" * 9).crop((share.CARD[0] - 30, 0, *share.CARD))
    assert not ImageChops.difference(edge, white).getbbox(), "nothing is written over the margin"
    place = (share.CLIP[0] - 160, 0, share.CLIP[0], 45)  # of the layer's name
    for plain, other in zip(share.clip(picture, history), share.clip(picture, long)):
        assert not ImageChops.difference(plain.crop(place), other.crop(place)).getbbox()
