"""Clips of a few tiny frames, made with PyAV: with a rotation, uneven times, a sound, or broken; and copies of them."""

import json
from fractions import Fraction

import av
import numpy as np

from dfine.video.reading import Video
from dfine.video.writing import Recorder

RATE, BASE = 25, Fraction(1, 600)
UNEVEN = (0, 24, 30, 90, 100, 130, 200, 240, 250, 300, 301, 400)  # times in units of BASE
SOUND = 48000


def content(path):
    """The list of a video."""
    return json.loads(path.read_text(encoding="utf-8"))


def picture(index, size=(64, 48)):
    """A frame that can be told from its turned and mirrored forms, and from the frames around it: [H, W, 3]."""
    array = np.zeros((size[1], size[0], 3), np.uint8)
    array[:, :, 2] = 20 * (index % 12)
    array[: size[1] // 3, : size[0] // 3, 0] = 255  # top left is red
    array[: size[1] // 3, -(size[0] // 3) :, 1] = 255  # top right is green
    return array


def clip(path, frames=12, *, size=(64, 48), times=None, display=None, sound=None, **options):
    """Write a clip and return its path.

    `times` count BASE; `display` sets up the display matrix: (degrees against the clock, mirrored); `sound` is a codec.
    """
    codec = "libvpx-vp9" if path.suffix == ".webm" else "libx264"
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream(codec, rate=RATE, options={"crf": "10"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = BASE
        if display:
            video.set_display_rotation(display[0], hflip=display[1])
        audio = container.add_stream(sound, rate=SOUND) if sound else None
        last = float(times[0] * BASE) if times else 0.0
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(i, size), format="rgb24")
            frame.pts, frame.time_base = times[i] if times else round(i / RATE / BASE), BASE
            container.mux(video.encode(frame))
            if audio:
                last = hum(container, audio, last, float(frame.pts * BASE) + 1 / RATE)
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))
    return path


def hum(container, audio, start, end):
    """A tone up to the time `end`; returns where it stopped."""
    step = 1024
    while start < end:
        wave = np.sin(2 * np.pi * 440 * (start + np.arange(step) / SOUND)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SOUND, round(start * SOUND), Fraction(1, SOUND)
        container.mux(audio.encode(frame))
        start += step / SOUND
    return start


def cut(path, share=0.6):
    """The first part of a file, under another name."""
    short = path.with_name(f"cut-{path.name}")
    data = path.read_bytes()
    short.write_bytes(data[: int(len(data) * share)])
    return short


def times_of(path):
    """The times of all frames, in seconds."""
    with av.open(str(path)) as container:
        return [float(f.pts * f.time_base) for f in container.decode(video=0)]


def sound_of(path):
    """Every packet of the first sound: its time in seconds and its bytes."""
    with av.open(str(path)) as container:
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(audio=0) if p.size]


def copy(source, out, *, frames=None, every=1, fail=None):
    """Read and write a clip unchanged, perhaps not to its end; returns the recorder."""
    with Video(source, every=every) as video, Recorder(out, video) as recorder:
        for frame in video:
            if frames is not None and frame.index >= frames:
                if fail:
                    raise fail
                break
            recorder.write(frame.picture, frame)
    return recorder


def codecs(path):
    """The codec of every kind of stream in a file."""
    with av.open(str(path)) as container:
        return {s.type: s.codec_context.name for s in container.streams}
