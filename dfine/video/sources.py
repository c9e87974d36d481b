"""Opening videos: files in any container, and webcams; a sentence says why one cannot be opened."""

from __future__ import annotations

import platform
import re
from fractions import Fraction
from pathlib import Path

from dfine.paths import ADDRESS

ENDINGS = frozenset(
    ".3gp .asf .avi .f4v .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv".split()
)
CAMERA = re.compile(r"webcam:(\d+)")
STREAM = re.compile(r"(rtsps?|rtmps?|rtp|srt|udp|mms)://")
_DISCONTINUOUS = 0x0200  # FFmpeg's flag of a container whose clock begins at any time, and may jump
_JUMP = 1  # seconds; damaged files go back by less


class VideoError(ValueError):
    """A video cannot be read or written; the message says why in a sentence."""


def is_video(source: str | Path) -> bool:
    """Whether this names a video: `webcam:0`, or a file by its ending. An animated GIF is a picture here.

    The address of a stream (`rtsp://…`) does, too, though none is read.
    """
    return bool(CAMERA.fullmatch(str(source)) or STREAM.match(str(source))) or Path(source).suffix.lower() in ENDINGS


def pyav():
    """The package that reads and writes videos. Raises ImportError, which says what to install, without it."""
    try:
        import av
    except ImportError:
        raise ImportError("videos need the package av (PyAV): pip install av") from None
    return av


def open_file(path: Path, formats: str = ""):
    """The container in a file; of these formats only, where any are named."""
    av = pyav()
    if ADDRESS.match(str(path)) and not path.exists():
        address = str(path).replace(":/", "://", 1)  # a path joins slashes
        raise VideoError(f"{address} is an address; download or record the video, and give the name of the file")
    if path.is_dir():
        raise VideoError(f"{str(path)!r} is a folder; give one of the videos in it")
    if not path.is_file():
        raise VideoError(f"there is no file {str(path)!r}")
    if not path.stat().st_size:
        raise VideoError(f"{path.name!r} is empty (0 bytes)")
    try:
        return av.open(str(path), options={"format_whitelist": formats} if formats else {})
    except PermissionError:
        raise VideoError(f"{path.name!r} may not be read: permission denied") from None
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path.name!r} is no video that can be read here, or its table of contents is cut off "
            f"({error.strerror or error}); save or download it again"
        ) from None


def open_camera(index: int):
    """A webcam, through what the system offers."""
    av = pyav()
    file, kind, options = camera(index)
    try:
        return av.open(file, format=kind, options=options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise VideoError(
            f"webcam {index} cannot be opened ({file}: {why}); is it plugged in, free, and may this program use it?"
        ) from None


def camera(index: int) -> tuple[str, str, dict[str, str]]:
    """Name, input format and options by which FFmpeg finds a webcam of this system, counted from 0."""
    system = platform.system()
    if system == "Darwin":
        return str(index), "avfoundation", {"framerate": "30"}
    if system != "Windows":
        return f"/dev/video{index}", "v4l2", {}
    try:
        from av.device import enumerate_input_devices
    except ImportError:
        raise ImportError("webcams on Windows need a newer PyAV: pip install -U av") from None
    found = [d.name for d in enumerate_input_devices("dshow") if "video" in d.media_types]
    if index >= len(found):
        raise VideoError(f"there is no webcam {index}; there are {len(found)}, counted from 0")
    return f"video={found[index]}", "dshow", {}


class Clock:
    """What is to be taken off the times of a file, so that they are counted from its beginning, as players do.

    The clock of a broadcast or a camera (MPEG-TS, MPEG-PS) begins at any time, and where recordings were put behind
    each other it jumps back. Other containers count from 0; what starts later in them is to be shown later.

    Attributes:
        offsets: in seconds, of each recording in the file as far as its pictures have been read.
    """

    def __init__(self, container, live: bool = False):
        self._jumps = not live and bool(int(container.format.flags) & _DISCONTINUOUS)
        self.offsets = [Fraction(container.start_time or 0, 10**6) if self._jumps else Fraction(0)]

    def back(self, last: Fraction | None, now: Fraction) -> bool:
        """Whether a stream that was at `last` seconds of the clock and is at `now` is in another recording."""
        return self._jumps and last is not None and last - now > _JUMP


def video_stream(container):
    """The best video stream, or None. A cover picture, which sound files hold as a stream, is none."""
    streams = [s for s in container.streams.video if "attached_pic" not in str(getattr(s, "disposition", "")).lower()]
    best = container.streams.best("video")
    return best if best in streams else next(iter(streams), None)


def contents(container) -> str:
    kinds = sorted({s.type for s in container.streams})
    return f"it holds {' and '.join(kinds)} only" if kinds else "it holds nothing"
