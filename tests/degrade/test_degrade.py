"""Degradations: closed forms, properties, MATLAB's own algorithm written out plainly, and the published low-resolution
sets.
"""

import io
import math
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kdsr.degrade import (
    add_noise,
    bicubic_resize,
    compress_jpeg,
    crop_to_multiple,
    degrade,
    degrade_photo,
    round_to_8_bits,
)
from kdsr.errors import InputError, SettingsError, ShapeError, UnknownNameError
from kdsr.tasks import TASKS, find_task

ODD_SIZES = [(1, 1), (1, 9), (2, 3), (7, 13), (17, 31), (64, 41)]
RATIOS = [
    Fraction(1, 2),
    Fraction(1, 3),
    Fraction(1, 4),
    Fraction(2),
    Fraction(3),
    Fraction(4),
    Fraction(3, 2),
    Fraction(2, 3),
]
sides = st.integers(1, 23)


def picture(height: int, width: int, count: int = 1, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return round_to_8_bits(torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(seed)))


def matlab_imresize(plane: np.ndarray, ratio: Fraction, *, as_uint8: bool) -> np.ndarray:
    """MATLAB's imresize with its contributions spelt out, on levels 0..255 in float64; rows first."""
    for axis in (0, 1):
        plane = np.moveaxis(_matlab_axis(np.moveaxis(plane, axis, 0), float(ratio), ratio), 0, axis)
        if as_uint8:
            plane = np.clip(np.floor(plane + 0.5), 0, 255)
    return plane


