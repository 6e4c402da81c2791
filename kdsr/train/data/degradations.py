"""Random degradations of training pictures, each with its own strength, over the range of its task.

Shares of the pictures are grey, full-colour 4:4:4 JPEG files, or files that were compressed once before.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kdsr.degrade import crop_to_multiple, degrade_camera, degrade_photo, draw_holes, round_to_8_bits, with_holes
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.noise import add_noise
from kdsr.errors import InputError
from kdsr.metrics.luma import to_luma
from kdsr.tasks import Kinds, Strength, Task

_BLOCK_PX = 16
"""Period of the block grid of a JPEG file: 8 px, or 16 px for subsampled colour."""
CROPPED_SHARE = 0.5
"""Share of the JPEG files of single crops whose block grid is shifted; crops of larger files have any grid already."""


def degrade_fresh(
    truth: Tensor,
    task: Task,
    rng: np.random.Generator,
    *,
    chroma_444: Tensor | None = None,
    cropped_share: float = 0.0,
    clipped_noise_share: float = 0.0,
) -> Tensor:
    """`truth` (N, 3, H, W) degraded, each picture with its own random strength (`draw_strengths`) or kind.

    Args:
        chroma_444: (N) bool, which JPEG files have full-colour 4:4:4 sampling; None for none.
        cropped_share: share of the JPEG files that begin up to 15 rows and columns before the picture, as if it had
            been cropped since. A network at half resolution needs them: trained on even block positions only, it
            restores next to nothing at odd ones.
        clipped_noise_share: share of the noisy pictures that are clipped to [0, 1] and rounded to 8 bits, as in a file.
    Raises:
        InputError: a task whose degradation has no strength (super-resolution); its photographs are degraded once.
    """
    if task.strength is None:
        raise InputError(f"Crops of {task.name} cannot be degraded one by one; degrade the photographs once.")
    if isinstance(task.strength, Kinds):
        height, width = truth.shape[-2:]
        masks = [draw_holes(height, width, str(kind), rng) for kind in rng.choice(task.strength.names, size=len(truth))]
        return with_holes(truth, torch.from_numpy(np.stack(masks))[:, None].to(truth))
    drawn = draw_strengths(task.strength, len(truth), rng)
    if task.degradation == "photo":
        return degrade_photo(crop_to_multiple(truth, task.scale), task.scale, drawn, rng)
    if task.degradation == "noise":
        generator = torch.Generator(device=truth.device).manual_seed(int(rng.integers(2**62)))
        noisy = add_noise(truth, torch.from_numpy(drawn), generator)
        return _with_clipped_noise(noisy, clipped_noise_share, rng) if clipped_noise_share else noisy
    corners = _corners(len(truth), rng) * (rng.random(len(truth)) < cropped_share)[:, None]
    if task.degradation == "camera":
        return torch.cat(
            [
                degrade_camera(_begun_at(truth, number, corners[number]), drawn[number, None], rng)[..., top:, left:]
                for number, (top, left) in enumerate(corners)
            ]
        )
    return torch.cat(
        [_out_of_file(truth, number, drawn[number], corners[number], chroma_444) for number in range(len(truth))]
    )


def double_jpeg(
    truth: Tensor, task: Task, share: float, rng: np.random.Generator, *, chroma_444: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """`truth` (N, 3, H, W) with a `share` of its pictures compressed once, and which ones, (N) bool.

    The block grid of this first file is shifted at random, as in a picture that was cropped since. A network that saw
    no such files takes the blocks of the first file for detail (FBCNN, arXiv:2109.14573).
    """
    if not share:
        return truth, torch.zeros(len(truth), dtype=torch.bool)
    assert isinstance(task.strength, Strength)
    chosen = rng.random(len(truth)) < share
    qualities, corners = draw_strengths(task.strength, len(truth), rng), _corners(len(truth), rng)
    files = truth.clone()
    for number in map(int, np.flatnonzero(chosen)):
        files[number] = _out_of_file(truth, number, qualities[number], corners[number], chroma_444)[0]
    return files, torch.from_numpy(chosen)


def _corners(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count, 2): rows and columns by which each JPEG file begins before its picture."""
    return rng.integers(_BLOCK_PX, size=(count, 2))


