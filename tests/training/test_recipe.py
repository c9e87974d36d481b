"""Options come to the published recipe, scaled to the batch, with what they change."""

from dataclasses import asdict, fields, replace

import pytest

from dfine.config import RECIPES, Config
from dfine.training.recipe import frozen, in_words, recipe, resolved, same_run, told
from tests.training.test_plan import options


def test_the_recipe_is_published_scaled_and_then_as_told():
    assert recipe(options(), "s").rate == RECIPES["s"].rate
    half = recipe(options(batch=64, epochs=3), "n")
    assert (half.rate, half.backbone_rate, half.warmup, half.epochs) == (4e-4, pytest.approx(2e-4), 1000, 3)
    own = recipe(options(batch=64, rate=1e-3, warmup=7), "n")
    assert (own.rate, own.backbone_rate, own.warmup) == (1e-3, pytest.approx(5e-4), 7)
    assert recipe(options(init="demo"), "n").warmup == 0  # as published fine-tuning
    still = recipe(options(backbone_rate=0.0), "n")
    assert (still.rate, still.backbone_rate) == (RECIPES["n"].rate, 0.0)  # a backbone that stays as it is
    assert recipe(options(rate=0.0), "n").rate == 0.0


@pytest.mark.parametrize("size, more", [("n", 1), ("x", 2)])
def test_an_average_that_is_told_how_to_forget_does_so_in_the_last_epochs_too(size, more):
    """They forget as much more than the first ones as published: of X twice as much, of the others the same."""
    own = recipe(options(data="folder", batch=8, ema=0.99), size)
    assert (own.ema, own.ema_restart, own.ema_step) == (0.99, pytest.approx(1 - 0.01 * more), pytest.approx(0.01))
    assert recipe(options(data="folder", ema=1.0), size).ema_restart == 1.0
    assert recipe(options(data="folder", ema=0.0), size).ema_restart == pytest.approx(0.0, abs=1e-9)


def test_the_last_epochs_are_plain_in_their_published_share():
    own = options(data="folder", batch=128, epochs=40)
    assert (recipe(own, "n").epochs, recipe(own, "n").epochs_plain) == (37, 3)  # 148 + 12
    assert recipe(replace(own, plain_epochs=10), "n").epochs == 30
    assert recipe(replace(own, plain_epochs=99), "n").epochs == 0
    drawn = recipe(options(epochs=40), "n")
    assert (drawn.epochs, drawn.epochs_plain, drawn.repeats) == (40, 0, None)  # scenes are new every epoch anyway


@pytest.mark.parametrize("size", list(RECIPES))
@pytest.mark.parametrize(
    "changes", [{}, {"batch": 24, "epochs": 7, "data": "folder"}, {"rate": 1e-3, "augment": "strong"}]
)
def test_what_is_settled_comes_to_the_same_run(size, changes):
    given = options(size=size, **changes)
    settled = resolved(given)
    ours, again = recipe(given, size), recipe(settled, size)
    for field in fields(ours):
        assert getattr(again, field.name) == pytest.approx(getattr(ours, field.name)), field.name
    assert resolved(settled) == settled
    assert not [
        f.name for f in fields(settled) if f.name not in MAY_BE_EMPTY and getattr(settled, f.name) in (None, "auto")
    ]


MAY_BE_EMPTY = ("val", "init", "teacher", "backbone", "patience", "device", "amp")


def test_only_large_networks_that_start_from_weights_are_frozen():
    table = [
        ("x", {}, False),
        ("n", {"init": "demo"}, False),
        ("l", {"init": "demo"}, True),
        ("x", {"backbone": "b5.pth"}, True),
        ("n", {"freeze": "on"}, True),
        ("l", {"init": "demo", "freeze": "off"}, False),
    ]
    for size, changes, expected in table:
        assert frozen(options(**changes), Config.of(size)) == expected, (size, changes)


def test_a_run_is_told_from_another():
    own = options(data="folder", epochs=3, batch=8)
    before = asdict(own)
    for same in (own, resolved(own), replace(own, out="moved", workers=2, amp="fp16", epochs=9, device="cuda")):
        same_run(before, same)
    same_run({k: v for k, v in before.items() if k != "seed"} | {"of_another_version": 1}, own)
    for change, said in [
        ({"batch": 4}, "batch was 8, now 4"),
        ({"rate": 0.1}, "rate was 5e-05, now 0.1"),
        ({"data": "other"}, "data was 'folder', now 'other'"),
        ({"seed": 1}, "seed was 0, now 1"),
        ({"init": "demo"}, "init was None, now 'demo'"),
    ]:
        with pytest.raises(ValueError, match=f"{said}; resume with the options of the run, or choose another --out"):
            same_run(before, replace(own, **change))
    same_run(before, replace(own, data="elsewhere"), moved=True)
    for change in ({"data": "scenes"}, {"val": "other"}):  # which are other pictures
        with pytest.raises(ValueError, match="resume with the options of the run"):
            same_run(before, replace(own, **change), moved=True)
    early = {k: v for k, v in before.items() if k != "repeat_threshold"}  # of a version that had no such option
    with pytest.raises(ValueError, match="repeat_threshold was 0.0, now 0.5"):
        same_run(early, replace(own, repeat_threshold=0.5))


def test_of_a_run_only_what_plays_a_part_is_told():
    own = told(options(data="folder", size="s", batch=8, epochs=40, amp="auto"))
    assert not {"pictures", "clean", "val_count", "val", "patience", "backbone", "compile", "resume"} & set(own)
    assert (own["augment"], own["scales"], own["freeze"], own["amp"]) == ("strong", "on", "off", "off")
    assert own["epochs"] == 40 and own["plain_epochs"] > 0 and own["rate"] == recipe(options(batch=8), "s").rate
    drawn = told(options(init="demo", backbone="unused.pth"))
    assert (drawn["pictures"], drawn["clean"], drawn["val_count"], drawn["augment"]) == (5, 0.5, 3, "plain")
    assert "plain_epochs" not in drawn and "backbone" not in drawn and "auto" not in drawn.values()
    assert "val_count" not in told(options(val="folder"))


@pytest.mark.parametrize(
    ("strong", "plain", "said"),
    [
        (1, 0, "1 epoch in batches of 128,"),
        (3, 0, "3 epochs in batches of 128,"),
        (2, 1, "3 epochs, the last 1 without strong augmentation, in batches of 128,"),
        (148, 12, "160 epochs, the last 12 without strong augmentation, in batches of 128,"),
        (0, 3, "3 epochs, all without strong augmentation, in batches of 128,"),
    ],
)
def test_epochs_are_counted_together(strong, plain, said):
    run = replace(RECIPES["n"], epochs=strong, epochs_plain=plain)
    assert in_words(run, RECIPES["n"]).startswith(said)


def test_what_was_scaled_is_said():
    published = RECIPES["n"]
    assert "published" not in in_words(published, published)
    said = in_words(published.scaled(64), published)
    assert "rate 0.0004 (backbone 0.0002), warm-up 1000" in said
    assert "published for batches of 128: rate 0.0008 (backbone 0.0004), warm-up 500" in said
