"""A small network, new for every test: engines may change what they are given."""

import copy

import pytest
import torch

from dfine.config import Config
from dfine.network.detector import DFINE
from tests.helpers import shaken


@pytest.fixture(scope="session")
def drawn_once():
    torch.manual_seed(0)
    return shaken(DFINE(Config.of("n", classes=3, queries=20)))


@pytest.fixture
def network(drawn_once):
    torch.manual_seed(0)
    return copy.deepcopy(drawn_once)
