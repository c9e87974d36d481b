import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from dfine.data.resize import planes, resize

SIZES = [((50, 70), (32, 64)), ((37, 100), (64, 96)), ((640, 480), (320, 320)), ((1, 1), (32, 32)), ((31, 7), (7, 31))]


def noise(height, width, channels=3):
    return np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_planes_are_those_of_torchvision(mode):
    picture = Image.fromarray(noise(5, 7)).convert(mode)
    assert torch.equal(planes(picture), functional.pil_to_tensor(picture))


@pytest.mark.parametrize("old, new", SIZES)
@pytest.mark.parametrize("kind", ["as a file has it", "contiguous", "float", "int"])
def test_the_same_numbers_as_torchvision(old, new, kind):
    pixels = torch.from_numpy(noise(*old)).permute(2, 0, 1)
    if kind == "contiguous":
        pixels = pixels.contiguous()
    elif kind != "as a file has it":
        pixels = pixels.float() / 255 if kind == "float" else pixels.int()
    ours, theirs = resize(pixels, new), functional.resize(pixels, list(new), antialias=True)
    assert ours.dtype == pixels.dtype and torch.equal(ours, theirs)


def test_without_instructions_for_uint8_it_takes_floats(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    pixels = torch.from_numpy(noise(50, 70)).permute(2, 0, 1)
    assert torch.equal(resize(pixels, (32, 64)), functional.resize(pixels, [32, 64], antialias=True))


def test_what_has_the_size_already_is_not_copied():
    pixels = torch.zeros(3, 4, 5, dtype=torch.uint8)
    assert resize(pixels, (4, 5)) is pixels


def test_looking_and_training_without_crops_do_without_torchvision():
    """Its import takes longer than looking at a picture."""
    needed = "dfine.cli.pictures, dfine.inference.load, dfine.engines.onnx.engine, dfine.training.loop"
    code = f"import sys, {needed}; print('torchvision' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True).stdout
    assert said.strip() == "False"
