"""What a file announces and does not hold."""

import pytest

av = pytest.importorskip("av")

from dfine.video.reading import Video
from dfine.video.truncation import lacking
from tests.video.clips import clip, cut


def frames_of(path, **options):
    with Video(path, **options) as video:
        return list(video), video


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
