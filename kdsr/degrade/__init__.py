"""Degradations: pure functions of (truth, settings, seed) that turn a clean picture into what a network is asked to
restore.

`degrade` follows a task's convention; `bicubic_resize`, `add_noise` and `compress_jpeg` are the operations themselves
and take a strength per picture. Not here: which degradation belongs to which task (`kdsr.tasks`), files, uint8 pictures
(`kdsr.image`).
"""

from kdsr.degrade.holes import draw_holes, fill_holes, with_holes
from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.degrade.noise import add_noise
from kdsr.degrade.photo import degrade_photo
from kdsr.degrade.resample import bicubic_resize
from kdsr.degrade.task import crop_to_multiple, degrade

__all__ = [
    "add_noise", "bicubic_resize", "compress_jpeg", "crop_to_multiple", "degrade", "degrade_photo", "draw_holes", "fill_holes", "round_to_8_bits", "with_holes",
]  # fmt: skip
