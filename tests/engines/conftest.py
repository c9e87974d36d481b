"""A small network, new for every test: engines may change what they are given."""

import pytest
import torch

from dfine.config import Config
from dfine.network.detector import DFINE
from tests.helpers import shaken


@pytest.fixture
def network():
    torch.manual_seed(0)
    return shaken(DFINE(Config.of("n", classes=3, queries=20)))
