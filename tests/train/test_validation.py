"""What validations are compared with, where no network is used."""

import math
from pathlib import Path

import pytest
import torch

from kdsr.degrade import bicubic_resize
from kdsr.metrics import measure
from kdsr.tasks import find_task
from kdsr.train.data.photos import Photo
from kdsr.train.validation import held_out_pair, validate_baseline

CPU = torch.device("cpu")


def test_the_baseline_is_bicubic_or_the_input_as_it_is():
    levels = torch.arange(24, dtype=torch.uint8).repeat(24, 1)[..., None].repeat(1, 1, 3) * 8
    flat, ramp = Photo(Path("flat"), torch.full_like(levels, 90)), Photo(Path("ramp"), levels)
    task = find_task("sr_x2")
    assert validate_baseline([flat], task, CPU) == math.inf
    truth, degraded = held_out_pair(ramp, task, 24)
    wanted = measure(bicubic_resize(degraded, 2).clamp(0, 1), truth, task).psnr_db
    assert validate_baseline([ramp], task, CPU) == pytest.approx(wanted)
    truth, noisy = held_out_pair(ramp, find_task("denoise"), 24)
    wanted = measure(noisy, truth, find_task("denoise")).psnr_db
    assert validate_baseline([ramp], find_task("denoise"), CPU) == pytest.approx(wanted)
