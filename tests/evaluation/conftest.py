import pytest

import dfine


@pytest.fixture(scope="session")
def model():
    """The shipped detector of drawn things."""
    return dfine.load("demo", device="cpu")
