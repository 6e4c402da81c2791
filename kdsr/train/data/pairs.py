"""Pairs to learn from: random crops of degraded pictures and their truths, with the teacher's labels where there are
any.

Two ways. *Fixed*: every photograph is degraded once (super-resolution: whole; noise and JPEG: in cells, each with its
own strength), so that a teacher can label it once. *Fresh*: every crop is degraded anew, on the device. What a batch
holds depends on the seed and the step alone, so that a resumed run sees what an uninterrupted one would have seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kdsr.degrade import bicubic_resize, degrade, round_to_8_bits
from kdsr.errors import InputError
from kdsr.tasks import Task
from kdsr.train.data.crops import Crop, Plan, running_share
from kdsr.train.data.degradations import CROPPED_SHARE, Shares, degrade_fresh, saved_before, varied
from kdsr.train.data.photos import Photo

Progress = Callable[[int, int], None]
_PLAN = 2**40
"""Stands where a step's number stands, for the random numbers of a plan."""
_NONE = Shares()


@dataclass(frozen=True)
class Batch:
    """`degraded` (N, planes, P, P), `truth` and `label` (N, 3, P * scale, P * scale), float32 in [0, 1]; `label` may be
    None.

    `features`: the teacher's, by tap, (N, C, H, W) float32; empty where none are kept. A new input has no truth of its
    own; its label stands in for it.
    """

    degraded: Tensor
    truth: Tensor
    label: Tensor | None
    features: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Pairs:
    """Photographs of one task to draw batches from; all lists run in parallel and hold (H, W, C) tensors."""

    task: Task
    truths: list[Tensor]
    seed: int
    degraded: list[Tensor] | None = None
    """uint8, or float16 where a degradation leaves [0, 1]; None: every crop is degraded when it is drawn."""
    labels: list[Tensor] | None = None
    new_inputs: list[Tensor] = field(default_factory=list)
    """Degraded pictures without a truth, which only a teacher can label; numbered behind the others, and drawn by a
    plan alone.
    """
    plan: Plan | None = None
    crop_choices: int = 1
    """Of so many random crops the one with the most detail is taken."""
    shares: Shares = _NONE
    """Of crops that are degraded when they are drawn."""
    without_grain: dict[int, Tensor] = field(default_factory=dict)
    """Truths, by number, as they were before they got grain, which must not count as detail."""
    for_teacher: dict[int, Tensor] = field(default_factory=dict)
    """What the teacher labels, by number, where it is not the degraded picture: files as they were before they were
    saved once more.
    """
    areas: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.areas = running_share([truth.shape[0] * truth.shape[1] for truth in self.truths])

    def random_crop(self, rng: np.random.Generator, patch_px: int) -> Crop:
        """A crop of the photographs: of `crop_choices`, spread evenly over all pixels, the one with the most detail."""
        choices = [self._any_crop(rng, patch_px) for _ in range(self.crop_choices)]
        if len(choices) == 1:
            return choices[0]
        return max(
            choices,
            key=lambda crop: detail(
                self._scaled(self.without_grain.get(crop.picture, self.truths[crop.picture]), crop, patch_px)
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
        """The batch of `step`, decided by it and the seed."""
        rng = np.random.default_rng([self.seed, step])
        if self.plan is not None:
            return self._planned_batch(self.plan, self.plan.draw(rng, batch_size), patch_px)
        crops = [self.random_crop(rng, patch_px) for _ in range(batch_size)]
        truth = _to_float([self._truth(crop, patch_px) for crop in crops])
        if self.degraded is not None:
            degraded = self.degraded_crops(crops, patch_px)
        else:
            truth, whole_colour = varied(truth, self.shares, rng)
            files, _ = saved_before(truth, self.task, self.shares.saved_before, rng, whole_colour=whole_colour)
            degraded = degrade_fresh(files, self.task, rng, whole_colour=whole_colour, cropped_share=CROPPED_SHARE)
        label = None
        if with_label and self.labels is not None:
            label = _to_float([self._scaled(self.labels[crop.picture], crop, patch_px) for crop in crops])
        return Batch(degraded, truth, label)

    def degraded_crops(self, crops: Sequence[Crop], patch_px: int, *, for_teacher: bool = False) -> Tensor:
        """The degraded pictures at `crops`, or what the teacher labels there, (N, planes, P, P) float32."""
        known = self.inputs(for_teacher=for_teacher)
        pictures = [
            known[crop.picture] if crop.picture < len(self.truths) else self.new_inputs[crop.picture - len(self.truths)]
            for crop in crops
        ]
        return _to_float(
            [
                _crop(picture, crop.top, crop.left, patch_px, crop.symmetry)
                for picture, crop in zip(pictures, crops, strict=True)
            ]
        )

    def inputs(self, *, for_teacher: bool = False) -> list[Tensor]:
        """The degraded pictures, or what the teacher labels in their places, (H, W, planes)."""
        assert self.degraded is not None, "labels belong to pictures that are degraded once"
        return (
            [self.for_teacher.get(index, picture) for index, picture in enumerate(self.degraded)]
            if for_teacher
            else self.degraded
        )

    def _planned_batch(self, plan: Plan, numbers: list[int], patch_px: int) -> Batch:
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


def detail(picture: Tensor) -> float:
    """Mean difference of neighbours in the green channel of `picture` (H, W, 3), seen on a grid of about 32 x 32."""
    step = max(1, picture.shape[0] // 32)
    green = picture[::step, ::step, 1].float()
    return float(green.diff(dim=0).abs().mean() + green.diff(dim=1).abs().mean())


def make_plan(pairs: Pairs, count: int, patch_px: int, *, new_input_share: float = 0.0) -> Plan:
    """`count` crops of the photographs, decided by the seed; a share of them from `new_inputs`, spread evenly over
    their pixels.

    Raises:
        InputError: no new input is large enough for a crop.
    """
    rng = np.random.default_rng([pairs.seed, _PLAN])
    new = round(count * new_input_share)
    crops = [pairs.random_crop(rng, patch_px) for _ in range(count - new)]
    usable = [index for index, picture in enumerate(pairs.new_inputs) if min(picture.shape[:2]) >= patch_px]
    if new and not usable:
        raise InputError(
            f"None of the new inputs has sides of {patch_px} px; take a smaller patch_px or larger photographs."
        )
    shares = (
        running_share([pairs.new_inputs[index].shape[0] * pairs.new_inputs[index].shape[1] for index in usable])
        if new
        else np.empty(0)
    )
    for _ in range(new):
        index = usable[min(int(np.searchsorted(shares, rng.random(), side="right")), len(usable) - 1)]
        height, width = pairs.new_inputs[index].shape[:2]
        top, left = int(rng.integers(height - patch_px + 1)), int(rng.integers(width - patch_px + 1))
        crops.append(Crop(len(pairs.truths) + index, top, left, int(rng.integers(8))))
    return Plan(crops)


def zoomed(pairs: Pairs, way: str) -> list[Tensor]:
    """New inputs from the photographs at another zoom (DUKD, arXiv:2312.14709): `in` takes the truths themselves, `out`
    halves the degraded ones.
    """
    if way == "in":
        return list(pairs.truths)
    halves = [bicubic_resize(picture.permute(2, 0, 1)[None].float() / 255, 0.5) for picture in pairs.degraded or []]
    return [_to_bytes(half).to(pairs.truths[0].device) for half in halves]


def fresh_pairs(
    photos: Sequence[Photo], task: Task, seed: int, device: torch.device, *, shares: Shares = _NONE
) -> Pairs:
    """Pairs whose crops are degraded when they are drawn, shares of them `varied` first."""
    return Pairs(task, [photo.pixels.to(device) for photo in photos], seed, shares=shares)


def fixed_pairs(
    photos: Sequence[Photo], task: Task, seed: int, device: torch.device, *, cell_px: int, smallest_px: int, shares: Shares = _NONE,
    on_progress: Progress | None = None,
) -> Pairs:  # fmt: skip
    """Pairs of photographs degraded once: whole for super-resolution, otherwise in cells of about `cell_px`, each of
    its own strength.

    `smallest_px`: cells of the truth are at least this large, so that a crop fits. Shares of the photographs or cells
    are `varied` first.
    """
    truths = [photo.pixels for photo in photos]
    if task.strength is not None:
        truths = [
            _to_multiple(cell, task.scale) for truth in truths for cell in _cells(truth, max(cell_px, smallest_px))
        ]
    degraded, without_grain, for_teacher = [], {}, {}
    for index, truth in enumerate(truths):
        rng = np.random.default_rng([seed, index])
        image = truth.permute(2, 0, 1)[None].to(device, torch.float32) / 255
        whole_colour = None
        if shares != _NONE:
            image, whole_colour = varied(image, shares, rng)
            image = round_to_8_bits(image)
            truths[index] = _to_bytes(image)
            if whole_colour is not None and whole_colour.any():
                without_grain[index] = truth.to(device)
        if task.strength is None:
            degraded.append(_to_bytes(degrade(image, task)))
        else:
            file, chosen = saved_before(image, task, shares.saved_before, rng, whole_colour=whole_colour)
            if chosen.any():
                for_teacher[index] = _to_bytes(file).to(device)
            worse = degrade_fresh(file, task, rng, whole_colour=whole_colour)
            degraded.append(worse[0].permute(1, 2, 0).half().cpu() if task.degradation == "noise" else _to_bytes(worse))
        if on_progress is not None:
            on_progress(index + 1, len(truths))
    truths, degraded = ([picture.to(device) for picture in pictures] for pictures in (truths, degraded))
    return Pairs(task, truths, seed, degraded, without_grain=without_grain, for_teacher=for_teacher)


def _cells(truth: Tensor, cell_px: int) -> list[Tensor]:
    rows, columns = (max(1, side // cell_px) for side in truth.shape[:2])
    return [
        cell for band in torch.tensor_split(truth, rows, dim=0) for cell in torch.tensor_split(band, columns, dim=1)
    ]


def _to_multiple(picture: Tensor, scale: int) -> Tensor:
    """`picture` (H, W, C) without the last rows and columns that have no degraded counterpart."""
    height, width = (side - side % scale for side in picture.shape[:2])
    return picture[:height, :width]


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
