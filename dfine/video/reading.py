"""A video, frame by frame, upright and with the exact time of every frame; from a file or from a webcam."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from dfine.paths import at_home
from dfine.video.sources import CAMERA, Clock, VideoError, contents, open_camera, open_file, pyav, video_stream
from dfine.video.truncation import lacking

_SLACK = 3  # frames that may be missing at the end of a whole file, since announced durations are rounded


@dataclass(frozen=True)
class Frame:
    """One picture of a video."""

    picture: Image.Image  # upright RGB
    index: int  # counts every frame of the video from 0, those that `every` leaves out too
    pts: int  # when it is shown, in units of `time_base`
    time_base: Fraction  # seconds
    lasts: Fraction  # seconds that it is shown, as far as that is known

    @property
    def time(self) -> float:
        """When it is shown, in seconds as players count them."""
        return float(self.pts * self.time_base)


class Video:
    """An open video. `for frame in video` reads it once, from its start; afterwards `troubles` says what was lost.

    Attributes:
        name: of the file, or `webcam:0`.
        path: of the file; None for a webcam.
        live: whether it is a webcam, whose clock starts at 0 and which only Ctrl-C ends.
        time_base: seconds in one unit of a frame's `pts`.
        rate: frames a second, as the file announces them; a guess where their rate varies.
        expected: about how many frames there are to come, or None.
        aspect: width of a pixel over its height, upright; the boxes count pixels whatever their shape.
        colorspace: FFmpeg's number for how colours were coded; 1 is ITU-R BT.709, 2 says nothing.
        clock: what is taken off the times in the file.
        troubles: sentences on what could not be read.
    """

    def __init__(self, source: str | Path, *, every: int = 1, formats: str = ""):
        """Open a file, or `webcam:0`, to read every `every`-th frame.

        `formats` names the containers that are allowed, as FFmpeg calls them, with commas; by default all.

        Raises:
            VideoError: it cannot be opened, or holds no video.
            ImportError: PyAV is not installed.
            ValueError: `every` is not positive.
        """
        if every < 1:
            raise ValueError(f"every is a number of frames of at least 1, not {every}")
        self.every, self.troubles = every, []
        camera = CAMERA.fullmatch(str(source))
        self.live, self.path = bool(camera), None if camera else at_home(source)
        self.name = str(source) if camera else self.path.name
        self._container = open_camera(int(camera[1])) if camera else open_file(self.path, formats)
        self._stream = video_stream(self._container)
        if self._stream is None:
            held = contents(self._container)
            self.close()
            raise VideoError(f"{self.name!r} holds no video: {held}")
        self._stream.thread_type = "AUTO"  # decode with several threads
        self.time_base = self._stream.time_base
        self.rate = self._stream.guessed_rate or self._stream.average_rate or Fraction(25)
        self.aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.colorspace = 2
        self.clock = Clock(self._container, self.live)
        start, until = _declared(self._container, self._stream)
        self._until = until and until - float(self.clock.offsets[0])
        count = self._stream.frames or (round((until - start) * self.rate) if until else 0)
        self.expected = -(-count // every) or None
        self._damaged, self._damage_at, self._end = 0, None, 0.0
        self._unread = 0  # damaged packets at the end so far, which may only be the cut of a broken-off file

    def __iter__(self) -> Iterator[Frame]:
        first, last, said, step = None, None, None, max(1, round(1 / self.rate / self.time_base))
        for index, frame in enumerate(self._decoded()):
            if frame.pts is None:  # raw streams have no clock
                pts = 0 if last is None else last + step
            else:
                now = frame.pts * self.time_base
                if self.clock.back(said, now):  # go on where the recording before ended
                    self.clock.offsets.append(now - (last + step) * self.time_base)
                pts, said = frame.pts - round(self.clock.offsets[-1] / self.time_base), now
                pts = pts if last is None else max(pts, last + 1)
                step = step if last is None else pts - last
            first, last = pts if first is None else first, pts
            lasts = (getattr(frame, "duration", 0) or 0) * self.time_base or 1 / self.rate
            self._end = float(pts * self.time_base + lasts)
            if index % self.every:
                continue
            if index == 0:
                self._look_at(frame)
            yield Frame(_upright(frame), index, pts - first if self.live else pts, self.time_base, lasts)
        self._check_the_end(last is None)

    def _decoded(self) -> Iterator:
        """Every frame that can be decoded; damaged packets are counted and left out."""
        errors = pyav().error.FFmpegError
        try:
            for packet in self._packets():
                try:
                    frames = packet.decode()
                except errors:
                    self._unread += 1
                    self._damage_at = self._end if self._damage_at is None else self._damage_at
                    continue
                if packet.size:
                    self._damaged, self._unread = self._damaged + self._unread, 0
                yield from frames
        except errors as error:
            self.troubles.append(f"{self.name} cannot be read beyond {self._end:.2f} s: {error.strerror or error}")
            try:
                yield from self._stream.decode(None)  # what the decoder still holds
            except errors:
                return

    def _packets(self) -> Iterator:
        while True:
            try:
                yield from self._container.demux(self._stream)
                return
            except BlockingIOError:  # a camera that has nothing new yet
                time.sleep(0.005)

    def _look_at(self, frame) -> None:
        """Take from the first frame what only frames tell: how it is turned, and its colours."""
        turned, self.colorspace = _orientation(frame)[0], frame.colorspace
        self.aspect = 1 / self.aspect if turned else self.aspect

    def _check_the_end(self, nothing: bool) -> None:
        end = self._until
        if nothing:
            raise VideoError(f"no frame of {self.name!r} can be decoded: the file is damaged or cut off")
        if self._damaged:
            self.troubles.append(
                f"{self.name} is damaged from {self._damage_at:.2f} s on: {self._damaged} of its packets were left out"
            )
        if end and end - self._end > _SLACK / self.rate:
            self.troubles.append(
                f"{self.name} breaks off at {self._end:.2f} s of {end:.2f} s; what was read until there is kept"
            )
        elif not self.troubles and self.path and (missing := lacking(self.path)):
            self.troubles.append(
                f"{self.name} is cut off, its last {missing} bytes are missing: it was read until {self._end:.2f} s, "
                "and some frames before that may be lost"
            )

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels as the file announces them, before it is turned upright."""
        return self._stream.width or 0, self._stream.height or 0

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _declared(container, stream) -> tuple[float, float | None]:
    """When a video begins, and when it ends as far as the file announces that, in seconds."""
    start = float((stream.start_time or 0) * stream.time_base)
    # Of Matroska, some writers with a language behind it. What stands elsewhere there is that of the longest stream.
    told = next((value for key, value in stream.metadata.items() if key.split("-")[0] == "DURATION"), "")
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", told)
    others = "matroska" in container.format.name and len(container.streams) > 1
    if tag:
        length = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3]) - start
    elif stream.duration and not others:
        length = float(stream.duration * stream.time_base)
    else:
        return start, None
    whole = container.duration  # in µs; shorter where a phone has trimmed its clip by an edit list
    return start, start + (min(length, whole / 1e6) if whole else length)


def _orientation(frame) -> tuple[bool, bool, bool]:
    """How a frame is to be shown: rows for columns, then mirrored left to right, then top to bottom.

    FFmpeg's display matrix takes (x, y) to (a·x + c·y, b·x + d·y); rounded to quarter turns, its signs are enough.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), dtype=np.int32).tolist()
    turned = abs(b) > abs(a)
    return (True, c < 0, b < 0) if turned else (False, a < 0, d < 0)


def _upright(frame) -> Image.Image:
    """A decoded frame as it is to be shown, in RGB."""
    array = frame.to_ndarray(format="rgb24")  # [H, W, 3]
    turned, mirrored, flipped = _orientation(frame)
    array = array.swapaxes(0, 1) if turned else array
    array = array[:, ::-1] if mirrored else array
    array = array[::-1] if flipped else array
    return Image.fromarray(np.ascontiguousarray(array))
