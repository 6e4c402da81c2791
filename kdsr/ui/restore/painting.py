"""The mask of missing pixels from a visitor's paint."""

import uuid
from pathlib import Path
from typing import Any, NamedTuple

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


def to_be_marked(picture: Picture) -> np.ndarray:
    """`picture` to be painted on: (H, W, 3) uint8, at most `LONGEST_PX` on its longer side."""
    pixels = from_tensor(to_tensor(picture), Picture(np.zeros((1, 1, 3), np.uint8))).pixels
    factor = LONGEST_PX / max(picture.width, picture.height)
    return pixels if factor >= 1 else cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def write_marks(painted: dict[str, Any] | None, picture: Picture, folder: Path) -> Path:
    """The mask that was painted over `picture`, at its size, as a new PNG in `folder`: white where a pixel is missing.

    painted: the value of gradio's image editor with numpy layers (H, W, 4); what has any paint on it is missing.

    Raises:
        InputError: nothing was painted.
    """
    layers = [layer for layer in (painted or {}).get("layers", []) if layer is not None]
    if not any(layer[..., 3].any() for layer in layers):
        raise InputError("Nothing is marked yet: paint over the missing parts, then press the button again.")
    marked = np.max([layer[..., 3] > 0 for layer in layers], axis=0).astype(np.uint8)
    mask = cv2.resize(marked, (picture.width, picture.height), interpolation=cv2.INTER_NEAREST)
    folder.mkdir(parents=True, exist_ok=True)
    return write_picture(Picture(mask[..., None] * np.uint8(255)), folder / f"{uuid.uuid4().hex}.png")
