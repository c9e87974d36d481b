"""One model for the tests of a file."""

import pytest

from tests.helpers import small_predictor

NAMES = ("cup", "key", "bus")


@pytest.fixture(scope="module")
def model():
    return small_predictor(NAMES)
