"""The pictures of a report: read once, and encoded as good as its size allows."""

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kdsr.image import read_picture
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.report.spots import Square

PICTURES_BYTES = 5_500_000
"""Of all pictures of a report; in base64 they take a third more, and the whole file stays below 8 MB."""
_ATTEMPTS: tuple[tuple[int | None, int], ...] = ((None, 1), (92, 1), (85, 1), (85, 2), (85, 3), (80, 6))
"""Qualities of WebP (None is lossless), and how many times smaller a picture is; the first that fits is taken."""
_PAPER_PX = 1200
"""The widest picture of a PDF: 300 pixels per inch over half a page and more."""
_CROP_PX = 400
"""Crops of a PDF are enlarged to this by whole numbers, since readers smooth what is smaller."""


class Opened:
    """The pictures of a report by their files, each read once: RGB or RGBA with 8 bits."""

    def __init__(self) -> None:
        self._read: dict[Path, Image.Image] = {}

    def __getitem__(self, file: Path) -> Image.Image:
        if file not in self._read:
            self._read[file] = _eight_bits(file)
        return self._read[file]


class Embedded:
    """The pictures `files` as addresses that hold them, as good as `PICTURES_BYTES` allows."""

    def __init__(self, files: Sequence[Path], opened: Opened) -> None:
        for quality, shrink in _ATTEMPTS:
            self._files = {file: _webp(opened[file], quality, shrink) for file in dict.fromkeys(files)}
            if sum(map(len, self._files.values())) <= PICTURES_BYTES:
                break
        self._opened = opened
        self._is_lossless = quality is None
        smaller = f", 1/{shrink} of their width" if shrink > 1 else ""
        lossy = texts.REPORT_LOSSY.format(quality=quality, smaller=smaller)
        self.told = texts.REPORT_LOSSLESS if quality is None else lossy

    def address(self, file: Path) -> str:
        return _address(self._files[file])

    def has_exact(self, file: Path) -> bool:
        """Whether `file` is among them, pixel for pixel."""
        return self._is_lossless and file in self._files

    def crop(self, file: Path, square: Square) -> str:
        """The address of exactly the pixels of `square`."""
        return _address(_webp(cropped(self._opened[file], square), None, 1))


def cropped(picture: Image.Image, square: Square) -> Image.Image:
    left, top, side = square
    return picture.crop((left, top, left + side, top + side))


def paper_picture(picture: Image.Image) -> tuple[bytes, str]:
    """`picture` for a PDF and the ending of its file: JPEG of quality 92, at most 1,200 px wide; PNG with holes."""
    if picture.width > _PAPER_PX:
        size = (_PAPER_PX, max(1, round(picture.height * _PAPER_PX / picture.width)))
        picture = picture.resize(size, Image.Resampling.BOX)
    file = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(file, "PNG")
        return file.getvalue(), "png"
    picture.save(file, "JPEG", quality=92, subsampling=0)
    return file.getvalue(), "jpg"


def paper_crop(picture: Image.Image, square: Square) -> bytes:
    """Exactly the pixels of `square` as PNG, each of them as a square of pixels."""
    crop = cropped(picture, square)
    side = square.side * math.ceil(_CROP_PX / square.side)
    file = io.BytesIO()
    crop.resize((side, side), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def _eight_bits(file: Path) -> Image.Image:
    """The picture `file` of the page as RGB or RGBA with 8 bits."""
    picture = read_picture(file, Settings(max_input_megapixels=1e6, max_side_px=1_000_000))
    planes = np.repeat(picture.pixels, 3 // picture.pixels.shape[2], axis=2)
    if picture.alpha is not None:
        planes = np.concatenate([planes, picture.alpha[..., None]], axis=2)
    return Image.fromarray(planes if planes.dtype == np.uint8 else (planes / 257).round().astype(np.uint8))


def _webp(picture: Image.Image, quality: int | None, shrink: int) -> bytes:
    if shrink > 1:
        size = (math.ceil(picture.width / shrink), math.ceil(picture.height / shrink))
        picture = picture.resize(size, Image.Resampling.BOX)
    file = io.BytesIO()
    if quality is None:
        picture.save(file, "WEBP", lossless=True, method=3)
    else:
        picture.save(file, "WEBP", quality=quality, method=3)
    return file.getvalue()


def _address(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
