"""One model for the tests of a file."""

import pytest

from dfine.inference.predictor import Predictor
from tests.helpers import NAMES, small_predictor


@pytest.fixture(scope="module")
def model() -> Predictor:
    return small_predictor(NAMES, source="test")
