"""What a run will do is settled before it starts: whose data, which classes, which network."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from dfine.config import Config
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from dfine.training import plan
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.weights.exceptions import CheckpointError
from tests.data.test_sources import unsplit
from tests.data.test_yolo import data_set


def options(**changes):
    given = {"out": "unused", "val_count": 3, "pictures": 5, "input": 64, "device": "cpu"}
    return TrainOptions(**given | changes)


def test_scenes_are_new_every_epoch_and_others_are_held_out():
    data, val = plan.data(options())
    assert data is None and len(val) == 3
    first, second = plan.scenes(options(), 0), plan.scenes(options(), 1)
    assert len(first) == len(second) == 5
    drawn = [d[0][0] for d in (first, second, val)]
    assert not any(torch.equal(a, b) for a, b in ((drawn[0], drawn[1]), (drawn[0], drawn[2])))


@pytest.mark.parametrize("epoch", [999, 1000, 1001])
def test_a_run_of_any_length_never_draws_the_held_out_scenes(epoch):
    assert plan.scenes(options(seed=999), epoch).seed < plan.VAL_SEED == plan.scenes(options(seed=999), None).seed


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


def test_held_out_pictures_of_other_classes_are_refused(tmp_path):
    """Before anything is trained, which could never be measured."""
    mine, other = (data_set(tmp_path / name, {"a": "0 0.5 0.5 0.2 0.2"}) for name in ("mine", "other"))
    other.write_text(yaml.safe_dump({"names": ["yak"], "train": "images/train", "val": "images/train"}))
    mine.write_text(yaml.safe_dump({"names": ["cup"], "train": "images/train", "val": "images/train"}))
    with pytest.raises(ValueError, match=r"held-out pictures of .*other.* learned \(cup\), but yak; name others with"):
        plan.data(options(data=str(mine), val=str(other)))
    other.write_text(yaml.safe_dump({"names": ["Cup"], "train": "images/train", "val": "images/train"}))
    assert plan.data(options(data=str(mine), val=str(other)))[1].names == ("Cup",)


@pytest.mark.parametrize(
    "given, said", [({"size": "m"}, "--size m plays"), ({"backbone": "b.pth"}, "--backbone plays")]
)
def test_what_a_checkpoint_to_start_from_makes_idle_is_said(given, said, recwarn):
    Plan.of(options(init="demo"))
    assert not [w for w in recwarn if "plays no part" in str(w.message)]
    with pytest.warns(UserWarning, match=f"{said} no part: demo, which --init names"):
        Plan.of(options(init="demo", **given))


def test_pictures_with_rare_classes_are_trained_on_more_often_and_measured_once(tmp_path):
    path = data_set(tmp_path, {name: "0 0.5 0.5 0.2 0.2" for name in "abc"} | {"d": "1 0.5 0.5 0.2 0.2"})
    path.write_text(yaml.safe_dump({"names": ["cup", "fork"], "train": "images/train", "val": "images/train"}))
    settled = Plan.of(options(data=str(path), repeat_threshold=1.0, queries=4))  # cups √(4 / 3), the fork √4 times
    assert len(settled.val) == 4 and settled.data.indices.count(3) == 2 and settled.pictures >= 5
    assert f"{settled.pictures} pictures an epoch, 4 different ones, of 2 classes" in settled.of_its_data()
    with pytest.raises(ValueError, match="--repeat-threshold is for data sets"):
        plan.data(options(repeat_threshold=0.5))


def test_drawings_are_of_classes_that_can_be_drawn(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2"})
    for names in (["cup"], ["fork"]):
        path.write_text(yaml.safe_dump({"names": names, "train": "images/train", "val": "images/train"}))
        settled = options(data=str(path), drawn=0.5)
        if names == ["cup"]:
            assert plan.data(settled)[0].names == ("cup",)
        else:
            with pytest.raises(ValueError, match="none of the classes fork can be drawn"):
                plan.data(settled)
    with pytest.raises(ValueError, match="--drawn is for data sets: scenes are drawn already"):
        plan.data(options(drawn=0.5))


def test_more_objects_than_queries_are_said(tmp_path, recwarn):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2\n" * 3, "b": "0 0.5 0.5 0.2 0.2"})
    plan.data(options(data=str(path), queries=3))
    assert not any("raise --queries" in str(w.message) for w in recwarn)
    with pytest.warns(UserWarning, match="has 3 objects, more than the 2 queries: .* raise --queries"):
        plan.data(options(data=str(path), queries=2))


def test_held_out_pictures_that_are_trained_on_are_said(tmp_path, recwarn):
    mine, held = unsplit(tmp_path / "mine", 3), unsplit(tmp_path / "held", 3)
    plan.data(options(data=str(mine), val=str(held)))
    assert not recwarn
    with pytest.warns(UserWarning, match="3 of the 3 held-out pictures are trained on, too: AP on them says little"):
        plan.data(options(data=str(mine), val=str(mine)))
    path = data_set(tmp_path / "yolo", {"a": "0 0.5 0.5 0.2 0.2", "b": ""}, val="images/train")
    with pytest.warns(UserWarning, match="2 of the 2 held-out pictures"):
        plan.data(options(data=str(path)))


def test_a_missing_picture_is_said_before_the_first_step(tmp_path):
    """Also one that is held out, which nobody would ask for before the first epoch is over."""
    mine, held = unsplit(tmp_path / "mine", 3), unsplit(tmp_path / "held", 3)
    given = options(data=str(mine), val=str(held))
    plan.data(given)
    (gone,) = [path for path in held.rglob("2.png")]
    gone.unlink()
    with pytest.raises(FileNotFoundError, match="of 3 pictures 1 cannot be found: .*2.png"):
        plan.data(given)


def test_a_warm_up_that_is_longer_than_the_run_is_said(tmp_path, recwarn):
    folder = str(unsplit(tmp_path, 24))
    run = {"data": folder, "val": folder, "batch": 16, "epochs": 60}
    for quiet in ({"init": "demo"}, {"warmup": 4000}, {"epochs": 4001}):
        assert not any("warm-up" in str(w.message) for w in (Plan.of(options(**run | quiet)), recwarn)[1])
    assert Plan.of(options(**run)).steps == 60
    assert "all 60 steps of the run belong to the warm-up of 4000" in str(recwarn[-1].message)


def test_a_run_tells_its_pictures_wherever_they_lie(tmp_path):
    first = unsplit(tmp_path / "a", 24)
    moved = Path(shutil.copytree(first, tmp_path / "b"))
    given = [Plan.of(options(data=str(folder))).fingerprint() for folder in (first, moved, unsplit(tmp_path / "c", 25))]
    assert given[0] == given[1] != given[2]


def test_nothing_to_train_on_is_said(tmp_path):
    with pytest.raises(ValueError, match="has 0 pictures, but no objects to learn from"):
        plan.data(options(data=str(data_set(tmp_path))))


def test_a_checkpoint_is_made_to_fit_the_classes(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.2 0.2"})
    path.write_text(
        yaml.safe_dump({"names": ["rocket", NAMES[0].upper()], "train": "images/train", "val": "images/train"})
    )
    told = []
    network = Plan.of(options(init="demo", queries=30, data=str(path))).network(told.append)
    assert (network.config.classes, network.config.queries) == (2, 30)
    assert told == [
        f"demo: 1 of 2 classes start from the checkpoint's own ({NAMES[0].upper()} from {NAMES[0]}); new: rocket"
    ]


def test_a_backbone_starts_from_a_file(tmp_path):
    torch.manual_seed(1)
    published = DFINE(Config.of("n", classes=2)).backbone.state_dict()
    renamed = {k.replace(".norm.", ".bn.").replace(".affine.", ".lab."): v + 1 for k, v in published.items()}
    torch.save(renamed, tmp_path / "b0.pth")
    network = Plan.of(options(backbone=str(tmp_path / "b0.pth"))).network(print)
    assert all(torch.equal(v, published[k] + 1) for k, v in network.backbone.state_dict().items())
    torch.save({k: v for k, v in renamed.items() if "stem1" not in k}, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match="missing: stem.stem1"):
        Plan.of(options(backbone=str(tmp_path / "cut.pth"))).network(print)


def test_a_backbone_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="there is no file '.*none.pth'"):
        Plan.of(options(backbone=str(tmp_path / "none.pth"))).network(print)


def test_a_plan_says_what_the_data_holds():
    assert Plan.of(options()).of_its_data().startswith("5 scenes an epoch of 24 classes (star, ")
    assert Plan.of(options()).of_its_data().endswith("; 3 held out")


def test_a_run_that_began_with_all_pictures_goes_on_with_all(tmp_path):
    """Before a part of a data set without splits was held out, runs trained on all of it; theirs say nothing of it."""
    folder, out = unsplit(tmp_path / "data", 30), tmp_path / "run"
    out.mkdir()
    again = options(data=str(folder), out=str(out), resume=True)
    torch.save({"holds_out": True}, out / plan.LAST)
    with pytest.warns(UserWarning, match="are held out"):
        data, val = plan.data(again)
    assert len(data) + len(val) == 30 and len(val) > 0
    torch.save({}, out / plan.LAST)
    with pytest.warns(UserWarning, match="AP will be measured on the pictures that are trained on"):
        data, val = plan.data(again)
    assert len(data) == 30 and val is data


def test_a_teacher_is_settled_with_the_plan():
    known = Plan.of(options(teacher="demo"))
    assert known.of_its_data().endswith(f"; demo teaches {len(NAMES)} of {len(NAMES)} classes")
    few = Plan.of(options(teacher="photos"))
    assert few.of_its_teacher() == f"photos teaches 1 of {len(NAMES)} classes"  # cars are drawn, too
    with pytest.raises(CheckpointError, match="the teacher cannot be read: .*nowhere.*") as refused:
        Plan.of(options(teacher="./nowhere"))
    assert "--teacher" not in str(refused.value), "who has just named it need not be told how"
