"""An interrupted run ends exactly where an uninterrupted one does, and goes on as nothing but itself."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import asdict

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from dfine.config import Config
from dfine.data.loader import _generator
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from dfine.training.loop import Interrupted, Training, train
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.recipe import same_run
from dfine.weights.exceptions import CheckpointError
from tests.helpers import small_predictor
from tests.training.runs import SMALL, Killed, assert_equal, state


def ends_as(whole, out):
    """The run in `out` goes on, and ends with the state and the log of the one that nothing interrupted."""
    train(TrainOptions(**{**SMALL, "out": str(out), "resume": True}))
    ours, theirs = state(out), state(whole)
    for key in ("network", "ema", "optimizer", "progress"):
        assert_equal(ours[key], theirs[key], key)
    assert (out / "log.csv").read_text() == (whole / "log.csv").read_text()


@pytest.mark.parametrize(
    "step, number",
    [(0, signal.SIGTERM), (2, signal.SIGINT)],
    ids=["mid-epoch", "first of the second epoch"],
)
def test_a_resumed_run_equals_an_uninterrupted_one(whole, tmp_path, step, number):
    options = TrainOptions(out=str(tmp_path), **SMALL)
    killed = Killed.start(Plan.of(options))
    killed.at, killed.sent = step, (number,)
    with pytest.raises(Interrupted):
        killed.run()
    assert state(tmp_path)["progress"]["step"] == step + 1  # the step that was under way is kept
    ends_as(whole, tmp_path)


class Struck(Training):
    """A signal goes to all processes of its group, and so ends the workers that bring it pictures."""

    evaluating = False

    def _step(self, *args):
        if self.state.step == 0 and not self.evaluating:
            os.kill(os.getpid(), signal.SIGTERM)
            for worker in multiprocessing.active_children():
                os.kill(worker.pid, signal.SIGKILL)
            time.sleep(1)
        return super()._step(*args)

    def evaluate(self):
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")


@pytest.mark.parametrize("evaluating, steps", [(False, 1), (True, 4)])
def test_a_signal_that_ends_the_workers_too_loses_nothing(whole, tmp_path, evaluating, steps):
    """Neither the step that was under way, nor the epoch that was being evaluated."""
    struck = Struck.start(Plan.of(TrainOptions(out=str(tmp_path), workers=0 if evaluating else 1, **SMALL)))
    struck.evaluating = evaluating
    with pytest.raises(Interrupted, match="the state is saved"):
        struck.run()
    assert state(tmp_path)["progress"]["step"] == steps
    ends_as(whole, tmp_path)


def test_a_second_interrupt_does_not_wait(tmp_path):
    killed = Killed.start(Plan.of(TrainOptions(out=str(tmp_path), **SMALL)))
    killed.at, killed.sent = 1, (signal.SIGINT, signal.SIGINT)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (tmp_path / "last.pt").exists()


def everything(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("change", [{"batch": 2}, {"seed": 4}, {"rate": 0.1}, {"input": 96}])
def test_a_run_does_not_go_on_with_other_options(whole, change):
    before = everything(whole)
    name, value = next(iter(change.items()))
    with pytest.raises(ValueError, match=f"{name} was .*, now {value}; resume with the options of the run"):
        train(TrainOptions(**{**SMALL, **change, "out": str(whole), "resume": True}))
    assert everything(whole) == before


def test_a_run_that_is_over_is_left_as_it_is(whole):
    before = everything(whole)
    assert train(TrainOptions(**{**SMALL, "out": str(whole), "resume": True, "save_every": 7})) is None
    assert everything(whole) == before


def test_a_run_without_the_mark_of_held_out_pictures_stays_without(whole, tmp_path):
    values = state(whole)
    assert values.pop("holds_out") is True
    torch.save(values, tmp_path / "last.pt")
    training = Training.start(Plan.of(TrainOptions(**{**SMALL, "out": str(tmp_path), "resume": True})))
    training._save()
    assert state(tmp_path)["holds_out"] is False


@pytest.mark.parametrize("content", [b"hello", b"", None], ids=["text", "empty", "cut off"])
def test_a_damaged_state_is_named(whole, tmp_path, content):
    (tmp_path / "last.pt").write_bytes((whole / "last.pt").read_bytes()[:100_000] if content is None else content)
    with pytest.raises(ValueError, match=r"the run in .* cannot go on: last\.pt .*start with a new --out"):
        train(TrainOptions(**{**SMALL, "out": str(tmp_path), "resume": True}))
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_a_run_goes_on_in_another_precision(whole, tmp_path):
    """What was saved without a scaler for fp16 is taken up with one."""
    shutil.copytree(whole, tmp_path / "run")
    again = Training.start(
        Plan.of(TrainOptions(**{**SMALL, "out": str(tmp_path / "run"), "resume": True, "amp": "fp16"}))
    )
    assert_equal(again.state.network.state_dict(), state(whole)["network"])


def test_a_folder_with_a_run_is_not_overwritten(whole):
    before = (whole / "last.pt").read_bytes()
    with pytest.raises(ValueError, match="--resume"):
        train(TrainOptions(out=str(whole), **SMALL))
    assert (whole / "last.pt").read_bytes() == before


def test_the_best_state_of_another_run_is_not_taken_for_its_own(tmp_path):
    """The last epochs would start from it."""
    options = TrainOptions(out=str(tmp_path), **SMALL)
    other = Training.start(Plan.of(options))
    other._save(other.best)
    with pytest.raises(ValueError, match=r"best\.pt is left of another run; move it away, or choose another --out"):
        Training.start(Plan.of(options))


def test_resuming_nothing_says_so(tmp_path):
    with pytest.raises(ValueError, match="nothing to resume"):
        train(TrainOptions(out=str(tmp_path / "none"), resume=True, **SMALL))


def test_what_a_run_began_with_need_not_be_there_any_more(tmp_path):
    """Neither the checkpoint that it started from, nor its backbone's file: its own state has all of that."""
    start, backbone, told = tmp_path / "start", tmp_path / "b0.pth", []
    Training.start(Plan.of(TrainOptions(out=str(tmp_path / "a"), **SMALL))).predictor().save(start)
    torch.save(DFINE(Config.of("n")).backbone.state_dict(), backbone)
    for name, given in (("fine", {"init": str(start)}), ("fresh", {"backbone": str(backbone)})):
        options = SMALL | {"out": str(tmp_path / name)} | given
        Training.start(Plan.of(TrainOptions(**options)))._save()
    shutil.rmtree(start)
    backbone.unlink()
    for name, given in (("fine", {"init": str(start)}), ("fresh", {"backbone": str(backbone)})):
        options = SMALL | {"out": str(tmp_path / name)} | given
        again = Training.start(Plan.of(TrainOptions(**options, resume=True)), tell=told.append)
        assert_equal(again.state.network.state_dict(), state(tmp_path / name)["network"])
        with pytest.raises(CheckpointError, match=r"there is no file"):
            Training.start(Plan.of(TrainOptions(**options | {"out": str(tmp_path / "new")})))
    assert told[0].startswith(f"{tmp_path / 'fine' / 'last.pt'}: 24 of 24 classes start from the checkpoint's own")


