"""Masks of missing pixels (scratches, letters, brush strokes, lost blocks), and a first filling of the holes.

The input of an inpainting network has four planes. Three are the picture with its holes filled from their surroundings;
the fourth is the mask (1 where a pixel is missing). The filling gives a small network a start in holes wider than its
receptive field.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.errors import ShapeError

_AREA = 256 * 256
"""Numbers of shapes are per this many pixels, so that the missing share does not depend on the size."""


def draw_holes(height: int, width: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A mask (H, W), float32, 1 where a pixel is missing; at least one is.

    kind: `dots` (each pixel with probability 1/2), `scratches` (thin lines), `text` (lines of letters), `strokes` (of a
        brush) or `blocks`. Blocks are squares of 8 or 16 px, as in a faulty transmission.
    """
    mask = np.zeros((height, width), np.uint8)
    _PENS[kind](mask, rng)
    if not mask.any():
        mask[height // 2, width // 2] = 1
    return mask.astype(np.float32)


def fill_holes(image: Tensor, holes: Tensor) -> Tensor:
    """`image` (N, 3, H, W) with the pixels where `holes` (N, 1, H, W) is 1 filled smoothly from those around them.

    By a pyramid of averages over known pixels (pull-push; Gortler et al., The Lumigraph, SIGGRAPH 1996, section 3.4).
    Known pixels stay as they are; a picture without any becomes mid-grey.
    """
    known = 1.0 - holes
    return _fill(image * known, known, image)


def with_holes(truth: Tensor, holes: Tensor) -> Tensor:
    """The input (N, 4, H, W) of an inpainting network: `truth` (N, 3, H, W) with `holes` (N, 1, H, W) filled, and them.

    The filling is rounded to 8 bits, and does not depend on the pixels of `truth` in the holes.

    Raises:
        ShapeError: the shapes do not fit each other.
    """
    if truth.ndim != 4 or holes.shape != (truth.shape[0], 1, *truth.shape[2:]):
        shapes = f"{tuple(truth.shape)} and {tuple(holes.shape)}"
        raise ShapeError(f"with_holes needs pictures (N, 3, H, W) and masks (N, 1, H, W), got {shapes}.")
    filled = torch.where(holes > 0, fill_holes(truth, holes).mul(255).round().div(255), truth)
    return torch.cat([filled, holes.to(filled)], dim=1)


def _fill(weighted: Tensor, known: Tensor, image: Tensor) -> Tensor:
    """`image` where `known`, elsewhere the filling of the coarser levels; `weighted` is `image * known`."""
    if min(known.shape[-2:]) == 1 and max(known.shape[-2:]) == 1:
        return torch.where(known > 0, image, torch.full_like(image, 0.5))
    share = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    mean = F.avg_pool2d(weighted, 2, ceil_mode=True, count_include_pad=False) / share.clamp(min=1e-6)
    is_known = (share > 0).to(known)
    coarse = _fill(mean * is_known, is_known, mean)
    return torch.where(
        known > 0, image, F.interpolate(coarse, size=known.shape[-2:], mode="bilinear", align_corners=False)
    )


def _dots(mask: np.ndarray, rng: np.random.Generator) -> None:
    mask[rng.random(mask.shape) < 0.5] = 1


def _scratches(mask: np.ndarray, rng: np.random.Generator) -> None:
    for _ in range(_count(mask, 10, rng)):
        _line(mask, rng, points=3, length=160, thickness=int(rng.integers(1, 4)))


def _strokes(mask: np.ndarray, rng: np.random.Generator) -> None:
    for _ in range(_count(mask, 4, rng)):
        _line(mask, rng, points=5, length=90, thickness=int(rng.integers(6, 15)))


def _text(mask: np.ndarray, rng: np.random.Generator) -> None:
    """Lines of made-up letters, each three strokes between the points of a 3x5 grid: fonts differ from machine to
    machine.
    """
    height, width = mask.shape
    for _ in range(_count(mask, 7, rng)):
        size, thickness = int(rng.integers(3, 6)), int(rng.integers(1, 4))
        left, top = int(rng.integers(-30, max(1, width - 20))), int(rng.integers(-5, max(1, height - 5)))
        for letter in range(int(rng.integers(6, 18))):
            points = rng.integers(0, (3, 5), size=(3, 2, 2)) * size + (left + 4 * size * letter, top)
            cv2.polylines(mask, list(points.astype(np.int32)), isClosed=False, color=1, thickness=thickness)


def _blocks(mask: np.ndarray, rng: np.random.Generator) -> None:
    height, width = mask.shape
    for _ in range(_count(mask, 40, rng)):
        side = int(rng.choice([8, 16]))
        top, left = (int(rng.integers(max(1, math.ceil(length / side)))) * side for length in (height, width))
        mask[top : top + side, left : left + side] = 1


def _count(mask: np.ndarray, per_area: int, rng: np.random.Generator) -> int:
    """How many to draw: `per_area` for each `_AREA` of the mask on average, at least one."""
    return max(1, int(rng.poisson(per_area * mask.size / _AREA)))


def _line(mask: np.ndarray, rng: np.random.Generator, *, points: int, length: float, thickness: int) -> None:
    """One bent line of about `length` px."""
    place = rng.random(2) * mask.shape[::-1]
    angle = rng.uniform(0, 2 * math.pi)
    path = [place]
    for _ in range(points - 1):
        angle += rng.uniform(-0.7, 0.7)
        path.append(
            path[-1] + length / (points - 1) * rng.uniform(0.5, 1.5) * np.array([math.cos(angle), math.sin(angle)])
        )
    cv2.polylines(mask, [np.round(path).astype(np.int32)], isClosed=False, color=1, thickness=thickness)


_PENS: Mapping[str, Callable[[np.ndarray, np.random.Generator], None]] = MappingProxyType({
    "dots": _dots, "scratches": _scratches, "text": _text, "strokes": _strokes, "blocks": _blocks,
})  # fmt: skip
