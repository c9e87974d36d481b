"""A small detector with random weights, and a folder of pictures."""

import pytest
import torch
from PIL import Image

from dfine.config import Config
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from tests.helpers import predictor


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=len(NAMES), queries=20))
    return str(predictor(network, NAMES, (64, 64)).save(tmp_path_factory.mktemp("model")))


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, size in (("a.png", (90, 60)), ("b.jpg", (60, 90))):
        Image.new("RGB", size, "teal").save(folder / name)
    return folder
