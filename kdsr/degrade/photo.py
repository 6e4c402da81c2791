"""The degradation of real photographs: blur, resizing, noise and JPEG in random order, then shrinking.

After BSRGAN (Zhang et al., 2021, arXiv:2103.14006, section 3) and Real-ESRGAN (Wang et al., 2021, arXiv:2107.10833). It
is milder at the strong end: 60 K parameters are too few to restore heavy damage. Everything is drawn from one NumPy
generator, so that the same seed gives the same picture on every device. Not here: sinc ringing, sensor pipelines,
chains of several JPEG files.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.degrade.resample import bicubic_resize

LARGEST_LEVEL = 10.0
_BLUR_PX = 0.6
"""Largest standard deviation of the blur at the strongest level, in pixels of the result."""
_NOISE_255 = 25.0
_WORST_QUALITY, _BEST_QUALITY = 30, 95
_SMALLEST_PX = 8
"""The intermediate resize makes no side shorter than this."""


def degrade_photo(truth: Tensor, scale: int, levels: np.ndarray, rng: np.random.Generator) -> Tensor:
    """`truth` `scale` times smaller, with the damage of old phones, web pages and messengers.

    Args:
        truth: (N, C, H, W), float32, range [0, 1], C 3 or 1; sides are multiples of `scale`.
        levels: (N,), 0 to 10: how strong, picture by picture. 0 only shrinks, by MATLAB's bicubic.
        rng: draws everything; its state advances.
    Returns:
        (N, C, H // scale, W // scale) in whole 255ths, on the device of `truth`.
    """
    return torch.cat(
        [
            _degrade_one(picture[None], scale, float(level) / LARGEST_LEVEL, rng)
            for picture, level in zip(truth, levels, strict=True)
        ]
    )


def _degrade_one(truth: Tensor, scale: int, share: float, rng: np.random.Generator) -> Tensor:
    height, width = (side // scale for side in truth.shape[-2:])
    if share == 0:
        return bicubic_resize(truth, Fraction(1, scale), as_uint8=True)
    steps: list[Callable[[Tensor], Tensor]] = [
        lambda image: _blurred(image, share, image.shape[-1] / width, rng),
        lambda image: _resized_between(image, height, width, share, rng),
        lambda image: _noisy(image, share, rng),
        lambda image: _through_jpeg(image, share, rng),
    ]
    image = truth
    for index in rng.permutation(len(steps)):
        image = steps[index](image)
    small = _resized(image, height, width, rng).clamp(0, 1)
    return _through_jpeg(small, share, rng) if rng.random() < 0.75 else round_to_8_bits(small.clone())


def _blurred(image: Tensor, share: float, zoom: float, rng: np.random.Generator) -> Tensor:
    """By a Gaussian that may be longer in one direction; `zoom`: pixels of `image` per pixel of the result."""
    along, across = rng.uniform(0.1, max(0.2, _BLUR_PX * share * zoom), 2)
    if rng.random() < 0.5:
        across = along
    angle = rng.uniform(0, np.pi)
    reach = int(np.ceil(3 * max(along, across)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    weight = torch.from_numpy((kernel / kernel.sum()).astype(np.float32)).to(image).expand(image.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(image, (reach,) * 4, mode="replicate"), weight, groups=image.shape[1])


def _resized_between(image: Tensor, height: int, width: int, share: float, rng: np.random.Generator) -> Tensor:
    """Resized to between the size of the picture and that of the result, or a little below; with chance `share`."""
    if rng.random() > share:
        return image
    factor = rng.uniform(0.75 if share > 0.5 else 1.0, max(1.0, image.shape[-1] / width))
    return _resized(image, max(_SMALLEST_PX, round(height * factor)), max(_SMALLEST_PX, round(width * factor)), rng)


def _resized(image: Tensor, height: int, width: int, rng: np.random.Generator) -> Tensor:
    """Resized by a random kernel of those that programs use; none shifts the picture."""
    kernel = rng.choice(["bicubic", "bilinear", "area"])
    if image.shape[-2:] == (height, width):
        return image
    if kernel == "area" and height <= image.shape[-2] and width <= image.shape[-1]:
        return F.interpolate(image, (height, width), mode="area")
    return F.interpolate(image, (height, width), mode="bilinear" if kernel == "bilinear" else "bicubic", antialias=True)


def _noisy(image: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Sensor noise: independent per colour or equal in all; in half of the pictures stronger in bright areas."""
    sigma = rng.uniform(0, _NOISE_255 * share) / 255
    colours = image.shape[1] if rng.random() < 0.6 else 1
    noise = torch.from_numpy(rng.standard_normal((1, colours, *image.shape[-2:]), dtype=np.float32)).to(image)
    if rng.random() < 0.5:
        noise = noise * (0.3 + 1.2 * image.clamp(0, 1).sqrt())
    return image + noise * sigma


def _through_jpeg(image: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    return compress_jpeg(
        image.clamp(0, 1), round(rng.uniform(_BEST_QUALITY - (_BEST_QUALITY - _WORST_QUALITY) * share, _BEST_QUALITY))
    )
