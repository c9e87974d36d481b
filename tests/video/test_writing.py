"""A video that is written keeps times, sound and places; it has its name only when it is whole."""

import os

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")

from dfine.video.reading import Video
from dfine.video.sources import VideoError
from dfine.video.writing import Recorder
from tests.video.clips import BASE, SOUND, UNEVEN, clip, copy, sound_of, times_of


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".m4v"])
def test_uneven_times_are_kept_exactly(tmp_path, ending):
    source, out = clip(tmp_path / "a.mp4", times=UNEVEN), tmp_path / f"out{ending}"
    assert copy(source, out).notes == []
    assert times_of(out) == [float(t * BASE) for t in UNEVEN]


def test_the_last_frame_is_shown_as_long_as_before(tmp_path):
    source, out = clip(tmp_path / "a.mp4"), tmp_path / "out.mp4"
    copy(source, out)
    with av.open(str(source)) as a, av.open(str(out)) as b:
        assert a.duration == b.duration == 12 / 25 * av.time_base


@pytest.mark.parametrize("ending", [".mkv", ".webm"])
def test_matroska_keeps_uneven_times_to_the_millisecond(tmp_path, ending):
    source, out = clip(tmp_path / "a.mp4", times=UNEVEN), tmp_path / f"out{ending}"
    copy(source, out)
    assert times_of(out) == pytest.approx([float(t * BASE) for t in UNEVEN], abs=5.1e-4)


def test_a_container_of_one_rate_says_that_frames_moved(tmp_path):
    recorder = copy(clip(tmp_path / "a.mp4", times=UNEVEN), tmp_path / "out.avi")
    assert len(times_of(tmp_path / "out.avi")) == 12
    assert len(recorder.notes) == 1
    assert recorder.notes[0].startswith(".avi keeps only one frame rate")
    assert copy(clip(tmp_path / "even.mp4"), tmp_path / "even.avi").notes == []


@pytest.mark.parametrize("size, written", [((64, 48), (64, 48)), ((63, 47), (64, 48)), ((1, 1), (2, 2))])
def test_odd_sides_gain_a_row_or_column_and_nothing_moves(tmp_path, size, written):
    source = clip(tmp_path / "a.mp4")
    picture = np.full((size[1], size[0], 3), 40, np.uint8)
    picture[: size[1] // 2, : size[0] // 2] = 220
    with Video(source) as video, Recorder(tmp_path / "out.mp4", video) as recorder:
        for frame in video:
            recorder.write(Image.fromarray(picture), frame)
    with Video(tmp_path / "out.mp4") as video:
        shown = [np.asarray(f.picture, int) for f in video]
    assert len(shown) == 12
    assert shown[0].shape == (written[1], written[0], 3)
    assert np.abs(shown[0][: size[1], : size[0]] - picture).mean() < 4


def test_a_picture_of_another_size_is_brought_to_the_first_ones(tmp_path):
    source = clip(tmp_path / "a.mp4")
    with Video(source) as video, Recorder(tmp_path / "out.mp4", video) as recorder:
        for frame in video:
            recorder.write(frame.picture.resize((32, 24)) if frame.index else frame.picture, frame)
    with Video(tmp_path / "out.mp4") as video:
        assert [f.picture.size for f in video] == [(64, 48)] * 12


def test_the_shape_of_pixels_is_kept(tmp_path):
    source = clip(tmp_path / "a.mp4")
    with Video(source) as video:
        video.aspect = video.aspect * 4 / 3
        with Recorder(tmp_path / "out.mp4", video) as recorder:
            for frame in video:
                recorder.write(frame.picture, frame)
    with Video(tmp_path / "out.mp4") as video:
        assert video.aspect == pytest.approx(4 / 3)


# -- names


def test_a_whole_file_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path):
    out = tmp_path / "new" / "out.mp4"
    out.parent.mkdir()
    out.write_bytes(b"old")
    assert copy(clip(tmp_path / "a.mp4"), out).path == out
    assert [p.name for p in out.parent.iterdir()] == ["out.mp4"]
    assert len(times_of(out)) == 12


@pytest.mark.parametrize("fail", [KeyboardInterrupt(), OSError("full")])
def test_an_interrupt_leaves_a_partial_file_that_plays(tmp_path, fail):
    source, folder = clip(tmp_path / "a.mp4", sound="aac"), tmp_path / "new"
    folder.mkdir()
    (folder / "out.mp4").write_bytes(b"old")
    with pytest.raises(type(fail)):
        copy(source, folder / "out.mp4", frames=5, fail=fail)
    assert sorted(p.name for p in folder.iterdir()) == ["out.mp4", "out.partial.mp4"]
    assert (folder / "out.mp4").read_bytes() == b"old"
    assert len(times_of(folder / "out.partial.mp4")) == 5
    assert 0 < sound_of(folder / "out.partial.mp4")[-1][0] < 5 / 25 + 1024 / SOUND


def test_an_interrupt_before_the_first_frame_leaves_nothing(tmp_path):
    folder = tmp_path / "new"
    with pytest.raises(KeyboardInterrupt):
        copy(clip(tmp_path / "a.mp4"), folder / "out.mp4", frames=0, fail=KeyboardInterrupt())
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not say which files are open")
def test_a_file_that_cannot_be_finished_is_closed_before_it_is_removed(tmp_path, monkeypatch):
    """Windows removes no file that is open, and its complaint would take the place of the first one."""
    source, there = clip(tmp_path / "a.mp4", frames=120), []

    def fail(whole):
        raise OSError("full")

    def removed():
        there.extend(map(_link, os.listdir("/proc/self/fd")))
        drop()

    with Video(source) as video, pytest.raises(OSError, match="full"):
        with Recorder(tmp_path / "out.mp4", video) as recorder:
            drop = recorder._draft.drop
            monkeypatch.setattr(recorder, "_finish", fail)
            monkeypatch.setattr(recorder._draft, "drop", removed)
            for frame in video:
                recorder.write(frame.picture, frame)
            name = recorder._draft.temporary.name
            assert any(name in link for link in map(_link, os.listdir("/proc/self/fd")))
    assert there and not [link for link in there if name in link]
    assert list(tmp_path.iterdir()) == [source]


def _link(number):
    """What an open file of this process is called; nothing where it has been closed meanwhile."""
    path = f"/proc/self/fd/{number}"
    return os.readlink(path) if os.path.islink(path) else ""


def test_names_that_cannot_be_are_refused_before_anything_is_written(tmp_path):
    source = clip(tmp_path / "a.mp4")
    before = source.read_bytes()
    with pytest.raises(VideoError, match=r"'out.gif' names no video .* end it in .mp4"):
        copy(source, tmp_path / "out.gif")
    with pytest.raises(VideoError, match="a.mp4 is being read"):
        copy(source, source)
    assert source.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_coded_for_high_definition_stay_as_they_are(tmp_path):
    """ITU-R BT.709, told from BT.601 by its number in the file; taking one for the other shifts greens and reds."""
    source = tmp_path / "a.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1
        green = Image.new("RGB", (64, 48), (20, 200, 40))
        for _ in range(3):
            frame = av.VideoFrame.from_image(green).reformat(format="yuv420p", dst_colorspace="ITU709")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    copy(source, tmp_path / "out.mp4")
    for path in (source, tmp_path / "out.mp4"):
        with Video(path) as video:
            frames = list(video)
        assert video.colorspace == 1
        assert np.asarray(frames[0].picture, int).mean((0, 1)) == pytest.approx([20, 200, 40], abs=4)
