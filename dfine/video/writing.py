"""Writes pictures as a video that keeps the times and the sound of the original."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from dfine.files import Draft, said
from dfine.video.reading import Frame, Video
from dfine.video.sound import Sound
from dfine.video.sources import VideoError, pyav

# Containers that can be written, by the ending of the file, as FFmpeg calls them.
WRITTEN = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
}

# Encoders by the codec that a container prefers, best first, with options that suit drawn-on pictures: sharp, and
# quick, so that the network and not the encoder sets the pace.
_ENCODERS = {
    "h264": (("libx264", {"crf": "20", "preset": "veryfast"}), ("h264", {}), ("mpeg4", {"qmin": "2", "qmax": "5"})),
    "vp9": (("libvpx-vp9", {"crf": "30", "b": "0", "deadline": "realtime", "cpu-used": "8"}), ("vp9", {})),
    "mpeg4": (("mpeg4", {"qmin": "2", "qmax": "5"}),),
}
_BT709 = 1  # FFmpeg's number
_VARIABLE = 0x0400  # FFmpeg's flag of a container whose frames may come at any time
_FINEST = 65535  # MPEG-4 part 2 knows no finer clock than this many ticks a second


class Recorder:
    """Writes a video: `with Recorder("out.mp4", video) as recorder: recorder.write(picture, frame)`.

    The file gets its name when it is complete. After an exception or an interrupt, what was written is closed properly
    and stays as `out.partial.mp4`, which plays; without a frame nothing stays. A killed process leaves a hidden file,
    which the next one to write the same video removes.

    H.264 and its like need even sides: a last row or column is doubled where one is odd, so that boxes stay in place.

    Attributes:
        path: where the video is, or will be; None if nothing stayed.
        notes: sentences on what could not be kept as it was.
    """

    def __init__(self, path: str | Path, video: Video, *, sound: bool = True):
        """Prepare a file whose ending names the container; times and, if wanted, sound are those of `video`.

        Raises:
            VideoError: no container has that ending, or the file is the one that is being read.
        """
        av, path = pyav(), Path(path)
        if path.suffix.lower() not in WRITTEN:
            raise VideoError(f"{path.name!r} names no video that can be written; end it in {', '.join(WRITTEN)}")
        if video.path is not None and path.exists() and path.samefile(video.path):
            raise VideoError(f"{path} is being read; save the video under another name")
        self._video, self._draft, self.path, self.notes = video, Draft(path), path, []
        self._with_sound = sound and video.path is not None
        self._output = av.open(str(self._draft.temporary), "w", format=WRITTEN[path.suffix.lower()])
        self._stream, self._sound, self._last, self._moved = None, None, None, 0.0

    def write(self, picture: Image.Image, frame: Frame) -> None:
        """Show `picture` at the time of `frame`. All pictures have the size of the first, or are brought to it."""
        if self._stream is None:
            self._begin(picture)
        if picture.size != self._size:
            picture = picture.resize(self._size, Image.Resampling.BILINEAR)
        image = pyav().VideoFrame.from_ndarray(_even(np.asarray(picture.convert("RGB"))), format="rgb24")
        if self._video.colorspace == _BT709:
            image = image.reformat(format=self._stream.pix_fmt, dst_colorspace="ITU709")
        image.pts, image.time_base = self._tick(frame), self._time_base
        self._lasts = frame.lasts
        self._mux(self._stream.encode(image))
        if self._sound:
            self._sound.until(frame.time)

    def _begin(self, picture: Image.Image) -> None:
        """Add the streams, now that the size is known."""
        self._size = picture.size
        height, width = _even(np.empty(picture.size[::-1])).shape
        encoder, options = _encoder(self._output)
        varies = int(self._output.format.flags) & _VARIABLE
        base = self._video.time_base if varies else 1 / self._video.rate
        self._time_base = Fraction(1, _FINEST) if encoder == "mpeg4" and base.denominator > _FINEST else base
        stream = self._output.add_stream(encoder, rate=self._video.rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, _pixels(stream)
        stream.codec_context.time_base = self._time_base
        stream.codec_context.sample_aspect_ratio = self._video.aspect
        if self._video.colorspace == _BT709:
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._stream = stream
        if self._with_sound:
            self._sound = Sound(self._video.path, self._output, self._video.clock)

    def _mux(self, packets: list) -> None:
        for packet in packets:  # the times of the frames give it for all but the last, which has to be told
            packet.duration = round(self._lasts / packet.time_base)
        with said(self._draft.path):
            self._output.mux(packets)

    def _tick(self, frame: Frame) -> int:
        """The time of a frame on the output's clock, after the one before."""
        tick = round(frame.pts * frame.time_base / self._time_base)
        self._last = tick if self._last is None else max(tick, self._last + 1)
        self._moved = max(self._moved, abs(float(self._last * self._time_base) - frame.time))
        return self._last

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind, *_) -> None:
        """Finish the file and give it its name; after an exception, the partial one."""
        try:
            if self._stream is not None:
                self._finish(whole=kind is None)
        except BaseException:
            with suppress(Exception):  # Windows removes no file that is open
                self._output.close()
            self._draft.drop()
            self.path = None
            if kind is None:
                raise  # otherwise the first error is the one to see
        else:
            self.path = self._draft.settle(kind is None) if self._stream is not None else self._draft.drop()
        finally:
            if self._sound:
                self.notes += self._sound.notes

    def _finish(self, whole: bool) -> None:
        if self._sound:
            if whole:
                self._sound.until(None)
            self._sound.close()
        self._mux(self._stream.encode(None))
        with said(self._draft.path):
            self._output.close()
        if self._moved > 0.1 / self._video.rate:
            self.notes.append(
                f"{self._draft.path.suffix} keeps only one frame rate: frames moved by up to {self._moved:.3f} s; "
                "save as .mp4 or .mkv to keep their times"
            )


def _encoder(output) -> tuple[str, dict[str, str]]:
    """The first encoder that this build of FFmpeg has, for the container's own codec."""
    av, codec = pyav(), output.default_video_codec
    for name, options in _ENCODERS.get(codec, ((codec, {}), ("mpeg4", {}))):
        try:
            av.codec.Codec(name, "w")
            return name, options
        except ValueError:
            continue
    raise VideoError(f"this build of FFmpeg can write no {codec}; use another ending, or install av from its wheel")


def _pixels(stream) -> str:
    """The pixel format: the one that every player knows, or the encoder's first."""
    formats = [f.name for f in stream.codec_context.codec.video_formats or ()]
    return "yuv420p" if "yuv420p" in formats or not formats else formats[0]


def _even(array: np.ndarray) -> np.ndarray:
    """[H, W, …] with its last row and column doubled where H or W is odd."""
    height, width = array.shape[:2]
    pad = [(0, height % 2), (0, width % 2)] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, pad, mode="edge") if height % 2 or width % 2 else array
