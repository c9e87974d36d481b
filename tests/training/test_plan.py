"""What a run will do is settled before it starts: whose data, which classes, how fast."""

from dataclasses import asdict, fields, replace

import pytest
import torch
import yaml

from dfine.config import RECIPES, Config
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from dfine.training import plan
from dfine.training.plan import TrainOptions
from dfine.weights.exceptions import CheckpointError
from tests.data.test_yolo import data_set


def options(**changes):
    return TrainOptions(**{"out": "unused", "val_count": 3, "pictures": 5, "input": 64} | changes)


def test_scenes_are_new_every_epoch_and_others_are_held_out():
    data, val = plan.data(options())
    assert data is None and len(val) == 3
    first, second = plan.scenes(options(), 0), plan.scenes(options(), 1)
    assert len(first) == len(second) == 5
    drawn = [d[0][0] for d in (first, second, val)]
    assert not any(torch.equal(a, b) for a, b in ((drawn[0], drawn[1]), (drawn[0], drawn[2])))


def test_the_splits_of_a_data_set_are_found(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2"})
    path.write_text(yaml.safe_dump({"names": ["cup"], "train": "images/train", "val": "images/train"}))
    data, val = plan.data(options(data=str(tmp_path)))
    assert data.names == val.names == ("cup",)


def test_measuring_on_what_is_trained_on_is_said(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2"})
    with pytest.warns(UserWarning, match="no validation split and --val names none"):
        data, val = plan.data(options(data=str(path)))
    assert val is data


def test_nothing_to_train_on_is_said(tmp_path):
    with pytest.raises(ValueError, match="has 0 pictures, but no objects to learn from"):
        plan.data(options(data=str(data_set(tmp_path))))


def test_a_checkpoint_is_made_to_fit_the_classes(capsys):
    network = plan.network(options(init="demo", queries=30), ("rocket", NAMES[0].upper()))
    assert (network.config.classes, network.config.queries) == (2, 30)
    assert "1 of 2 classes start from the checkpoint's own" in capsys.readouterr().out


def test_the_recipe_is_published_scaled_and_then_as_told():
    assert plan.recipe(options(), "s").rate == RECIPES["s"].rate
    half = plan.recipe(options(batch=64, epochs=3), "n")
    assert (half.rate, half.backbone_rate, half.warmup, half.epochs) == (4e-4, pytest.approx(2e-4), 1000, 3)
    told = plan.recipe(options(batch=64, rate=1e-3, warmup=7), "n")
    assert (told.rate, told.backbone_rate, told.warmup) == (1e-3, pytest.approx(5e-4), 7)
    assert plan.recipe(options(init="demo"), "n").warmup == 0  # as published fine-tuning
    with pytest.raises(ValueError, match="held-out"):
        plan.recipe(options(seed=1000), "n")


def test_the_last_epochs_are_plain_in_their_published_share():
    own = options(data="folder", batch=128, epochs=40)
    assert (plan.recipe(own, "n").epochs, plan.recipe(own, "n").epochs_plain) == (37, 3)  # 148 + 12
    assert plan.recipe(replace(own, plain_epochs=10), "n").epochs == 30
    assert plan.recipe(replace(own, plain_epochs=99), "n").epochs == 0
    drawn = plan.recipe(options(epochs=40), "n")
    assert (drawn.epochs, drawn.epochs_plain, drawn.repeats) == (40, 0, None)  # scenes are new every epoch anyway


@pytest.mark.parametrize("size", list(RECIPES))
@pytest.mark.parametrize(
    "changes", [{}, {"batch": 24, "epochs": 7, "data": "folder"}, {"rate": 1e-3, "augment": "strong"}]
)
def test_what_is_settled_comes_to_the_same_run(size, changes):
    told = options(size=size, **changes)
    settled = plan.resolved(told)
    ours, again = plan.recipe(told, size), plan.recipe(settled, size)
    for field in fields(ours):
        assert getattr(again, field.name) == pytest.approx(getattr(ours, field.name)), field.name
    assert plan.resolved(settled) == settled
    assert not [
        f.name for f in fields(settled) if f.name not in MAY_BE_EMPTY and getattr(settled, f.name) in (None, "auto")
    ]


MAY_BE_EMPTY = ("val", "init", "backbone", "patience", "device", "amp")


def test_only_large_networks_that_start_from_weights_are_frozen():
    frozen = lambda size, **changes: plan.frozen(options(**changes), Config.of(size))  # noqa: E731
    assert not frozen("x") and not frozen("n", init="demo")
    assert frozen("l", init="demo") and frozen("x", backbone="b5.pth")
    assert frozen("n", freeze="on") and not frozen("l", init="demo", freeze="off")


def test_a_backbone_starts_from_a_file(tmp_path):
    torch.manual_seed(1)
    published = DFINE(Config.of("n", classes=2)).backbone.state_dict()
    renamed = {k.replace(".norm.", ".bn.").replace(".affine.", ".lab."): v + 1 for k, v in published.items()}
    torch.save(renamed, tmp_path / "b0.pth")
    network = plan.network(options(backbone=str(tmp_path / "b0.pth")), ("cup",))
    assert all(torch.equal(v, published[k] + 1) for k, v in network.backbone.state_dict().items())
    torch.save({k: v for k, v in renamed.items() if "stem1" not in k}, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match="missing: stem.stem1"):
        plan.network(options(backbone=str(tmp_path / "cut.pth")), ("cup",))


def test_a_backbone_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="there is no file '.*none.pth'"):
        plan.network(options(backbone=str(tmp_path / "none.pth")), ("cup",))


@pytest.mark.parametrize("side", [100, 16, 0])
def test_a_side_that_is_no_multiple_of_32_is_refused(side):
    with pytest.raises(ValueError, match=f"input must be a multiple of 32, not {side}"):
        options(input=side)


def test_a_run_is_told_from_another(capsys):
    own = options(data="folder", epochs=3, batch=8)
    before = asdict(own)
    for same in (own, plan.resolved(own), replace(own, out="moved", workers=2, amp="fp16", epochs=9, device="cuda")):
        plan.same_run(before, same)
    plan.same_run({k: v for k, v in before.items() if k != "seed"} | {"of_another_version": 1}, own)
    for change, said in [({"batch": 4}, "batch was 8, now 4"), ({"rate": 0.1}, "rate was 5e-05, now 0.1"),
                         ({"data": "other"}, "data was 'folder', now 'other'"), ({"seed": 1}, "seed was 0, now 1"),
                         ({"init": "demo"}, "init was None, now 'demo'")]:  # fmt: skip
        with pytest.raises(ValueError, match=f"{said}; resume with the options of the run, or choose another --out"):
            plan.same_run(before, replace(own, **change))


def test_a_wrong_choice_is_named():
    with pytest.raises(ValueError, match="'maybe' is none of auto, on and off"):
        plan.recipe(options(scales="maybe"), "s")


def test_of_a_run_only_what_plays_a_part_is_told():
    own = plan.told(options(data="folder", size="s", batch=8, epochs=40, amp="auto"))
    assert not {"pictures", "clean", "val_count", "val", "patience", "backbone", "compile", "resume"} & set(own)
    assert (own["augment"], own["scales"], own["freeze"], own["amp"]) == ("strong", "on", "off", "off")
    assert own["epochs"] == 40 and own["plain_epochs"] > 0 and own["rate"] == plan.recipe(options(batch=8), "s").rate
    drawn = plan.told(options(init="demo", backbone="unused.pth"))
    assert (drawn["pictures"], drawn["clean"], drawn["val_count"], drawn["augment"]) == (5, 0.5, 3, "plain")
    assert "plain_epochs" not in drawn and "backbone" not in drawn and "auto" not in drawn.values()
    assert "val_count" not in plan.told(options(val="folder"))


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
    recipe = replace(RECIPES["n"], epochs=strong, epochs_plain=plain)
    assert plan.in_words(recipe, RECIPES["n"]).startswith(said)


def test_what_was_scaled_is_said():
    published = RECIPES["n"]
    assert "published" not in plan.in_words(published, published)
    said = plan.in_words(published.scaled(64), published)
    assert "rate 0.0004 (backbone 0.0002), warm-up 1000" in said
    assert "published for batches of 128: rate 0.0008 (backbone 0.0004), warm-up 500" in said
