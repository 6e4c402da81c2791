"""Pictures to bytes and files, lossless except for JPEG. Files are replaced in one step.

A large PNG or TIFF is written strip by strip (`write_strips`), so that neither the picture nor its file
is held in memory.
"""

import io
import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from kdsr.errors import InputError
from kdsr.files import replaced
from kdsr.image.metadata import EXIF_START, Metadata, exif_block
from kdsr.image.picture import Picture, join_strips
from kdsr.image.png import PngWriter
from kdsr.image.tiff_writer import TiffWriter

_LARGE_BYTES = 100_000_000
"""From here on a PNG or TIFF is written in strips, as they come: else the picture is gathered first."""
_LONGEST_SEGMENT_BYTES = 65_533
"""Of a JPEG, less its length."""
_XMP_MARK_BYTES = 29
_LIMITED = MappingProxyType({".webp": ("WebP", 16_383), ".jpg": ("JPEG", 65_500), ".jpeg": ("JPEG", 65_500)})
"""Formats of 8 bits, by suffix: name and longest side in pixels."""


def write_picture(picture: Picture, path: str | Path) -> Path:
    """The path that `picture` was written to, atomically; its format follows from the suffix (`WRITABLE_SUFFIXES`).

    Raises:
        InputError: the suffix is unknown, the format cannot hold the picture, or the file cannot be written.
    """
    return write_strips([picture], path, height=picture.height)


def write_strips(strips: Iterable[Picture], path: str | Path, *, height: int) -> Path:
    """As `write_picture`, for a picture of `height` rows that comes as `strips` of its full width, from top to bottom.

    A large PNG or TIFF is written as the strips come, in a thread beside what makes them, and at most two are held. For
    the other formats, and for what is not large, the strips are gathered first.
    """
    path = Path(path)
    coming = iter(strips)
    first = next(coming)
    is_large = first.pixels[0].nbytes * height > _LARGE_BYTES
    coming = itertools.chain([first], coming)
    del first  # else it stays in memory to the end
    try:
        with replaced(path) as part:
            if is_large and path.suffix.lower() in _WRITERS:
                with part.open("wb") as file:
                    _write_beside(coming, file, _WRITERS[path.suffix.lower()], height)
            else:
                part.write_bytes(encode_picture(join_strips(coming, height), path.suffix))
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _write_beside(strips: Iterator[Picture], file: BinaryIO, writer: type[PngWriter | TiffWriter], height: int) -> None:
    """Write `strips` to `file`, each in a thread while the next one is made."""
    opened: PngWriter | TiffWriter | None = None
    written: Future[None] = Future()
    written.set_result(None)
    with ThreadPoolExecutor(1) as beside:
        for strip in strips:
            samples = _samples(strip)
            if opened is None:
                opened = writer(
                    file,
                    (height, *samples.shape[1:]),
                    samples.dtype,
                    has_alpha=strip.alpha is not None,
                    metadata=strip.metadata,
                )
            written.result()
            written = beside.submit(opened.write, samples)
        written.result()
    if opened is not None:
        opened.close()


def encode_picture(picture: Picture, suffix: str) -> bytes:
    """The bytes of a file with that `suffix` (".png").

    Raises:
        InputError: the suffix is unknown or the format cannot hold the picture.
    """
    _check_holds(picture, suffix)
    return _ENCODERS[suffix.lower()](picture)


def encode_png(picture: Picture) -> bytes:
    """`picture` as a PNG of the same bit depth, encoded for speed rather than size."""
    return _written(picture, PngWriter)


def _encode_tiff(picture: Picture) -> bytes:
    return _written(picture, TiffWriter)


def _written(picture: Picture, writer: type[PngWriter | TiffWriter]) -> bytes:
    stream, samples = io.BytesIO(), _samples(picture)
    has_alpha = picture.alpha is not None
    opened = writer(stream, samples.shape, samples.dtype, has_alpha=has_alpha, metadata=picture.metadata)
    opened.write(samples)
    opened.close()
    return stream.getvalue()


