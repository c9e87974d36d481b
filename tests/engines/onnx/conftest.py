"""One model and its exported files for all tests of ONNX."""

import functools

import pytest

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import torch

from dfine.config import Config
from dfine.engines.onnx.export import Options, export
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
def exported(model, tmp_path_factory):
    """A function that exports the model, once for the same options: the file, which tests only read, and its parity."""

    @functools.cache
    def made(options):
        path = tmp_path_factory.mktemp("export") / "model.onnx"
        return path, export(model.network, model.card, path, options)

    return made


@pytest.fixture(scope="session")
def file(exported):
    return exported(Options())
