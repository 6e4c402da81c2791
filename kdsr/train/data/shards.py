"""Fixed crops, each degraded and labelled by itself, in shards on disk that may grow while a run trains.

A crop depends on the seed and its number only, so shards may be made in any order and by several processes. For
teachers too large to label full photographs. Not here: crops of photographs that are degraded once (`pairs`, `labels`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdsr.degrade import degrade_photo
from kdsr.degrade.ringing import add_ringing
from kdsr.errors import InputError
from kdsr.files import new_folder
from kdsr.models.symmetry import SYMMETRIES, turn
from kdsr.tasks import Task
from kdsr.train.data.pairs import Batch, Progress, detail
from kdsr.train.data.photos import Photo

SHARD = 32
"""Crops per shard."""
_KINDS = ("degraded", "truth", "label")
Labeller = Callable[[Tensor], Tensor]
"""From (1, 3, H, W) in [0, 1] to (1, 3, H * scale, W * scale)."""


@dataclass(frozen=True)
class ShardPlan:
    """Everything that decides the crops of a set of shards.

    Args:
        task: one of real photographs (`photo_x2`, `photo_x4`).
        side_px: of the degraded crop.
        levels: weakest and strongest degradation, in [0, 10]; uniform in between.
        ringing_share: share of the crops, in [0, 1], that also get ringing.
        candidates: random places per crop, of which the most detailed is used.
    """

    task: Task
    seed: int = 0
    side_px: int = 64
    levels: tuple[float, float] = (1.0, 9.0)
    ringing_share: float = 0.15
    candidates: int = 2

    def __post_init__(self) -> None:
        if self.task.degradation != "photo":
            raise InputError(
                f"Shards are for crops degraded like real photographs, and {self.task.name} degrades in another way; "
                "choose photo_x2 or photo_x4."
            )

    def crop(self, photos: Sequence[Photo], number: int) -> tuple[Tensor, Tensor]:
        """Crop `number` of `photos`, all equally likely: (degraded, truth), (1, 3, H, W) in multiples of 1/255."""
        rng = np.random.default_rng([self.seed, number])
        pixels = photos[int(rng.integers(len(photos)))].pixels
        side = self.side_px * self.task.scale
        rows, columns = (length - side + 1 for length in pixels.shape[:2])
        places = [(int(rng.integers(rows)), int(rng.integers(columns))) for _ in range(self.candidates)]
        found = max((pixels[top : top + side, left : left + side] for top, left in places), key=detail)
        truth = found.permute(2, 0, 1)[None].float() / 255
        degraded = degrade_photo(truth, self.task.scale, rng.uniform(*self.levels, size=1), rng)
        if rng.random() < self.ringing_share:
            degraded = add_ringing(degraded, rng)
        return degraded, truth


def shard_folder(folder: Path, number: int) -> Path:
    """The folder of shard `number`."""
    return folder / f"shard_{number:05d}"


def write_shards(
    folder: Path,
    count: int,
    plan: ShardPlan,
    photos: Sequence[Photo],
    label: Labeller | None,
    on_progress: Progress,
) -> None:
    """Write those of the first `count` shards that are missing below `folder`.

    An exception of `on_progress` passes through; the shards so far are kept, and the next call continues with them.
    """
    for number in range(count):
        if not shard_folder(folder, number).is_dir():
            write_shard(folder, number, plan, photos, label)
            on_progress(number + 1, count)


@torch.inference_mode()
def write_shard(folder: Path, number: int, plan: ShardPlan, photos: Sequence[Photo], label: Labeller | None) -> Path:
    """The folder of shard `number`, written in one move: inputs, truths and, with `label`, labels.

    Each is (32, H, W, 3) uint8. Labels are shifted to the mean colour of the input.
    """
    target = shard_folder(folder, number)
    rows: dict[str, list[NDArray[np.uint8]]] = {kind: [] for kind in (_KINDS if label else _KINDS[:2])}
    for index in range(number * SHARD, (number + 1) * SHARD):
        degraded, truth = plan.crop(photos, index)
        labels = [with_mean_colour_of(degraded, label(degraded))] if label else []
        for kind, picture in zip(rows, (degraded, truth, *labels), strict=True):
            rows[kind].append(picture[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().to(torch.uint8).numpy())
    folder.mkdir(parents=True, exist_ok=True)
    with new_folder(target) as part:
        for kind, pictures in rows.items():
            np.save(part / f"{kind}.npy", np.stack(pictures))
    return target


def with_mean_colour_of(degraded: Tensor, label: Tensor) -> Tensor:
    """`label` shifted, channel by channel, to the mean of `degraded`; both (N, 3, H, W) in [0, 1] of any size.

    A network trained adversarially moves the mean colour (Real-ESRGAN x4plus by up to 22 levels); a student should not.
    """
    return label + (degraded[:, :3].mean((2, 3), keepdim=True) - label.mean((2, 3), keepdim=True))


@dataclass
class ShardedCrops:
    """The shards in `folder` to draw batches of patches from, on `device`."""

    folder: Path
    scale: int
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    limit: int | None = None
    """Largest number of shards used; None: all."""
    shards: list[dict[str, NDArray[np.uint8]]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def refresh(self) -> int:
        """The number of crops after new shards in the folder are opened."""
        for path in sorted(self.folder.glob("shard_*"))[: self.limit]:
            if path.name not in self._known:
                self._known.add(path.name)
                self.shards.append({file.stem: np.load(file, mmap_mode="r") for file in sorted(path.glob("*.npy"))})
        return len(self.shards) * SHARD

    def batch(self, step: int, batch_size: int, patch_px: int, *, with_label: bool) -> Batch:
        """The batch of `step`: patches in any of the 8 symmetries, decided by seed, step and the opened shards.

        Raises:
            InputError: no shard is opened.
        """
        if not self.shards:
            raise InputError(f"The folder {self.folder} contains no crops; write a shard first.")
        rng = np.random.default_rng([self.seed, step])
        rows: dict[str, list[Tensor]] = {kind: [] for kind in (_KINDS if with_label else _KINDS[:2])}
        for _ in range(batch_size):
            shard, index = self.shards[int(rng.integers(len(self.shards)))], int(rng.integers(SHARD))
            places = shard["degraded"].shape[1] - patch_px + 1
            top, left, symmetry = (int(rng.integers(count)) for count in (places, places, len(SYMMETRIES)))
            for kind in rows:
                zoom = 1 if kind == "degraded" else self.scale
                rows_px, columns_px = (slice(at * zoom, (at + patch_px) * zoom) for at in (top, left))
                patch = torch.from_numpy(np.ascontiguousarray(shard[kind][index, rows_px, columns_px]))
                rows[kind].append(turn(patch.permute(2, 0, 1), symmetry))
        found = {kind: torch.stack(patches).to(self.device).float().div_(255) for kind, patches in rows.items()}
        found = {kind: pictures.to(memory_format=torch.channels_last) for kind, pictures in found.items()}
        return Batch(found["degraded"], found["truth"], found.get("label"))
