"""The sound of one video on its way into another: copied where the container takes it, and else encoded again."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from dfine.video.sources import Clock, pyav

_TRIED = 8  # packets that are written on trial


class Sound:
    """The audio streams of a file, streamed into an open output; make it after its video stream, before any packet.

    Attributes:
        notes: sentences on sound that could not be kept as it was.
    """

    def __init__(self, source: Path, output, clock: Clock):
        """Open `source` a second time, for its sound only, and add its audio streams to `output` (PyAV's).

        `clock` is that of the pictures.
        """
        self._errors = pyav().error.FFmpegError
        self._output, self.notes = output, []
        self._container = pyav().open(str(source))
        self._clock, self._heard = clock, {}
        self._routes: dict[int, Callable] = {}
        for stream in self._container.streams.audio:
            try:
                self._routes[stream.index] = _route(stream, output, source)
            except (ValueError, self._errors) as error:
                self.notes.append(
                    f"the sound ({_codec(stream)}) is left out: .{output.format.name} cannot hold it ({error})"
                )
        self._packets, self._next = self._demux(), None

    def until(self, seconds: float | None) -> None:
        """Hand on all that is heard before `seconds`, or all that is left."""
        while True:
            packet, recording = self._next or next(self._packets, (None, 0))
            self._next = None
            if packet is None:
                return
            offsets = self._clock.offsets
            ticks = round(offsets[min(recording, len(offsets) - 1)] / packet.time_base)
            later = packet.pts is not None and float((packet.pts - ticks) * packet.time_base) >= (seconds or 0)
            if seconds is not None and (later or recording >= len(offsets)):  # which the pictures have not come to
                self._next = packet, recording
                return
            if self._moved(packet, ticks):
                self._output.mux(self._routes[packet.stream.index](packet))

    def close(self) -> None:
        """Close the file that the sound comes from, and hand on what the encoders still hold."""
        for route in self._routes.values():
            self._output.mux(route(None))
        self._container.close()

    def _moved(self, packet, ticks: int) -> bool:
        """Let a packet be heard so much earlier, unless something of its stream that is later has been heard."""
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        if packet.dts is None:
            return True
        heard = self._heard.get(packet.stream.index)
        if heard is not None and packet.dts < heard:
            return False
        self._heard[packet.stream.index] = packet.dts
        return True

    def _demux(self) -> Iterator:
        """Every packet, and in which of the recordings in the file it is."""
        times, recordings = {}, Counter()  # of each stream
        streams = [s for s in self._container.streams.audio if s.index in self._routes]
        try:
            for packet in self._container.demux(streams) if streams else ():
                if packet.size:  # the empty one at the end only asks decoders to give out the rest
                    stream = packet.stream.index
                    if packet.pts is not None:
                        now = packet.pts * packet.time_base
                        recordings[stream] += self._clock.back(times.get(stream), now)
                        times[stream] = now
                    yield packet, recordings[stream]
        except self._errors as error:
            self.notes.append(f"the sound breaks off: {error.strerror or error}")


def _route(stream, output, source: Path) -> Callable:
    """The function that makes packets for `output` of a packet of `stream`; None asks it for what it holds back."""
    if _holds(output.format.name, stream, source):
        return _copy(output.add_stream_from_template(stream))
    codec = output.default_audio_codec
    if codec in ("", "none", None):
        raise ValueError("it has no sound")
    encoder = "libopus" if codec == "opus" else "libvorbis" if codec == "vorbis" else codec
    rate = 48000 if codec == "opus" else stream.codec_context.sample_rate
    target = output.add_stream(encoder, rate=rate)
    target.codec_context.layout = "mono" if stream.codec_context.channels == 1 else "stereo"
    return _encode(target)


def _holds(kind: str, stream, source: Path) -> bool:
    """Whether a container takes the stream as it is: its first packets are written to memory to find out.

    The header alone does not tell: FFmpeg begins an MP4 file with some sounds that it then cannot finish. Raw sound
    (PCM) does not go into MP4 although FFmpeg can write it, because hardly any player can play it.
    """
    av = pyav()
    if kind == "mp4" and _codec(stream).startswith("pcm_"):
        return False
    try:
        with av.open(str(source)) as container, av.open(io.BytesIO(), "w", format=kind) as trial:
            copied = _copy(trial.add_stream_from_template(stream))
            mine = container.streams[stream.index]
            for packet in islice(container.demux(mine), _TRIED):
                trial.mux(copied(packet))
            trial.start_encoding()
        return True
    except (ValueError, OSError, av.error.FFmpegError):
        return False


def _copy(target) -> Callable:
    def copied(packet) -> list:
        if packet is None or packet.dts is None:
            return []
        packet.stream = target
        return [packet]

    return copied


def _encode(target) -> Callable:
    """Decode, bring to what the encoder wants, encode; damaged packets are silence."""
    av, context = pyav(), target.codec_context
    resampler = None

    def encoded(packet) -> list:
        nonlocal resampler
        if resampler is None:
            target.codec_context.open(strict=False)  # only an open encoder knows the length of its frames
            resampler = av.AudioResampler(
                context.format, context.layout, context.sample_rate, frame_size=context.frame_size or None
            )
        try:
            frames = packet.decode() if packet is not None else [None]
        except av.error.FFmpegError:
            return []
        pieces = [piece for frame in frames for piece in resampler.resample(frame)]
        packets = [p for piece in pieces if piece is not None for p in target.encode(piece)]
        return packets + (target.encode(None) if packet is None else [])

    return encoded


def _codec(stream) -> str:
    return stream.codec_context.name if stream.codec_context else "unknown"
