"""What a video file holds, and its frames as RGB arrays: upright, deinterlaced, in the colours that its tags state."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kdsr.errors import InputError
from kdsr.video.pyav import av, opened

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".vob"),
        *(".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".nut", ".y4m"),
    }
)
"""Names of video files. An animated GIF is a picture by its name, and a clip where a clip is to be written."""
_LIMITED, _FULL = 1, 2
_BT709, _BT2020, _SMPTE170M = 1, 9, 6
_PQ, _HLG = 16, 18
_LOOKED_AT = 10
"""Frames that tell whether a clip is interlaced."""


@dataclass(frozen=True)
class Clip:
    """A video stream that can be restored."""

    path: Path
    width: int
    height: int
    """Of an upright frame, in pixels."""
    rotation: int
    """Degrees by which decoded frames are turned counter-clockwise to stand upright: 0, 90, 180 or 270."""
    bits: int
    """8, or 10 for all depths above."""
    chroma: str
    """420, 422 or 444."""
    matrix: int
    full_range: bool
    primaries: int
    transfer: int
    """FFmpeg's numbers of the colour tags; the matrix that is not stated is BT.709 from 1280x577 px, else BT.601."""
    is_rgb: bool
    is_interlaced: bool
    sample_aspect: Fraction
    time_base: Fraction
    rate: Fraction
    """Mean frames a second."""
    duration_s: float | None
    notes: tuple[str, ...]

    @property
    def step(self) -> int:
        """The usual time from frame to frame, in units of `time_base`."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def expected_frames(self) -> int | None:
        """The number of frames by duration and rate; None where the file does not state its duration."""
        return None if self.duration_s is None else max(1, round(self.duration_s * float(self.rate)))


@dataclass(frozen=True)
class Shot:
    """A frame: `pixels` (H, W, 3) of `uint8` or `uint16`, and its time in units of the clip's `time_base`."""

    pixels: np.ndarray
    pts: int


def open_clip(path: Path, *, max_megapixels: float | None = None) -> Clip:
    """What the video file at `path` holds.

    max_megapixels: of a frame, by the header: none is decoded of a larger one.

    Raises:
        InputError: no file, no video that the installed FFmpeg decodes, too large frames, or HDR.
    """
    if not path.is_file():
        raise InputError(f"There is no video file at {path}.")
    try:
        with opened(path) as container:
            stream = video_of(container, path)
            if max_megapixels is not None and stream.width * stream.height > 1_000_000 * max_megapixels:
                raise InputError(
                    f"A frame of {path.name} has {stream.width}x{stream.height} px, over the {max_megapixels:g} "
                    "megapixels allowed here; make the clip smaller."
                )
            first = _first_frames(container, stream)
            if not first:
                raise InputError(f"{path.name} holds no frame that can be decoded.")
            return _described(path, container, stream, first)
    except av().FFmpegError as error:
        raise InputError(f"{path.name} cannot be read as a video: {error.strerror or error}.") from None


def shots(clip: Clip, after: int | None = None, *, every: float = 0.0) -> Iterator[Shot]:
    """The frames of `clip` in order, from the first whose time is later than `after`.

    every: seconds; frames nearer to the one before are decoded and not given.

    A packet that is damaged is passed over, as players do. Times rise strictly.
    """
    with opened(clip.path) as container:
        stream = video_of(container, clip.path)
        stream.thread_type = "AUTO"
        if after is not None and clip.expected_frames is not None:
            container.seek(max(0, after - round(1 / clip.time_base)), stream=stream, backward=True)
        last, gap = after, max(1, math.ceil(every / clip.time_base))
        for frame, pts in _timed(clip, _progressive(clip, stream, _decoded(container, stream))):
            if last is None or pts >= last + gap:
                last = pts
                yield Shot(_upright(_rgb(clip, frame), clip.rotation), pts)


def video_of(container: "InputContainer", path: Path) -> "VideoStream":
    """The stream that is the picture: no cover."""
    cover = av().stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise InputError(f"{path.name} holds no video.")
    return max(streams, key=lambda stream: (bool(stream.disposition & av().stream.Disposition.default), -stream.index))


def _first_frames(container: "InputContainer", stream: "VideoStream") -> "list[VideoFrame]":
    found = []
    for frame in _decoded(container, stream):
        found.append(frame)
        if len(found) == _LOOKED_AT:
            break
    return found


