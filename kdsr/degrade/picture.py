"""A clean picture degraded for a test: one function for the page, the command line and the benchmarks.

Not here: the degradations themselves, and tensors of several pictures (`kdsr.degrade.task`).
"""

import zlib
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from kdsr.degrade.task import crop_to_multiple, degrade
from kdsr.image import Picture, fill_hidden, from_tensor, to_tensor, with_transparent
from kdsr.tasks import Task


@dataclass(frozen=True, eq=False)
class Degraded:
    """A degraded picture, and the picture that its restoration is compared with."""

    tensor: Tensor
    """(1, planes, H // scale, W // scale) float32, the input of a network; equal to `picture` apart from holes and from
    noise by the convention `laboratory`.
    """
    truth: Picture
    """The clean picture, cropped to a multiple of the task's scale, hidden pixels filled; without alpha for holes."""

    @property
    def holes(self) -> np.ndarray | None:
        """(H, W) bool, True where a pixel is missing; None for a task without holes."""
        return self.tensor[0, 3].numpy() > 0 if self.tensor.shape[1] == 4 else None

    @property
    def picture(self) -> Picture:
        """The input as in a file: clipped, rounded to the bits of `truth`, transparent where pixels are missing."""
        made = from_tensor(self.tensor[:, :3], self.truth)
        return made if self.holes is None else with_transparent(made, self.holes)


def degrade_picture(
    picture: Picture, task: Task, *, strength: float | str | None = None, seed: int = 0, noise: str = "file"
) -> Degraded:
    """`picture` degraded as `task` defines it; the same name and seed give the same result on every machine.

    Colour hidden under alpha of 2/255 or less is filled from its visible neighbours first (`fill_hidden`).
    A grey picture is degraded as one plane: the mean of three independent noises would be weaker by the root of 3.

    Args:
        picture: the clean picture; its name chooses the noise, together with `seed` (`picture_seed`).
        strength: noise sigma (of 255), JPEG quality, level of a photograph's damage or kind of holes; None takes the
            task's default.
        seed: any other seed gives other noise, holes or damage.
        noise: `file` is clipped and rounded to 8 bits, `laboratory` is neither, as in published figures.
    Raises:
        UnknownNameError: no convention of noise of that name.
        SettingsError: `strength` is out of the task's range, or the task takes none; `laboratory` for a task without
            noise; a task that degrades nothing (style transfer).
        InputError: `picture` is smaller than the task's scale, or larger than a JPEG can be.
    """
    task.require_truth()
    if task.degradation != "holes":
        picture = fill_hidden(picture)
    clean = crop_to_multiple(to_tensor(picture), task.scale)
    height, width = clean.shape[-2:]
    alpha = None if picture.alpha is None or task.degradation == "holes" else picture.alpha[:height, :width]
    truth = replace(picture, pixels=picture.pixels[:height, :width], alpha=alpha)
    drawn_from = picture_seed(picture.name, seed)
    if task.degradation == "holes":
        return Degraded(degrade(clean, task, strength=strength, seed=drawn_from, noise=noise), truth)
    planes = clean[:, :1] if picture.is_grey else clean
    degraded = degrade(planes, task, strength=strength, seed=drawn_from, noise=noise)
    return Degraded(degraded.expand(-1, 3, -1, -1).contiguous(), truth)


def picture_seed(name: str, seed: int = 0) -> int:
    """The seed of a picture's noise: the CRC-32 of its file name without suffix, plus `seed`."""
    return zlib.crc32(name.encode("utf-8")) + seed
