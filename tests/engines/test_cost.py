"""What an engine costs: operations as published, and counting changes nothing."""

import json

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.engines.compared import PUBLISHED
from dfine.engines.cost import gflops, machine, reserved, weight_bytes
from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.network.detector import DFINE


@pytest.mark.parametrize("size", list(SIZES))
def test_operations_and_parameters_are_the_published_ones(size):
    """Of the fused copy at 640 x 640, on tensors without content."""
    with torch.device("cpu" if Config.of(size).affine else "meta"):  # the signs of scales in affine blocks are read
        network = DFINE(Config.of(size)).eval()
    copy = fused(network)
    millions, published = PUBLISHED[size]
    assert gflops(copy) == pytest.approx(published, rel=0.03)
    if size != "n":  # whose channels are filled up to blocks
        assert gflops(folded(copy)) < 0.985 * published
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=1)


def test_counting_leaves_the_network_as_it_is():
    network = DFINE(Config.of("n", classes=2)).eval()
    gflops(network, (64, 64))
    assert {p.device.type for p in network.parameters()} == {"cpu"}


def test_bytes_of_weights_by_hand():
    layer = torch.nn.BatchNorm1d(3)  # two weights and two statistics of 3 floats, and a counter of 8 bytes
    assert weight_bytes(layer) == 4 * 3 * 4 + 8 and weight_bytes(layer.half()) == 4 * 3 * 2 + 8


def test_a_cpu_gives_nothing_away():
    assert reserved(torch.device("cpu")) == 0


def test_a_machine_in_words_fits_a_table():
    about = machine("cpu")
    assert about["gpu"] is None and about["cores"] >= 1 and about["torch"] == torch.__version__
    assert json.loads(json.dumps(about)) == about
