"""A run is watched: held-out pictures are drawn at every evaluation."""

import pytest

from dfine.training.loop import Training, train
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.watch import Watch, _column
from tests.training.runs import SMALL


def test_held_out_pictures_are_drawn_at_every_evaluation(tmp_path):
    options = TrainOptions(out=str(tmp_path), **{**SMALL, "pictures": 4, "val_every": 1})
    train(options, watch=Watch(tmp_path / "watch", 1))
    assert sorted(p.name for p in (tmp_path / "watch").iterdir()) == ["epoch-0001-0.png", "epoch-0002-0.png"]


def test_drawings_that_cannot_be_written_are_written_later(tmp_path):
    """A disk that is full for a while does not end the run, and the drawings are those of their own epoch."""
    resource = pytest.importorskip("resource")
    told, before, watch = [], resource.getrlimit(resource.RLIMIT_FSIZE), Watch(tmp_path / "watch", 1)
    training = Training.start(Plan.of(TrainOptions(out=str(tmp_path), **SMALL)), tell=told.append)
    training.state.epoch = 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        watch(training, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "epoch-0001-0.png cannot be written" in told[-1] and not any((tmp_path / "watch").iterdir())
    training.state.epoch = 2
    training.keeping.insist()
    assert [p.name for p in (tmp_path / "watch").iterdir()] == ["epoch-0001-0.png"]


@pytest.mark.parametrize("name, column", [("tv", 1), ("TV", 1), ("tvmonitor", 1), ("cup", 0), ("yak", 0)])
def test_a_class_is_followed_whatever_the_held_out_pictures_call_it(name, column):
    assert _column(name, ("Cup", "tv")) == column
