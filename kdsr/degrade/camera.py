"""The degradation of a camera in poor light: blur, sensor noise, demosaicing, coarse colour noise, then JPEG.

Noise is added where a sensor adds it, in linear light behind the colour filters. Then it is demosaiced, white balanced
and converted to sRGB with the picture. After Brooks et al., Unprocessing Images for Learned Raw Denoising (2019,
arXiv:1811.11127, section 3), whose ranges of noise are used. Everything is drawn from one NumPy generator, so that the
same seed gives the same picture on every device. Not here: a change of size (`photo`), tone curves other than sRGB's.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.degrade.photo import LARGEST_LEVEL

_BLUR_PX = 0.6
"""Largest standard deviation of the blur at the strongest level."""
_SHOT = 0.012
"""Largest variance of the sensor's noise per signal, both of full scale; level 5 has a quarter of it."""
_SOFTENED_PX = 0.8
"""Largest standard deviation of the camera's own smoothing of its noise."""
_COARSE_255 = 12.0
_COARSE_PX = (1.0, 4.0)
"""Coarse colour noise: largest strength in black, and the standard deviation of its smoothing."""
_WORST_QUALITY, _BEST_QUALITY = 40, 95
_FILES = 0.85
"""Share of the pictures that are JPEG files."""
_SMALLEST_PX = 3
"""A picture with a shorter side has no mosaic."""
_CHROMA = ((1.402, 0.0), (-0.714136, -0.344136), (0.0, 1.772))
"""Red, green and blue of one unit of Cr and of Cb (BT.601); they leave luma as it is."""
_CROSS = ((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1), (0, 0, 2, 0, 0), (0, 0, -1, 0, 0))
_ALONG = ((0, 0, 0.5, 0, 0), (0, -1, 0, -1, 0), (-1, 4, 5, 4, -1), (0, -1, 0, -1, 0), (0, 0, 0.5, 0, 0))
_DIAGONAL = ((0, 0, -1.5, 0, 0), (0, 2, 0, 2, 0), (-1.5, 0, 6, 0, -1.5), (0, 2, 0, 2, 0), (0, 0, -1.5, 0, 0))
_KERNELS = torch.tensor([_CROSS, _ALONG, np.transpose(_ALONG).tolist(), _DIAGONAL])[:, None] / 8


def degrade_camera(truth: Tensor, levels: NDArray[np.floating], rng: np.random.Generator) -> Tensor:
    """`truth` as a small sensor in poor light takes and saves it, at its own size.

    A picture of one plane is taken without colour filters.

    Args:
        truth: (N, C, H, W), float32, range [0, 1], C 3 or 1.
        levels: (N,), 0 to 10: how strong, picture by picture. 0 only rounds to 8 bits.
        rng: draws everything; its state advances.
    Returns:
        (N, C, H, W) in whole 255ths, on the device of `truth`.
    """
    pictures = [
        _taken(picture[None], float(level) / LARGEST_LEVEL, rng)
        for picture, level in zip(truth.to("cpu"), levels, strict=True)
    ]
    return torch.cat(pictures).to(truth.device)


def sensor_noise(signal: Tensor, shot: float, read_variance: float, rng: np.random.Generator) -> Tensor:
    """Noise of a sensor: Gaussian with the variance `shot * signal + read_variance`, independent at every value.

    Args:
        signal: any shape, linear, 1 is full scale.
    """
    noise = torch.from_numpy(rng.standard_normal(tuple(signal.shape), dtype=np.float32)).to(signal)
    return noise * (shot * signal.clamp(min=0) + read_variance).sqrt()


def coarse_noise(count: int, height: int, width: int, sigma_px: float, rng: np.random.Generator) -> Tensor:
    """`count` planes (1, count, H, W) of Gaussian noise of variance 1 that is larger than a pixel.

    White noise smoothed by a Gaussian of standard deviation `sigma_px`: values d pixels apart correlate by about
    exp(-d^2 / (4 sigma_px^2)).
    """
    kernel = _gaussian(sigma_px)
    size = (1, count, height + len(kernel) - 1, width + len(kernel) - 1)
    white = torch.from_numpy(rng.standard_normal(size, dtype=np.float32))
    return _along_both(white, kernel / kernel.square().sum().sqrt())


def demosaiced(mosaic: Tensor, top: int, left: int) -> Tensor:
    """`mosaic` (1, 1, H, W) of an RGGB sensor in full colour, (1, 3, H, W), linear in its values.

    Args:
        mosaic: sides of 3 px or more.
        top: 0 or 1: the first row with red in it; `left`: its first column.

    Source: Malvar, He and Cutler, High-Quality Linear Interpolation for Demosaicing (ICASSP 2004), as MATLAB's.
    """
    found = F.conv2d(F.pad(mosaic, (2,) * 4, mode="reflect"), _KERNELS)
    cross, along, across, diagonal = found.unbind(1)
    exact, rows, columns = mosaic[:, 0], *_parities(mosaic, top, left)
    at_red, at_blue = rows & columns, ~rows & ~columns
    in_row, in_column = torch.where(rows, along, across), torch.where(rows, across, along)
    red = torch.where(at_red, exact, torch.where(at_blue, diagonal, in_row))
    green = torch.where(at_red | at_blue, cross, exact)
    blue = torch.where(at_blue, exact, torch.where(at_red, diagonal, in_column))
    return torch.stack([red, green, blue], dim=1)


