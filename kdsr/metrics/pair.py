"""A restored picture and its truth as pairs of strips that OpenCV reads in place, and sums over them.

The metrics work on numpy views of the tensors, because OpenCV's kernels are several times faster there than torch's on
a processor. Strips keep the working planes in its cache and the memory bounded. Not here: any arithmetic on the pixels.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from kdsr.errors import ShapeError

Plane = np.ndarray
"""(H, W), float32 or float64; uint8 where asked for."""
PlanePair = tuple[Plane, Plane]
"""Restored and truth, of one size."""

_STRIP_ROWS = 64
_PIXELS_PER_THREAD = 500_000  # below that, starting a thread costs more than it saves
_MOST_THREADS = 8  # memory is the limit beyond


def plane_pairs(restored: Tensor, truth: Tensor, border: int, *, levels_too: bool = False) -> Iterator[list[PlanePair]]:
    """For each picture, its channels as (restored, truth) planes with `border` pixels cut from each side; planes may be
    empty.

    Args:
        restored: (N, C, H, W), any floating type, on any device; copied to the processor if it is not there.
        truth: as `restored`, same shape.
        levels_too: two uint8 tensors are taken as well, and come as uint8 planes.
    Raises:
        ShapeError: the shapes differ, are not (N, C, H, W), the numbers are not floating, or `border` is below 0.
    """
    if restored.shape != truth.shape or restored.ndim != 4:
        shapes = f"{tuple(restored.shape)} and {tuple(truth.shape)}"
        raise ShapeError(
            f"A figure needs two tensors (N, C, H, W) of one shape, got {shapes}; crop or resize one of them first."
        )
    if border < 0:
        raise ShapeError(f"The border to cut must be 0 or more pixels, got {border}.")
    if levels_too and restored.dtype == truth.dtype == torch.uint8:
        left, right = restored.cpu().numpy(), truth.cpu().numpy()
    else:
        left, right = _array(restored, truth.dtype), _array(truth, restored.dtype)
    rows, columns = (slice(border, max(border, side - border)) for side in truth.shape[2:])
    for one, other in zip(left, right, strict=True):
        yield [(a[rows, columns], b[rows, columns]) for a, b in zip(one, other, strict=True)]


def sum_over_strips(
    planes: list[PlanePair], function: Callable[[Plane, Plane], float], *, overlap_rows: int = 0
) -> float:
    """The sum of `function(restored, truth)` over all strips of all planes.

    Neighbouring strips share `overlap_rows` rows. Runs in as many threads as torch may use; the sum is exactly rounded,
    so that their number does not change it.
    """
    strips = [strip for pair in planes for strip in _strips(pair, overlap_rows)]
    pixels = sum(truth.size for _, truth in planes)
    threads = min(torch.get_num_threads(), _MOST_THREADS, pixels // _PIXELS_PER_THREAD, len(strips))
    if threads < 2:
        return math.fsum(function(*strip) for strip in strips)
    ends = [len(strips) * i // threads for i in range(threads + 1)]
    shares = [strips[a:b] for a, b in itertools.pairwise(ends)]
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda share: [function(*strip) for strip in share], shares)
        return math.fsum(value for part in parts for value in part)


def _strips(pair: PlanePair, overlap_rows: int) -> Iterator[PlanePair]:
    """Views of `pair`, each of up to 64 rows and `overlap_rows` more."""
    rows = pair[1].shape[0] - overlap_rows
    for top in range(0, rows, _STRIP_ROWS):
        strip = slice(top, min(top + _STRIP_ROWS, rows) + overlap_rows)
        yield pair[0][strip], pair[1][strip]


def _array(image: Tensor, other: torch.dtype) -> np.ndarray:
    """A view of `image` as an array, in the wider one of both types; a copy only where type or device need it."""
    if not image.is_floating_point():
        raise ShapeError(
            f"A figure needs floating numbers in [0, 1], got {image.dtype}; divide by the highest level first."
        )
    wide = torch.float64 if torch.float64 in (image.dtype, other) else torch.float32
    return image.detach().to("cpu", wide).numpy()