def _decoded(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame]":
    """Every frame that decodes."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av().FFmpegError:
            packet = None  # a file that breaks off: what the decoder holds is still good
        try:
            yield from stream.decode(packet)
        except av().EOFError:
            return
        except av().FFmpegError:
            continue
        if packet is None:
            return


def _described(path: Path, container: "InputContainer", stream: "VideoStream", frames: "list[VideoFrame]") -> Clip:
    first, layout = frames[0], frames[0].format
    if first.color_trc in (_PQ, _HLG):
        raise InputError(
            f"{path.name} is HDR ({'PQ' if first.color_trc == _PQ else 'HLG'}), and standard dynamic range was "
            "wanted; convert it first, for example by ffmpeg's filter tonemap."
        )
    bits = max(component.bits for component in layout.components)
    is_large = first.width >= 1280 or first.height > 576
    rotation = round(first.rotation / 90) * 90 % 360
    time_base = stream.time_base or Fraction(1, 1000)
    duration = (stream.duration or 0) * time_base or (container.duration or 0) / 1_000_000
    aspect = stream.sample_aspect_ratio or Fraction(1)
    notes = []
    if is_interlaced := any(frame.interlaced_frame for frame in frames):
        notes.append("The clip is interlaced: restored after FFmpeg's bwdif made whole frames.")
    if len(layout.components) in (2, 4):
        notes.append("The clip's transparency is left out.")
    if bits > 10:
        notes.append(f"The clip's {bits} bits become 10.")
    clip = Clip(
        path=path, width=first.width, height=first.height, rotation=rotation, bits=8 if bits <= 8 else 10,
        chroma=_chroma_of(layout), matrix=_BT709 if is_large else _SMPTE170M,
        full_range=first.color_range == _FULL, primaries=first.color_primaries, transfer=first.color_trc,
        is_rgb=bool(layout.is_rgb or layout.name == "pal8"), is_interlaced=is_interlaced,
        sample_aspect=aspect if rotation % 180 == 0 else 1 / aspect, time_base=time_base,
        rate=stream.average_rate or stream.guessed_rate or Fraction(25), duration_s=float(duration) or None,
        notes=tuple(notes),
    )  # fmt: skip
    if first.colorspace not in (0, 2, 3):  # RGB, not stated, reserved
        clip = replace(clip, matrix=first.colorspace)
    return clip if rotation % 180 == 0 else replace(clip, width=first.height, height=first.width)


def _chroma_of(layout: object) -> str:
    """How densely colour is sampled; 4:1:1 and 4:1:0 become 4:2:2 and 4:2:0."""
    name = str(getattr(layout, "name", ""))
    for found, kept in {"444": "444", "422": "422", "420": "420", "411": "422", "410": "420", "440": "444"}.items():
        if found in name:
            return kept
    return "422" if name.startswith(("yuyv", "uyvy", "yvyu")) else "420"


def _progressive(clip: Clip, stream: "VideoStream", frames: "Iterator[VideoFrame]") -> "Iterator[VideoFrame]":
    """Whole frames: those of an interlaced clip by FFmpeg's `bwdif`, as many as there were."""
    if not clip.is_interlaced:
        yield from frames
        return
    graph = av().filter.Graph()
    source, sink = graph.add_buffer(template=stream), graph.add("buffersink")
    deinterlace = graph.add("bwdif", "mode=send_frame:deint=all")
    source.link_to(deinterlace)
    deinterlace.link_to(sink)
    graph.configure()
    for frame in frames:
        source.push(frame)
        yield from _pulled(sink)
    source.push(None)
    yield from _pulled(sink)


def _pulled(sink: object) -> "Iterator[VideoFrame]":
    while True:
        try:
            yield sink.pull()  # type: ignore[attr-defined]
        except (av().BlockingIOError, av().EOFError):
            return


def _timed(clip: Clip, frames: "Iterator[VideoFrame]") -> "Iterator[tuple[VideoFrame, int]]":
    """Each frame with its time in the clip's units; one without a time follows the one before it."""
    last = -clip.step
    for frame in frames:
        if frame.pts is None:
            pts = last + clip.step
        else:
            pts = round(frame.pts * (frame.time_base or clip.time_base) / clip.time_base)
        last = pts
        yield frame, pts


def _rgb(clip: Clip, frame: "VideoFrame") -> np.ndarray:
    """(H, W, 3) `uint8`, or `uint16` where the clip has more than 8 bits; of the clip's matrix and range."""
    ways = av().video.reformatter.Interpolation
    more = {}
    if not clip.is_rgb:
        stated = _FULL if clip.full_range else _LIMITED
        more = {"src_colorspace": clip.matrix, "src_color_range": stated, "dst_color_range": _FULL}
    quality = ways.BICUBIC | ways.ACCURATE_RND | ways.FULL_CHR_H_INT | ways.FULL_CHR_H_INP
    found = frame.reformat(format="rgb24" if clip.bits == 8 else "rgb48le", interpolation=quality, **more)
    return found.to_ndarray()


def _upright(pixels: np.ndarray, rotation: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90)) if rotation else pixels
