"""Who learns how fast, and what the average remembers."""

import math

import pytest
import torch
from torch import nn

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.training.optimizer import Decay, average, factor, freeze, groups, still

RATES = dict(rate=2e-4, backbone_rate=1e-5, weight_decay=1e-4)


@pytest.fixture(scope="module")
def network():
    return DFINE(Config.of("n", classes=3))


@pytest.mark.parametrize("decay_biases", [False, True])
def test_every_parameter_is_in_one_group_with_its_decay(network, decay_biases):
    backbone, plain, spared = groups(network, decay_biases=decay_biases, **RATES)
    ids = [id(p) for g in (backbone, plain, spared) for p in g["params"]]
    assert sorted(ids) == sorted(id(p) for p in network.parameters())
    assert backbone["lr"] == 1e-5 and plain["lr"] == spared["lr"] == 2e-4
    assert spared["weight_decay"] == 0

    def inside(p, g):
        return any(p is q for q in g["params"])

    assert inside(network.decoder.layers[0].norm1.weight, spared)
    assert inside(network.encoder.project[0].norm.weight, spared)
    assert inside(network.backbone.stem.stem1.norm.weight, backbone)  # decayed, as published
    assert inside(network.decoder.heads[0].score.bias, plain if decay_biases else spared)


def test_frozen_parameters_are_left_out():
    network = DFINE(Config.of("n", classes=3))
    network.backbone.stem.requires_grad_(False)
    count = sum(len(g["params"]) for g in groups(network, decay_biases=False, **RATES))
    assert count == len(list(network.parameters())) - len(list(network.backbone.stem.parameters()))


@pytest.mark.parametrize(
    ("step", "schedule", "expected"),
    [
        (0, "constant", 0.01),
        (49, "constant", 0.5),
        (99, "constant", 1.0),
        (5000, "constant", 1.0),
        (100, "cosine", 1.0),
        (600, "cosine", 0.01 + 0.99 / 2),
        (1100, "cosine", 0.01),
        (9999, "cosine", 0.01),
    ],
)
def test_schedule(step, schedule, expected):
    assert factor(step, warmup=100, total=1100, schedule=schedule) == pytest.approx(expected)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="'linear'"):
        factor(0, warmup=0, total=1, schedule="linear")


def test_the_average_follows_the_ramped_decay():
    """After the first step it is the network; then mean ← d·mean + (1−d)·new with d = decay·(1 − e^(−t/ramp))."""
    layer = nn.Linear(1, 1, bias=False)
    ema = average(layer, Decay(0.9, ramp=2))
    expected = None
    for t, value in enumerate([1.0, 2.0, 4.0]):
        nn.init.constant_(layer.weight, value)
        ema.update_parameters(layer)
        decay = 0.9 * (1 - math.exp(-t / 2))
        expected = value if expected is None else decay * expected + (1 - decay) * value
        assert ema.module.weight.item() == pytest.approx(expected)


def test_the_average_keeps_running_statistics_too():
    norm = nn.BatchNorm1d(2)
    ema = average(norm, Decay(0.9999, ramp=1000))
    norm(torch.randn(8, 2) + 3)
    ema.update_parameters(norm)
    norm(torch.randn(8, 2) + 3)
    ema.update_parameters(norm)
    assert ema.module.running_mean.mean() > 0
    assert ema.module.num_batches_tracked == 2


def test_the_average_forgets_faster_from_when_it_is_told_to():
    layer, decay = nn.Linear(1, 1, bias=False), Decay(1.0, ramp=1)
    ema = average(layer, decay)
    nn.init.constant_(layer.weight, 1.0)
    ema.update_parameters(layer)
    decay.value = 0.0
    nn.init.constant_(layer.weight, 5.0)
    ema.update_parameters(layer)
    assert ema.module.weight.item() == 5.0


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_frozen_stays_whatever_is_learned(shared):
    """Also where several processes have put norms that know of each other in the places of the others."""
    network = DFINE(Config.of("n", classes=2, queries=10))
    freeze(network)
    if shared:
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
    still(network.train())
    norms = [m for m in network.backbone.modules() if isinstance(m, (nn.BatchNorm2d, nn.SyncBatchNorm))]
    frozen = {id(p) for m in (network.backbone.stem, *norms) for p in m.parameters()}
    learned = {id(p) for g in groups(network, decay_biases=False, **RATES) for p in g["params"]}
    assert frozen and learned and not frozen & learned
    before = [norm.running_mean.clone() for norm in norms]
    network(torch.rand(1, 3, 64, 64))
    assert all(torch.equal(a, norm.running_mean) for a, norm in zip(before, norms))
