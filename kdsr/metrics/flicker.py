"""How much two successive frames differ where nothing moves: what a viewer sees as flicker. Pure.

Not here: clips (`kdsr.bench.flicker`).
"""

import torch.nn.functional as F
from torch import Tensor

from kdsr.errors import ShapeError
from kdsr.metrics.luma import to_luma

_WINDOW_PX = 15
_STILL_255 = 3.0
"""A place is still where the mean of the signed change over the window is below: noise averages out, motion does not.
Noise of sigma 25 has 2.4 there.
"""


def still_pixels(before: Tensor, after: Tensor) -> Tensor:
    """Where nothing moves between two frames of a source: (N, 1, H, W) bool, with 7 px to whatever moves.

    Args:
        before: (N, 3, H, W), RGB in [0, 1].
        after: as `before`, same shape.
    Raises:
        ShapeError: frames of different shapes.
    """
    change = F.avg_pool2d(_change(before, after), _WINDOW_PX, 1, _WINDOW_PX // 2, count_include_pad=False).abs()
    return F.max_pool2d(change, _WINDOW_PX, 1, _WINDOW_PX // 2) < _STILL_255 / 255


def frame_change(before: Tensor, after: Tensor, still: Tensor) -> Tensor:
    """Mean absolute change of the luma over the pixels in `still`, in levels of 255: (N,) float64, 0 is no flicker.

    NaN where no pixel is still.

    Args:
        before: (N, 3, H, W), RGB in [0, 1].
        after: as `before`, same shape.
        still: (N, 1, H, W) bool.
    Raises:
        ShapeError: shapes that do not fit.
    """
    change = _change(before, after)
    if change.shape != still.shape:
        raise ShapeError(f"frame_change needs a mask {tuple(change.shape)}, got {tuple(still.shape)}.")
    total = (change.abs().double() * still).sum(dim=(1, 2, 3))
    return 255 * total / still.sum(dim=(1, 2, 3))


def _change(before: Tensor, after: Tensor) -> Tensor:
    if before.shape != after.shape:
        raise ShapeError(f"Two frames of one shape were wanted, got {tuple(before.shape)} and {tuple(after.shape)}.")
    return to_luma(after) - to_luma(before)
