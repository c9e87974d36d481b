"""The last epochs, without strong augmentation: they start from the best weights and go back to them; patience."""

import csv
import shutil
from dataclasses import replace

import pytest
import torch

from dfine.evaluation.coco import Evaluation
from dfine.training.loop import Interrupted, Training
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from tests.training.runs import SMALL, assert_equal, state

STAGED = {**SMALL, "epochs": 4, "plain_epochs": 2, "pictures": 4, "val_every": 1, "augment": "strong", "val_count": 2}


class Told(Training):
    """A run whose evaluations come out as told; what else they say is that of the first one."""

    scores, first = (0.3, 0.1, 0.2, 0.4), None

    def evaluate(self):
        self.first = self.first or super().evaluate()
        ap = self.scores[self.state.epoch]
        stats = {stage: dict.fromkeys(v, ap) for stage, v in self.first.stats.items()}
        return replace(self.first, stats=stats)


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A run of four epochs that is over, the weights that each began with, and its folder, which stays as it is."""
    out, began = tmp_path_factory.mktemp("staged"), []
    run = Told.start(Plan.of(TrainOptions(out=str(out), **STAGED)))
    epoch_of = run._epoch

    def watched():
        began.append({key: value.clone() for key, value in run.state.network.state_dict().items()})
        return epoch_of()

    run._epoch = watched
    run.run()
    return run, began, out


def test_the_plain_epochs_start_from_the_best_weights_and_go_back_to_them(staged, tmp_path):
    """Epochs 1 and 2 are strong, 1 is the best of them; 3 is no better, 4 is."""
    run, began, out = staged
    assert (run.recipe.epochs, run.recipe.epochs_plain) == (2, 2)
    restart, step = run.recipe.ema_restart, run.recipe.ema_step
    best = torch.load(out / "best.pt", weights_only=True)
    assert (best["progress"]["epoch"], best["progress"]["best"]) == (1, 0.3)
    for weights in began[1:]:  # where the second strong epoch began, and both plain ones
        assert_equal(weights, dict(best["network"]))
    assert run.state.plain and run.state.decay.value == pytest.approx(restart - step)
    assert run.state.best == 0.4

    again = Told.start(Plan.of(TrainOptions(out=str(tmp_path), **STAGED)))
    step_of = again._step

    def stopped(*args):
        again.stop = again.state.step == 2  # one step an epoch: the first plain one
        return step_of(*args)

    again._step = stopped
    with pytest.raises(Interrupted):
        again.run()
    assert again.state.plain
    resumed = Told.start(Plan.of(TrainOptions(**{**STAGED, "out": str(tmp_path), "resume": True})))
    resumed.run()
    a, b = state(out), state(tmp_path)
    for key in ("network", "ema", "optimizer", "progress"):
        assert_equal(a[key], b[key], key)


def test_the_last_strong_epoch_is_measured_too(tmp_path):
    """However seldom is measured otherwise: what was learned since the last time is not lost to the plain epochs."""
    run = Told.start(Plan.of(TrainOptions(out=str(tmp_path), **STAGED | {"val_every": 3})))
    run.scores = (0.1, 0.3, 0.2, 0.4)
    run.run()
    with (tmp_path / "log.csv").open() as file:
        assert [bool(row["AP initial"]) for row in csv.DictReader(file)] == [False, True, True, True]
    best = torch.load(tmp_path / "best.pt", weights_only=True)["progress"]
    assert (best["epoch"], best["best"]) == (2, 0.3)


def test_a_run_that_is_made_longer_is_strong_again(staged, tmp_path):
    """A finished one, too; its plain epochs at the end start from what it has learned since then."""
    shutil.copytree(staged[-1], tmp_path, dirs_exist_ok=True)
    told = []
    longer = TrainOptions(**{**STAGED, "out": str(tmp_path), "epochs": 7, "resume": True})
    run = Told.start(Plan.of(longer), tell=told.append)
    run.scores = (0, 0, 0, 0, 0.35, 0.36, 0.37)  # none as good as the 0.4 of the plain epoch 4
    seen, epoch_of = [], run._epoch

    def watched():
        seen.append((run.state.plain, run.state.decay.value))
        return epoch_of()

    run._epoch = watched
    run.run()
    assert seen == [(False, run.recipe.ema), (True, run.recipe.ema_restart), (True, run.recipe.ema_restart)]
    assert any(sentence.startswith("strong augmentation again, up to epoch 5") for sentence in told)
    best = torch.load(tmp_path / "best.pt", weights_only=True)["progress"]
    assert (best["epoch"], best["mark"]) == (5, 0.35)
    assert run.state.best == 0.4  # what `out/best` holds


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
    run.recipe = replace(run.recipe, ema_step=0.9)
    for _ in range(4):
        judged(0.1)
    assert run.state.decay.value == 0.0  # below, the average would leave the weights behind


def test_training_stops_when_nothing_gets_better(tmp_path, capsys):
    run = Told.start(Plan.of(TrainOptions(out=str(tmp_path), **{**STAGED, "plain_epochs": 0, "patience": 1})))
    run.scores = (0.3, 0.1, 0.9, 0.9)
    run.run()
    assert run.state.epoch == 2
    assert "1 evaluations without a new best" in capsys.readouterr().out
