"""Every frame as if it were looked at by itself, in memory that does not grow."""

import weakref

import pytest
import torch

av = pytest.importorskip("av")

from dfine.video.detecting import detect_frames
from dfine.video.reading import Video
from tests.video.clips import UNEVEN, clip


@pytest.mark.parametrize("batch", [None, 1, 5])
def test_every_frame_is_looked_at_as_a_picture_is(model, tmp_path, batch):
    path = clip(tmp_path / "a.mp4", times=UNEVEN)
    with Video(path) as video:
        frames = list(video)
    with Video(path) as video:
        seen = list(detect_frames(model, video, 0.0, batch=batch))
    assert [s.frame.pts for s in seen] == [f.pts for f in frames]
    for one, frame in zip(seen, frames):
        alone = model(frame.picture, 0.0)
        torch.testing.assert_close(one.detections.scores, alone.detections.scores, rtol=1e-4, atol=1e-5)
        # Boxes of nearly equal scores may change places, as sums in a batch are rounded otherwise.
        assert torch.cdist(one.detections.boxes, alone.detections.boxes).amin(1).max() < 0.05
        assert one.tracks == (None,) * len(alone.detections)


def test_frames_stream_so_that_few_are_held(model, tmp_path):
    """However long the clip, only what is being decoded, looked at and drawn is in memory."""
    seen, most = [], 0
    with Video(clip(tmp_path / "a.mp4", 40)) as video:
        for one in detect_frames(model, video, 0.5, batch=2):
            seen.append(weakref.ref(one.frame))
            most = max(most, sum(frame() is not None for frame in seen))
    assert len(seen) == 40
    assert most <= 4, "two batches: the one that is given out, and the one before"