def _out_of_file(
    truth: Tensor, number: int, quality: np.float32, corner: NDArray[np.int64], chroma_444: Tensor | None
) -> Tensor:
    """Picture `number` of `truth`, (1, 3, H, W), from a JPEG file that begins `corner` rows and columns before it."""
    top, left = map(int, corner)
    begun = _begun_at(truth, number, corner)
    return compress_jpeg(begun, float(quality), chroma_444=chroma_444 is not None and bool(chroma_444[number]))[
        ..., top:, left:
    ]


def _begun_at(truth: Tensor, number: int, corner: NDArray[np.int64]) -> Tensor:
    """Picture `number` of `truth`, (1, 3, H + top, W + left), begun `corner` rows and columns before it."""
    top, left = map(int, corner)
    return F.pad(truth[number, None], (left, 0, top, 0), mode="replicate")


def draw_strengths(strength: Strength, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """`count` strengths, uniform over the range of `strength`, or over its logarithm if it counts by ratio."""
    if strength.by_ratio:
        return np.exp(rng.uniform(np.log(strength.minimum), np.log(strength.maximum), count)).astype(np.float32)
    return rng.uniform(strength.minimum, strength.maximum, count).astype(np.float32)


_GRAIN_SIGMA = 75.0


@dataclass(frozen=True)
class DegradationShares:
    """Shares of the training pictures, in [0, 1], that are grey, 4:4:4 JPEG files, compressed twice, or noisy files."""

    grey: float = 0.0
    chroma_444: float = 0.0
    double_jpeg: float = 0.0
    clipped_noise: float = 0.0


def varied(truth: Tensor, shares: DegradationShares, rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
    """`truth` (N, 3, H, W) in [0, 1], some pictures grainy or grey, and which become 4:4:4 files, (N) bool or None."""
    chroma_444 = None
    if shares.chroma_444:
        truth, chroma_444 = _with_full_chroma(truth, shares.chroma_444, rng)
    if shares.grey:
        truth = _with_grey(truth, shares.grey, rng)
    return truth, chroma_444


def _with_clipped_noise(noisy: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """`noisy` (N, 3, H, W) with a `share` of its pictures clipped to [0, 1] and rounded to 8 bits.

    Clipped noise no longer has a mean of 0: it lightens what is nearly black and darkens what is nearly white. A
    network that saw none keeps that error, which costs 0.5 dB on CBSD68 at sigma 25.
    """
    chosen = torch.from_numpy(rng.random(len(noisy)) < share)[:, None, None, None].to(noisy.device)
    return torch.where(chosen, round_to_8_bits(noisy), noisy)


def _with_grey(truth: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """`truth` with a `share` of its pictures as luma in all channels (16 to 235 of 255, as in published tables)."""
    chosen = torch.from_numpy(rng.random(len(truth)) < share)[:, None, None, None].to(truth.device)
    return torch.where(chosen, to_luma(truth), truth)


def _with_full_chroma(truth: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`truth` with grain in half of the pictures that become 4:4:4 files, and which do, each with probability `share`.

    Files with subsampled colour have no fine colour detail, and a network that saw none restores it arbitrarily.
    Photographs have little of it either. The grain is white noise in each channel, sigma uniform over 0 to 75 of 255,
    and belongs to the ground truth.
    """
    drawn = rng.random(len(truth))
    sigma = np.where(drawn < share / 2, rng.uniform(0, _GRAIN_SIGMA, len(truth)), 0).astype(np.float32)
    generator = torch.Generator(device=truth.device).manual_seed(int(rng.integers(2**62)))
    return add_noise(truth, torch.from_numpy(sigma), generator).clamp(0, 1), torch.from_numpy(drawn < share)
