"""The BT.601 luma in 16..235, the plane on which super-resolution and JPEG figures are published.

Not here: chroma, and the rounding to integer levels that MATLAB's rgb2ycbcr adds for uint8 pictures. Most published
tables since 2017 (EDSR, BasicSR) are taken without it.
"""

from torch import Tensor

from kdsr.errors import ShapeError

_RED, _GREEN, _BLUE, _BLACK = (
    65.481 / 255,
    128.553 / 255,
    24.966 / 255,
    16 / 255,
)  # MATLAB rgb2ycbcr, first row, over 255


def to_luma(image: Tensor) -> Tensor:
    """The luma of `image` (N, 3, H, W), RGB in [0, 1], as (N, 1, H, W) in [16/255, 235/255], same type and device.

    Raises:
        ShapeError: `image` has not three channels.

    Source: ITU-R BT.601; MATLAB rgb2ycbcr(image)(:, :, 1) on doubles.
    """
    if image.ndim != 4 or image.shape[1] != 3:
        raise ShapeError(f"to_luma needs RGB pictures (N, 3, H, W), got {tuple(image.shape)}.")
    red, green, blue = image[:, 0:1], image[:, 1:2], image[:, 2:3]
    return (red * _RED).add(green, alpha=_GREEN).add(blue, alpha=_BLUE).add(_BLACK)
