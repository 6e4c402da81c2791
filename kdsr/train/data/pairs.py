"""Training pairs: crops of degraded pictures and their ground truths, and the teacher's labels if there are any.

*Fixed* pairs: every photograph is degraded once, so that a teacher can label it once; noise and JPEG in cells, each
with its own strength. *Fresh* pairs: every crop is degraded at each step, on the device. A batch depends only on the
seed and the step, so a resumed run has the batches of an uninterrupted one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from kdsr.degrade import bicubic_resize, degrade, round_to_8_bits
from kdsr.degrade.noise import add_noise
from kdsr.errors import InputError
from kdsr.tasks import Task
from kdsr.train.data.crops import Crop, CropPlan, running_share
from kdsr.train.data.degradations import CROPPED_SHARE, DegradationShares, degrade_fresh, double_jpeg, varied
from kdsr.train.data.photos import Photo

Progress = Callable[[int, int], None]
_PLAN = 2**40
"""Takes the place of the step number in the seed of a plan."""
_NONE = DegradationShares()


@dataclass(frozen=True)
class Batch:
    """`degraded` (N, planes, P, P), `truth` and `label` (N, 3, P * scale, P * scale), float32 in [0, 1]; `label` may be
    None.

    `features`: the teacher's, by tap, (N, C, H, W) float32; empty if none are cached. A zoomed input has no ground
    truth, and its label takes that place.
    """

    degraded: Tensor
    truth: Tensor
    label: Tensor | None
    features: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Pairs:
    """Photographs of one task to draw batches from; the lists are parallel and hold (H, W, C) tensors."""

    task: Task
    truths: list[Tensor]
    seed: int
    degraded: list[Tensor] | None = None
    """uint8, or float16 if a degradation leaves [0, 1]; None: every crop is degraded when it is drawn."""
    labels: list[Tensor] | None = None
    zoom_inputs: list[Tensor] = field(default_factory=list)
    """Degraded pictures without a ground truth, for fixed crops only; numbered after the others."""
    plan: CropPlan | None = None
    crop_candidates: int = 1
    """Random crops per drawn crop, of which the most detailed is used."""
    shares: DegradationShares = _NONE
    """Of crops that are degraded when they are drawn."""
    input_noise: float = 0.0
    """Largest sigma, of 255, of the noise that is added to each drawn crop and not to its truth or label."""
    clean_truths: dict[int, Tensor] = field(default_factory=dict)
    """Ground truths before their grain was added, by number; grain must not count as detail."""
    for_labels: dict[int, Tensor] = field(default_factory=dict)
    """Inputs of the teacher that differ from the degraded picture, by number: files before their second compression."""
    areas: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.areas = running_share([truth.shape[0] * truth.shape[1] for truth in self.truths])

    def random_crop(self, rng: np.random.Generator, patch_px: int) -> Crop:
        """The most detailed of `crop_candidates` crops, each uniform over all pixels of the photographs."""
        choices = [self._any_crop(rng, patch_px) for _ in range(self.crop_candidates)]
        if len(choices) == 1:
            return choices[0]
        return max(
            choices,
            key=lambda crop: detail(
                self._scaled(self.clean_truths.get(crop.picture, self.truths[crop.picture]), crop, patch_px)
            ),
        )

    def _any_crop(self, rng: np.random.Generator, patch_px: int) -> Crop:
        index = min(int(np.searchsorted(self.areas, rng.random(), side="right")), len(self.truths) - 1)
        height, width = (side // self.task.scale for side in self.truths[index].shape[:2])
        return Crop(
            index,
            int(rng.integers(height - patch_px + 1)),
            int(rng.integers(width - patch_px + 1)),
            int(rng.integers(8)),
        )

    def batch(self, step: int, batch_size: int, patch_px: int, *, with_label: bool) -> Batch:
        """The batch of `step`, which depends on nothing but the step and the seed."""
        rng = np.random.default_rng([self.seed, step])
        if self.plan is not None:
            batch = self._planned_batch(self.plan, self.plan.draw(rng, batch_size), patch_px)
        else:
            batch = self._free_batch(rng, batch_size, patch_px, with_label=with_label)
        return (
            replace(batch, degraded=_with_noise(batch.degraded, self.input_noise, rng)) if self.input_noise else batch
        )

    def _free_batch(self, rng: np.random.Generator, batch_size: int, patch_px: int, *, with_label: bool) -> Batch:
        crops = [self.random_crop(rng, patch_px) for _ in range(batch_size)]
        truth = _to_float([self._truth(crop, patch_px) for crop in crops])
        if self.degraded is not None:
            degraded = self.degraded_crops(crops, patch_px)
        else:
            truth, chroma_444 = varied(truth, self.shares, rng)
            files, _ = double_jpeg(truth, self.task, self.shares.double_jpeg, rng, chroma_444=chroma_444)
            degraded = degrade_fresh(
                files,
                self.task,
                rng,
                chroma_444=chroma_444,
                cropped_share=CROPPED_SHARE,
                clipped_noise_share=self.shares.clipped_noise,
            )
        label = None
        if with_label and self.labels is not None:
            label = _to_float([self._scaled(self.labels[crop.picture], crop, patch_px) for crop in crops])
        return Batch(degraded, truth, label)

    def degraded_crops(self, crops: Sequence[Crop], patch_px: int, *, for_labels: bool = False) -> Tensor:
        """The degraded pictures (or the inputs of the teacher) at `crops`, (N, planes, P, P) float32."""
        known = self.inputs(for_labels=for_labels)
        pictures = [
            known[crop.picture]
            if crop.picture < len(self.truths)
            else self.zoom_inputs[crop.picture - len(self.truths)]
            for crop in crops
        ]
        return _to_float(
            [
                _crop(picture, crop.top, crop.left, patch_px, crop.symmetry)
                for picture, crop in zip(pictures, crops, strict=True)
            ]
        )

    def inputs(self, *, for_labels: bool = False) -> list[Tensor]:
        """The degraded pictures (or the inputs of the teacher), (H, W, planes)."""
        assert self.degraded is not None, "labels belong to pictures that are degraded once"
        return (
            [self.for_labels.get(index, picture) for index, picture in enumerate(self.degraded)]
            if for_labels
            else self.degraded
        )

    def _planned_batch(self, plan: CropPlan, numbers: list[int], patch_px: int) -> Batch:
        crops = [plan.crops[number] for number in numbers]
        degraded = self.degraded_crops(crops, patch_px)
        kept = (
            None
            if plan.labels is None
            else torch.from_numpy(plan.labels[numbers]).permute(0, 2, 3, 1).to(degraded.device)
        )
        truths = []
        for place, crop in enumerate(crops):
            if crop.picture < len(self.truths):
                truths.append(self._truth(crop, patch_px))
            else:
                assert kept is not None
                truths.append(kept[place])
        features = {
            tap: torch.from_numpy(values[numbers]).to(degraded.device).float() for tap, values in plan.features.items()
        }
        return Batch(degraded, _to_float(truths).contiguous(), None if kept is None else _to_float(kept), features)

    def _truth(self, crop: Crop, patch_px: int) -> Tensor:
        return self._scaled(self.truths[crop.picture], crop, patch_px)

    def _scaled(self, picture: Tensor, crop: Crop, patch_px: int) -> Tensor:
        scale = self.task.scale
        return _crop(picture, crop.top * scale, crop.left * scale, patch_px * scale, crop.symmetry)


def _with_noise(image: Tensor, largest_sigma: float, rng: np.random.Generator) -> Tensor:
    """`image` (N, C, H, W) with noise of a random sigma for each picture, clipped and rounded as a camera's frame."""
    sigmas = torch.from_numpy(rng.uniform(0, largest_sigma, len(image)))
    generator = torch.Generator(device=image.device).manual_seed(int(rng.integers(2**62)))
    return round_to_8_bits(add_noise(image, sigmas, generator))


