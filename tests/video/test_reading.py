"""Frames come out upright, each with its own time; what cannot be read is said in a sentence."""

import threading

import numpy as np
import pytest

av = pytest.importorskip("av")

from dfine.video import sources  # noqa: E402
from dfine.video.ahead import ahead  # noqa: E402
from dfine.video.reading import Video  # noqa: E402
from dfine.video.sources import VideoError, is_video  # noqa: E402
from dfine.video.truncation import lacking  # noqa: E402
from tests.video.clips import BASE, UNEVEN, clip, cut, picture  # noqa: E402


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


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm", ".ts", ".avi"])
def test_what_a_cut_file_lacks(tmp_path, ending):
    path = clip(tmp_path / f"a{ending}", **({"movflags": "faststart"} if ending in (".mp4", ".mov") else {}))
    assert lacking(path) == 0
    short = cut(path, 0.8)
    missing = path.stat().st_size - short.stat().st_size
    assert lacking(short) == (0 if ending in (".ts", ".avi") else missing)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\x00", b"\0\0\0\x08ftyp\0\0"]
)
def test_what_announces_nothing_lacks_nothing(tmp_path, content):
    (tmp_path / "a.mkv").write_bytes(content)
    assert lacking(tmp_path / "a.mkv") == 0


def test_a_recording_of_unknown_length_lacks_nothing(tmp_path):
    path = clip(tmp_path / "a.mkv", live="1")
    assert len(frames_of(path)[0]) == 12
    assert lacking(path) == lacking(cut(path)) == 0


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
    [("a.mp4", True), ("b/c.MOV", True), ("webcam:0", True), ("webcam:", False), ("a.gif", False), ("a.jpg", False)],
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


# -- one thread ahead


def test_ahead_of_nothing():
    assert list(ahead([])) == []


def test_ahead_keeps_order_and_raises_what_went_wrong():
    def items():
        yield from range(20)
        raise OSError("the end")

    seen = []
    with pytest.raises(OSError, match="the end"):
        for item in ahead(items(), 3):
            seen.append(item)
    assert seen == list(range(20))


def test_ahead_is_never_further_than_its_depth():
    made, used = [], 0
    for _ in ahead((made.append(i) for i in range(50)), 4):
        used += 1
        assert len(made) <= used + 4 + 1, "those waiting, and the one that finds no room"
    assert used == 50


def test_leaving_early_ends_the_thread_and_closes_what_it_reads():
    closed = threading.Event()

    def items():
        try:
            yield from range(1000)
        finally:
            closed.set()

    threads = threading.active_count()
    walk = ahead(items(), 2)
    assert next(walk) == 0
    walk.close()
    assert closed.is_set()
    assert threading.active_count() == threads


def test_the_newest_item_is_taken_where_nobody_may_wait():
    go, made = threading.Event(), threading.Event()

    def items():
        yield 0
        go.wait(10)
        yield from range(1, 100)
        made.set()

    walk = ahead(items(), 1, newest=True)
    assert next(walk) == 0
    go.set()
    assert made.wait(10)
    assert list(walk) == [99]
