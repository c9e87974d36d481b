"""The loop: learning lowers the loss, and an interrupted run ends exactly where an uninterrupted one does."""

import csv
import json
import os
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from PIL import Image

import dfine
from dfine.evaluation.coco import Evaluation
from dfine.evaluation.thresholds import Thresholds
from dfine.files import WriteError
from dfine.inference.predictor import Predictor
from dfine.processes import Ranks
from dfine.training.loop import Interrupted, Training, train
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan

SMALL = dict(
    size="n",
    input=64,
    queries=20,
    epochs=2,
    pictures=8,
    batch=4,
    warmup=2,
    ema_ramp=4,
    denoising=8,
    val_count=4,
    val_every=2,
    save_every=1000,
    seed=3,
)


class Killed(Training):
    """Gets a signal, once or more often, in the middle of its `at`-th step."""

    at, sent = 0, (signal.SIGTERM,)

    def _step(self, *args):
        if self.state.step == self.at:
            for number in self.sent:
                os.kill(os.getpid(), number)
        return super()._step(*args)


def state(folder):
    return torch.load(folder / "last.pt", weights_only=True)


def assert_equal(a, b, path=""):
    assert type(a) is type(b), path
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_equal(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b)):
            assert_equal(x, y, f"{path}/{i}")
    else:
        assert a == b, path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    train(TrainOptions(out=str(out), **SMALL))
    return out


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

    train(TrainOptions(**{**SMALL, "out": str(tmp_path), "resume": True}))
    ours, theirs = state(tmp_path), state(whole)
    for key in ("network", "ema", "optimizer", "progress"):
        assert_equal(ours[key], theirs[key], key)
    assert (tmp_path / "log.csv").read_text() == (whole / "log.csv").read_text()


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


@pytest.mark.parametrize("changes", [{"pictures": 1}, {"batch": 1}])
def test_fewer_pictures_than_processes_are_refused(changes, tmp_path):
    options = TrainOptions(**{**SMALL, "out": str(tmp_path / "run")} | changes)
    with pytest.raises(ValueError, match="a batch of 1 cannot be shared among 2 processes"):
        Training.start(Plan.of(options), Ranks(0, 2))
    assert not (tmp_path / "run").exists()


def test_the_log_has_every_term_and_the_ap_of_every_stage(whole):
    with (whole / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[0]["fgl/layer 3"]) > 0
    assert {"ddf/denoising layer 1", "AP initial", "AP layer 1", "AP layer 3"} <= rows[1].keys()
    aps = [float(rows[1][f"AP {stage}"]) for stage in ("initial", "layer 3")]
    assert float(rows[1]["gain"]) == pytest.approx(aps[1] - aps[0], abs=1e-5)
    total = sum(float(v) for k, v in rows[1].items() if "/" in k)
    assert float(rows[1]["loss"]) == pytest.approx(total, rel=1e-3)


def test_a_folder_with_a_run_is_not_overwritten(whole):
    before = (whole / "last.pt").read_bytes()
    with pytest.raises(ValueError, match="--resume"):
        train(TrainOptions(out=str(whole), **SMALL))
    assert (whole / "last.pt").read_bytes() == before


def test_resuming_nothing_says_so(tmp_path):
    with pytest.raises(ValueError, match="nothing to resume"):
        train(TrainOptions(out=str(tmp_path / "none"), resume=True, **SMALL))


def test_a_few_steps_on_one_batch_lower_its_loss(tmp_path):
    """Twelve steps on the same two pictures, at a rate that a fresh network can stand."""
    options = {**SMALL, "pictures": 2, "batch": 2, "epochs": 1, "warmup": 1, "rate": 5e-4, "denoising": 0}
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **options)))
    from dfine.data.loader import collate
    from dfine.data.scenes import Scenes

    data = Scenes(2, size=(64, 64), seed=5, clean=1.0)
    pixels, targets = collate([data[0], data[1]])
    training.state.network.train()
    losses = [sum(training._step(pixels, targets, 1.0).values()) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_loss_that_is_not_finite_keeps_its_batch(tmp_path):
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **SMALL)))
    with torch.no_grad():
        training.state.network.decoder.heads[0].score.bias.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="nonfinite.pt; start again at a lower --rate"):
        training.run()
    kept = torch.load(tmp_path / "nonfinite.pt", weights_only=True)
    assert kept["pixels"].shape == (4, 3, 64, 64) and kept["step"] == 0
    training._save()
    with pytest.raises(FloatingPointError, match="go on from .*last.pt in a new run"):  # --resume keeps its --rate
        training._step(torch.zeros(1, 3, 64, 64, dtype=torch.uint8), [training.plan.val[0][1]], 1.0)


def test_the_best_weights_are_kept_when_the_disk_was_full(tmp_path, monkeypatch):
    """What could not be written then is what is written later, and not what training has made of it since."""
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **SMALL)))
    module, full = training.state.ema.module, [True]

    def on_a_disk(save):
        def limited(self, place, *rest):
            if full:
                raise WriteError(place, OSError(28, "No space left on device"))
            return save(self, place, *rest)

        return limited

    for kind in (Predictor, type(training.state)):
        monkeypatch.setattr(kind, "save", on_a_disk(kind.save))
    training._export(True, Thresholds(None, {}))
    training._save(training.best)
    full.clear()
    best = {key: value.clone() for key, value in module.state_dict().items()}
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(1.0)
    training.keeping.insist()
    kept = torch.load(training.best, weights_only=True)["ema"]
    assert all(torch.equal(kept[f"module.{key}"], value) for key, value in best.items())
    assert_equal(dict(dfine.load(str(tmp_path / "best"), fast=False).network.state_dict()), best)


