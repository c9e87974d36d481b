"""Run by two processes, or by one: one step's losses and gradients on its share of a fixed batch, to a file."""

import sys
from dataclasses import replace

import torch
from torch import nn

from dfine.config import RECIPES, Config
from dfine.data.parcel import collate
from dfine.data.scenes import NAMES, Scenes
from dfine.network.detector import DFINE
from dfine.processes import ranks
from dfine.training.checkpoint import State
from dfine.training.optimizer import Decay, average
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.step import Step


def one_step(here, accumulate=1):
    """Loss terms averaged over processes, and the gradient of every weight; BatchNorm in eval mode, no denoising."""
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=24, queries=20)).eval()
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim > 1 and not p.any():
                nn.init.normal_(p, std=0.05)
    options = TrainOptions(out="unused", input=64, denoising=0, accumulate=accumulate, device="cpu")
    plan = replace(Plan.of(options), recipe=replace(RECIPES["n"], clip=1e9))
    decay, scaler = Decay(0.9, 1), torch.amp.GradScaler("cpu", enabled=False)
    still = torch.optim.SGD(network.parameters(), lr=0.0)
    state = State(network, average(network, decay), still, scaler, decay, NAMES)
    data = Scenes(4, size=(64, 64), seed=9, clean=1.0)
    pixels, targets = collate([data[i] for i in range(4)])
    step = Step(state, plan, here, torch.device("cpu"))
    terms = step(pixels[here.rank :: here.count], targets[here.rank :: here.count])
    everyone = here.gather(terms)
    means = {k: sum(t[k] for t in everyone) / here.count for k in terms}
    return means, {k: p.grad for k, p in network.named_parameters()}


if __name__ == "__main__":
    with ranks() as here:
        result = one_step(here)
        if here.first:
            torch.save(result, sys.argv[1])
