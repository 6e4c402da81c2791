"""The photo degradation gives what it gave when the networks were trained: golden figures of a drawn picture.

The figures are means over four seeds, so that every branch is drawn; with torch's and OpenCV's vector code on or off
they differ by 0.001 of 255 at most. A change of any constant or of the order of the draws moves them further.
"""

import numpy as np
import pytest
import torch
from torch import Tensor

from kdsr.degrade import degrade_photo

GOLDEN = {
    (2, 2): (127.743, 72.878, 16.188, 13.976),
    (2, 5): (127.644, 72.096, 16.271, 14.076),
    (2, 8): (127.632, 70.214, 15.922, 13.707),
    (4, 2): (127.739, 63.061, 27.073, 23.345),
    (4, 5): (127.688, 62.091, 26.985, 23.131),
    (4, 8): (127.677, 59.063, 25.361, 21.464),
}
"""By (scale, level): mean, standard deviation, mean step between columns and between rows, all of 255."""


def scene() -> Tensor:
    """Waves, a ramp that wraps and a chessboard: (1, 3, 192, 256)."""
    y, x = np.mgrid[:192, :256].astype(np.float64)
    waves, ramp, board = 128 + 80 * np.sin(x / 9) * np.cos(y / 13), (3 * x + 2 * y) % 256, (x // 16 + y // 16) % 2
    levels = np.stack([waves, ramp, 255 * board]).round().clip(0, 255)
    return torch.from_numpy(levels.astype(np.float32) / 255)[None]


@pytest.mark.slow
@pytest.mark.parametrize("scale, level", GOLDEN)
def test_the_photo_degradation_has_its_golden_figures(scale, level):
    made = [degrade_photo(scene(), scale, np.array([level]), np.random.default_rng(seed))[0] for seed in range(4)]
    levels = torch.stack(made).double() * 255
    columns, rows = levels.diff(dim=-1).abs().mean(), levels.diff(dim=-2).abs().mean()
    figures = [levels.mean().item(), levels.std().item(), columns.item(), rows.item()]
    assert figures == pytest.approx(GOLDEN[scale, level], abs=0.005)
