"""Degradation by a task's convention: which operation, at what strength, with which seed."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from kdsr.degrade.camera import degrade_camera
from kdsr.degrade.holes import draw_holes, with_holes
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.degrade.noise import add_noise
from kdsr.degrade.photo import degrade_photo
from kdsr.degrade.resample import bicubic_resize
from kdsr.errors import InputError, SettingsError, find
from kdsr.tasks import NOISE_CONVENTIONS, Task


def degrade(
    truth: Tensor, task: Task, *, strength: float | str | None = None, seed: int = 0, noise: str = "file"
) -> Tensor:
    """`truth` degraded by the convention of `task`; the same seed gives the same picture.

    Args:
        truth: (N, C, H, W), float32, range [0, 1], on any device.
        task: super-resolution crops `truth` to a multiple of its scale, then shrinks it.
        strength: noise sigma (of 255), JPEG quality, level of a real photograph's damage or kind of holes; None takes
            the task's default.
        seed: of the noise, the holes and the damage of a photograph; the other degradations draw nothing.
        noise: convention of noise, a name in `tasks.NOISE_CONVENTIONS`. `file` is clipped to [0, 1] and rounded to 8
            bits; `laboratory` is neither, as in published figures.
    Returns:
        (N, C, H // scale, W // scale); of style transfer `truth` itself; with holes (N, C + 1, H, W): see `with_holes`.
        Rounded to 8 bits as a file would be, apart from holes and from noise by the convention `laboratory`, which may
        leave [0, 1].
    Raises:
        UnknownNameError: no convention of that name.
        SettingsError: `strength` is out of the task's range, or given to a task that has none; `laboratory` for a task
            without noise.
        InputError: `truth` is smaller than the task's scale, or larger than a JPEG can be.
    """
    value = _strength_of(task, strength)
    find("convention of noise", noise, NOISE_CONVENTIONS)
    if noise != "file" and task.degradation != "noise":
        raise SettingsError(f"{task.title} adds no noise, so that '{noise}' is no convention of it; leave it out.")
    if isinstance(value, str):
        rng = np.random.default_rng(seed)
        height, width = truth.shape[-2:]
        masks = [draw_holes(height, width, value, rng) for _ in truth]
        return with_holes(truth, torch.from_numpy(np.stack(masks))[:, None].to(truth))
    if task.degradation == "noise":
        noisy = add_noise(truth, value, torch.Generator().manual_seed(seed))
        return round_to_8_bits(noisy) if noise == "file" else noisy
    if task.degradation == "jpeg":
        return compress_jpeg(truth, value)
    if task.degradation == "camera":
        return degrade_camera(truth, np.full(len(truth), value), np.random.default_rng(seed))
    if task.degradation == "photo":
        return degrade_photo(
            crop_to_multiple(truth, task.scale), task.scale, np.full(len(truth), value), np.random.default_rng(seed)
        )
    if not task.has_truth:
        return round_to_8_bits(truth)
    return bicubic_resize(crop_to_multiple(truth, task.scale), Fraction(1, task.scale), as_uint8=True)


def crop_to_multiple(truth: Tensor, scale: int) -> Tensor:
    """`truth` (N, C, H, W) without the last H % scale rows and W % scale columns: the part that has a degraded
    counterpart.

    Raises:
        InputError: a side is shorter than `scale`.
    """
    height, width = truth.shape[-2:]
    if min(height, width) < scale:
        raise InputError(
            f"A picture to be shrunk {scale} times needs at least {scale} x {scale} pixels, got {width} x {height}; "
            "give a larger one."
        )
    return truth[..., : height - height % scale, : width - width % scale]


def _strength_of(task: Task, strength: float | str | None) -> float | str:
    """The strength to use: given, checked, or the task's default; 0 for a task that has none."""
    if task.strength is None:
        if strength is not None:
            raise SettingsError(f"{task.title} has no strength to set, got {strength}; leave it out.")
        return 0.0
    return task.strength.check(task.strength.default if strength is None else strength)
