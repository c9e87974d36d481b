"""The loop: learning lowers the loss, and what is learned, logged and kept is what the options say."""

import csv
import io
import sys

import pytest
import torch

import dfine
from dfine.data.scenes import Scenes
from dfine.evaluation.thresholds import Thresholds
from dfine.files import WriteError
from dfine.inference.predictor import Predictor
from dfine.processes import Ranks
from dfine.training.loop import Training, print_line, train
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from tests.training.runs import SMALL, assert_equal


@pytest.mark.parametrize("changes", [{"pictures": 1}, {"batch": 1}])
def test_fewer_pictures_than_processes_are_refused(changes, tmp_path):
    options = TrainOptions(**{**SMALL, "out": str(tmp_path / "run")} | changes)
    with pytest.raises(ValueError, match="a batch of 1 cannot be shared among 2 processes"):
        Training.start(Plan.of(options), Ranks(0, 2))
    assert not (tmp_path / "run").exists()


def test_without_what_measures_ap_nothing_begins(tmp_path, monkeypatch):
    """It was said after the first epoch, of which nothing was left then."""
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    with pytest.raises(ImportError, match="pip install faster-coco-eval"):
        train(TrainOptions(**{**SMALL, "out": str(tmp_path / "run")}))
    assert not (tmp_path / "run").exists()


def test_letters_that_stdout_cannot_have_end_no_run(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline="\n"))
    print_line("2 classes (é, 日本)")
    print_line("1 class (é)")
    assert raw.getvalue().decode("cp1252") == "2 classes (\\xe9, \\u65e5\\u672c)\n1 class (é)\n"


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


def test_a_few_steps_on_one_batch_lower_its_loss(tmp_path):
    """Twelve steps on the same two pictures, at a rate that a fresh network can stand."""
    options = {**SMALL, "pictures": 2, "batch": 2, "epochs": 1, "warmup": 1, "rate": 5e-4, "denoising": 0}
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **options)))
    from dfine.data.parcel import collate

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


def test_a_loss_that_is_not_finite_is_said_on_a_full_disk_too(tmp_path):
    resource = pytest.importorskip("resource")
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **SMALL)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(
            FloatingPointError, match="its batch is lost .*nonfinite.pt cannot be written.*lower --rate"
        ):
            training.step._keep_batch(torch.rand(1, 3, 64, 64), [training.plan.val[0][1]])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "nonfinite.pt").exists()


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


def test_a_rectangle_is_trained_as_a_rectangle(tmp_path):
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **{**SMALL, "input": "64x128", "epochs": 1})))
    seen = set()
    training.step.model.register_forward_pre_hook(lambda _, args: seen.add(tuple(args[0].shape[-2:])))
    training.run()
    assert seen == {(64, 128)}
    assert training.predictor().input_size == (64, 128)
    assert dfine.load(tmp_path / "model").input_size == (64, 128)
    assert train(TrainOptions(out=str(tmp_path), **{**SMALL, "input": [64, 128], "epochs": 1}, resume=True)) is None
