"""Degradations: pure functions of (truth, settings, seed) that turn a clean picture into the input of a network.

`degrade_picture` makes the input of a test from one picture, `degrade` from tensors, both by a task's convention.
`bicubic_resize`, `add_noise` and `compress_jpeg` are the operations themselves and take a strength per picture.
Not here: which degradation belongs to which task (`kdsr.tasks`), files (`kdsr.image`).
"""

from kdsr.degrade.camera import degrade_camera
from kdsr.degrade.holes import draw_holes, fill_holes, with_holes
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.degrade.noise import add_noise
from kdsr.degrade.photo import degrade_photo
from kdsr.degrade.picture import Degraded, degrade_picture, picture_seed
from kdsr.degrade.resample import bicubic_resize
from kdsr.degrade.task import crop_to_multiple, degrade

__all__ = [
    "Degraded", "add_noise", "bicubic_resize", "compress_jpeg", "crop_to_multiple", "degrade", "degrade_camera",
    "degrade_photo", "degrade_picture", "draw_holes", "fill_holes", "picture_seed", "round_to_8_bits", "with_holes",
]  # fmt: skip
