import json

import pytest

from dfine.config import RECIPES, SIZES, Config

# size: backbone, strides, encoder width and FFN, decoder width and FFN, layers, 1/c, affine blocks
PUBLISHED = {
    "n": ("B0", (16, 32), 128, 512, 128, 512, 3, 4, True),
    "s": ("B0", (8, 16, 32), 256, 1024, 256, 1024, 3, 4, True),
    "m": ("B2", (8, 16, 32), 256, 1024, 256, 1024, 4, 4, True),
    "l": ("B4", (8, 16, 32), 256, 1024, 256, 1024, 6, 4, False),
    "x": ("B5", (8, 16, 32), 384, 2048, 256, 1024, 6, 8, False),
}


@pytest.mark.parametrize("size", list(PUBLISHED))
def test_published_numbers(size):
    c = Config.of(size)
    have = (c.backbone, c.strides, c.encoder_width, c.encoder_ffn, c.width, c.ffn, c.layers, 1 / c.c, c.affine)
    assert have == PUBLISHED[size]
    assert (c.queries, c.bins, c.heads, c.a, c.classes) == (300, 32, 8, 0.5, 80)
    assert len(c.points) == len(c.strides)


@pytest.mark.parametrize(
    "size, channels", [("n", (512, 1024)), ("s", (256, 512, 1024)), ("m", (384, 768, 1536)), ("x", (512, 1024, 2048))]
)
def test_backbone_announces_its_channels(size, channels):
    assert Config.of(size).channels == channels


@pytest.mark.parametrize("size", list(SIZES))
def test_round_trip_through_json(size):
    config = Config.of(size, classes=7, queries=20)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_changes_leave_the_published_table_alone():
    assert Config.of("n", classes=3).classes == 3
    assert Config.of("n").classes == 80


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: Config.of("xxl"), "'xxl'.*n, s, m, l, x"),
        (lambda: Config.of("n", width_of_head=3), "width_of_head"),
        (lambda: Config.of("n", classes=0), "at least one class"),
        (lambda: Config.of("n", queries=0), "at least one query, not 0"),
        (lambda: Config.of("n", backbone="B9"), "no backbone 'B9'"),
        (lambda: Config.from_dict(None), "its 'config' is None"),
        (lambda: Config.from_dict([1]), r"its 'config' is \[1\]"),
        (
            lambda: Config.from_dict(Config.of("n").to_dict() | {"classes": "a"}),
            "classes='a', which is not a whole number",
        ),
        (lambda: Config.from_dict(Config.of("n").to_dict() | {"points": 4}), "points=4, which is not a list"),
        (lambda: Config.from_dict(Config.of("n").to_dict() | {"strides": ["a"]}), "not a list of whole numbers"),
        (lambda: Config.of("n", family="detr"), "'dfine' or 'deim'"),
        (lambda: Config.from_dict({"size": "n"}), "config.json"),
        (lambda: Config.from_dict(Config.of("n").to_dict() | {"colour": 1}), "colour"),
    ],
)
def test_mistakes_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_every_size_has_a_recipe():
    assert set(RECIPES) == set(SIZES)
    assert all(r.backbone_rate < r.rate for r in RECIPES.values())


def test_the_recipe_follows_the_batch_by_the_published_rule():
    """Twice the batch: the published example (rates doubled, warm-ups halved, 0.9999 becomes 0.9998)."""
    base, double = RECIPES["l"], RECIPES["l"].scaled(64)
    assert base.scaled(base.batch) == base
    assert (double.rate, double.backbone_rate) == pytest.approx((5e-4, 2.5e-5))
    assert (double.warmup, double.ema_ramp, double.batch) == (250, 500, 64)
    assert double.ema == pytest.approx(0.9998)
    assert (double.weight_decay, double.epochs) == (base.weight_decay, base.epochs)
    assert RECIPES["n"].scaled(1).warmup == 64000
