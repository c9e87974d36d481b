"""Sound on its way into another video: copied where the container takes it, and else encoded again."""

import numpy as np
import pytest

av = pytest.importorskip("av")

from tests.video.clips import SOUND, UNEVEN, clip, codecs, copy, cut, sound_of, times_of


@pytest.mark.parametrize(
    "codec, source, out", [("aac", ".mp4", ".mp4"), ("aac", ".mp4", ".mov"), ("flac", ".mkv", ".mkv")]
)
def test_sound_that_the_container_takes_is_copied_byte_by_byte(tmp_path, codec, source, out):
    path = clip(tmp_path / f"a{source}", sound=codec)
    assert copy(path, tmp_path / f"out{out}").notes == []
    kept, given = sound_of(tmp_path / f"out{out}"), sound_of(path)
    assert len(given) > 4
    assert [data for _, data in kept] == [data for _, data in given]
    assert np.diff([t for t, _ in kept]) == pytest.approx(np.diff([t for t, _ in given]), abs=2e-3)


def test_sound_stays_where_it_was_beside_the_pictures(tmp_path):
    path = clip(tmp_path / "a.mp4", sound="aac", times=UNEVEN)
    copy(path, tmp_path / "out.mp4")
    assert [t for t, _ in sound_of(tmp_path / "out.mp4")] == [t for t, _ in sound_of(path)]
    assert times_of(tmp_path / "out.mp4") == times_of(path)


@pytest.mark.parametrize("out", [".mp4", ".webm"])  # copied, and encoded again
def test_of_a_broadcast_both_begin_with_the_file(tmp_path, out):
    path = clip(tmp_path / "a.ts", 24, sound="aac", times=[600_000 + 24 * i for i in range(24)])
    copy(path, tmp_path / f"out{out}")
    seen, heard = times_of(tmp_path / f"out{out}"), [t for t, _ in sound_of(tmp_path / f"out{out}")]
    apart = times_of(path)[0] - sound_of(path)[0][0]
    assert 0 <= seen[0] < 0.1 and heard[-1] < 2
    assert seen[0] - heard[0] == pytest.approx(apart, abs=0.03)


@pytest.mark.parametrize("out", [".mp4", ".webm"])
def test_recordings_behind_each_other_go_on_after_each_other(tmp_path, out):
    """As cameras and broadcasts leave them, whose clock begins anew in each."""
    part, path = clip(tmp_path / "a.ts", 60, sound="aac"), tmp_path / "b.ts"
    path.write_bytes(part.read_bytes() * 3)
    copy(path, tmp_path / f"out{out}")
    seen, heard = times_of(tmp_path / f"out{out}"), [t for t, _ in sound_of(tmp_path / f"out{out}")]
    assert np.diff(seen) == pytest.approx(1 / 25, abs=2e-3) and len(seen) == 180
    assert len(heard) > 0.95 * 3 * 60 / 25 * SOUND / (1024 if out == ".mp4" else 960)
    assert np.diff(heard).max() < 0.1 and abs(heard[-1] - seen[-1]) < 0.2


def test_other_sound_is_encoded_again(tmp_path):
    path = clip(tmp_path / "a.mp4", 24, sound="aac")
    assert copy(path, tmp_path / "out.webm").notes == []
    assert codecs(tmp_path / "out.webm") == {"video": "vp9", "audio": "opus"}
    assert heard(tmp_path / "out.webm") == pytest.approx(heard(path), abs=0.06)


def test_raw_sound_goes_into_mp4_as_it_can(tmp_path):
    """Whether MP4 takes it as it is depends on the FFmpeg at hand; that it is heard does not."""
    path = clip(tmp_path / "a.mkv", 24, sound="flac")
    copy(path, tmp_path / "out.mp4")
    assert heard(tmp_path / "out.mp4") == pytest.approx(heard(path), abs=0.06)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le", "pcm_u8"])
@pytest.mark.parametrize("out, kept", [(".mp4", "aac"), (".m4v", "aac"), (".mov", "pcm"), (".mkv", "pcm")])
def test_pcm_becomes_aac_in_mp4_and_is_copied_elsewhere(tmp_path, codec, out, kept):
    path = clip(tmp_path / "a.mkv", 24, sound=codec)
    notes = copy(path, tmp_path / f"out{out}").notes
    assert codecs(tmp_path / f"out{out}")["audio"].startswith(kept)
    assert notes == []
    assert heard(tmp_path / f"out{out}") == pytest.approx(heard(path), abs=0.06)


def heard(path):
    """Seconds of sound that are not silent."""
    with av.open(str(path)) as container:
        frames = [f for f in container.decode(audio=0)]
    return sum(f.samples / f.sample_rate for f in frames if np.abs(f.to_ndarray().astype(float)).max() > 0)


def test_with_fewer_frames_all_of_the_sound_is_kept(tmp_path):
    path = clip(tmp_path / "a.mp4", sound="aac")
    copy(path, tmp_path / "out.mp4", every=4)
    assert times_of(tmp_path / "out.mp4") == pytest.approx([0.0, 0.16, 0.32])
    assert [d for _, d in sound_of(tmp_path / "out.mp4")] == [d for _, d in sound_of(path)]


def test_a_cut_file_gives_the_sound_up_to_the_cut(tmp_path):
    short = cut(clip(tmp_path / "a.mkv", 60, sound="aac"))
    copy(short, tmp_path / "out.mp4")
    assert 0 < len(sound_of(tmp_path / "out.mp4")) <= len(sound_of(short))
    assert len(times_of(tmp_path / "out.mp4")) == len(times_of(short))
