"""A short video looked at within limits."""

import threading

import pytest

av = pytest.importorskip("av")

from dfine.video.clip import Limits, looked_at, plan
from dfine.video.reading import Video
from dfine.video.sources import VideoError
from tests.video.clips import clip


def test_a_plan_is_made_without_the_network(tmp_path):
    path = clip(tmp_path / "a.mp4", 50)  # two seconds
    whole = plan(path)
    assert (whole.size, whole.every, whole.frames, whole.cut) == ((64, 48), 1, 50, False)
    assert whole.seconds == pytest.approx(2, abs=0.1)
    some = plan(path, Limits(frames=20))
    assert (some.every, some.frames) == (3, 17)
    short = plan(path, Limits(seconds=1))
    assert short.cut and short.frames == 25
    with pytest.raises(VideoError, match="64 × 48 pixels, more than the 0.0 million pixels a frame allowed here"):
        plan(path, Limits(pixels=3000))


@pytest.mark.parametrize(
    "name, text",
    [
        ("list.mp4", "#EXTM3U\n#EXTINF:10,\nother.mp4\n#EXT-X-ENDLIST\n"),
        ("list.mkv", "ffconcat version 1.0\nfile other.mp4\n"),
        ("list.webm", "not a video at all"),
    ],
)
def test_a_list_of_other_files_is_no_video(tmp_path, name, text):
    clip(tmp_path / "other.mp4", 3)
    (tmp_path / name).write_text(text)
    with pytest.raises(VideoError, match="is no video that can be read here"):
        plan(tmp_path / name)


def test_every_frame_is_looked_at_listed_and_drawn(tmp_path, model):
    path, held = clip(tmp_path / "a.mp4", 6, sound="aac"), []
    lock = threading.Lock()
    done = []
    for state in looked_at(model, path, tmp_path / "out.mp4", 0.1, turn=lambda: held.append(1) or lock):
        done.append((len(state.frames), state.path))
        assert not lock.locked(), "nobody else waits while a frame is drawn"
    assert [count for count, _ in done] == [1, 2, 3, 4, 5, 6, 6] and done[-1][1] == tmp_path / "out.mp4"
    assert len(held) == 7 and state.notes == []
    assert [frame["index"] for frame in state.frames] == list(range(6))
    found = state.frames[0]["detections"]
    assert found and all(d["track"] and len(d["interval"]) == 4 for d in found)
    with Video(tmp_path / "out.mp4") as written:
        frames = list(written)
    assert len(frames) == 6 and max(frames[0].picture.size) == 640, (
        "tiny frames are enlarged, so that words can be read"
    )
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def test_a_length_that_is_not_announced_is_said_where_it_is_cut(tmp_path, model):
    """As of what a browser records."""
    path = clip(tmp_path / "a.mkv", 30, live="1")
    assert not plan(path, Limits(seconds=0.2)).cut
    *_, cut = looked_at(model, path, tmp_path / "out.mp4", 0.9, Limits(seconds=0.2))
    assert len(cut.frames) < 30 and cut.notes == ["a.mkv is longer: only its first 0.2 s were looked at"]
    *_, whole = looked_at(model, path, tmp_path / "out.mp4", 0.9)
    assert whole.notes == []


def test_what_is_longer_than_the_limits_is_cut(tmp_path, model):
    path = clip(tmp_path / "a.mp4", 30)
    *_, thinned = looked_at(model, path, tmp_path / "out.mp4", 0.9, Limits(frames=4))
    assert thinned.plan.every == 8 and len(thinned.frames) == 4
    *_, cut = looked_at(model, path, tmp_path / "cut.mp4", 0.9, Limits(seconds=0.2))
    assert cut.plan.cut and cut.frames[-1]["time"] - cut.frames[0]["time"] <= 0.2


def test_whoever_stops_keeps_nothing_under_the_name(tmp_path, model):
    path, out = clip(tmp_path / "a.mp4", 12), tmp_path / "out" / "out.mp4"
    out.parent.mkdir()
    looking = looked_at(model, path, out, 0.9)
    next(looking)
    looking.close()
    assert not out.exists() and not [p for p in out.parent.iterdir() if "partial" not in p.name]
