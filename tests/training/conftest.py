import pytest

from dfine.training.loop import train
from dfine.training.options import TrainOptions
from tests.training.runs import SMALL


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The folder of a small run that was not interrupted. It stays as it is."""
    out = tmp_path_factory.mktemp("whole")
    train(TrainOptions(out=str(out), **SMALL))
    return out
