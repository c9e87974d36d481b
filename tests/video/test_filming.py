"""A clip through the detector: every frame as if it were looked at alone, and nothing lost when it ends early."""

import os
import sys
import threading

import numpy as np
import pytest

av = pytest.importorskip("av")

from dfine.inference.predictor import Predictor
from dfine.video import sources
from dfine.video.detecting import detect_frames
from dfine.video.filming import Options, captions, film
from dfine.video.reading import Video
from dfine.video.sources import VideoError
from tests.video.clips import BASE, UNEVEN, clip, content, cut, sound_of, times_of


def test_the_saved_video_keeps_times_and_sound_and_shows_boxes(model, tmp_path):
    path, out = clip(tmp_path / "a.mp4", times=UNEVEN, sound="aac"), tmp_path / "out.mp4"
    done = film(model, path, Options(threshold=0.4, save=out))
    assert done.whole
    assert done.files == [out]
    assert times_of(out) == times_of(path)
    assert sound_of(out) == sound_of(path)
    with Video(path) as before, Video(out) as after:
        for a, b in zip(before, after, strict=True):
            difference = np.abs(np.asarray(a.picture, int) - np.asarray(b.picture))
            assert difference.mean() > 5, "boxes are drawn"


def test_a_folder_gets_the_name_of_the_clip(model, tmp_path):
    folder = tmp_path / "films"
    done = film(model, clip(tmp_path / "a.mkv"), Options(save=folder))
    assert done.files == [folder / "a.mp4"]
    assert len(times_of(folder / "a.mp4")) == 12


def test_beside_the_clip_nothing_is_replaced(model, tmp_path):
    path, other = clip(tmp_path / "a.mkv", 2), clip(tmp_path / "a.mp4", 3)
    before = other.read_bytes()
    assert film(model, path, Options(save=tmp_path)).files == [tmp_path / "a_2.mp4"]
    assert film(model, other, Options(save=tmp_path)).files == [tmp_path / "a_3.mp4"]
    assert other.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode here")
def test_a_name_that_is_no_utf8_is_in_the_list_and_on_the_disk(model, tmp_path):
    path = clip(tmp_path / "a.mp4", 2).rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    out = tmp_path / os.fsdecode(b"\xff.json")
    done = film(model, path, Options(save=tmp_path / "films", json=out))
    assert done.whole and [os.fsencode(p.name) for p in done.files] == [b"caf\xe9.mp4", b"\xff.json"]
    assert os.fsencode(content(out)["video"]["file"]) == os.fsencode(path)


def test_every_third_frame_is_listed_and_saved(model, tmp_path):
    path = clip(tmp_path / "a.mp4", times=UNEVEN)
    film(model, path, Options(every=3, save=tmp_path / "o.mp4", json=tmp_path / "o.json"))
    assert [f["index"] for f in content(tmp_path / "o.json")["frames"]] == [0, 3, 6, 9]
    assert times_of(tmp_path / "o.mp4") == [float(UNEVEN[i] * BASE) for i in (0, 3, 6, 9)]


def test_tracks_stand_in_the_list_and_on_the_boxes(model, tmp_path):
    pytest.importorskip("trackers")
    path = clip(tmp_path / "a.mp4")
    done = film(model, path, Options(threshold=0.4, track=True, json=tmp_path / "o.json"))
    tracks = [[d["track"] for d in f["detections"]] for f in content(tmp_path / "o.json")["frames"]]
    assert set(tracks[0]) == {None}
    assert {type(t) for t in tracks[5]} == {int}
    assert set().union(*done.things.values()) == {t for row in tracks for t in row} - {None}
    with Video(path) as video:
        late = list(detect_frames(model, video, 0.4, track=True))[5]
    assert captions(late)[0].split(" ")[:2] == [late.detections.class_names[0], f"#{late.tracks[0]}"]


# -- what ends early


