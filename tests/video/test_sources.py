"""What names a video, and why one cannot be opened, in a sentence."""

import numpy as np
import pytest

av = pytest.importorskip("av")

from dfine.video import sources
from dfine.video.reading import Video
from dfine.video.sources import VideoError, is_video
from tests.video.clips import clip, cut


def frames_of(path, **options):
    with Video(path, **options) as video:
        return list(video), video


def test_what_is_no_video_is_said_in_a_sentence(tmp_path):
    empty, text, short = tmp_path / "empty.mp4", tmp_path / "text.mp4", clip(tmp_path / "a.mp4")
    empty.write_bytes(b"")
    text.write_text("no video at all")
    (tmp_path / "sound.mp4").write_bytes(only_sound(tmp_path / "sound.mp4"))
    for path, words in [
        (tmp_path / "none.mp4", "there is no file"),
        (tmp_path, "is a folder"),
        (empty, "'empty.mp4' is empty"),
        (text, "'text.mp4' is no video"),
        (cut(short, 0.3), "table of contents is cut off"),
        (tmp_path / "sound.mp4", "holds no video: it holds audio only"),
    ]:
        with pytest.raises(VideoError, match=words):
            Video(path)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Video(short, every=0)


def only_sound(path):
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    "source, so",
    [("a.mp4", True), ("b/c.MOV", True), ("webcam:0", True), ("webcam:", False), ("a.gif", False), ("a.jpg", False)]
    + [("rtsp://a:554/b", True), ("https://a.b/c.jpg", False), ("https://a.b/c.mp4", True)],
)
def test_videos_are_told_from_pictures_by_name(source, so):
    assert is_video(source) == so


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="webcam"):
        Video("webcam:97")


def test_a_camera_starts_its_clock_at_zero(monkeypatch):
    """FFmpeg's own source of moving pictures stands in for the device; all behind it is as with a camera."""
    source = "testsrc2=size=64x48:rate=10:duration=1,setpts=PTS+500/TB"
    monkeypatch.setattr(sources, "camera", lambda index: (source, "lavfi", {}))
    frames, video = frames_of("webcam:3")
    assert video.live
    assert [f.time for f in frames] == pytest.approx([i / 10 for i in range(10)])


@pytest.mark.parametrize("address", ["https://a.b/c.mp4", "rtsp://a.b:554/c"])
def test_an_address_is_called_one(address):
    with pytest.raises(VideoError, match=f"^{address} is an address; download or record the video"):
        Video(address)
