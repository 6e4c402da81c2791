"""Photographs of a compression: training crops, and held-out photographs for its figures. Never a test set."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdsr.compress.plan import Compression
from kdsr.errors import SettingsError
from kdsr.metrics import measure
from kdsr.models import Network
from kdsr.settings import Settings
from kdsr.tasks import Task
from kdsr.train.data.degradations import DegradationShares
from kdsr.train.data.pairs import Batch, Pairs, fixed_pairs, fresh_pairs
from kdsr.train.data.photos import Photo, find_photos, held_out, load_photos
from kdsr.train.recipe_keys import flat_keys, last_stage
from kdsr.train.validation import held_out_pair, holes_of
from kdsr.zoo import Card

_LARGEST_PX = 384
"""Held-out photographs are measured in their centre, as in training."""


@dataclass(frozen=True)
class Photographs:
    """Training pairs and held-out photographs."""

    plan: Compression
    pairs: Pairs
    validation: list[Photo]

    def batch(self, step: int) -> Batch:
        """The crops of `step`, decided by it and the seed; no label is kept."""
        return self.pairs.batch(step, self.plan.batch_size, self.plan.patch_px, with_label=False)

    def degraded(self) -> list[Tensor]:
        """The degraded crops for calibration, in batches."""
        return [self.batch(step).degraded.contiguous() for step in range(-(-self.plan.crops // self.plan.batch_size))]

    @torch.inference_mode()
    def psnr_db(self, network: Network) -> float:
        """Mean PSNR of `network` over the held-out photographs in dB, higher is better, at the task's usual strength,
        in float32.
        """
        task, found = self.pairs.task, []
        for photo in self.validation:
            truth, degraded = held_out_pair(photo, task, _LARGEST_PX)
            height, width = (side - side % network.multiple for side in degraded.shape[-2:])
            given = degraded[..., :height, :width]
            restored = network(given.contiguous(memory_format=torch.channels_last)).clamp(0, 1)
            cut = truth[..., : restored.shape[-2], : restored.shape[-1]]
            found.append(measure(restored, cut, task, holes=holes_of(given, task)).psnr_db)
        return sum(found) / len(found)


def folders_of(plan: Compression, card: Card) -> tuple[str, ...]:
    """The folders of photographs: those of the plan, else those of the network's own training.

    Raises:
        SettingsError: neither says any.
    """
    folders = plan.photos or tuple(str(folder) for folder in flat_keys(card.recipe).get("photos", ()))
    if not folders:
        raise SettingsError(f"The card of {card.name} names no photographs; give a folder of them by --photos.")
    return folders


def open_photographs(plan: Compression, card: Card, task: Task, settings: Settings) -> Photographs:
    """The photographs of `plan` for the network of `card`, decoded, those of super-resolution degraded as well.

    As large a share of noisy crops is clipped as in the network's own training.

    Raises:
        SettingsError, InputError: no folder, or none that holds a large enough picture.
    """
    training, validation = held_out(find_photos(folders_of(plan, card), settings.data_dir), plan.validation_photos)
    used = training[:: -(-len(training) // plan.photographs)]
    smallest = plan.patch_px * task.scale
    photos = load_photos(used, multiple=task.scale, smallest_px=smallest)
    if task.strength is None:
        pairs = fixed_pairs(photos, task, plan.seed, torch.device("cpu"), cell_px=smallest, smallest_px=smallest)
    else:
        noise = DegradationShares(clipped_noise=last_stage(card.recipe).get("clipped_noise_share", 0.0))
        pairs = fresh_pairs(photos, task, plan.seed, torch.device("cpu"), shares=noise)
    return Photographs(plan, pairs, load_photos(validation, multiple=task.scale, smallest_px=16))
