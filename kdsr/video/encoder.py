"""Frames into a piece of a video stream, with the colour tags and times of the clip that they come from."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, TracebackType

import numpy as np

from kdsr.errors import SettingsError, find
from kdsr.video.clip import Clip, Shot
from kdsr.video.pyav import av

_LIMITED, _FULL = 1, 2


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg."""

    title: str
    encoder: str
    crf: int | None
    """The usual quality; None where nothing is lost."""
    options: MappingProxyType[str, str]
    chroma: tuple[str, ...] = ("420", "422", "444")


def _codec(
    title: str, encoder: str, crf: int | None, *, chroma: tuple[str, ...] = ("420", "422", "444"), **options: str
) -> Codec:
    return Codec(
        title,
        encoder,
        crf,
        MappingProxyType({name.replace("_", "-"): value for name, value in options.items()}),
        chroma,
    )


# Without B-frames: packets leave in the order of their times, so that pieces join at any clip's own times.
CODECS: MappingProxyType[str, Codec] = MappingProxyType(
    {
        "h264": _codec("H.264", "libx264", 16, preset="veryfast", bf="0"),
        "hevc": _codec("HEVC", "libx265", 18, preset="fast", x265_params="log-level=none:bframes=0"),
        "av1": _codec("AV1", "libsvtav1", 24, preset="8", chroma=("420",)),
        "ffv1": _codec("FFV1, lossless", "ffv1", None),
    }
)


@dataclass(frozen=True)
class Encoding:
    """How a clip is written: a codec of `CODECS`, and its quality where it has one (0: best)."""

    codec: str = "h264"
    crf: int | None = None

    def __post_init__(self) -> None:
        usual = find("codec", self.codec, CODECS).crf
        if self.crf is None:
            return
        if usual is None:
            raise SettingsError(f"{self.codec} loses nothing and takes no --crf; leave it out.")
        if not 0 <= self.crf <= 51:
            raise SettingsError(f"The quality (crf) must be from 0, the best, to 51, got {self.crf}.")

    @property
    def quality(self) -> int | None:
        """The quality asked for, or the usual one."""
        return CODECS[self.codec].crf if self.crf is None else self.crf


class Piece:
    """A part of the video in a file of its own, which plays by itself: a context manager to write frames with."""

    def __init__(self, path: Path, clip: Clip, encoding: Encoding, *, width: int, height: int) -> None:
        """Open `path` for frames of `width` x `height` px."""
        codec = CODECS[encoding.codec]
        self.clip, self.frames = clip, 0
        self.format = _pixel_format(clip, codec, width, height)
        options = dict(codec.options)
        if encoding.quality is not None:
            options["crf"] = str(encoding.quality)
        self.container = av().open(str(path), "w", format="nut")
        self.stream = self.container.add_stream(codec.encoder, rate=_nominal(clip.rate), options=options)
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, self.format
        context = self.stream.codec_context
        context.time_base, context.sample_aspect_ratio = clip.time_base, clip.sample_aspect
        context.colorspace, context.color_range = clip.matrix, _FULL if clip.full_range else _LIMITED
        context.color_primaries, context.color_trc = clip.primaries, clip.transfer

    def __enter__(self) -> "Piece":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; what the encoder still holds is written unless an error came."""
        try:
            if kind is None:
                self.container.mux(self.stream.encode(None))
        finally:
            self.container.close()

    def write(self, shot: Shot) -> None:
        """Encode a frame."""
        kind = av().VideoFrame
        frame = kind.from_ndarray(shot.pixels, format="rgb24" if shot.pixels.dtype == np.uint8 else "rgb48le")
        ways = av().video.reformatter.Interpolation
        frame = frame.reformat(
            format=self.format, interpolation=ways.BICUBIC | ways.ACCURATE_RND | ways.FULL_CHR_H_INP,
            src_color_range=_FULL, dst_colorspace=self.clip.matrix,
            dst_color_range=_FULL if self.clip.full_range else _LIMITED,
        )  # fmt: skip
        frame.colorspace, frame.color_range = self.clip.matrix, _FULL if self.clip.full_range else _LIMITED
        frame.color_primaries, frame.color_trc = self.clip.primaries, self.clip.transfer
        frame.pts, frame.time_base = shot.pts, self.clip.time_base
        self.container.mux(self.stream.encode(frame))
        self.frames += 1


def _pixel_format(clip: Clip, codec: Codec, width: int, height: int) -> str:
    """The layout of the samples: as densely in colour as the clip's; densest where odd sides leave no other way."""
    chroma = "444" if width % 2 or height % 2 else clip.chroma
    if chroma not in codec.chroma:
        if width % 2 or height % 2:
            raise SettingsError(
                f"{codec.title} takes even sides only, and the result has {width}x{height} px; choose another codec."
            )
        chroma = codec.chroma[0]
    return f"yuv{chroma}p{'' if clip.bits == 8 else '10le'}"


def _nominal(rate: Fraction) -> Fraction:
    """`rate`, within what encoders take."""
    return min(max(rate.limit_denominator(1001), Fraction(1)), Fraction(240))
