"""Pictures from files, bytes, PIL and arrays. The header is read and its size checked before any pixel is decoded.

The reason why a picture cannot be used is one sentence (InputError); its notes say what was changed on reading.
"""

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from kdsr.errors import InputError, KdsrError
from kdsr.image import tiff
from kdsr.image.bmp import decode_bmp, read_header
from kdsr.image.decode import Decoded, decode, decode_array, open_image
from kdsr.image.headers import check_header
from kdsr.image.kinds import AVIF, HEIC, STARTS, check_frame, check_page, is_bmp, kind_of
from kdsr.image.picture import Picture
from kdsr.image.png_chunks import SIGNATURE, for_pixels
from kdsr.image.scans import check_scans
from kdsr.settings import Settings

_FORMATS = (
    "PNG",
    "JPEG",
    "WEBP",
    "TIFF",
    "GIF",
    "BMP",
    "AVIF",
    "PPM",
)  # not EPS, which starts a PostScript interpreter
_JPEG = b"\xff\xd8\xff"
_SIGNATURES = (b"\x89PNG\r\n", _JPEG, b"GIF8", b"RIFF", *tiff.SIGNATURES)
_MANY_FRAMES = ("GIF", "PNG", "WEBP", "AVIF")  # not JPEG: a phone's second picture there is a depth or gain map