def test_a_clip_that_breaks_off_is_kept_and_the_place_is_said(model, tmp_path):
    short = cut(clip(tmp_path / "a.mkv", 60))
    done = film(model, short, Options(save=tmp_path / "o.mp4", json=tmp_path / "o.json"))
    found = content(tmp_path / "o.json")
    assert not done.whole
    assert "breaks off at" in done.troubles[0]
    assert found["troubles"] == done.troubles
    assert found["complete"] is False
    assert found["count"] == len(found["frames"]) == done.frames == len(times_of(tmp_path / "o.mp4"))


class Stopped(Predictor):
    """Somebody presses Ctrl-C while the sixth frame is looked at."""

    def look(self, pictures, pixels, threshold=0.5):
        self.seen = getattr(self, "seen", 0) + len(pictures)
        if self.seen > 5:
            raise KeyboardInterrupt
        return super().look(pictures, pixels, threshold)


@pytest.fixture
def stopped(model):
    return Stopped(model.engine, model.card)


def test_an_interrupt_leaves_partial_files(stopped, tmp_path):
    path, folder, threads = clip(tmp_path / "a.mp4"), tmp_path / "new", set(threading.enumerate())
    done = film(stopped, path, Options(save=folder / "o.mp4", json=folder / "o.json"))
    assert not done.whole
    assert "was interrupted" in done.troubles[0]
    assert (
        sorted(p.name for p in folder.iterdir())
        == ["o.partial.json", "o.partial.mp4"]
        == sorted(f.name for f in done.files)
    )
    found = content(folder / "o.partial.json")
    assert found["complete"] is False
    assert found["count"] == len(found["frames"]) == len(times_of(folder / "o.partial.mp4")) == 5
    assert set(threading.enumerate()) <= threads


def test_an_interrupt_is_how_a_camera_ends(stopped, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "camera", lambda index: ("testsrc2=size=64x48:rate=100", "lavfi", {}))
    done = film(stopped, "webcam:0", Options(save=tmp_path / "o.mp4", json=tmp_path / "o.json"))
    assert done.whole
    assert done.troubles == []
    assert len(times_of(tmp_path / "o.mp4")) == content(tmp_path / "o.json")["count"] == 5
    assert content(tmp_path / "o.json")["complete"] is True


def test_a_second_recording_of_a_camera_does_not_replace_the_first(stopped, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "camera", lambda index: ("testsrc2=size=64x48:rate=100", "lavfi", {}))
    done = [film(type(stopped)(stopped.engine, stopped.card), "webcam:0", Options(save=tmp_path)) for _ in range(2)]
    assert [one.files for one in done] == [[tmp_path / "webcam.mp4"], [tmp_path / "webcam_2.mp4"]]


def test_a_fault_in_the_middle_is_raised_and_nothing_runs_on(model, tmp_path):
    class Broken(Stopped):
        def look(self, *arguments):
            try:
                return super().look(*arguments)
            except KeyboardInterrupt:
                raise RuntimeError("no more") from None

    broken, threads = Broken(model.engine, model.card), set(threading.enumerate())
    with pytest.raises(RuntimeError, match="no more"):
        film(broken, clip(tmp_path / "a.mp4"), Options(save=tmp_path / "o.mp4"))
    assert len(times_of(tmp_path / "o.partial.mp4")) == 5
    assert set(threading.enumerate()) <= threads


def test_a_bad_name_or_number_is_refused_and_nothing_is_left(model, tmp_path):
    path, folder = clip(tmp_path / "a.mp4"), tmp_path / "new"
    folder.mkdir()
    with pytest.raises(VideoError, match="end it in .mp4"):
        film(model, path, Options(save=folder / "o.gif", json=folder / "o.json"))
    with pytest.raises(ValueError, match="between 0 and 1, or 'best', not 2"):
        film(model, path, Options(threshold=2, save=folder / "o.mp4", json=folder / "o.json"))
    with pytest.raises(ValueError, match="at least one frame, not 0"):
        film(model, path, Options(batch=0, json=folder / "o.json"))
    assert list(folder.iterdir()) == []
