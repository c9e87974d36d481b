"""Small runs, and what is in their folders: for the tests of several modules."""

import os
import signal

import torch

from dfine.training.loop import Training

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
    return torch.load(folder / "last.pt", weights_only=False, mmap=True)  # faster; the training itself reads it safely


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
