"""The mask of missing pixels from a visitor's paint."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kdsr.errors import InputError
from kdsr.image import Picture, from_tensor, read_picture, to_tensor, write_picture
from kdsr.settings import Settings

LONGEST_PX = 1024
"""Larger pictures are painted on at this size, so that a phone can hold the canvas; the marks are enlarged."""


class Marks(NamedTuple):
    """Which picture was painted on, and the file of the mask."""

    picture: str
    mask: str


def to_be_marked(picture: Picture) -> np.ndarray:
    """`picture` to be painted on: (H, W, 3) uint8, at most `LONGEST_PX` on its longer side."""
    pixels = from_tensor(to_tensor(picture), Picture(np.zeros((1, 1, 3), np.uint8))).pixels
    size = _canvas_size(picture)
    return pixels if size == (picture.width, picture.height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def write_marks(layers: Sequence[bytes | Path], picture: Picture, folder: Path) -> Path:
    """The mask that was painted over `picture`, at its size, as a new PNG in `folder`: white where a pixel is missing.

    layers: the file of one picture, of the size of `to_be_marked`; what has any paint on it is missing.

    Raises:
        InputError: nothing was painted, or the layer is no such picture. Its header is judged before it is decoded.
    """
    if len(layers) > 1:
        raise InputError(f"The marks must be one layer, got {len(layers)}: open the editor again.")
    limits = Settings(max_side_px=LONGEST_PX, max_input_megapixels=LONGEST_PX**2 / 1e6)
    painted = [read_picture(layer, limits, name="marks") for layer in layers]
    if not any(layer.alpha is not None and layer.alpha.any() for layer in painted):
        raise InputError("Nothing is marked yet: paint over the missing parts, then press the button again.")
    layer, (width, height) = painted[0], _canvas_size(picture)
    if (layer.width, layer.height) != (width, height):
        size = f"{layer.width} x {layer.height}"
        raise InputError(f"The marks must have {width} x {height} pixels, got {size}: open the editor again.")
    marked = (np.asarray(layer.alpha) > 0).astype(np.uint8)
    mask = cv2.resize(marked, (picture.width, picture.height), interpolation=cv2.INTER_NEAREST)
    folder.mkdir(parents=True, exist_ok=True)
    return write_picture(Picture(mask[..., None] * np.uint8(255)), folder / f"{uuid.uuid4().hex}.png")


def _canvas_size(picture: Picture) -> tuple[int, int]:
    """(width, height) at which `picture` is painted on."""
    factor = min(1.0, LONGEST_PX / max(picture.width, picture.height))
    return max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
