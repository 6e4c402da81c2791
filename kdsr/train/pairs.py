"""Pairs to learn from: random crops of degraded pictures and their truths, with the teacher's labels where there are any.

Two ways. *Fixed*: every photograph is degraded once (super-resolution: whole; noise and JPEG: in cells, each with its own
strength), so that a teacher can label it once. *Fresh*: every crop is degraded anew, on the device. What a batch holds
depends on the seed and the step alone, so that a resumed run sees what an uninterrupted one would have seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kdsr.degrade import degrade
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.noise import add_noise
from kdsr.errors import InputError
from kdsr.tasks import Task
from kdsr.train.photos import Photo

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Batch:
    """`degraded` (N, 3, P, P), `truth` and `label` (N, 3, P * scale, P * scale), float32 in [0, 1]; `label` may be None."""

    degraded: Tensor
    truth: Tensor
    label: Tensor | None


@dataclass
class Pairs:
    """Photographs of one task to draw batches from; all lists run in parallel and hold (H, W, 3) tensors."""

    task: Task
    truths: list[Tensor]
    seed: int
    degraded: list[Tensor] | None = None
    """uint8, or float16 where a degradation leaves [0, 1]; None: every crop is degraded when it is drawn."""
    labels: list[Tensor] | None = None
    areas: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        sizes = np.array([truth.shape[0] * truth.shape[1] for truth in self.truths], dtype=np.float64)
        self.areas = np.cumsum(sizes / sizes.sum())

    def batch(self, step: int, batch_size: int, patch_px: int, *, with_label: bool) -> Batch:
        """The batch of `step`: crops spread evenly over all pixels, each in one of the 8 symmetries of the square."""
        rng = np.random.default_rng([self.seed, step])
        scale = self.task.scale
        crops: list[list[Tensor]] = [[], [], []]
        for _ in range(batch_size):
            index = min(int(np.searchsorted(self.areas, rng.random(), side="right")), len(self.truths) - 1)
            height, width = (side // scale for side in self.truths[index].shape[:2])
            top, left = int(rng.integers(height - patch_px + 1)), int(rng.integers(width - patch_px + 1))
            symmetry = int(rng.integers(8))
            crops[0].append(_crop(self.truths[index], top * scale, left * scale, patch_px * scale, symmetry))
            if self.degraded is not None:
                crops[1].append(_crop(self.degraded[index], top, left, patch_px, symmetry))
            if with_label and self.labels is not None:
                crops[2].append(_crop(self.labels[index], top * scale, left * scale, patch_px * scale, symmetry))
        truth = _to_float(crops[0])
        degraded = _to_float(crops[1]) if crops[1] else degrade_fresh(truth, self.task, rng)
        return Batch(degraded, truth, _to_float(crops[2]) if crops[2] else None)


def fresh_pairs(photos: Sequence[Photo], task: Task, seed: int, device: torch.device) -> Pairs:
    """Pairs whose crops are degraded when they are drawn."""
    return Pairs(task, [photo.pixels.to(device) for photo in photos], seed)


def fixed_pairs(
    photos: Sequence[Photo], task: Task, seed: int, device: torch.device, *, cell_px: int, smallest_px: int, on_progress: Progress | None = None
) -> Pairs:
    """Pairs of photographs degraded once: whole for super-resolution, otherwise in cells of about `cell_px`, each of its own strength.

    `smallest_px`: cells of the truth are at least this large, so that a crop fits.
    """
    truths = [photo.pixels for photo in photos]
    if task.strength is not None:
        truths = [cell for truth in truths for cell in _cells(truth, max(cell_px, smallest_px))]
    degraded = []
    for index, truth in enumerate(truths):
        rng = np.random.default_rng([seed, index])
        image = truth.permute(2, 0, 1)[None].to(device, torch.float32) / 255
        if task.strength is None:
            degraded.append(_to_bytes(degrade(image, task)))
        else:
            worse = degrade_fresh(image, task, rng)
            degraded.append(worse[0].permute(1, 2, 0).half().cpu() if task.degradation == "noise" else _to_bytes(worse))
        if on_progress is not None:
            on_progress(index + 1, len(truths))
    return Pairs(task, [truth.to(device) for truth in truths], seed, [picture.to(device) for picture in degraded])


def degrade_fresh(truth: Tensor, task: Task, rng: np.random.Generator) -> Tensor:
    """`truth` (N, 3, H, W) degraded, every picture with a strength of its own, drawn evenly over the task's range.

    Raises:
        InputError: a task whose degradation has no strength (super-resolution); its photographs are degraded once.
    """
    if task.strength is None:
        raise InputError(f"Crops of {task.name} cannot be degraded one by one; degrade the photographs once.")
    strengths = torch.from_numpy(rng.uniform(task.strength.minimum, task.strength.maximum, len(truth)).astype(np.float32))
    generator = torch.Generator(device=truth.device).manual_seed(int(rng.integers(2**62)))
    if task.degradation == "noise":
        return add_noise(truth, strengths, generator)
    return compress_jpeg(truth, strengths.round())


def _cells(truth: Tensor, cell_px: int) -> list[Tensor]:
    rows, columns = (max(1, side // cell_px) for side in truth.shape[:2])
    return [cell for band in torch.tensor_split(truth, rows, dim=0) for cell in torch.tensor_split(band, columns, dim=1)]


def _crop(picture: Tensor, top: int, left: int, side: int, symmetry: int) -> Tensor:
    crop = picture[top : top + side, left : left + side]
    if symmetry & 1:
        crop = crop.transpose(0, 1)
    flips = [axis for axis in (0, 1) if symmetry >> (axis + 1) & 1]
    return crop.flip(flips) if flips else crop


def _to_float(crops: list[Tensor]) -> Tensor:
    stacked = torch.stack(crops).permute(0, 3, 1, 2)
    return stacked.float() if stacked.dtype == torch.float16 else stacked.float().div_(255)


def _to_bytes(image: Tensor) -> Tensor:
    """(1, 3, H, W) in [0, 1] to (H, W, 3) uint8."""
    return image[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8).contiguous().cpu()
