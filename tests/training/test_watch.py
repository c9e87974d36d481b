"""A run is watched: held-out pictures are drawn at every evaluation."""

from dfine.training.loop import train
from dfine.training.options import TrainOptions
from dfine.training.watch import Watch
from tests.training.runs import SMALL


def test_held_out_pictures_are_drawn_at_every_evaluation(tmp_path):
    options = TrainOptions(out=str(tmp_path), **{**SMALL, "pictures": 4, "val_every": 1})
    train(options, watch=Watch(tmp_path / "watch", 2))
    assert sorted(p.name for p in (tmp_path / "watch").iterdir()) == [
        f"epoch-000{epoch}-{i}.png" for epoch in (1, 2) for i in (0, 1)
    ]