def _matlab_axis(plane: np.ndarray, scale: float, ratio: Fraction) -> np.ndarray:
    length = plane.shape[0]
    squeeze = min(scale, 1.0)
    out = np.zeros((-(-length * ratio.numerator // ratio.denominator), plane.shape[1]))
    mirror = np.r_[np.arange(length), np.arange(length)[::-1]]
    for row in range(len(out)):
        centre = (row + 1) / scale + 0.5 * (1 - 1 / scale)
        first = int(np.floor(centre - 2 / squeeze))
        taps = np.arange(first, first + int(np.ceil(4 / squeeze)) + 2)
        x = np.abs(squeeze * (centre - taps))
        weights = np.where(
            x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x <= 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0)
        )
        out[row] = (weights / weights.sum()) @ plane[mirror[(taps - 1) % (2 * length)]]
    return out


def test_doubling_an_impulse_gives_the_cubic_kernel_at_quarter_steps():
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[..., 4, :] = 1.0
    column = bicubic_resize(impulse, 2)[0, 0, :, 8].tolist()
    expected = [-0.0234375, -0.0703125, 0.2265625, 0.8671875, 0.8671875, 0.2265625, -0.0703125, -0.0234375]
    assert column[5:13] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", ODD_SIZES)
def test_a_flat_picture_stays_flat_up_to_its_border(size, ratio):
    flat = torch.full((1, 3, *size), 0.3)
    assert (bicubic_resize(flat, ratio) - 0.3).abs().max() < 1e-6


def test_shrinking_a_ramp_keeps_its_slope():
    ramp = torch.arange(48.0).expand(1, 1, 48, 48) / 48
    row = bicubic_resize(ramp, Fraction(1, 4))[0, 0, 6]
    assert row[3:9].diff().tolist() == pytest.approx([4 / 48] * 5, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("as_uint8", [False, True])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", ODD_SIZES)
def test_resizing_equals_matlabs_algorithm(size, ratio, as_uint8):
    image = picture(*size, channels=1)
    expected = matlab_imresize(image[0, 0].double().mul(255).round().numpy(), ratio, as_uint8=as_uint8)
    got = bicubic_resize(image, ratio, as_uint8=as_uint8)[0, 0].double().mul(255).numpy()
    assert got.shape == expected.shape
    gap = np.abs(got - expected)
    # Levels of 255. What is an exact half, or beside one, in float64 may be rounded the other way in float32.
    assert gap.max() < (1.01 if as_uint8 else 5e-3)
    assert (gap > 5e-3).mean() < 0.01


@given(sides, sides, st.sampled_from([2, 3, 4]))
@settings(max_examples=40, deadline=None)
def test_turning_the_picture_upside_down_turns_the_result(rows, columns, scale):
    image = picture(rows * scale, columns * scale)
    shrunk = bicubic_resize(image, Fraction(1, scale))
    assert torch.allclose(bicubic_resize(image.flip(2, 3), Fraction(1, scale)), shrunk.flip(2, 3), atol=1e-5)
    assert shrunk.shape == (1, 3, rows, columns)


def test_a_float_scale_means_its_nearest_fraction():
    image = picture(12, 9)
    assert torch.equal(bicubic_resize(image, 1 / 3), bicubic_resize(image, Fraction(1, 3)))


@pytest.mark.parametrize("scale", [0, -2, float("nan"), float("inf")])
def test_a_scale_that_is_not_above_zero_is_refused(scale):
    with pytest.raises(SettingsError, match="above 0"):
        bicubic_resize(picture(4, 4), scale)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("size", [(4, 4), (7, 13), (31, 17)])
def test_every_task_degrades_to_its_size_and_again_to_the_same(task, size):
    truth = picture(*size, count=2)
    kept = truth.clone()
    first, second = degrade(truth, task, seed=3), degrade(truth, task, seed=3)
    assert first.shape == (2, task.planes, size[0] // task.scale, size[1] // task.scale)
    assert first.dtype == torch.float32
    assert torch.equal(first, second)
    assert torch.equal(truth, kept)
    if task.degradation != "noise":
        assert torch.equal(first, round_to_8_bits(first))


def test_style_transfer_takes_the_picture_itself():
    truth = round_to_8_bits(picture(7, 13))
    assert torch.equal(degrade(truth, find_task("style")), truth)


def test_a_picture_smaller_than_the_scale_is_refused():
    with pytest.raises(InputError, match="at least 4 x 4 pixels, got 13 x 3"):
        degrade(picture(3, 13), find_task("sr_x4"))


def test_a_strength_is_checked_and_only_taken_where_there_is_one():
    with pytest.raises(SettingsError, match="between 0 and 55"):
        degrade(picture(4, 4), find_task("denoise"), strength=56)
    with pytest.raises(SettingsError, match="no strength"):
        degrade(picture(4, 4), find_task("sr_x2"), strength=1)


def test_cropping_keeps_the_upper_left_multiple():
    truth = picture(7, 13)
    assert torch.equal(crop_to_multiple(truth, 3), truth[..., :6, :12])
    assert torch.equal(crop_to_multiple(truth, 1), truth)


def test_laboratory_noise_has_the_strength_asked_for_and_is_not_clipped():
    task = find_task("denoise")
    noisy = degrade(torch.ones(1, 3, 256, 256), task, strength=25, seed=1, noise="laboratory")
    assert (noisy - 1).std().item() * 255 == pytest.approx(25, rel=0.01)
    assert (noisy - 1).mean().abs().item() * 255 < 0.3
    assert noisy.max() > 1.2
    another = degrade(torch.ones(1, 3, 256, 256), task, strength=25, seed=2, noise="laboratory")
    assert not torch.equal(noisy, another)
    assert torch.equal(degrade(noisy, task, strength=0, noise="laboratory"), noisy)


def test_noise_is_by_default_that_of_a_file_clipped_and_rounded():
    """On white the half that would go above is cut off, so that the mean is sigma / sqrt(2 pi) lower."""
    task = find_task("denoise")
    exact = degrade(torch.ones(1, 3, 256, 256), task, strength=25, seed=1, noise="laboratory")
    file = degrade(torch.ones(1, 3, 256, 256), task, strength=25, seed=1)
    assert torch.equal(file, round_to_8_bits(exact.clone()))
    assert (1 - file).mean().item() * 255 == pytest.approx(25 / math.sqrt(2 * math.pi), rel=0.01)


def test_a_convention_of_noise_must_exist_and_needs_noise():
    with pytest.raises(UnknownNameError, match="Did you mean 'laboratory'"):
        degrade(picture(4, 4), find_task("denoise"), noise="laboratorium")
    with pytest.raises(SettingsError, match="JPEG clean-up adds no noise"):
        degrade(picture(4, 4), find_task("jpeg"), noise="laboratory")


def test_each_picture_may_have_its_own_sigma():
    flat = torch.zeros(3, 3, 64, 64)
    each = add_noise(flat, torch.tensor([0.0, 10.0, 50.0]), torch.Generator().manual_seed(0))
    one = add_noise(flat, 10.0, torch.Generator().manual_seed(0))
    assert torch.equal(each[0], flat[0])
    assert torch.allclose(each[1], one[1])
    assert torch.allclose(each[2], one[2] * 5, atol=1e-6)
    with pytest.raises(ShapeError, match="each of 3 pictures"):
        add_noise(flat, torch.ones(2), torch.Generator())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_same_seed_gives_the_same_picture_on_the_gpu():
    truth = picture(61, 67)
    for task in TASKS.values():
        gap = degrade(truth.cuda(), task, seed=5).cpu() - degrade(truth, task, seed=5)
        assert gap.abs().max() < 1.01 / 255 if task.degradation == "bicubic" else gap.abs().max() < 1e-6


@pytest.mark.parametrize("quality", [5, 20, 50, 95])
def test_jpeg_equals_pillows_with_colour_halved(quality):
    truth = picture(37, 53)
    data = io.BytesIO()
    levels = truth[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    Image.fromarray(levels).save(data, "JPEG", quality=quality, subsampling="4:2:0")
    expected = torch.from_numpy(np.asarray(Image.open(data)).copy()).permute(2, 0, 1).float() / 255
    assert (compress_jpeg(truth, quality)[0] - expected).abs().max() < 2.01 / 255


def test_a_higher_quality_is_nearer_to_the_truth():
    truth = torch.nn.functional.interpolate(picture(16, 16), scale_factor=4, mode="bilinear")
    errors = [(degrade(truth, find_task("jpeg"), strength=q) - truth).square().mean().item() for q in (5, 20, 50, 95)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 2 * errors[-1]


def test_each_picture_may_have_its_own_quality():
    truth = picture(9, 21, count=2)
    both = compress_jpeg(truth, torch.tensor([10.0, 80.0]))
    assert torch.equal(both[:1], compress_jpeg(truth[:1], 10))
    assert torch.equal(both[1:], compress_jpeg(truth[1:], 80))
    with pytest.raises(ShapeError, match="each of 2 pictures"):
        compress_jpeg(truth, torch.tensor([10.0]))


def test_a_444_file_keeps_the_fine_colour_that_halving_loses():
    columns = torch.tensor([[0.8, 0.2, 0.4], [0.2, 0.5, 0.4]]).T[None, :, None].repeat(2, 1, 32, 16)
    files = compress_jpeg(columns, 95, chroma_444=torch.tensor([True, False]))
    assert (files[0] - columns[0]).abs().max() < 0.05
    assert files[1].diff(dim=2).abs().mean() < 0.5 * columns[1].diff(dim=2).abs().mean()
    assert torch.equal(files[1:], compress_jpeg(columns[1:], 95)) and torch.equal(
        files[:1], compress_jpeg(columns[:1], 95, chroma_444=True)
    )
    with pytest.raises(ShapeError, match="one chroma_444"):
        compress_jpeg(columns, 95, chroma_444=torch.tensor([True]))


def test_a_grey_plane_goes_through_a_grey_file():
    grey = picture(20, 30, channels=1)
    assert compress_jpeg(grey, 90).shape == (1, 1, 20, 30)
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        compress_jpeg(picture(4, 4, channels=2), 90)


def test_a_real_photograph_at_level_zero_is_shrunk_alone():
    truth = picture(24, 36, count=2)
    assert torch.equal(degrade(truth, find_task("photo_x4"), strength=0), degrade(truth, find_task("sr_x4")))


def test_real_photographs_get_worse_with_the_level_and_keep_place_colour_and_levels():
    blob = torch.from_numpy(np.exp(-((np.mgrid[:64, :64] - 31.5) ** 2).sum(0) / 200)).float()
    truth = torch.stack([0.2 + 0.6 * blob, 0.7 - 0.4 * blob, 0.3 + 0.4 * blob])[None].repeat(24, 1, 1, 1)
    plain = bicubic_resize(truth, Fraction(1, 2))
    errors = []
    for level in (1.0, 5.0, 10.0):
        worse = degrade_photo(truth, 2, np.full(24, level), np.random.default_rng(0))
        assert torch.equal(worse, round_to_8_bits(worse.clone()))
        assert (worse.mean((0, 2, 3)) - plain.mean((0, 2, 3))).abs().max() < 0.004
        weight = (worse - 0.2).clamp(0)[:, 0].double()
        middle = [float((weight.sum(axis) * torch.arange(32)).sum() / weight.sum()) for axis in ((0, 2), (0, 1))]
        assert middle == pytest.approx([15.5, 15.5], abs=0.25)
        errors.append(float((worse - plain).square().mean()))
    assert errors == sorted(errors) and errors[2] > 3 * errors[0]


def test_each_real_photograph_may_have_its_own_level_and_be_grey():
    truth = picture(16, 16, count=2, channels=1)
    worse = degrade_photo(truth, 2, np.array([0.0, 10.0]), np.random.default_rng(0))
    assert worse.shape == (2, 1, 8, 8)
    shrunk = degrade(truth, find_task("sr_x2"))
    assert torch.equal(worse[0], shrunk[0]) and not torch.equal(worse[1], shrunk[1])


def test_a_side_that_no_jpeg_can_have_is_refused():
    with pytest.raises(InputError, match="65,500"):
        compress_jpeg(torch.zeros(1, 1, 1, 65_501), 90)


@pytest.mark.slow
@pytest.mark.skipif(
    "KDSR_TEST_DATA" not in os.environ, reason="set KDSR_TEST_DATA to the folder that holds Set5, Set14 and BSD100"
)
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_the_published_low_resolution_sets_come_out_level_for_level(name, scale):
    folder = Path(os.environ["KDSR_TEST_DATA"]) / name
    margin = -(-16 // scale)
    for path in sorted((folder / "HR").glob("*.png")):
        truth = _read(path)
        published = _read(folder / "LR_bicubic" / f"X{scale}" / f"{path.stem}x{scale}.png")
        made = degrade(truth, find_task(f"sr_x{scale}"))
        assert made.shape == published.shape, path.name
        gap = (made - published)[..., margin:-margin, margin:-margin].abs()
        assert gap.max() < 0.5 / 255, path.name


def _read(path: Path) -> torch.Tensor:
    levels = np.array(Image.open(path).convert("RGB"))
    return torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255
