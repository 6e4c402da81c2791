"""Pixels out of an opened picture: every mode of Pillow, and the 16-bit PNG that Pillow would cut down to 8 bits.

Nothing here checks sizes: `kdsr.image.read` does, before it calls.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image

from kdsr.errors import InputError
from kdsr.image.boxes import about_picture
from kdsr.image.colour import deep_to_srgb, to_srgb
from kdsr.image.metadata import EXIF_START, Metadata, read_metadata
from kdsr.image.png_chunks import for_pixels, resolution_in, xmp_in
from kdsr.image.stated import stated_colour

_bomb_lock = threading.Lock()
_opening = 0
"""Number of headers that are being read, and Pillow's own limit before the first of them."""
_bomb_limit: int | None = None
_GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Factor from the stored grey value to 8 bits, for PNG of fewer bits."""


@dataclass(frozen=True)
class Decoded:
    """Pixels in sRGB or grey (H, W, 1 or 3) and alpha (H, W) or None, both uint8 or uint16, not yet upright."""

    pixels: np.ndarray
    alpha: np.ndarray | None
    orientation: int = 1
    """The EXIF value, 1 to 8; 1 is upright."""
    notes: tuple[str, ...] = ()
    metadata: Metadata | None = None

    def upright(self, plane: np.ndarray) -> np.ndarray:
        """`plane` (H, W, ...) turned by `orientation`, as a copy."""
        if self.orientation >= 5:
            plane = plane.swapaxes(0, 1)
        if self.orientation in (3, 4, 7, 8):
            plane = plane[::-1]
        if self.orientation in (2, 3, 6, 7):
            plane = plane[:, ::-1]
        return np.ascontiguousarray(plane)


def open_image(stream: BinaryIO, formats: tuple[str, ...]) -> Image.Image:
    """`Image.open` without Pillow's own size limit: the caller checks the size by its header."""
    with _without_bomb_limit():
        stream.seek(0)
        return Image.open(stream, formats=formats)


@contextmanager
def _without_bomb_limit() -> Iterator[None]:
    """Pillow's own limit is off while any thread is inside. No lock is held meanwhile: a header may take seconds."""
    global _opening, _bomb_limit
    with _bomb_lock:
        if not _opening:
            _bomb_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _opening += 1
    try:
        yield
    finally:
        with _bomb_lock:
            _opening -= 1
            if not _opening:
                Image.MAX_IMAGE_PIXELS = _bomb_limit


def decode(image: Image.Image, stream: BinaryIO | None, caption: str) -> Decoded:
    """The pixels of `image`, 16 bits where it has them.

    Args:
        image: opened, perhaps not yet loaded.
        stream: the file it was opened from, for what Pillow cannot decode; None if there is none.
        caption: what the picture is called in a sentence.
    Raises:
        InputError: numbers that are no picture (32-bit, float).
        Exception: whatever a decoder raises at damaged data.
    """
    stored = _stored_as(image)  # before load(), which forgets it
    deep = stored in ("RGB;16B", "RGBA;16B", "LA;16B")
    if image.format == "PPM" and image.mode == "RGB" and stored not in ("RGB", "255"):
        raise InputError(
            f"{caption} is a colour PPM of more than 8 bits, which is not read: save it as 16-bit PNG or TIFF."
        )
    image.load()  # the deep PNG too: it finds damage, and chunks after the pixels
    xmp, dpi = _xmp_and_dpi(image, stream)
    orientation, note = _orientation(image)
    profile, stated = stated_colour(image, stream)
    metadata, uncopied = read_metadata(_exif_of(image, stream), xmp, dpi)
    notes = [note, stated, uncopied if note is None else None]
    if deep and stream:
        pixels, alpha = _decode_deep_png(stream, has_grey=stored == "LA;16B")
        pixels, note = deep_to_srgb(pixels, profile)
    elif image.mode == "I" or image.mode.startswith("I;16"):
        pixels, alpha = _deep_grey(image, caption)
        pixels, note = deep_to_srgb(pixels, profile)
    else:
        notes.append("Pillow reads this picture of 16 bits with 8: give the file itself." if deep else None)
        notes.append(_cut_bits(image, stored, stream))
        colours, alpha = _split(image, stored, caption)
        colours, note = to_srgb(colours, profile)
        pixels = np.array(colours).reshape(image.height, image.width, -1)
    notes.append(note)
    return Decoded(pixels, alpha, orientation, tuple(text for text in notes if text), metadata)


def decode_array(array: np.ndarray, caption: str) -> Decoded:
    """`array` itself, its last channel as alpha where there are 2 or 4.

    Raises:
        InputError: the dtype or shape is not one of a picture.
    """
    right_kind = array.dtype.kind == "u" and array.dtype.itemsize in (1, 2)
    if (
        not right_kind
        or array.ndim not in (2, 3)
        or array.shape[2:] not in ((), (1,), (2,), (3,), (4,))
        or 0 in array.shape
    ):
        wanted = "(H, W) or (H, W, C) with C = 1, 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha)"
        raise InputError(
            f"{caption} must be uint8 or uint16 of shape {wanted}, got {array.dtype} {array.shape}: convert it first."
        )
    stacked = np.atleast_3d(array).astype(f"u{array.dtype.itemsize}")
    alpha = stacked[..., -1] if stacked.shape[2] in (2, 4) else None
    return Decoded(stacked[..., : 1 if stacked.shape[2] < 3 else 3], alpha)


