"""The figures of a restored picture by its task's convention, which is stored with them.

Not here: figures of pictures without a truth (there are none), means over a set (`kdsr.bench`).
"""

from dataclasses import dataclass

from torch import Tensor

from kdsr.degrade import round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics.luma import to_luma
from kdsr.metrics.psnr import psnr, psnr_in
from kdsr.metrics.ssim import ssim
from kdsr.tasks import Task


@dataclass(frozen=True)
class Measurement:
    """Figures and how they were taken; never compare two whose conventions differ."""

    psnr_db: float
    """Higher is better; +inf for identical pictures, nan if the border leaves no pixel."""
    ssim: float
    """Higher is better, at most 1; nan if a side is shorter than 11 pixels once the border is cut."""
    convention: str


def measure(
    restored: Tensor, truth: Tensor, task: Task, *, grey: bool = False, holes: Tensor | None = None
) -> Measurement:
    """PSNR and SSIM of `restored` as papers on `task` take them; of several pictures, their means.

    Both are rounded to 8 bits first, because the published figures are those of saved pictures.

    Args:
        restored: (N, C, H, W), range [0, 1] (clamped here), on any device; C is 3 (RGB) or 1 (grey).
        truth: as `restored`, same shape.
        grey: the picture is grey, its plane repeated to three channels. It is measured on that plane, without the
            conversion to luma, since MATLAB's scripts convert only pictures of three channels (`bridge` of Set14 is
            grey). With one channel this is so in any case.
        holes: (N, 1, H, W), not 0 where pixels were missing; PSNR is taken there only. Needed for inpainting, and only
            there.
    Raises:
        ShapeError: the shapes differ, C is neither 1 nor 3, or the task has holes and none were given.
    """
    if (holes is not None) != (task.degradation == "holes"):
        raise ShapeError(f"{task.title} is measured {'with' if holes is None else 'without'} the mask of its holes.")
    if truth.ndim == 4 and truth.shape[1] not in (1, 3):
        raise ShapeError(f"measure needs pictures of 1 or 3 channels, got {tuple(truth.shape)}.")
    is_grey = grey or truth.shape[1] == 1
    first, second = (_measured_planes(image, task, is_grey=is_grey) for image in (restored, truth))
    return Measurement(
        psnr_db=(psnr(first, second, border=task.border) if holes is None else psnr_in(first, second, holes))
        .mean()
        .item(),
        ssim=ssim(first, second, border=task.border).mean().item(),
        convention=_grey_convention(task) if is_grey else task.convention,
    )


def _measured_planes(image: Tensor, task: Task, *, is_grey: bool) -> Tensor:
    """What the figures are taken on: the grey plane, the luma or RGB, from 8-bit levels."""
    if is_grey:
        return round_to_8_bits(image.mean(dim=1, keepdim=True))
    rounded = round_to_8_bits(image)
    return to_luma(rounded) if task.colour == "y" else rounded


def _grey_convention(task: Task) -> str:
    if task.degradation == "holes":
        return task.convention.replace("RGB", "grey plane")
    return f"grey plane, {task.border} px cut at each side" if task.border else "grey plane, no border cut"