def _taken(truth: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    if share == 0:
        return round_to_8_bits(truth)
    is_colour = truth.shape[1] == 3
    linear = _to_linear(_smoothed(truth, rng.uniform(0.1, max(0.2, _BLUR_PX * share))).clamp(0, 1))
    if is_colour and min(truth.shape[-2:]) >= _SMALLEST_PX:
        noise = _developed(linear, share, rng)
    else:
        noise = sensor_noise(linear, *_variances(share, rng), rng)
    if rng.random() < 0.5:
        noise = _smoothed(noise, rng.uniform(0.1, _SOFTENED_PX))
    image = _from_linear((linear + noise).clamp(0, 1))
    if is_colour:
        image = image + _colour_noise(image, share, rng)
    return _saved(round_to_8_bits(image), share, rng)


def _variances(share: float, rng: np.random.Generator) -> tuple[float, float]:
    """Shot and read variance; the latter follows the former in cameras (arXiv:1811.11127, section 3.1)."""
    shot = _SHOT * (share * rng.uniform(0.6, 1.0)) ** 2
    return shot, float(np.exp(2.18 * np.log(shot) + 1.2 + rng.normal(0, 0.26)))


def _developed(linear: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """What noise and demosaicing add to `linear` (1, 3, H, W), in its colours.

    A camera demosaics detail better than linear interpolation does, so that only a part of its error stays.
    """
    gains = torch.tensor([rng.uniform(1.2, 2.4), 1.0, rng.uniform(1.2, 2.2)])[:, None, None]
    mixed = rng.uniform(0.0, 0.25)
    top, left = map(int, rng.integers(2, size=2))
    signal = ((1 - mixed) * linear + mixed * linear.mean(dim=1, keepdim=True)) / gains
    rows, columns = _parities(signal, top, left)
    sites = torch.stack([rows & columns, rows ^ columns, ~rows & ~columns])
    mosaic = (signal * sites).sum(dim=1, keepdim=True)
    noise = demosaiced(sensor_noise(mosaic, *_variances(share, rng), rng), top, left)
    added = (noise + rng.uniform(0, share) * (demosaiced(mosaic, top, left) - signal)) * gains
    return (added - mixed * added.mean(dim=1, keepdim=True)) / (1 - mixed)


def _colour_noise(image: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Coarse noise of colour, weaker in bright areas, as a camera's own denoiser leaves it."""
    height, width = image.shape[-2:]
    coarse = coarse_noise(2, height, width, rng.uniform(*_COARSE_PX), rng)
    strength = rng.uniform(0, _COARSE_255 * share) / 255 * (1 - 0.7 * image.mean(dim=1, keepdim=True))
    return strength * torch.einsum("ij,njhw->nihw", torch.tensor(_CHROMA), coarse)


def _saved(image: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """`image` in whole 255ths, as it is or out of a JPEG file, mostly with colour halved."""
    quality = round(rng.uniform(_BEST_QUALITY - (_BEST_QUALITY - _WORST_QUALITY) * share, _BEST_QUALITY))
    is_file, is_full = rng.random() < _FILES, rng.random() < 0.3
    return compress_jpeg(image, quality, chroma_444=is_full) if is_file else image


def _parities(picture: Tensor, top: int, left: int) -> tuple[Tensor, Tensor]:
    """(H, 1) and (1, W) bool: the rows and the columns with red in them."""
    height, width = picture.shape[-2:]
    rows, columns = (torch.arange(side) % 2 for side in (height, width))
    return (rows == top)[:, None], (columns == left)[None]


def _to_linear(image: Tensor) -> Tensor:
    """sRGB to linear light (IEC 61966-2-1)."""
    return torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)


def _from_linear(light: Tensor) -> Tensor:
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=1e-6) ** (1 / 2.4) - 0.055)


def _gaussian(sigma_px: float) -> Tensor:
    reach = int(np.ceil(3 * sigma_px))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    return torch.from_numpy((kernel / kernel.sum()).astype(np.float32))


def _smoothed(image: Tensor, sigma_px: float) -> Tensor:
    kernel = _gaussian(sigma_px)
    return _along_both(F.pad(image, (len(kernel) // 2,) * 4, mode="replicate"), kernel)


def _along_both(image: Tensor, kernel: Tensor) -> Tensor:
    """`image` (1, C, H, W) filtered by `kernel` along columns and rows; each side is shorter by its length less 1."""
    channels = image.shape[1]
    row = kernel[None, None, None].expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(image, row, groups=channels), row.transpose(2, 3), groups=channels)
