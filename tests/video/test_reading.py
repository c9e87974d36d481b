"""Frames come out upright, each with its own time; what cannot be read is said in a sentence."""

from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")

from dfine.video.reading import Video
from tests.video.clips import BASE, SOUND, UNEVEN, clip, cut, hum, picture


def frames_of(path, **options):
    with Video(path, **options) as video:
        return list(video), video


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm", ".ts"])
def test_every_frame_of_any_container_is_read(tmp_path, ending):
    frames, video = frames_of(clip(tmp_path / f"a{ending}"))
    assert [f.index for f in frames] == list(range(12))
    assert {f.picture.size for f in frames} == {(64, 48)}
    assert np.diff([f.time for f in frames]) == pytest.approx(1 / 25, abs=1e-3)
    assert video.troubles == []


def test_pictures_are_those_that_were_written(tmp_path):
    frames, _ = frames_of(clip(tmp_path / "a.mp4"))
    for i, frame in enumerate(frames):
        assert np.abs(np.asarray(frame.picture, int) - picture(i)).mean() < 6


def test_uneven_times_are_kept_exactly(tmp_path):
    frames, _ = frames_of(clip(tmp_path / "a.mp4", times=UNEVEN))
    assert [f.pts * f.time_base for f in frames] == [t * BASE for t in UNEVEN]


def test_every_third_frame_keeps_its_number_and_time(tmp_path):
    path = clip(tmp_path / "a.mp4", times=UNEVEN)
    frames, video = frames_of(path, every=3)
    assert [f.index for f in frames] == [0, 3, 6, 9]
    assert [f.pts * f.time_base for f in frames] == [UNEVEN[i] * BASE for i in (0, 3, 6, 9)]
    assert video.expected == 4


def test_a_broadcast_is_counted_from_its_beginning(tmp_path):
    path = clip(tmp_path / "a.ts", times=[600_000 + t for t in UNEVEN])  # after 1000 s of its clock
    with av.open(str(path)) as container:
        assert container.start_time > 999e6
    frames, video = frames_of(path)
    assert [f.time for f in frames] == pytest.approx([float(t * BASE) for t in UNEVEN], abs=1e-4)
    assert video.troubles == []


SHOWN = [  # degrees against the clock, mirrored after that; how numpy brings the stored picture upright
    (0, False, lambda a: a),
    (90, False, lambda a: np.rot90(a)),
    (180, False, lambda a: np.rot90(a, 2)),
    (-90, False, lambda a: np.rot90(a, -1)),
    (0, True, lambda a: a[:, ::-1]),
    (180, True, lambda a: a[::-1]),
    (90, True, lambda a: np.rot90(a)[:, ::-1]),
    (-90, True, lambda a: np.rot90(a, -1)[:, ::-1]),
]


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV cannot write a rotation")
@pytest.mark.parametrize("degrees, mirrored, upright", SHOWN)
def test_the_display_matrix_is_honoured(tmp_path, degrees, mirrored, upright):
    frames, _ = frames_of(clip(tmp_path / "a.mp4", 2, display=(degrees, mirrored)))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert next(container.decode(video=0)).rotation % 360 == degrees % 360 or mirrored
    expected = upright(picture(0))
    assert frames[0].picture.size == expected.shape[1::-1]
    assert np.abs(np.asarray(frames[0].picture, int) - expected).mean() < 6


@pytest.mark.parametrize("ending, options", [(".mkv", {}), (".mp4", {"movflags": "faststart"})])
def test_what_comes_before_a_cut_is_read_and_the_place_is_named(tmp_path, ending, options):
    short = cut(clip(tmp_path / f"a{ending}", 60, **options))
    frames, video = frames_of(short)
    assert 5 < len(frames) < 60
    assert [f.index for f in frames] == list(range(len(frames)))
    (trouble,) = video.troubles
    assert short.name in trouble
    assert f"breaks off at {frames[-1].time + 1 / 25:.2f} s of 2.40 s" in trouble


def test_a_cut_among_frames_that_are_stored_out_of_order_is_noticed(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"bf": "3", "x264-params": "b-adapt=0:scenecut=0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for i in range(9):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(i), format="rgb24")))
        container.mux(video.encode(None))
    frames, video = frames_of(path)
    assert len(frames) == 9 and not video.troubles
    with av.open(str(path)) as container:
        packets = [(p.pts, p.pos + p.size) for p in container.demux(video=0) if p.size]
    behind = packets[packets.index(max(packets)) + 1 :]  # frames that are shown before the last, and stored after it
    short = cut(path, (behind[0][1] + 8) / path.stat().st_size)
    frames, video = frames_of(short)
    assert len(frames) < 9 and frames[-1].time == pytest.approx(0.8)
    (trouble,) = video.troubles
    assert f"{short.name} is cut off, its last {path.stat().st_size - short.stat().st_size} bytes" in trouble


@pytest.mark.parametrize("told", [True, False])
def test_sound_that_goes_on_after_the_pictures_is_no_cut(tmp_path, told):
    """FFmpeg may take the duration of the longest stream for that of the pictures; not all files tell each one's."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=SOUND)
        for seconds in range(4):
            frame = av.VideoFrame.from_ndarray(picture(seconds), format="rgb24")
            frame.pts, frame.time_base = seconds, Fraction(1)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        hum(container, audio, 0, 8)
        container.mux(audio.encode(None))
    if not told:
        path.write_bytes(path.read_bytes().replace(b"DURATION", b"OTHERTAG"))
    with av.open(str(path)) as container:
        assert container.duration > 7_000_000
    frames, video = frames_of(path)
    assert [frame.time for frame in frames] == [0, 1, 2, 3] and video.troubles == []
    _, video = frames_of(cut(path, 0.5))
    assert len(video.troubles) == 1


def test_damage_in_the_middle_is_left_out_and_named(tmp_path):
    path = clip(tmp_path / "a.mp4", 60)
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for start, size in places[20:30]:
        data[start + 4 : start + size] = np.random.default_rng(0).bytes(size - 4)
    path.write_bytes(data)
    frames, video = frames_of(path)
    assert 20 <= len(frames) < 60
    assert len(video.troubles) == 1
    assert "a.mp4 is damaged from 0." in video.troubles[0]
