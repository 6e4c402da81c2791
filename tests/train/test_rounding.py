"""8-bit pictures of training are rounded to the nearest level, not cut off: labels, truths, inputs and previews."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from kdsr.degrade import bicubic_resize
from kdsr.tasks import find_task
from kdsr.train.data.labels import label_plan, with_labels
from kdsr.train.data.pairs import fixed_pairs, make_plan, zoomed_inputs
from kdsr.train.data.photos import Photo
from kdsr.train.teacher import Teacher, rounded
from kdsr.train.validation import write_preview

CPU = torch.device("cpu")
LEVELS = pytest.mark.parametrize("given, kept", [(99.6, 100), (100.4, 100), (-0.7, 0), (255.9, 255)])


class Constant(nn.Module):
    """A network that makes every pixel one level."""

    def __init__(self, level, scale=1):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level / 255))
        self.scale, self.planes, self.multiple = scale, 3, 1

    def forward(self, degraded):
        size = [side * self.scale for side in degraded.shape[-2:]]
        return self.level.expand(len(degraded), 3, *size)


def pairs():
    rng = np.random.default_rng(0)
    pixels = [torch.from_numpy(rng.integers(0, 256, (16, 20, 3), dtype=np.uint8)) for _ in range(2)]
    photos = [Photo(f"{index}.png", values) for index, values in enumerate(pixels)]
    return fixed_pairs(photos, find_task("sr_x2"), 0, CPU, cell_px=16, smallest_px=4)


@LEVELS
def test_kept_labels_are_rounded(tmp_path, given, kept):
    labels = with_labels(pairs(), Teacher([Constant(given, scale=2)]), tmp_path / "labels.npy").labels
    assert {int(value) for picture in labels for value in picture.unique()} == {kept}


@LEVELS
def test_labels_of_fixed_crops_are_rounded(tmp_path, given, kept):
    made = pairs()
    plan = make_plan(made, 3, 4)
    label_plan(made, plan, Teacher([Constant(given, scale=2)]), 4, tmp_path / "labels")
    assert plan.labels.shape == (3, 3, 8, 8) and set(np.unique(plan.labels)) == {kept}


@LEVELS
def test_labels_of_a_teacher_at_work_are_rounded(given, kept):
    assert float(rounded(torch.tensor(given / 255)) * 255) == pytest.approx(kept, abs=1e-4)


@LEVELS
def test_a_preview_is_rounded(tmp_path, given, kept):
    photo = Photo(tmp_path / "a.png", torch.zeros(16, 20, 3, dtype=torch.uint8))
    write_preview(tmp_path, photo, find_task("sr_x2"), {"now": Constant(given, scale=2)})
    assert (cv2.imread(str(tmp_path / "now.png")) == kept).all()


def test_zoomed_inputs_are_rounded():
    """Each value is within half a level of the exact one."""
    made = pairs()
    for half, picture in zip(zoomed_inputs(made, "out"), made.degraded, strict=True):
        exact = bicubic_resize(picture.permute(2, 0, 1)[None].double() / 255, 0.5)[0].permute(1, 2, 0) * 255
        assert (half - exact.clamp(0, 255)).abs().max() <= 0.501