def read_picture(
    source: str | Path | bytes | Image.Image | np.ndarray, settings: Settings, *, name: str | None = None
) -> Picture:
    """The picture in `source`, upright, in sRGB or grey, with its own bits and alpha.

    Args:
        source: a path, the bytes of a file, a PIL image, or an array of uint8 or uint16. An array is (H, W) or (H, W,
            C) with C = 1, 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        settings: its `max_input_megapixels` and `max_side_px` are the limits.
        name: the picture's name, for downloads and sentences; else the file's stem.
    Raises:
        InputError: there is no such file, or it is no picture, damaged or too large.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        caption = f"'{name or path.name}'"
        with _opened(path, caption) as stream:
            return _picture(_read_stream(stream, caption, settings), name or path.stem)
    caption = f"'{name}'" if name else "The picture"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _picture(_read_stream(io.BytesIO(source), caption, settings), name)
    if isinstance(source, Image.Image):
        _check_size(source.width, source.height, caption, settings)
        with _in_one_sentence(caption):
            return _picture(decode(source, None, caption), name)
    if isinstance(source, np.ndarray):
        decoded = decode_array(source, f"'{name}'" if name else "The array")
        _check_size(source.shape[1], source.shape[0], caption, settings)
        return _picture(decoded, name)
    raise InputError(
        f"A picture must be a path, bytes, a PIL image or an array, got {type(source).__name__}: convert it first."
    )


def read_size(stream: BinaryIO, caption: str) -> tuple[str, int, int]:
    """Pillow's name of the format of the picture in `stream`, its width and height; no pixel is decoded.

    Any size is given, and a header that would take minutes or much memory is refused.

    Raises:
        InputError: as in `read_picture`, as far as the header tells.
    """
    stream.seek(0)
    start = stream.read(STARTS)
    with _in_one_sentence(caption):
        if start.startswith(tiff.SIGNATURES):
            page, _ = tiff.open_tiff(stream)
            check_page(page, start, caption)
            return "TIFF", page.imagewidth, page.imagelength
        stream.seek(0)
        if is_bmp(start) and (header := read_header(stream.read(2000))):
            return "BMP", header.width, header.height
        check_header(stream, start, caption)
        image = _open_header(stream, start, caption)
        return image.format or "", image.width, image.height


def _picture(decoded: Decoded, name: str | None) -> Picture:
    alpha = None if decoded.alpha is None else decoded.upright(decoded.alpha)
    return Picture(decoded.upright(decoded.pixels), alpha, decoded.notes, name or "picture", decoded.metadata)


@contextmanager
def _opened(path: Path, caption: str) -> Iterator[BinaryIO]:
    try:
        if path.is_dir():
            raise InputError(f"{caption} is a folder: give one picture file.")
        if path.exists() and not path.is_file():
            raise InputError(f"{caption} is not an ordinary file: give one picture file.")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {caption}: check its name and folder.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"The file {caption} cannot be opened: check its name and your right to read it.") from error
    with stream:
        yield stream


def _read_stream(stream: BinaryIO, caption: str, settings: Settings) -> Decoded:
    start = stream.read(STARTS)
    if not start:
        raise InputError(f"{caption} is empty (0 bytes): choose another file or copy it again.")
    with _in_one_sentence(caption):
        if start.startswith(tiff.SIGNATURES):
            return _read_tiff(stream, start, caption, settings)
        stream.seek(0)
        if is_bmp(start) and (header := read_header(stream.read(2000))):
            _check_size(header.width, header.height, caption, settings)
            return decode_bmp(header, stream, caption)
        check_header(stream, start, caption)
        image = _open_header(stream, start, caption)
        _check_size(image.width, image.height, caption, settings)
        if image.format in ("JPEG", "MPO"):
            check_scans(stream, image.width * image.height / 1e6, caption)
        frames = getattr(image, "n_frames", 1) if image.format in _MANY_FRAMES else 1
        return _noted(decode(image, stream, caption), frames, f"Animated: the first of {frames} frames is used.")


def _read_tiff(stream: BinaryIO, start: bytes, caption: str, settings: Settings) -> Decoded:
    page, pages = tiff.open_tiff(stream)
    check_page(page, start, caption)
    _check_size(page.imagewidth, page.imagelength, caption, settings)
    decoded = tiff.decode_odd(page, stream, caption)
    if decoded is None:
        try:
            image = open_image(stream, ("TIFF",))
        except UnidentifiedImageError as error:
            raise tiff.unread(page, caption) from error
        _check_size(image.width, image.height, caption, settings)
        decoded = decode(image, stream, caption)
    return _noted(decoded, pages, f"Several pages: the first of {pages} is used.")


def _noted(decoded: Decoded, frames: int, note: str) -> Decoded:
    """`decoded` with a `note` if the file holds more than its first frame or page."""
    return decoded if frames < 2 else replace(decoded, notes=(note, *decoded.notes))


@contextmanager
def _in_one_sentence(caption: str) -> Iterator[None]:
    """Whatever a decoder raises, as one InputError."""
    try:
        yield
    except KdsrError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, zlib.error, IndexError ...
        raise InputError(f"{caption} is damaged or incomplete and cannot be decoded: copy or save it again.") from error


def _open_header(stream: BinaryIO, start: bytes, caption: str) -> Image.Image:
    """The picture with its header read and no pixel decoded."""
    if start.startswith(_JPEG):
        check_frame(stream, caption)
    formats = tuple(each for each in _FORMATS if each != "BMP" or is_bmp(start))  # Pillow takes any "BM" for one
    try:
        return open_image(for_pixels(stream) if start.startswith(SIGNATURE) else stream, formats)
    except UnidentifiedImageError as error:
        kind = kind_of(start)
        if kind == HEIC:
            return _open_heif(stream, caption)
        if kind == AVIF or is_bmp(start) or (not kind and start.startswith(_SIGNATURES)):
            raise
        known, names = f"{kind}, " if kind else "", ", ".join(_FORMATS)
        raise InputError(
            f"{caption} is {known}not a picture in a format that is read ({names}): save it as PNG or JPEG."
        ) from error


def _open_heif(stream: BinaryIO, caption: str) -> Image.Image:
    try:
        pillow_heif = importlib.import_module("pillow_heif")  # optional
    except ImportError as error:
        wanted = "install the optional package pillow-heif, or save it as JPEG or PNG"
        raise InputError(f"{caption} is a HEIC picture, which is not read here: {wanted}.") from error
    pillow_heif.register_heif_opener()
    return open_image(stream, ("HEIF",))


def _check_size(width: int, height: int, caption: str, settings: Settings) -> None:
    if max(width, height) > settings.max_side_px:
        limit = f"the longest side may have {settings.max_side_px}: make it smaller or raise KDSR_MAX_SIDE_PX"
        raise InputError(f"{caption} is {width} x {height} pixels, and {limit}.")
    megapixels = width * height / 1e6
    if megapixels > settings.max_input_megapixels:
        limit = (
            f"at most {settings.max_input_megapixels:g} are read: make it smaller or raise KDSR_MAX_INPUT_MEGAPIXELS"
        )
        raise InputError(f"{caption} is {width} x {height} pixels ({megapixels:.1f} megapixels), and {limit}.")
