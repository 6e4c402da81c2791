"""Short clips made on the spot by PyAV: a moving gradient, with or without sound."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

LIMITED, FULL = 1, 2
BT709, SMPTE170M = 1, 6
LAYOUTS = {1: "mono", 2: "stereo"}


def picture(index: int, width: int, height: int) -> np.ndarray:
    """Frame `index`: smooth colours that move: (H, W, 3) `uint8`."""
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    waves = [np.sin(3 * x + y * k + index / 5) * 80 + 128 for k in (1.0, 2.0, 3.0)]
    return np.stack([wave + 0 * y for wave in waves], axis=-1).round().astype(np.uint8)


def make_torn_clip(path: Path) -> None:
    """A Matroska file of 40 frames, each but the first ones torn in its middle: every decoder complains."""
    whole = path.with_name("whole.mp4")
    make_clip(whole, frames=40, width=160, height=96, options={"bf": "0", "g": "4"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        picture = source.streams.video[0]
        copy = out.add_stream_from_template(picture)
        for index, packet in enumerate(source.demux(picture)):
            if packet.dts is None:
                continue
            data = bytes(packet)
            torn = av.Packet(data if index < 3 else data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
            torn.pts, torn.dts, torn.time_base = packet.pts, packet.dts, packet.time_base
            torn.is_keyframe, torn.stream = packet.is_keyframe, copy
            out.mux(torn)


def make_clip(
    path: Path,
    *,
    frames: int = 12,
    width: int = 64,
    height: int = 48,
    codec: str = "libx264",
    layout: str = "yuv420p",
    rate: int = 25,
    times: list[int] | None = None,
    matrix: int | None = None,
    full_range: bool = False,
    rotation: int = 0,
    channels: int = 0,
    interlaced: bool = False,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    sound: str = "aac",
) -> list[np.ndarray]:
    """The frames of a clip that is written to `path`.

    Args:
        times: milliseconds of the frames, at a time base of 1/1000; evenly spaced if left out.
        channels: of a tone beside the frames; none for 0.
        metadata: of the file, which then has a chapter named One as well.
    """
    # Over 40 lines, half of which declare what a clip may have.
    shown = [picture(index, width, height) for index in range(frames)]
    with av.open(str(path), "w") as out:
        base = Fraction(1, 1000) if times else Fraction(1, rate)
        stream = _picture_stream(out, codec, rate, (width, height, layout), options)
        context, range_ = stream.codec_context, FULL if full_range else LIMITED
        context.time_base, context.color_range = base, range_
        if matrix:
            context.colorspace = matrix
        if aspect:
            context.sample_aspect_ratio = aspect
        if interlaced:
            context.options = {"flags": "+ilme+ildct", "x264-params": "tff=1"}
        if rotation:
            stream.set_display_rotation(rotation)
        if channels:
            tone = out.add_stream(sound, rate=48000, layout=LAYOUTS[channels])
        out.metadata.update(metadata or {})
        if metadata:
            chapter = {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
            out.set_chapters([chapter])
        for index, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if not layout.startswith(("rgb", "pal")):
                frame = frame.reformat(format=layout, dst_colorspace=matrix or SMPTE170M, dst_color_range=range_)
            frame.pts, frame.time_base = (times[index] if times else index), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if channels:
            _sound(out, tone, channels, 48000 * frames // rate)
    return shown


def _picture_stream(
    out: Any, codec: str, rate: int, shape: tuple[int, int, str], options: dict[str, str] | None
) -> Any:
    stream = out.add_stream(codec, rate=rate, options=options or {})
    stream.width, stream.height, stream.pix_fmt = shape
    return stream


def _sound(out: Any, tone: Any, channels: int, samples: int) -> None:
    """A tone of so many samples."""
    wave = np.sin(np.arange(samples) / 20)[None].repeat(channels, 0).astype(np.float32)
    for start in range(0, samples - 1023, 1024):
        block = np.ascontiguousarray(wave[:, start : start + 1024])
        heard = av.AudioFrame.from_ndarray(block, format="fltp", layout=LAYOUTS[channels])
        heard.sample_rate, heard.pts, heard.time_base = 48000, start, Fraction(1, 48000)
        out.mux(tone.encode(heard))
    out.mux(tone.encode())


def frames_of(path: Path) -> list[np.ndarray]:
    """The frames of a video as RGB, by FFmpeg's own conversion."""
    with av.open(str(path)) as source:
        return [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]


def times_of(path: Path) -> list[float]:
    """The times of a video's frames, in seconds."""
    with av.open(str(path)) as source:
        return [float(frame.pts * frame.time_base) for frame in source.decode(video=0)]


def packets_of(path: Path, kind: str = "audio") -> list[bytes]:
    """The packets of the first stream of a kind, as bytes."""
    with av.open(str(path)) as source:
        stream = next(iter(getattr(source.streams, kind)), None)
        return [] if stream is None else [bytes(packet) for packet in source.demux(stream) if packet.size]
