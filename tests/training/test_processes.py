"""Two processes that share a batch learn what one learns from all of it."""

import os
import subprocess
import sys

import pytest
import torch

from dfine.processes import Ranks
from tests.helpers import ROOT, two
from tests.training.processes import one_step


@pytest.fixture(scope="module")
def alone():
    return one_step(Ranks())


def test_losses_and_gradients_equal_those_of_one_process(alone, tmp_path):
    two(ROOT / "tests/training/processes.py", tmp_path / "two.pt")
    (terms, gradients), (two_terms, two_gradients) = alone, torch.load(tmp_path / "two.pt", weights_only=True)
    assert terms.keys() == two_terms.keys() and gradients.keys() == two_gradients.keys()
    for name, value in terms.items():
        assert two_terms[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    largest = max(float(g.norm()) for g in gradients.values())
    for name, gradient in gradients.items():
        assert (gradient - two_gradients[name]).norm() < 1e-5 * max(float(gradient.norm()), 0.01 * largest), name


def test_a_batch_in_parts_learns_about_the_same(alone):
    """Every part is normalised by its own objects, so the gradients are alike, not equal."""
    terms, gradients = one_step(Ranks(), accumulate=2)
    whole = torch.cat([g.flatten() for g in alone[1].values()])
    parts = torch.cat([g.flatten() for g in gradients.values()])
    assert torch.cosine_similarity(whole, parts, 0) > 0.9
    assert sum(terms.values()) == pytest.approx(sum(alone[0].values()), rel=0.2)


def test_two_processes_train_evaluate_and_save_once(tmp_path):
    arguments = dict(out=tmp_path / "run", input=64, queries=20, epochs=1, pictures=10, batch=5, warmup=1, val_count=4)
    flags = [x for k, v in arguments.items() for x in (f"--{k.replace('_', '-')}", v)]
    flags += ["--watch", 1, "--accumulate", 3]  # shares of 3 and 2 pictures: both are taken in two parts
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "dfine"]
    command = [*start, "train", *flags, "--denoising", 8, "--device", "cpu"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/1, 2 steps") == 1
    progress = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["progress"]
    assert (progress["step"], progress["epoch"]) == (2, 1)
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()
