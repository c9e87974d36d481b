"""Where a run stands, on disk and back: bit by bit, and never into another run."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.training.checkpoint import PROGRESS, State, fresh
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.weights.checkpoints import open_checkpoint

OPTIONS = TrainOptions(out="", input=64, queries=20, pictures=4, batch=2, val_count=2, denoising=8, device="cpu")


class Small(nn.Module):
    """Stands for a detector, so that states are small: a few weights, a running statistic, a configuration."""

    def __init__(self, config):
        super().__init__()
        self.config, self.backbone, self.head = config, nn.Linear(3, 2), nn.BatchNorm1d(2)


@pytest.fixture(scope="module")
def plan():
    return Plan.of(OPTIONS)


def started(plan, seed=0) -> State:
    torch.manual_seed(seed)
    return fresh(plan, Small(Config.of("n", classes=len(plan.names))))


@pytest.fixture
def state(plan):
    """A run that has made two steps on something."""
    state = started(plan)
    for step in range(2):
        for parameter in state.network.parameters():
            parameter.grad = torch.full_like(parameter, 0.1 * (step + 1))
        state.optimizer.step()
        state.ema.update_parameters(state.network)
    state.step, state.epoch, state.batch, state.best, state.sums = 2, 1, 0, 0.25, {"vfl/layer 1": 0.5}
    state.decay.value -= 0.0001
    return state


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_its_file_is_a_checkpoint_with_the_classes_and_the_input_of_the_run(plan, tmp_path):
    network = DFINE(Config.of("n", classes=len(plan.names), queries=20))
    state = fresh(plan, network)
    with torch.no_grad():
        network.decoder.heads[0].score.bias += 1  # what is averaged says what it detects, not the last step
    state.save(tmp_path / "last.pt", OPTIONS)
    checkpoint = open_checkpoint(tmp_path / "last.pt")
    assert checkpoint.card.names == plan.names and checkpoint.card.input_size == (64, 64)
    assert checkpoint.config == network.config and not checkpoint.card.notes
    bias = "decoder.heads.0.score.bias"
    assert torch.equal(checkpoint.network().state_dict()[bias], network.state_dict()[bias] - 1)


def test_everything_comes_back(plan, state, tmp_path):
    state.save(tmp_path / "last.pt", OPTIONS)
    expected = torch.rand(3)
    again = started(plan, seed=1)
    again.load(tmp_path / "last.pt", OPTIONS)
    assert same(again.network.state_dict(), state.network.state_dict())
    assert same(again.ema.state_dict(), state.ema.state_dict())
    assert all(getattr(again, key) == getattr(state, key) for key in PROGRESS)
    assert again.decay.value == state.decay.value and again.names == plan.names
    for a, b in zip(*(s.optimizer.state_dict()["state"].values() for s in (again, state))):
        assert same(a, b)
    assert torch.equal(torch.rand(3), expected), "random numbers go on where they were"
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_going_back_to_earlier_weights_counts_on_from_here(plan, state, tmp_path):
    state.save(tmp_path / "best.pt", OPTIONS)
    later = started(plan, seed=1)
    later.step, later.epoch, later.best = 9, 5, 0.5
    later.return_to(tmp_path / "best.pt")
    assert same(later.network.state_dict(), state.network.state_dict())
    assert (later.step, later.epoch, later.best) == (9, 5, 0.5)


def test_a_write_that_fails_leaves_the_state_before(state, tmp_path, monkeypatch):
    state.save(tmp_path / "last.pt", OPTIONS)
    before = (tmp_path / "last.pt").read_bytes()

    def full(values, path):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        state.save(tmp_path / "last.pt", OPTIONS)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_other_options_are_another_run(plan, state, tmp_path):
    state.save(tmp_path / "last.pt", OPTIONS)
    with pytest.raises(ValueError, match="batch was 2, now 4"):
        started(plan).load(tmp_path / "last.pt", replace(OPTIONS, batch=4))


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda values: values | {"schema": 99}, "was written by another version, or by nobody's training"),
        (lambda values: list(values), "was written by another version, or by nobody's training"),
        (lambda values: values | {"config": Config.of("n", classes=2).to_dict()}, "for another network or other"),
        (lambda values: values | {"names": [*values["names"][:-1], "sun"]}, "kite new"),
    ],
)
def test_what_is_no_state_of_this_run_is_refused_and_nothing_is_taken(plan, state, tmp_path, change, said):
    state.save(tmp_path / "last.pt", OPTIONS)
    torch.save(change(torch.load(tmp_path / "last.pt", weights_only=True)), tmp_path / "last.pt")
    other = started(plan, seed=1)
    before = {key: value.clone() for key, value in other.network.state_dict().items()}
    with pytest.raises(ValueError, match=said):
        other.load(tmp_path / "last.pt", OPTIONS)
    assert same(other.network.state_dict(), before) and other.step == 0


def test_classes_of_a_state_that_does_not_tell_them_are_those_of_the_model_beside_it(plan, state, tmp_path):
    state.save(tmp_path / "last.pt", OPTIONS)
    values = torch.load(tmp_path / "last.pt", weights_only=True)
    turned = values.pop("names")[::-1]
    torch.save(values, tmp_path / "last.pt")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"names": turned}))
    again = started(plan)
    again.load(tmp_path / "last.pt", OPTIONS)
    assert again.names == tuple(turned)


def test_a_run_starts_with_an_average_that_is_the_network_and_with_the_published_rates(plan):
    state = fresh(plan, plan.network(lambda words: None))
    assert isinstance(state.network, DFINE)
    assert all(torch.equal(a, b) for a, b in zip(state.ema.module.parameters(), state.network.parameters()))
    rates = {group["lr"] for group in state.optimizer.param_groups}
    assert rates == {plan.recipe.rate, plan.recipe.backbone_rate} and not state.scaler.is_enabled()