def swapped(folder, order, count=8):
    """A data set of red and green squares whose classes are listed in the given order."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for i in range(count):
        name = ("red", "green")[i % 2]
        picture = Image.new("RGB", (64, 64), "black")
        picture.paste(name, (8 + 4 * i, 16, 32 + 4 * i, 48))
        picture.save(folder / "images" / f"{i}.png")
        images.append({"id": i + 1, "file_name": f"{i}.png", "width": 64, "height": 64})
        box = {"bbox": [8 + 4 * i, 16, 24, 32], "area": 768, "iscrowd": 0}
        annotations.append({"id": i + 1, "image_id": i + 1, "category_id": order.index(name) + 1, **box})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(order)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))


def test_classes_in_another_order_do_not_change_places(tmp_path):
    """Data that was exported again may list its classes in another order: the run goes on by name, and says so."""
    data, out = tmp_path / "data", tmp_path / "run"
    swapped(data, ["red", "green"])
    options = {**SMALL, "data": str(data), "val": str(data), "epochs": 1}
    whole = Training.start(Plan.of(TrainOptions(out=str(tmp_path / "whole"), **options)))
    whole.run()
    first = Killed.start(Plan.of(TrainOptions(out=str(out), **options)))
    first.at = 0
    with pytest.raises(Interrupted):
        first.run()
    swapped(data, ["green", "red"])
    told = []
    again = Training.start(Plan.of(TrainOptions(out=str(out), **options, resume=True)), tell=told.append)
    assert any("green from 1 to 0, red from 0 to 1" in sentence for sentence in told)
    again.run()
    assert again.predictor().names == ("red", "green")
    assert_equal(state(out)["network"], state(tmp_path / "whole")["network"])


def test_a_teacher_answers_in_the_order_of_the_run(tmp_path):
    """Also where the data now lists its classes in another one."""
    data, out, model = tmp_path / "data", tmp_path / "run", tmp_path / "teacher" / "model"
    swapped(data, ["red", "green"])
    options = {**SMALL, "data": str(data), "val": str(data)}
    Training.start(Plan.of(TrainOptions(out=str(tmp_path / "teacher"), **options))).predictor().save(model)
    options["teacher"] = str(model)
    Training.start(Plan.of(TrainOptions(out=str(out), **options)))._save()
    swapped(data, ["green", "red"])
    again = Training.start(Plan.of(TrainOptions(out=str(out), **options, resume=True)))
    assert again.state.names == ("red", "green") and again.step.teacher.columns == {0: 0, 1: 1}


def test_other_classes_are_refused_by_name(tmp_path):
    data, out = tmp_path / "data", tmp_path / "run"
    swapped(data, ["red", "green"])
    options = {**SMALL, "data": str(data), "val": str(data), "epochs": 1}
    train(TrainOptions(out=str(out), **options))
    text = (data / "annotations.json").read_text()
    (data / "annotations.json").write_text(text.replace('"green"', '"blue"'))
    with pytest.raises(ValueError, match="began with: green gone; blue new"):
        train(TrainOptions(out=str(out), **options | {"epochs": 2}, resume=True))


def test_a_run_goes_on_where_its_data_was_moved_to(tmp_path):
    data, out, moved = tmp_path / "data", tmp_path / "run", tmp_path / "moved"
    swapped(data, ["red", "green"])
    options = {**SMALL, "out": str(out)}
    Training.start(Plan.of(TrainOptions(**options, data=str(data), val=str(data))))._save()
    data.rename(moved)
    there = options | {"data": str(moved), "val": str(moved), "resume": True}
    Training.start(Plan.of(TrainOptions(**there)))
    assert json.loads((out / "options.json").read_text())["data"] == str(moved)
    text = (moved / "annotations.json").read_text()
    picture = json.loads(text)["images"][0]["file_name"]
    (moved / "images" / picture).rename(moved / "images" / "other.png")
    (moved / "annotations.json").write_text(text.replace(picture, "other.png"))
    other = tmp_path / "other"
    moved.rename(other)
    with pytest.raises(ValueError, match="data was .*data', now .*other'"):
        Training.start(Plan.of(TrainOptions(**there | {"data": str(other), "val": str(other)})))


def test_a_run_whose_data_was_changed_in_place_goes_on_and_says_so(tmp_path):
    data, options = tmp_path / "data", {**SMALL, "out": str(tmp_path / "run")}
    swapped(data, ["red", "green"])
    Training.start(Plan.of(TrainOptions(**options, data=str(data), val=str(data))))._save()

    def told():
        sentences = []
        plan = Plan.of(TrainOptions(**options, data=str(data), val=str(data), resume=True))
        Training.start(plan, tell=sentences.append)
        return [said for said in sentences if "the run was saved with" in said]

    file = data / "annotations.json"
    before = file.read_text()
    assert told() == []
    truth = json.loads(before)
    truth["annotations"][0]["bbox"][2] -= 3
    file.write_text(json.dumps(truth))
    assert len(told()) == 1 and told()[0].startswith(f"pictures or labels of {data}, or of what is held out, are not")
    truth["images"].append({**truth["images"][0], "id": 99, "file_name": "new.png"})
    Image.new("RGB", (64, 64)).save(data / "images" / "new.png")
    file.write_text(json.dumps(truth))
    assert len(told()) == 1
    truth = json.loads(before)
    truth["annotations"].reverse()
    file.write_text(json.dumps(truth))
    assert told() == []
    truth["images"][0]["file_name"] = "new.png"
    file.write_text(json.dumps(truth))
    assert len(told()) == 1
    file.write_text(before)
    assert told() == []


def test_the_home_folder_is_the_same_place_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    small_predictor(NAMES[:3]).save(tmp_path / "first")
    before = asdict(TrainOptions(**SMALL, out="a", init="~/first"))
    same_run(before, TrainOptions(**SMALL, out="a", init=str(tmp_path / "first")))
    same_run(before | {"init": str(tmp_path / "first")}, TrainOptions(**SMALL, out="a", init="~/first"))
    with pytest.raises(ValueError, match="init was .*first', now .*second"):
        same_run(before, TrainOptions(**SMALL, out="a", init="~/second"))


def test_a_run_goes_on_where_its_teacher_was_moved_to(tmp_path):
    first, moved, out = tmp_path / "teacher", tmp_path / "moved", tmp_path / "run"
    small_predictor(NAMES[:3]).save(first)
    options = {**SMALL, "out": str(out)}
    Training.start(Plan.of(TrainOptions(**options, teacher=str(first))))._save()
    first.rename(moved)
    with pytest.raises(CheckpointError, match=f"teacher cannot be read: .*{first}.* say where with --teacher"):
        Plan.of(TrainOptions(**options, teacher=str(first), resume=True))
    Training.start(Plan.of(TrainOptions(**options, teacher=str(moved), resume=True)))
    assert json.loads((out / "options.json").read_text())["teacher"] == str(moved)
    small_predictor(NAMES[:3]).save(tmp_path / "other")
    other = load_file(tmp_path / "other" / "model.safetensors")
    save_file({key: value + 1 for key, value in other.items()}, tmp_path / "other" / "model.safetensors")
    with pytest.raises(ValueError, match="teacher was .*, now .*other"):
        Training.start(Plan.of(TrainOptions(**options, teacher=str(tmp_path / "other"), resume=True)))


@pytest.mark.parametrize("part", ["train", "held out"])
def test_a_damaged_picture_costs_no_step(tmp_path, part):
    """The state is kept when one turns out to be damaged, in the middle of an epoch or after it."""
    data, held, out = tmp_path / "data", tmp_path / "held", tmp_path / "run"
    for folder in (data, held):
        swapped(folder, ["red", "green"], count=3)
    options = {**SMALL, "out": str(out), "data": str(data), "val": str(held), "batch": 1, "val_every": 1, "epochs": 1}
    settled = Plan.of(TrainOptions(**options))
    last = torch.randperm(len(settled.data), generator=_generator(SMALL["seed"], 0)).tolist()[-1]
    damaged = settled.data.path(last) if part == "train" else settled.val.path(0)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    told = []
    with pytest.raises(ValueError, match=damaged.name):
        Training.start(settled, tell=told.append).run()
    steps = len(settled.data) - (part == "train")
    assert state(out)["progress"]["step"] == steps and "the state is saved" in told[-1]
    damaged.write_bytes(whole)
    train(TrainOptions(**options, resume=True))
    assert state(out)["progress"]["epoch"] == 1 and state(out)["progress"]["step"] == len(settled.data)