def _encode_webp(picture: Picture) -> bytes:
    """Lossless, also where alpha is 0; grey becomes RGB, as WebP knows nothing else."""
    stream = io.BytesIO()
    metadata = picture.metadata or Metadata()
    block = exif_block(metadata, with_resolution=True)  # WebP has no other place for it
    exif = EXIF_START + block if block else b""
    options = {"lossless": True, "exact": True, "quality": 0, "method": 0}  # quality is effort here
    _pillow(picture).save(stream, "WEBP", exif=exif, xmp=metadata.xmp, **options)
    return stream.getvalue()


def _encode_jpeg(picture: Picture) -> bytes:
    """Quality 95, 4:4:4: the one format with loss."""
    stream = io.BytesIO()
    metadata = picture.metadata or Metadata()
    options: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if metadata.exif and "EXIF" not in _too_long_for_jpeg(metadata):
        options["exif"] = EXIF_START + exif_block(metadata)
    if metadata.xmp and "XMP" not in _too_long_for_jpeg(metadata):
        options["xmp"] = metadata.xmp
    _pillow(picture).save(stream, "JPEG", quality=95, subsampling=0, **options)
    return stream.getvalue()


_ENCODERS: Mapping[str, Callable[[Picture], bytes]] = MappingProxyType({
    ".png":  encode_png,
    ".webp": _encode_webp,
    ".tif":  _encode_tiff,
    ".tiff": _encode_tiff,
    ".jpg":  _encode_jpeg,
    ".jpeg": _encode_jpeg,
})  # fmt: skip
WRITABLE_SUFFIXES = tuple(_ENCODERS)
_WRITERS: Mapping[str, type[PngWriter | TiffWriter]] = MappingProxyType(
    {".png": PngWriter, ".tif": TiffWriter, ".tiff": TiffWriter}
)
"""What can be written strip by strip."""


def left_out(picture: Picture, suffix: str) -> tuple[str, ...]:
    """A note, if a file of that `suffix` does not hold all that is said beside the pixels."""
    if picture.metadata is None or suffix.lower() not in (".jpg", ".jpeg"):
        return ()
    blocks = _too_long_for_jpeg(picture.metadata)
    return (
        (f"{' and '.join(blocks)} of the source are too long for a JPEG and are not in the result.",) if blocks else ()
    )


def _too_long_for_jpeg(metadata: Metadata) -> list[str]:
    lengths = {"EXIF": len(exif_block(metadata)) + len(EXIF_START), "XMP": len(metadata.xmp) + _XMP_MARK_BYTES}
    return [name for name, length in lengths.items() if length > _LONGEST_SEGMENT_BYTES]


def check_target(path: Path, picture: Picture, *, scale: int = 1) -> None:
    """Pass if `path` can take a picture of the bits and alpha of `picture` and `scale` times its sides. Written is
    nothing.

    Raises:
        InputError: as `write_picture`; what a disk that fills up later does is not known here.
    """
    _check_holds(picture, path.suffix, scale)
    try:
        if path.is_dir():
            raise InputError(f"'{path}' is a folder, and a picture is to be written there; choose another name.")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"'{path.name}' cannot be written ({error.strerror}): check its folder, space and rights.")


def _check_holds(picture: Picture, suffix: str, scale: int = 1) -> None:
    """Pass if the format of `suffix` holds `picture` at `scale` times its sides."""
    if suffix.lower() not in _ENCODERS:
        raise InputError(
            f"A picture is written as one of {', '.join(WRITABLE_SUFFIXES)}, got '{suffix}': choose one of these."
        )
    if suffix.lower() not in _LIMITED:
        return
    format, max_side_px = _LIMITED[suffix.lower()]
    if picture.bits != 8:
        raise InputError(f"{format} holds 8 bits, and this picture has {picture.bits}: write it as .png or .tif.")
    if format == "JPEG" and picture.alpha is not None:
        raise InputError("JPEG holds no transparency: write this picture as .png, .webp or .tif.")
    width, height = scale * picture.width, scale * picture.height
    if max(height, width) > max_side_px:
        raise InputError(
            f"{format} holds sides up to {max_side_px} pixels, and this picture is {width} x {height}: write it as "
            ".png."
        )


def _samples(picture: Picture) -> np.ndarray:
    """(H, W, 1 to 4): the pixels, then alpha if there is one."""
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def _pillow(picture: Picture) -> Image.Image:
    samples = _samples(picture)
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
