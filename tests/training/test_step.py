"""One step in half precision, or through `torch.compile`, learns what one in single precision does."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import nn

import dfine
from dfine.config import Recipe
from dfine.data.scenes import NAMES, Scenes
from dfine.processes import Ranks
from dfine.training.checkpoint import State
from dfine.training.optimizer import Decay, average
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.step import Step
from tests.helpers import NoDoubles

SIZE = 128
RECIPE = Recipe(1, 0, 2, 1e-4, 1e-4, 1e-4, False, None)


@pytest.fixture(scope="module")
def batch():
    pictures, targets = zip(*(Scenes(2, size=(SIZE, SIZE), seed=5)[i] for i in range(2)))
    return torch.stack(pictures), list(targets)


def stepped(batch, within=None, **options):
    """The terms of one step, the weights before it and after it, and the state; the step is made `within` a context."""
    network = dfine.load("demo", device="cpu", fast=False).network.train()  # trained: who answers for what is settled
    before = {key: value.clone() for key, value in network.named_parameters()}
    options = TrainOptions(out="", input=SIZE, denoising=8, device="cpu", **options)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=options.amp == "fp16")
    decay = Decay(RECIPE.ema, RECIPE.ema_ramp)
    still = torch.optim.SGD(network.parameters(), 0.1)
    state = State(network, average(network, decay), still, scaler, decay, NAMES)
    plan = replace(Plan.of(options), recipe=RECIPE)
    step = Step(state, plan, Ranks(), torch.device("cpu"))
    with within or nullcontext():
        terms = step(*batch)
    moved = {key: value.detach() - before[key] for key, value in network.named_parameters()}
    return terms, moved, state


@pytest.fixture(scope="module")
def single(batch):
    """A step in single precision, which the others are compared with."""
    return stepped(batch, amp="off")


def alike(ours, theirs) -> float:
    """Cosine between two changes of all weights."""
    a, b = (torch.cat([moved[key].flatten() for key in theirs]) for moved in (ours, theirs))
    return torch.cosine_similarity(a, b, 0).item()


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_learns_about_the_same(batch, single, amp):
    terms, moved, _ = single
    half, half_moved, state = stepped(batch, amp=amp)
    assert half.keys() == terms.keys()
    assert sum(half.values()) == pytest.approx(sum(terms.values()), rel=0.05)
    assert {p.dtype for p in state.network.parameters()} == {torch.float32}
    assert all(value.isfinite().all() for value in half_moved.values())
    assert alike(half_moved, moved) > 0.9


def test_compiled_parts_learn_the_same(batch, single, monkeypatch):
    """Captured and differentiated as for any compiler; the code that one makes of it takes minutes, and is its own."""
    compiled, plain = [], nn.Module.compile

    def quickly(module, **options):
        compiled.append(type(module).__name__)
        plain(module, backend="aot_eager", fullgraph=True, **options)

    monkeypatch.setattr(nn.Module, "compile", quickly)
    terms, moved, _ = single
    ours, ours_moved, state = stepped(batch, amp="off", compile=True)
    assert compiled == ["Backbone", "Encoder"]
    for name, value in terms.items():
        assert ours[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    assert alike(ours_moved, moved) > 0.9999
    assert not any("_orig_mod" in key for key in state.network.state_dict())  # checkpoints know nothing of it


def test_a_teacher_adds_its_terms_and_stays_as_it_is(batch, single):
    terms, _, _ = single
    taught, _, state = stepped(batch, teacher="demo", teacher_weight=0.5)
    more = {name: value for name, value in taught.items() if name not in terms}
    assert {name.split("/")[0] for name in more} == {f"taught {kind}" for kind in ("scores", "l1", "giou", "edges")}
    assert {name: taught[name] for name in terms} == pytest.approx(terms)
    whole, _, _ = stepped(batch, teacher="demo")
    assert {name: whole[name] / 2 for name in more} == pytest.approx(more) and min(more.values()) > 0
    assert not any(key.startswith("teacher") for key in state.network.state_dict())


def test_a_step_needs_no_double_precision(batch):
    taught, _, _ = stepped(batch, NoDoubles(), teacher="demo", teacher_weight=0.5)
    assert sum(taught.values()) > 0
