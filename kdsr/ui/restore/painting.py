"""The mask of missing pixels: painted on the big picture by a visitor, or a file of theirs."""

import uuid
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kdsr.errors import InputError
from kdsr.image import Picture, from_tensor, to_tensor, write_picture

LONGEST_PX = 1024
"""Larger pictures are painted on at this size, so that a phone can hold the canvas; the marks are enlarged."""


class Marks(NamedTuple):
    """Which picture was painted on, and the file of the mask."""

    picture: str
    mask: str


def to_be_marked(picture: Picture) -> Picture:
    """`picture` to be painted on: 8 bits, RGB, opaque, at most `LONGEST_PX` on its longer side."""
    pixels = from_tensor(to_tensor(picture), Picture(np.zeros((1, 1, 3), np.uint8))).pixels
    size = _canvas_size(picture)
    if size != (picture.width, picture.height):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return Picture(pixels, name=picture.name)


def write_marks(mask: Picture, picture: Picture, folder: Path) -> Path:
    """`mask` at the size of `picture`, as a new PNG in `folder`: white where a pixel is missing, else black.

    mask: of the size of `picture`, or of `to_be_marked`; lighter than mid-grey where a pixel is missing.

    Raises:
        InputError: a mask of another size, or one that marks nothing.
    """
    size = (picture.width, picture.height)
    if (mask.width, mask.height) not in (size, _canvas_size(picture)):
        raise InputError(
            f"The mask must be as large as the picture, {size[0]} x {size[1]}, and it is {mask.width} x {mask.height}; "
            "give one of that size, white where pixels are missing."
        )
    marked = (mask.pixels.mean(axis=2) > np.iinfo(mask.pixels.dtype).max / 2).astype(np.uint8)
    if not marked.any():
        raise InputError("Nothing is marked yet: paint over the missing parts, or give a mask that is white there.")
    marked = cv2.resize(marked, size, interpolation=cv2.INTER_NEAREST)
    folder.mkdir(parents=True, exist_ok=True)
    return write_picture(Picture(marked[..., None] * np.uint8(255)), folder / f"{uuid.uuid4().hex}.png")


def _canvas_size(picture: Picture) -> tuple[int, int]:
    """Width and height of `to_be_marked`."""
    factor = min(1.0, LONGEST_PX / max(picture.width, picture.height))
    return max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