def detail(picture: Tensor) -> float:
    """Mean difference of neighbours in the green channel of `picture` (H, W, 3), sampled at about 32 x 32 places."""
    step = max(1, picture.shape[0] // 32)
    green = picture[::step, ::step, 1].float()
    return float(green.diff(dim=0).abs().mean() + green.diff(dim=1).abs().mean())


def make_plan(pairs: Pairs, count: int, patch_px: int, *, zoom_input_share: float = 0.0) -> CropPlan:
    """`count` random crops by the seed, the last `zoom_input_share` of them from the zoomed inputs.

    Raises:
        InputError: no zoomed input is large enough for a crop.
    """
    rng = np.random.default_rng([pairs.seed, _PLAN])
    new = round(count * zoom_input_share)
    crops = [pairs.random_crop(rng, patch_px) for _ in range(count - new)]
    usable = [index for index, picture in enumerate(pairs.zoom_inputs) if min(picture.shape[:2]) >= patch_px]
    if new and not usable:
        raise InputError(
            f"None of the zoomed inputs has sides of {patch_px} px; take a smaller patch_px or larger photographs."
        )
    shares = (
        running_share([pairs.zoom_inputs[index].shape[0] * pairs.zoom_inputs[index].shape[1] for index in usable])
        if new
        else np.empty(0)
    )
    for _ in range(new):
        index = usable[min(int(np.searchsorted(shares, rng.random(), side="right")), len(usable) - 1)]
        height, width = pairs.zoom_inputs[index].shape[:2]
        top, left = int(rng.integers(height - patch_px + 1)), int(rng.integers(width - patch_px + 1))
        crops.append(Crop(len(pairs.truths) + index, top, left, int(rng.integers(8))))
    return CropPlan(crops)


def zoomed_inputs(pairs: Pairs, zoom: str) -> list[Tensor]:
    """Extra inputs from the photographs at another zoom (DUKD, arXiv:2312.14709).

    `zoom`: `in` takes the ground truths as inputs, `out` the degraded pictures at half their size.
    """
    if zoom == "in":
        return list(pairs.truths)
    halves = [bicubic_resize(picture.permute(2, 0, 1)[None].float() / 255, 0.5) for picture in pairs.degraded or []]
    return [_to_bytes(half).to(pairs.truths[0].device) for half in halves]


def fresh_pairs(
    photos: Sequence[Photo], task: Task, seed: int, device: torch.device, *, shares: DegradationShares = _NONE
) -> Pairs:
    """Pairs whose crops are degraded when they are drawn; shares of them are `varied` first."""
    return Pairs(task, [photo.pixels.to(device) for photo in photos], seed, shares=shares)


def fixed_pairs(
    photos: Sequence[Photo],
    task: Task,
    seed: int,
    device: torch.device,
    *,
    cell_px: int,
    smallest_px: int,
    shares: DegradationShares = _NONE,
) -> Pairs:
    """Pairs of photographs degraded once: uncut for super-resolution, otherwise in cells, each with its strength.

    Args:
        cell_px: approximate side of a cell of the ground truth.
        smallest_px: smallest side of a cell, so that a crop fits into it.
        shares: of the photographs or cells, which are `varied` first.
    """
    truths = [photo.pixels for photo in photos]
    if task.strength is not None:
        truths = [cell for truth in truths for cell in _cells(truth, max(cell_px, smallest_px), task.scale)]
    degraded, clean_truths, for_labels = [], {}, {}
    for index, truth in enumerate(truths):
        rng, chroma_444 = np.random.default_rng([seed, index]), None
        image = truth.permute(2, 0, 1)[None].to(device, torch.float32) / 255
        if replace(shares, clipped_noise=0.0) != _NONE:
            image, chroma_444 = varied(image, shares, rng)
            image = round_to_8_bits(image)
            truths[index] = _to_bytes(image)
            if chroma_444 is not None and chroma_444.any():
                clean_truths[index] = truth.to(device)
        if task.strength is None:
            degraded.append(_to_bytes(degrade(image, task)))
        else:
            file, chosen = double_jpeg(image, task, shares.double_jpeg, rng, chroma_444=chroma_444)
            if chosen.any():
                for_labels[index] = _to_bytes(file).to(device)
            worse = degrade_fresh(file, task, rng, chroma_444=chroma_444, clipped_noise_share=shares.clipped_noise)
            degraded.append(worse[0].permute(1, 2, 0).half().cpu() if task.degradation == "noise" else _to_bytes(worse))
    truths, degraded = ([picture.to(device) for picture in pictures] for pictures in (truths, degraded))
    return Pairs(task, truths, seed, degraded, clean_truths=clean_truths, for_labels=for_labels)


def _cells(truth: Tensor, cell_px: int, scale: int) -> list[Tensor]:
    """`truth` (H, W, C) in cells of about `cell_px`, H and W cut to multiples of `scale`."""
    rows, columns = (max(1, side // cell_px) for side in truth.shape[:2])
    bands = torch.tensor_split(truth, rows, dim=0)
    cells = [cell for band in bands for cell in torch.tensor_split(band, columns, dim=1)]
    return [cell[: cell.shape[0] // scale * scale, : cell.shape[1] // scale * scale] for cell in cells]


def _crop(picture: Tensor, top: int, left: int, side: int, symmetry: int) -> Tensor:
    crop = picture[top : top + side, left : left + side]
    if symmetry & 1:
        crop = crop.transpose(0, 1)
    flips = [axis for axis in (0, 1) if symmetry >> (axis + 1) & 1]
    return crop.flip(flips) if flips else crop


def _to_float(crops: Sequence[Tensor] | Tensor) -> Tensor:
    """Crops (H, W, C) as one (N, C, H, W) float32, its channels last in memory as they are kept."""
    stacked = (crops if isinstance(crops, Tensor) else torch.stack(list(crops))).permute(0, 3, 1, 2)
    return stacked.float() if stacked.dtype == torch.float16 else stacked.float().div_(255)


def _to_bytes(image: Tensor) -> Tensor:
    """(1, C, H, W) in [0, 1] to (H, W, C) uint8."""
    return image[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8).contiguous().cpu()
