"""One model and its exported file for all tests of ONNX."""

import pytest

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import torch

from dfine.config import Config
from dfine.engines.onnx.export import export
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from tests.engines.onnx.same import SIZE
from tests.helpers import NAMES, predictor, shaken


@pytest.fixture(scope="session")
def model() -> Predictor:
    torch.manual_seed(0)
    network = shaken(DFINE(Config.of("n", classes=3, queries=20)))
    about = dict(source="test", digest="ab" * 32, temperature=(1.0, 1.5, 2.0, 0.5))
    about |= dict(threshold=0.4, class_thresholds=(0.3, None, 0.6))
    return predictor(network, NAMES, SIZE, **about)


@pytest.fixture(scope="session")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    parity = export(model.network, model.card, path)
    return path, parity
