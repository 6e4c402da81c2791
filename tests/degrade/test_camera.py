"""The degradation of noisy photographs: statistics with closed forms, and golden figures of a drawn picture."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from kdsr.degrade import degrade_camera, degrade_picture
from kdsr.degrade.camera import coarse_noise, demosaiced, sensor_noise
from kdsr.image import Picture
from kdsr.tasks import find_task

GOLDEN = {
    2: (130.695, 81.288, 9.950, 8.790),
    5: (131.574, 79.396, 12.450, 11.576),
    8: (131.987, 78.140, 14.936, 14.137),
}
"""By level: mean, standard deviation, mean step between columns and between rows, all of 255; means of four seeds."""


def taken(truth: Tensor, level: float, seed: int = 0) -> Tensor:
    return degrade_camera(truth, np.full(len(truth), level), np.random.default_rng(seed))


def flat(value: float, *, channels: int = 3, side: int = 96, count: int = 1) -> Tensor:
    return torch.full((count, channels, side, side), value)


def correlation(noise: Tensor, rows: int, columns: int) -> float:
    """Of the values of `noise` (..., H, W) with those so many rows and columns further."""
    height, width = noise.shape[-2:]
    first, second = noise[..., : height - rows, : width - columns], noise[..., rows:, columns:]
    return float((first * second).mean() / noise.square().mean())


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.2, 0.9])
def test_the_variance_of_a_sensor_grows_with_the_signal(signal):
    noise = sensor_noise(flat(signal, side=300), 0.01, 0.0004, np.random.default_rng(0))
    assert noise.var().item() == pytest.approx(0.01 * signal + 0.0004, rel=0.02)
    assert abs(noise.mean().item()) < 4 * (noise.var().item() / noise.numel()) ** 0.5
    assert abs(correlation(noise, 0, 1)) < 0.01


@pytest.mark.parametrize("sigma_px", [1.0, 2.0, 4.0])
def test_coarse_noise_has_variance_1_and_the_correlation_of_its_smoothing(sigma_px):
    noise = coarse_noise(8, 400, 400, sigma_px, np.random.default_rng(0))
    assert noise.shape == (1, 8, 400, 400) and noise.var().item() == pytest.approx(1, rel=0.06)
    for far in (1, 2, 5):
        expected = np.exp(-(far**2) / (4 * sigma_px**2))
        assert correlation(noise, far, 0) == pytest.approx(expected, abs=0.04)
        assert correlation(noise, 0, far) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("top, left", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_demosaicing_keeps_what_was_measured_and_a_ramp_of_grey(top, left):
    ramp = torch.linspace(0, 1, 12)[:, None] + torch.linspace(0, 0.5, 16)
    full = demosaiced(ramp[None, None], top, left)
    assert torch.allclose(full[0, :, 2:-2, 2:-2], ramp[2:-2, 2:-2].expand(3, -1, -1), atol=1e-5)
    mosaic = torch.rand(1, 1, 9, 11, generator=torch.Generator().manual_seed(0))
    made = demosaiced(mosaic, top, left)[0]
    assert torch.equal(made[0, top::2, left::2], mosaic[0, 0, top::2, left::2])
    assert torch.equal(made[2, 1 - top :: 2, 1 - left :: 2], mosaic[0, 0, 1 - top :: 2, 1 - left :: 2])
    assert torch.equal(made[1, top::2, 1 - left :: 2], mosaic[0, 0, top::2, 1 - left :: 2])


def test_demosaiced_noise_is_correlated_between_pixels_and_channels():
    noise = torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(0))
    red, green, blue = demosaiced(noise, 0, 0)[0]
    assert correlation(red, 0, 1) > 0.1 and correlation(blue, 1, 0) > 0.1
    assert np.corrcoef(red.flatten(), green.flatten())[0, 1] > 0.3


def test_dark_and_mid_tones_are_noisier_the_stronger_the_level():
    spread = [
        [np.mean([(taken(flat(value), level, seed) - value).std().item() for seed in range(3)]) for level in (1, 4, 10)]
        for value in (0.1, 0.5)
    ]
    assert all(weak * 2 < middle and middle * 1.5 < strong for weak, middle, strong in spread)


def test_colour_noise_is_coarser_than_the_noise_of_brightness():
    noise = torch.cat([taken(flat(0.3, side=128), 6, seed) - 0.3 for seed in range(4)])
    luma = torch.einsum("nchw,c->nhw", noise, torch.tensor([0.299, 0.587, 0.114]))
    colour = noise[:, 0] - luma
    assert correlation(colour - colour.mean(), 0, 3) > 0.1 > correlation(luma - luma.mean(), 0, 3)


def test_jpeg_comes_after_the_noise():
    """High frequencies of the blocks of a file are often 0: more often than in the blocks of another grid."""

    def share_of_zeros(plane: np.ndarray) -> float:
        blocks = [plane[y : y + 8, x : x + 8] for y in range(0, 88, 8) for x in range(0, 88, 8)]
        return float(np.mean([np.abs(cv2.dct(block - 128)[4:, 4:]) < 1.5 for block in blocks]))

    pictures = [taken(flat(0.4, channels=1), 7, seed)[0, 0].numpy() * 255 for seed in range(24)]
    aligned = np.array([share_of_zeros(plane) for plane in pictures])
    shifted = np.array([share_of_zeros(plane[4:, 4:]) for plane in pictures])
    are_files = aligned > shifted + 0.05
    assert 0.7 < are_files.mean() < 1


def test_level_0_only_rounds_and_every_level_gives_levels_of_8_bits():
    truth = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(taken(truth, 0), (truth * 255 + 0.5).floor() / 255)
    made = taken(truth, 10)
    assert made.min() >= 0 and made.max() <= 1 and torch.allclose(made * 255, (made * 255).round(), atol=1e-4)
    assert torch.equal(made, taken(truth, 10)) and not torch.equal(made, taken(truth, 10, seed=1))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (3, 3), (5, 4)])
def test_the_smallest_pictures_are_taken_too(size):
    assert taken(torch.full((2, 3, *size), 0.5), 10).shape == (2, 3, *size)


def test_a_grey_picture_stays_grey_and_is_as_noisy_as_one_plane():
    task = find_task("photo_x1")
    grey = degrade_picture(Picture(np.full((64, 80, 1), 90, np.uint8), name="grey"), task, strength=6)
    assert torch.equal(grey.tensor[:, 0], grey.tensor[:, 2]) and grey.picture.is_grey
    assert 2 < grey.tensor.std().item() * 255 < 40


@pytest.mark.parametrize("level", GOLDEN)
def test_the_camera_has_its_golden_figures(level):
    y, x = np.mgrid[:96, :128].astype(np.float64)
    waves, ramp, board = 128 + 80 * np.sin(x / 9) * np.cos(y / 13), (3 * x + 2 * y) % 256, (x // 16 + y // 16) % 2
    levels = np.stack([waves, ramp, 255 * board]).round().clip(0, 255)
    scene = torch.from_numpy(levels.astype(np.float32) / 255)[None]
    made = torch.cat([taken(scene, level, seed) for seed in range(4)]).double() * 255
    columns, rows = made.diff(dim=-1).abs().mean(), made.diff(dim=-2).abs().mean()
    figures = [made.mean().item(), made.std().item(), columns.item(), rows.item()]
    assert figures == pytest.approx(GOLDEN[level], abs=0.005)
