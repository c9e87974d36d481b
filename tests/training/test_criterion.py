"""The criterion's table: which terms there are, and what becomes of batches without objects."""

import pytest
import torch

from dfine.config import Config, NoiseSpec
from dfine.network.detector import DFINE
from dfine.trace.records import Target
from dfine.training import criterion
from dfine.training.criterion import Criterion
from dfine.training.denoising import add_noise


def empty():
    return Target(torch.tensor([], dtype=torch.int64), torch.zeros(0, 4))


def one():
    return Target(torch.tensor([1]), torch.tensor([[0.5, 0.5, 0.3, 0.3]]))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DFINE(Config.of("n", classes=4, queries=20)).eval()


@pytest.mark.parametrize("targets", [[empty(), empty()], [one(), empty()]], ids=["none", "one of two"])
def test_pictures_without_objects_train(network, targets):
    network.zero_grad()
    noise = add_noise(targets, 4, NoiseSpec(queries=4))
    terms = Criterion()(network(torch.rand(2, 3, 64, 64), noise), targets, noise)
    loss = sum(terms.values())
    assert torch.isfinite(loss)
    loss.backward()
    grads = [p.grad for p in network.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in grads) and any(g.abs().sum() > 0 for g in grads)
    if noise is None:
        assert all(float(v) == 0 for k, v in terms.items() if k.split("/")[0] in ("l1", "giou", "fgl"))


def test_all_processes_take_part_in_all_means(network, monkeypatch):
    """A process whose pictures have no objects has nothing to put noise on; the others would wait for it for ever."""
    asked, mean = [], criterion._global_mean
    monkeypatch.setattr(criterion, "_global_mean", lambda *args, **least: asked.append(args) or mean(*args, **least))
    counts = []
    for targets in ([one(), one()], [empty(), empty()]):
        noise = add_noise(targets, 4, NoiseSpec(queries=4))
        Criterion()(network(torch.rand(2, 3, 64, 64), noise), targets, noise)
        counts.append(len(asked))
        asked.clear()
    assert counts[0] == counts[1] > 0


def test_the_table(network):
    targets = [one(), one()]
    noise = add_noise(targets, 4, NoiseSpec(queries=4))
    names = set(Criterion()(network(torch.rand(2, 3, 64, 64), noise), targets, noise))
    layers = ["layer 1", "layer 2", "layer 3"]
    expected = {f"{t}/{s}" for t in ("vfl", "l1", "giou") for s in ["proposals", "initial", *layers]}
    expected |= {f"fgl/{s}" for s in layers} | {f"ddf/{s}" for s in layers[:-1]}
    expected |= {f"{t}/denoising {s}" for t in ("vfl", "l1", "giou") for s in ["initial", *layers]}
    expected |= {f"fgl/denoising {s}" for s in layers} | {f"ddf/denoising {s}" for s in layers[:-1]}
    assert names == expected


def test_half_precision_forward_gives_float32_losses(network):
    targets = [one(), empty()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        trace = network(torch.rand(2, 3, 64, 64))
        terms = Criterion()(trace, targets)
    assert trace.last.edges.dtype == torch.float32 and trace.last.boxes.dtype == torch.float32
    assert all(v.dtype == torch.float32 and torch.isfinite(v) for v in terms.values())


def test_pictures_of_a_batch_do_not_mix(network):
    """Two pictures together cost the mean of their terms alone, in the terms that are means over objects."""
    pixels, targets = torch.rand(2, 3, 64, 64), [one(), Target(torch.tensor([2]), torch.tensor([[0.3, 0.3, 0.2, 0.2]]))]
    together = Criterion()(network(pixels), targets)
    alone = [Criterion()(network(pixels[i : i + 1]), targets[i : i + 1]) for i in range(2)]
    for name in ("vfl/proposals", "vfl/layer 3"):
        mean = (alone[0][name] + alone[1][name]) / 2
        assert together[name].item() == pytest.approx(mean.item(), rel=1e-4)
