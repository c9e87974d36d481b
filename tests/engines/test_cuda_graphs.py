"""What a GPU plays back is what it would have computed; without a GPU there is nothing to play."""

import pytest
import torch

from dfine.engines.cuda_graphs import MOST
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.network.detector import DFINE
from dfine.network.encoder import positions
from tests.engines.test_fused import apart
from tests.helpers import shaken

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
TOLERANCE = 1e-4


@torch.no_grad()
def test_on_a_cpu_the_copy_runs_as_ever(network):
    pixels = torch.rand(1, 3, 64, 64)
    engine = TorchEngine(network, TorchOptions(graphs=True))
    for _ in range(3):
        assert apart(engine(pixels), network(pixels)) <= TOLERANCE


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@torch.no_grad()
def test_what_is_played_back_is_what_would_have_been_said(network, precision):
    plain, played = (
        TorchEngine(network.cuda(), TorchOptions(precision=precision)),
        TorchEngine(network, TorchOptions(precision=precision, graphs=True)),
    )
    pictures = [torch.rand(2, 3, 64, 96, device="cuda") for _ in range(4)]
    told = [played(pixels) for pixels in pictures]  # kept: a later picture must not be written over an earlier one
    assert all(apart(trace, plain(pixels)) <= TOLERANCE for trace, pixels in zip(told, pictures))
    assert len(played._ask._kept) == 1
    for k in (1, 2):
        early = [played(pixels, layers=k) for pixels in pictures][-1]
        assert apart(early, plain(pictures[-1], layers=k)) <= TOLERANCE


@needs_gpu
@torch.no_grad()
def test_recordings_outlive_the_tables_and_follow_the_weights(network):
    played, pixels = TorchEngine(network.cuda(), TorchOptions(graphs=True)), torch.rand(1, 3, 64, 64, device="cuda")
    for _ in range(3):
        played(pixels)
    for side in range(1, 12):  # pushes the tables of this size out
        positions(side, side, 128, like=pixels)
    assert apart(played(pixels), network(pixels)) <= TOLERANCE
    network.load_state_dict(shaken(DFINE(network.config), seed=2).state_dict())
    for _ in range(3):
        assert apart(played(pixels), network(pixels)) <= TOLERANCE


@needs_gpu
def test_what_was_recorded_in_inference_mode_is_played_outside_of_it(network):
    played, pixels = TorchEngine(network.cuda(), TorchOptions(graphs=True)), torch.rand(1, 3, 64, 64, device="cuda")
    with torch.inference_mode():
        for _ in range(3):
            played(pixels)
    with torch.no_grad():
        assert apart(played(pixels), network(pixels)) <= TOLERANCE


@needs_gpu
@torch.no_grad()
def test_few_recordings_are_kept(network):
    played = TorchEngine(network.cuda(), TorchOptions(graphs=True))
    for count in range(1, MOST + 3):
        pixels = torch.rand(count, 3, 64, 64, device="cuda")
        for _ in range(2):
            assert apart(played(pixels), network(pixels)) <= TOLERANCE
    assert len(played._ask._kept) == MOST
