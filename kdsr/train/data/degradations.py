"""Degradations to learn from: every picture with a strength of its own, drawn over its task's range; some made grey or
kept in full colour first.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kdsr.degrade import crop_to_multiple, degrade_photo, draw_holes, with_holes
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.noise import add_noise
from kdsr.errors import InputError
from kdsr.metrics.luma import to_luma
from kdsr.tasks import Kinds, Strength, Task

_BLOCK_PX = 16
"""After so many pixels the blocks of a JPEG file repeat: 8, and 16 for colour that is halved."""
CROPPED_SHARE = 0.5
"""Of JPEG files that are made for a crop of their own; crops of larger ones begin anywhere by themselves."""


def degrade_fresh(
    truth: Tensor,
    task: Task,
    rng: np.random.Generator,
    *,
    whole_colour: Tensor | None = None,
    cropped_share: float = 0.0,
) -> Tensor:
    """`truth` (N, 3, H, W) degraded, every picture with a strength (or kind) of its own, drawn over the task's range
    (`draw_strengths`).

    A share of the JPEG files began up to 15 rows and columns before the picture, as in one that was cropped since: a
    network at half resolution that only ever met blocks at even places restores next to nothing where they begin at an
    odd one.

    `whole_colour` (N) bool: which JPEG files keep their colour's resolution; none if left out.
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
        return add_noise(truth, torch.from_numpy(drawn), generator)
    corners = _corners(len(truth), rng) * (rng.random(len(truth)) < cropped_share)[:, None]
    return torch.cat(
        [_out_of_file(truth, number, drawn[number], corners[number], whole_colour) for number in range(len(truth))]
    )


def saved_before(
    truth: Tensor, task: Task, share: float, rng: np.random.Generator, *, whole_colour: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(files, chosen): `truth` (N, 3, H, W), where each picture is with a chance of `share` what a JPEG file left of
    it, and which are, (N) bool.

    Its blocks begin anywhere, as in a picture that was cropped since. Saved once more, with the second file's blocks
    across the first one's, it looks to a network that never met any as if the first blocks were detail (FBCNN,
    arXiv:2109.14573).
    """
    if not share:
        return truth, torch.zeros(len(truth), dtype=torch.bool)
    assert isinstance(task.strength, Strength)
    chosen = rng.random(len(truth)) < share
    qualities, corners = draw_strengths(task.strength, len(truth), rng), _corners(len(truth), rng)
    files = truth.clone()
    for number in map(int, np.flatnonzero(chosen)):
        files[number] = _out_of_file(truth, number, qualities[number], corners[number], whole_colour)[0]
    return files, torch.from_numpy(chosen)


def _corners(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count, 2): how many rows and columns before a picture its JPEG file began."""
    return rng.integers(_BLOCK_PX, size=(count, 2))


def _out_of_file(
    truth: Tensor, number: int, quality: np.float32, corner: NDArray[np.int64], whole_colour: Tensor | None
) -> Tensor:
    """Picture `number` of `truth`, (1, 3, H, W), out of a JPEG file that began so many rows and columns before it."""
    top, left = map(int, corner)
    around = F.pad(truth[number, None], (left, 0, top, 0), mode="replicate")
    return compress_jpeg(around, float(quality), whole_colour=whole_colour is not None and bool(whole_colour[number]))[
        ..., top:, left:
    ]


def draw_strengths(strength: Strength, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """`count` strengths to learn from, spread evenly over the range of `strength`, or over its logarithm where it
    counts by ratio.
    """
    if strength.by_ratio:
        return np.exp(rng.uniform(np.log(strength.minimum), np.log(strength.maximum), count)).astype(np.float32)
    return rng.uniform(strength.minimum, strength.maximum, count).astype(np.float32)


_GRAIN_SIGMA = 75.0


@dataclass(frozen=True)
class Shares:
    """Of the pictures learnt from, so many are made grey, become JPEG files whose colour is not halved, or were a JPEG
    file once before.
    """

    grey: float = 0.0
    whole_colour: float = 0.0
    saved_before: float = 0.0


def varied(truth: Tensor, shares: Shares, rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
    """`truth` (N, 3, H, W) in [0, 1], some grainy or grey, and which pictures become files of whole colour, (N) bool;
    None for none.
    """
    whole_colour = None
    if shares.whole_colour:
        truth, whole_colour = _some_in_whole_colour(truth, shares.whole_colour, rng)
    if shares.grey:
        truth = _some_in_grey(truth, shares.grey, rng)
    return truth, whole_colour


def _some_in_grey(truth: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """`truth`; each picture with a chance of `share` as its luma in all three channels (16 to 235 of 255, as tables
    publish).
    """
    chosen = torch.from_numpy(rng.random(len(truth)) < share)[:, None, None, None].to(truth.device)
    return torch.where(chosen, to_luma(truth), truth)


def _some_in_whole_colour(truth: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`truth` with grain in about half of the pictures that become files of whole colour, and which do, each with a
    chance of `share`.

    Files with halved colour hold no fine detail of colour; a network that never met any may answer it with anything.
    Photographs hold little of it too: the grain is white noise in each channel, its sigma spread evenly over 0 to 75 of
    255, and belongs to the truth.
    """
    drawn = rng.random(len(truth))
    sigma = np.where(drawn < share / 2, rng.uniform(0, _GRAIN_SIGMA, len(truth)), 0).astype(np.float32)
    generator = torch.Generator(device=truth.device).manual_seed(int(rng.integers(2**62)))
    return add_noise(truth, torch.from_numpy(sigma), generator).clamp(0, 1), torch.from_numpy(drawn < share)