STAGED = {**SMALL, "epochs": 4, "plain_epochs": 2, "pictures": 4, "val_every": 1, "augment": "strong", "val_count": 2}


class Told(Training):
    """A run whose evaluations come out as told; what else they say is that of the first one."""

    scores, first = (0.1, 0.3, 0.2, 0.4), None

    def evaluate(self):
        self.first = self.first or super().evaluate()
        ap = self.scores[self.state.epoch - 1]
        stats = {stage: dict.fromkeys(v, ap) for stage, v in self.first.stats.items()}
        return replace(self.first, stats=stats)


def test_the_plain_epochs_start_from_the_best_weights_and_go_back_to_them(tmp_path):
    """Epochs 1 and 2 are strong, 2 is the best of them; 3 is no better, 4 is."""
    run = Told.start(Plan.of(TrainOptions(out=str(tmp_path), **STAGED)))
    assert (run.recipe.epochs, run.recipe.epochs_plain) == (2, 2)
    restart, step = run.recipe.ema_restart, run.recipe.ema_step
    run.run()
    best = torch.load(tmp_path / "best.pt", weights_only=True)["progress"]
    assert (best["epoch"], best["best"]) == (2, 0.3)
    assert run.state.plain and run.state.decay.value == pytest.approx(restart - step)
    assert run.state.best == 0.4

    again = Told.start(Plan.of(TrainOptions(out=str(tmp_path / "cut"), **STAGED)))
    step_of = again._step

    def stopped(*args):
        again.stop = again.state.step == 2  # one step an epoch: the first plain one
        return step_of(*args)

    again._step = stopped
    with pytest.raises(Interrupted):
        again.run()
    assert again.state.plain
    resumed = Told.start(Plan.of(TrainOptions(**{**STAGED, "out": str(tmp_path / "cut"), "resume": True})))
    resumed.run()
    a, b = state(tmp_path), state(tmp_path / "cut")
    for key in ("network", "ema", "optimizer", "progress"):
        assert_equal(a[key], b[key], key)


def test_after_going_back_it_is_measured_anew(tmp_path, monkeypatch):
    """As published: the plain epochs may rise from below the best, and go back only where AP does not rise."""
    run = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **STAGED)))

    def judged(ap):
        run._judge(Evaluation({"layer 3": {"AP": ap}}, {}, 0, 0))

    judged(0.3)
    run._turn_plain()
    went, restart = [], run.state.decay.value
    monkeypatch.setattr(run.state, "return_to", lambda path: went.append(path))
    backs = []
    for ap in (0.2, 0.25, 0.26, 0.26, 0.1, 0.4, 0.35):
        judged(ap)
        backs.append(len(went))
        went.clear()
    assert backs == [1, 0, 0, 1, 0, 0, 1]
    assert run.state.best == 0.4 and run.state.decay.value == pytest.approx(restart - 3 * run.recipe.ema_step)


def test_training_stops_when_nothing_gets_better(tmp_path, capsys):
    run = Told.start(Plan.of(TrainOptions(out=str(tmp_path), **{**STAGED, "plain_epochs": 0, "patience": 1})))
    run.scores = (0.3, 0.1, 0.9, 0.9)
    run.run()
    assert run.state.epoch == 2
    assert "1 evaluations without a new best" in capsys.readouterr().out


def test_batches_come_in_several_sizes(tmp_path):
    options = {**SMALL, "size": "s", "input": 128, "queries": 10, "scales": "on", "batch": 1, "denoising": 0}
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **options)))
    seen = set()
    training.step.model.register_forward_pre_hook(lambda _, args: seen.add(tuple(args[0].shape[-2:])))
    pixels, targets = torch.zeros(1, 3, 128, 128, dtype=torch.uint8), [training.plan.val[0][1]]
    for step in range(8):
        training.state.step = step
        training._step(pixels, targets, 1.0)
    assert seen <= set(training.step.scales) and len(seen) > 1
    training.state.plain = True
    seen.clear()
    for step in range(4):
        training.state.step = step
        training._step(pixels, targets, 1.0)
    assert seen == {(128, 128)}  # of the last epochs, as published


def swapped(folder, order):
    """A data set of red and green squares whose classes are listed in the given order."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for i in range(8):
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


def test_a_rectangle_is_trained_as_a_rectangle(tmp_path):
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **{**SMALL, "input": "64x128", "epochs": 1})))
    seen = set()
    training.step.model.register_forward_pre_hook(lambda _, args: seen.add(tuple(args[0].shape[-2:])))
    training.run()
    assert seen == {(64, 128)}
    assert training.predictor().input_size == (64, 128)
    assert dfine.load(tmp_path / "model").input_size == (64, 128)
    assert train(TrainOptions(out=str(tmp_path), **{**SMALL, "input": [64, 128], "epochs": 1}, resume=True)) is None
