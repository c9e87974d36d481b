"""Everything that answers has what a predictor asks of an engine."""

import inspect
from typing import get_type_hints

import pytest
import torch

from dfine.config import Config
from dfine.engines.engine import Engine
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.network.detector import DFINE
from dfine.trace.records import Trace


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DFINE(Config.of("n", classes=2, queries=10))


@pytest.mark.parametrize("fast", [True, False])
def test_a_network_as_an_engine_keeps_every_promise(network, fast):
    engine = TorchEngine(network, TorchOptions(fast=fast))
    promised = {name: one.fget for name, one in vars(Engine).items() if isinstance(one, property)}
    assert len(promised) == 7
    for name, getter in promised.items():
        assert isinstance(getattr(engine, name), get_type_hints(getter)["return"]), name
    assert engine.w.shape == (engine.config.bins + 1,) and engine.layers == engine.config.layers
    trace = engine(torch.rand(1, 3, 64, 64), layers=1)
    assert isinstance(trace, Trace) and len(trace.refinements) == 1
    with pytest.raises(ValueError, match="multiples of 32"):
        engine(torch.rand(1, 3, 64, 65))
    with pytest.raises(ValueError, match="layers is 1 to 3, not 4"):
        engine(torch.rand(1, 3, 64, 64), layers=4)


@pytest.mark.parametrize("kind", [TorchEngine, OnnxEngine])
def test_all_engines_are_called_alike(kind):
    wanted, given = (list(inspect.signature(k.__call__).parameters) for k in (Engine, kind))
    assert wanted == given == ["self", "pixels", "layers"]
