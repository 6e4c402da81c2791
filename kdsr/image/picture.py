"""A picture in memory, and its conversion to the inner tensor and back. No files here.

Planes are the same tensor as a NumPy array. torch is imported when the first tensor is made: reading, writing and
running an ONNX graph need neither its 3 s nor its 0.5 GB.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kdsr.errors import InputError, ShapeError
from kdsr.image.metadata import Metadata
from kdsr.image.plane import resize_plane

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, upright, in sRGB or grey.

    Raises:
        ShapeError: pixels or alpha are not of the shape and dtype below.
    """

    pixels: np.ndarray
    """(H, W, C) uint8 or uint16; C = 1 (grey) or 3 (sRGB)."""
    alpha: np.ndarray | None = None
    """(H, W) of the same dtype, 0 = transparent, not multiplied into the pixels; or None."""
    notes: tuple[str, ...] = ()
    """What was done to the picture on reading, one plain sentence each."""
    name: str = "picture"
    """The file's stem, for downloads."""
    metadata: Metadata | None = None
    """What its file says beside the pixels, to be written with them; None is nothing."""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype not in (np.uint8, np.uint16) or len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
            raise ShapeError(f"A Picture needs uint8 or uint16 pixels (H, W, 1 or 3), got {dtype} {shape}.")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != dtype):
            raise ShapeError(f"alpha must be {dtype} {shape[:2]}, got {self.alpha.dtype} {self.alpha.shape}.")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def bits(self) -> int:
        """Bits per channel: 8 or 16."""
        return 8 * self.pixels.dtype.itemsize

    @property
    def is_grey(self) -> bool:
        return int(self.pixels.shape[2]) == 1


def to_tensor(picture: Picture) -> "Tensor":
    """`picture` without its alpha as (1, 3, H, W) float32 RGB in [0, 1], its own memory; grey is repeated to 3
    channels.
    """
    import torch

    return torch.from_numpy(to_planes(picture))


def to_planes(picture: Picture) -> np.ndarray:
    """As `to_tensor`, for NumPy."""
    planes = np.empty((3, picture.height, picture.width), np.float32)
    np.divide(picture.pixels.transpose(2, 0, 1), np.float32(_levels(picture)), out=planes)
    return planes[None]


def from_tensor(tensor: "Tensor", like: Picture) -> Picture:
    """The picture in `tensor`, with the bits, greyness, name and notes of `like`; `from_tensor(to_tensor(p), p)` is p
    exactly.

    Args:
        tensor: (1, 3, H, W) RGB of any float type and device; clamped to [0, 1] and rounded to the nearest level here.
        like: the picture it was made from. Where that is grey, the mean of the channels is taken. Its alpha is resized
            to (H, W) by the cubic kernel with a = -0.5, antialiased when shrinking.
    Raises:
        ShapeError: `tensor` is not (1, 3, H, W).
        InputError: `tensor` holds NaN or infinity.
    """
    return from_planes(tensor.detach().float().cpu().numpy(), like)


def from_planes(planes: np.ndarray, like: Picture) -> Picture:
    """As `from_tensor`, for `planes` (1, 3, H, W) float32 of NumPy."""
    if planes.ndim != 4 or planes.shape[:2] != (1, 3) or 0 in planes.shape:
        raise ShapeError(f"One picture (1, 3, H, W) was wanted, got {planes.shape}.")
    image = planes.mean(axis=1) if like.is_grey else planes[0]
    if not np.isfinite(image.sum()):  # a NaN would become some grey level without a word
        raise InputError(
            f"The result for '{like.name}' holds NaN or infinity: the network failed on it; try another one."
        )
    steps = image.clip(0, 1)
    steps *= _levels(like)
    np.rint(steps, out=steps)
    pixels = steps.transpose(1, 2, 0).astype(like.pixels.dtype, order="C")
    alpha = None if like.alpha is None else resize_plane(like.alpha, *pixels.shape[:2])
    return replace(like, pixels=pixels, alpha=alpha)


def with_transparent(picture: Picture, holes: np.ndarray) -> Picture:
    """`picture`, transparent where `holes` (H, W) is True and opaque elsewhere; see `kdsr.restore.holes_in`."""
    levels = _levels(picture)
    return replace(picture, alpha=np.where(holes, 0, levels).astype(picture.pixels.dtype))


def join_strips(strips: Iterable[Picture], height: int) -> Picture:
    """The picture of `height` rows that comes as `strips` of its full width, from top to bottom.

    A single strip is returned as it is.
    """
    joined: Picture | None = None
    top = 0
    for strip in strips:
        if strip.height == height:
            return strip
        if joined is None:
            pixels = np.empty((height, *strip.pixels.shape[1:]), strip.pixels.dtype)
            joined = replace(
                strip, pixels=pixels, alpha=None if strip.alpha is None else np.empty(pixels.shape[:2], pixels.dtype)
            )
        joined.pixels[top : top + strip.height] = strip.pixels
        if joined.alpha is not None:
            joined.alpha[top : top + strip.height] = strip.alpha
        top += strip.height
        joined = replace(joined, notes=strip.notes)  # a later one may know more
    if joined is None or top != height:
        raise ShapeError(f"Strips of {height} rows in all were wanted, got {top}.")
    return joined


def _levels(picture: Picture) -> int:
    return int(np.iinfo(picture.pixels.dtype).max)
