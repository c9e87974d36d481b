"""One network for the tests of its parts."""

import pytest
import torch

from dfine.config import Config
from dfine.network.detector import DFINE


@pytest.fixture(scope="module")
def network():
    """A small D-FINE-N with every weight shaken, so that heads that start at zero say something."""
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=5, queries=40)).eval()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return network
