"""The map of what an enlargement invented: black where its shrunk copy gives the input, and nowhere else."""

from fractions import Fraction

import pytest
import torch

from kdsr.degrade import bicubic_resize
from kdsr.errors import ShapeError
from kdsr.metrics import FULL_SCALE_255
from kdsr.metrics.consistency import consistency, invented_map


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_truth_of_a_bicubic_input_invents_nothing(scale):
    truth = torch.rand(1, 3, 7 * scale, 5 * scale, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
    degraded = bicubic_resize(truth, Fraction(1, scale), as_uint8=True)
    assert consistency(truth, degraded).item() == float("inf")
    black = invented_map(truth, degraded)
    assert black.shape == (1, 3, 7, 5) and torch.equal(black, black[..., :1, :1].expand_as(black))


def test_a_flat_result_of_other_brightness_has_the_colour_of_the_difference_everywhere():
    degraded = torch.full((1, 3, 6, 5), 100 / 255)
    black, half, pale = (
        invented_map(torch.full((1, 3, 24, 20), (100 + levels) / 255), degraded)
        for levels in (0, FULL_SCALE_255 // 2, 2 * FULL_SCALE_255)
    )
    assert [each.mean().item() for each in (black, half, pale)] == sorted(
        each.mean().item() for each in (black, half, pale)
    )
    assert black.max() < 0.05 and pale.mean() > 0.8
    assert all(torch.equal(each, each[..., :1, :1].expand_as(each)) for each in (black, half, pale))


def test_the_map_is_bright_where_something_was_added_and_black_elsewhere():
    degraded = torch.full((1, 3, 9, 11), 0.5)
    restored = torch.full((1, 3, 36, 44), 0.5)
    restored[..., 16:20, 20:24] = 1.0
    drawn = invented_map(restored, degraded)[0].mean(0)
    assert drawn.argmax() == 4 * 11 + 5
    assert drawn[0, 0] < 0.05 < 0.5 < drawn[4, 5]


def test_pictures_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="enlarged picture"):
        invented_map(torch.rand(1, 3, 20, 20), torch.rand(1, 3, 6, 5))
