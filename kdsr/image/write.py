"""Pictures to bytes and files, each format without loss but JPEG. A file appears whole or not at all."""

import io
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from kdsr.errors import InputError
from kdsr.image.picture import Picture
from kdsr.image.png import write_png
from kdsr.image.tiff import encode_tiff

_WEBP_MAX_SIDE_PX = 16_383
_JPEG_MAX_SIDE_PX = 65_500


def write_picture(picture: Picture, path: str | Path) -> Path:
    """The path that `picture` was written to, atomically; its format follows from the suffix (`WRITABLE_SUFFIXES`).

    Raises:
        InputError: the suffix is unknown, the format cannot hold the picture, or the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if path.suffix.lower() == ".png":
            with part.open("wb") as file:
                write_png(_samples(picture), file)
        else:
            data = encode_picture(picture, path.suffix)
            part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"'{path}' cannot be written ({error.strerror}): check its folder, space and rights.") from error
    return path


def encode_picture(picture: Picture, suffix: str) -> bytes:
    """The bytes of a file with that `suffix` (".png").

    Raises:
        InputError: the suffix is unknown or the format cannot hold the picture.
    """
    if suffix.lower() not in _ENCODERS:
        raise InputError(f"A picture is written as one of {', '.join(WRITABLE_SUFFIXES)}, got '{suffix}': choose one of these.")
    return _ENCODERS[suffix.lower()](picture)


def encode_png(picture: Picture) -> bytes:
    """`picture` as a PNG of its own bits, quick rather than small."""
    stream = io.BytesIO()
    write_png(_samples(picture), stream)
    return stream.getvalue()


def _encode_tiff(picture: Picture) -> bytes:
    return encode_tiff(_samples(picture), has_alpha=picture.alpha is not None)


def _encode_webp(picture: Picture) -> bytes:
    """Lossless, also where alpha is 0; grey becomes RGB, as WebP knows nothing else."""
    _check_holds(picture, "WebP", _WEBP_MAX_SIDE_PX)
    stream = io.BytesIO()
    _pillow(picture).save(stream, "WEBP", lossless=True, exact=True, quality=0, method=0)  # quality is effort here
    return stream.getvalue()


def _encode_jpeg(picture: Picture) -> bytes:
    """Quality 95, 4:4:4: the one format with loss."""
    _check_holds(picture, "JPEG", _JPEG_MAX_SIDE_PX)
    if picture.alpha is not None:
        raise InputError("JPEG holds no transparency: write this picture as .png, .webp or .tif.")
    stream = io.BytesIO()
    _pillow(picture).save(stream, "JPEG", quality=95, subsampling=0)
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


def _check_holds(picture: Picture, format: str, max_side_px: int) -> None:
    if picture.bits != 8:
        raise InputError(f"{format} holds 8 bits, and this picture has {picture.bits}: write it as .png or .tif.")
    if max(picture.height, picture.width) > max_side_px:
        size = f"{picture.width} x {picture.height}"
        raise InputError(f"{format} holds sides up to {max_side_px} pixels, and this picture is {size}: write it as .png.")


def _samples(picture: Picture) -> np.ndarray:
    """(H, W, 1 to 4): the pixels, then alpha if there is one."""
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def _pillow(picture: Picture) -> Image.Image:
    samples = _samples(picture)
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