def _stored_as(image: Image.Image) -> str:
    """How the file stores its pixels, in Pillow's words ("RGB;16B"); for PPM the highest value; "" if unknown."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    args = tiles[0][3]
    return str(args[-1] if isinstance(args, tuple) and tiles[0][0].startswith("ppm") else args)


def _orientation(image: Image.Image) -> tuple[int, str | None]:
    """EXIF's; not XMP's, by which Pillow turns and other programs do not."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(name, None)
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's EXIF reader raises many types at damaged data; the pixels are still good
        return 1, "The embedded EXIF data is damaged; the picture was not turned."
    return (value if value in range(1, 9) else 1), None


def _cut_bits(image: Image.Image, stored: str, stream: BinaryIO | None) -> str | None:
    """A note where the file has more bits per channel than the 8 that Pillow gives."""
    bits = None
    if image.format in ("AVIF", "HEIF") and stream:
        bits = about_picture(stream).bits
    elif image.format == "TIFF" and ";16" in stored:
        bits = 16
    return f"The file has {bits} bits per channel, and was read with 8." if bits and bits > 8 else None


def _exif_of(image: Image.Image, stream: BinaryIO | None) -> BinaryIO | None:
    """The EXIF as a TIFF, which the file itself may be."""
    if image.format == "TIFF":
        return stream
    block = image.info.get("exif")
    return io.BytesIO(block.removeprefix(EXIF_START)) if isinstance(block, bytes) and block else None


def _xmp_and_dpi(image: Image.Image, stream: BinaryIO | None) -> tuple[bytes | None, object]:
    """The XMP, and what the file states as dots per inch."""
    if image.format == "PNG" and stream:
        return xmp_in(stream), resolution_in(stream)
    is_tiff = image.format == "TIFF"
    xmp = getattr(image, "tag_v2", {}).get(700) if is_tiff else image.info.get("xmp")
    # of a TIFF, and a JPEG without JFIF, it is in the directory; Pillow makes up 1 or 72 if it is not
    is_made_up = is_tiff or (image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2))
    return xmp if isinstance(xmp, bytes) else None, None if is_made_up else image.info.get("dpi")


def _decode_deep_png(stream: BinaryIO, *, has_grey: bool) -> tuple[np.ndarray, np.ndarray | None]:
    still = for_pixels(stream, is_still=True)  # of an animation OpenCV gives another frame, or none
    still.seek(0)
    data = still.read()
    _check_chunks(data)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        raise OSError("OpenCV does not decode this PNG")
    pixels = decoded[..., :1] if has_grey else decoded[..., 2::-1]
    return np.ascontiguousarray(pixels), np.ascontiguousarray(decoded[..., 3]) if decoded.shape[2] == 4 else None


def _check_chunks(png: bytes) -> None:
    """Raises OSError where a chunk is longer than the file: OpenCV would allocate that length first, up to 2 GB."""
    place = 8
    while place + 8 <= len(png):
        place += 12 + int.from_bytes(png[place : place + 4])
    if place > len(png):
        raise OSError("a chunk goes beyond the end of the file")


def _deep_grey(image: Image.Image, caption: str) -> tuple[np.ndarray, np.ndarray | None]:
    values = np.array(image)
    if image.mode == "I" and (values.min() < 0 or values.max() > 65535):
        raise InputError(f"{caption} holds 32-bit numbers, which are not read: save it with 8 or 16 bits.")
    values = values.astype(np.uint16)
    hole = image.info.get("transparency")
    alpha = None if not isinstance(hole, int) else np.where(values == hole, 0, 65535).astype(np.uint16)
    return values[..., None], alpha


def _split(image: Image.Image, stored: str, caption: str) -> tuple[Image.Image, np.ndarray | None]:
    """(colours in L, RGB, CMYK or LAB; alpha (H, W) uint8 or None) of an 8-bit `image`."""
    if image.mode == "F":
        raise InputError(f"{caption} holds floating-point numbers, which are not read: save it with 8 or 16 bits.")
    grey = image.mode in ("1", "L", "LA", "La") or (image.mode == "P" and _palette_is_grey(image))
    if image.has_transparency_data:
        if stored in _GREY_STEPS and isinstance(image.info["transparency"], int):  # Pillow widens the pixels only
            image = image.copy()
            image.info["transparency"] *= _GREY_STEPS[stored]
        layers = image.convert("LA" if grey else "RGBA")
        return layers.convert("L" if grey else "RGB"), np.array(layers.getchannel("A"))
    if grey:
        return image.convert("L"), None
    return image if image.mode in ("CMYK", "LAB") else image.convert("RGB"), None


def _palette_is_grey(image: Image.Image) -> bool:
    palette = np.array(image.getpalette("RGB") or [0, 1, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())
