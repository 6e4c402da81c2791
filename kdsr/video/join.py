"""The restored video with all else that the source holds: sound, subtitles, chapters, metadata, packet by packet."""

import heapq
import io
from collections.abc import Iterator
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kdsr.errors import InputError
from kdsr.files import replaced
from kdsr.video.clip import Clip, video_of
from kdsr.video.encoder import CODECS, Encoding
from kdsr.video.pieces import Pieces
from kdsr.video.pyav import av, opened

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

FORMATS: MappingProxyType[str, str] = MappingProxyType(
    {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi", ".nut": "nut"}
)
"""By the name of the result."""
_OF_THE_FILE = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})
"""Metadata that describe the source's own file."""
_OPTIONS = MappingProxyType(
    {"mp4": {"movflags": "+faststart+use_metadata_tags"}, "mov": {"movflags": "+faststart+use_metadata_tags"}}
)


def check_target(clip: Clip, target: Path, encoding: Encoding, *, may_be_silent: bool = False) -> tuple[str, ...]:
    """Notes on what the result's kind of file has no room for.

    may_be_silent: sound that it does not take is left out as well.

    Raises:
        InputError: no kind of file that is written, or one that takes neither the codec nor the clip's sound.
    """
    name = FORMATS.get(target.suffix.lower())
    if name is None:
        raise InputError(f"A clip is written as {' '.join(FORMATS)}, got '{target.name}'.")
    with av().open(io.BytesIO(), "w", format=name) as out, opened(clip.path) as source:
        taken = out.supported_codecs
        if _codec_name(encoding) not in taken:
            title, instead = (
                CODECS[encoding.codec].title,
                "--codec av1" if name == "webm" else "a name that ends in .mkv",
            )
            raise InputError(f"{target.suffix} takes no {title}; choose {instead}.")
        codecs = [(stream.type, stream.codec_context and stream.codec_context.name) for stream in _others(source, clip)]
    lost = [(kind, codec) for kind, codec in codecs if codec not in taken]
    for kind, codec in lost:
        if kind == "audio" and not may_be_silent:
            raise InputError(
                f"{target.suffix} takes no sound as {codec}, which {clip.path.name} has; choose a name ending in .mkv."
            )
    kinds = " and ".join(sorted({kind for kind, _ in lost}))
    return (f"{target.suffix} has no room for the clip's {kinds} streams; .mkv keeps them.",) if kinds else ()


def join(clip: Clip, pieces: Pieces, target: Path, *, until: float | None = None, strip: bool = False) -> None:
    """Write `target` from the finished pieces and the packets of all other streams of the clip, in one step.

    Args:
        until: seconds; packets of other streams that begin later are left out. None takes all.
        strip: metadata of the source are left out.
    Raises:
        InputError: the disk has no room, or the file cannot be written.
    """
    name = FORMATS[target.suffix.lower()]
    try:
        with (
            replaced(target) as part,
            opened(clip.path) as source,
            av().open(str(part), "w", format=name, options=dict(_OPTIONS.get(name, {}))) as out,
        ):
            _fill(out, source, clip, pieces, until, strip)
    except av().FFmpegError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from None


def _fill(
    out: "OutputContainer", source: "InputContainer", clip: Clip, pieces: Pieces, until: float | None, strip: bool
) -> None:
    with opened(pieces.folder / pieces.finished[0].name) as first:
        video = out.add_stream_from_template(first.streams.video[0], opaque=True)
    video.time_base = clip.time_base
    if video.codec_context.name == "hevc" and out.format.name in ("mp4", "mov"):
        video.codec_tag = "hvc1"
    kept: dict[int, Any] = {}
    for stream in _others(source, clip):
        if stream.codec_context is not None and stream.codec_context.name in out.supported_codecs:
            copied = kept[stream.index] = out.add_stream_from_template(stream, opaque=True)
            copied.metadata.update({} if strip else stream.metadata)
            copied.disposition = stream.disposition
    if not strip:
        out.metadata.update({key: value for key, value in source.metadata.items() if key not in _OF_THE_FILE})
    out.set_chapters([each for each in source.chapters() if until is None or _start_s(each) < until])
    out.start_encoding()
    mine = ((time, packet, video) for time, packet in _video(clip, pieces))
    theirs = ((time, packet, kept[packet.stream.index]) for time, packet in _copied(source, list(kept), until))
    each: tuple[float, Any, Any]
    for each in heapq.merge(mine, theirs, key=itemgetter(0)):
        _, packet, stream = each
        packet.stream = stream
        out.mux_one(packet)


def _start_s(chapter: Any) -> float:
    return float(chapter["start"] * chapter["time_base"])


def _others(source: "InputContainer", clip: Clip) -> "list[Stream]":
    """Sound and subtitles."""
    picture = video_of(source, clip.path)
    return [stream for stream in source.streams if stream is not picture and stream.type in ("audio", "subtitle")]


def _video(clip: Clip, pieces: Pieces) -> "Iterator[tuple[float, Packet[Any]]]":
    """The packets of all pieces, at the clip's own times."""
    for piece in pieces.finished:
        container: Any = opened(pieces.folder / piece.name)
        with container:
            packets = [packet for packet in container.demux(container.streams.video[0]) if packet.pts is not None]
            first = min(packet.pts * packet.time_base for packet in packets)
            for packet in packets:
                shift = piece.first_pts - round(first / clip.time_base)
                packet.pts = packet.dts = round(packet.pts * packet.time_base / clip.time_base) + shift
                packet.time_base = clip.time_base
                yield float(packet.dts * clip.time_base), packet


def _copied(source: "InputContainer", indices: list[int], until: float | None) -> "Iterator[tuple[float, Packet[Any]]]":
    if not indices:
        return
    for packet in source.demux(*(source.streams[index] for index in indices)):
        if packet.dts is None:
            continue
        time = float((packet.pts if packet.pts is not None else packet.dts) * (packet.time_base or Fraction(1)))
        if until is None or time < until:
            yield time, packet


def _codec_name(encoding: Encoding) -> str:
    """The name of what the encoder writes."""
    return str(av().codec.Codec(CODECS[encoding.codec].encoder, "w").canonical_name)
