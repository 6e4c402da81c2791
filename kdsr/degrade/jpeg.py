"""JPEG compression by a real encoder: the result has the pixels of a file of that quality.

Encoded and decoded in memory by OpenCV (libjpeg-turbo): baseline, standard tables of the quality. Chroma is halved in
both directions (4:2:0), the default of OpenCV, Pillow and MATLAB, or kept at full resolution (4:4:4). Many cameras and
editors use 4:4:4 for their best quality. This is the one place outside `kdsr.image` that sees uint8 pictures, because
the encoder takes nothing else. Not here: a differentiable approximation.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.degrade.levels import round_to_8_bits
from kdsr.errors import InputError, ShapeError


def compress_jpeg(truth: Tensor, quality: float | Tensor, *, chroma_444: bool | Tensor = False) -> Tensor:
    """`truth` after encoding as JPEG and decoding: whole 255ths in [0, 1]. Not differentiable.

    Args:
        truth: (N, C, H, W), float32, range [0, 1], on any device; C is 3 (RGB) or 1 (encoded as a grey file).
        quality: one number for all pictures or (N,), 1 to 100, rounded to a whole number.
        chroma_444: one answer for all pictures or (N,) bool: colour at the picture's resolution (4:4:4), or halved
            (4:2:0).
    Returns:
        (N, C, H, W), as `truth`.
    Raises:
        ShapeError: `quality` or `chroma_444` is a tensor whose shape is not (N,), or C is neither 1 nor 3.
        InputError: a side is longer than a JPEG file allows.
    """
    count, channels = truth.shape[:2]
    if channels not in (1, 3):
        raise ShapeError(f"compress_jpeg needs 1 or 3 channels, got shape {tuple(truth.shape)}.")
    qualities, full = _for_each("quality", quality, count), _for_each("chroma_444", chroma_444, count)
    levels = round_to_8_bits(truth.detach()).mul(255.0).round().to("cpu", torch.uint8)
    pictures = levels.permute(0, 2, 3, 1).contiguous().numpy()
    decoded = [
        _through_file(picture, round(each), is_full)
        for picture, each, is_full in zip(pictures, qualities, full, strict=True)
    ]
    stacked = torch.from_numpy(np.stack(decoded)) if decoded else levels.permute(0, 2, 3, 1)
    return stacked.to(truth.device).permute(0, 3, 1, 2).to(truth.dtype).div(255.0).contiguous()


def _for_each(name: str, value: float | Tensor, count: int) -> list[float]:
    """`value` as `count` numbers."""
    values = value.tolist() if isinstance(value, Tensor) else [value] * count
    if not isinstance(values, list) or len(values) != count:
        raise ShapeError(f"compress_jpeg needs one {name} or one for each of {count} pictures, got {values}.")
    return values


def _through_file(picture: np.ndarray, quality: int, chroma_444: float) -> np.ndarray:
    """`picture` (H, W, C) uint8 RGB or grey, encoded and decoded; same shape."""
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if chroma_444 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    height, width, channels = picture.shape
    if max(height, width) > 65_500:  # libjpeg's JPEG_MAX_DIMENSION
        raise InputError(f"A JPEG has sides of at most 65,500 pixels, got {width} x {height}; give a smaller picture.")
    if channels == 1:
        _, data = cv2.imencode(".jpg", picture, options)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))[:, :, None]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    return cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
