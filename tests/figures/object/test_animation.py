import numpy as np
import pytest
from PIL import Image

from dfine.figures.object import animation


@pytest.mark.parametrize(
    "layer, t, title", [(0, 0.4, "before layer 1"), (0, 1.0, "layer 1"), (1, 0.4, "layer 2"), (2, 1.0, "layer 3")]
)
def test_titles(layer, t, title):
    assert animation.title(layer, t) == title


def test_frames_rest_on_every_layer_and_can_be_saved(picture, history, tmp_path):
    frames = animation.frames(picture, history, steps=2, hold=1)
    assert len(frames) == 3 * 2 + 1 + 1 + 3
    assert len({f.size for f in frames}) == 1
    animation.save(frames, tmp_path / "moves.gif", milliseconds=50)
    with Image.open(tmp_path / "moves.gif") as saved:
        assert saved.size == frames[0].size
        assert (saved.info["loop"], saved.info["duration"]) == (0, 50)
        saved.seek(saved.n_frames - 1)
        last = np.asarray(saved.convert("RGB")).astype(int)
    assert np.abs(last - np.asarray(frames[-1]).astype(int)).mean() < 4, "128 colours are enough"


def test_the_last_frames_are_the_last_layer(picture, history):
    frames = animation.frames(picture, history, steps=1, hold=2)
    assert all(np.array_equal(frames[-1], f) for f in frames[-6:])
    assert not np.array_equal(frames[-1], frames[0])
