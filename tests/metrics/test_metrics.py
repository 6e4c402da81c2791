"""Metrics: closed forms, properties, and scikit-image as the independent reference."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from kdsr.degrade import round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics import FULL_SCALE_255, error_map, measure, psnr, ssim, to_luma
from kdsr.tasks import TASKS, find_task

sides = st.integers(1, 40)
ODD_SIZES = [(11, 11), (11, 37), (13, 17), (74, 30), (75, 30), (101, 67), (139, 12)]


def pair(height: int, width: int, count: int = 1, channels: int = 3, noise: float = 0.1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    truth = torch.rand(count, channels, height, width, generator=generator, dtype=dtype)
    return truth + noise * torch.randn(truth.shape, generator=generator, dtype=dtype), truth


def reference_ssim(one: torch.Tensor, other: torch.Tensor) -> float:
    options = {
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
        "data_range": 1.0,
        "channel_axis": 0,
    }
    return structural_similarity(one.double().numpy(), other.double().numpy(), **options)


@pytest.mark.parametrize(("error", "expected_db"), [(1.0, 0.0), (0.1, 20.0), (0.01, 40.0)])
def test_constant_error_has_a_closed_form(error, expected_db):
    truth = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    assert psnr(truth + error, truth).tolist() == pytest.approx([expected_db] * 2, abs=1e-9)
    assert psnr((truth + error).float(), truth.float()).tolist() == pytest.approx([expected_db] * 2, abs=1e-6)


@given(height=sides, width=sides, border=st.integers(0, 3))
def test_psnr_of_levels_equals_that_of_numbers(height, width, border):
    restored, truth = ((picture.clamp(0, 1) * 255).round().to(torch.uint8) for picture in pair(height, width, count=2))
    numbers = psnr(restored.double() / 255, truth.double() / 255, border=border)
    assert psnr(restored, truth, border=border).tolist() == pytest.approx(numbers.tolist(), abs=1e-9, nan_ok=True)


def test_psnr_of_levels_against_numbers_is_refused():
    restored, truth = pair(8, 8)
    with pytest.raises(ShapeError, match="uint8"):
        psnr(restored, (truth * 255).to(torch.uint8))


@pytest.mark.parametrize(("dark", "light"), [(0.0, 1.0), (0.2, 0.25), (0.5, 0.5)])
def test_two_flat_pictures_have_a_closed_form_ssim(dark, light):
    one = torch.full((1, 1, 20, 30), dark, dtype=torch.float64)
    expected = (2 * dark * light + 1e-4) / (dark**2 + light**2 + 1e-4)
    assert ssim(one, torch.full_like(one, light)).item() == pytest.approx(expected, abs=1e-12)
    assert ssim(one.float(), torch.full_like(one, light).float()).item() == pytest.approx(expected, abs=1e-6)


def test_a_picture_against_its_negative_has_a_closed_form_ssim():
    generator = torch.Generator().manual_seed(0)
    plane = 0.5 + 0.1 * (torch.rand(1, 1, 11, 11, generator=generator, dtype=torch.float64) - 0.5)
    offset = torch.arange(-5, 6, dtype=torch.float64)
    weight = torch.exp(-offset.square() / 4.5)
    window = torch.outer(weight, weight) / weight.sum() ** 2
    mean = (window * plane).sum()
    variance = (window * (plane - mean).square()).sum()
    luminance = (2 * mean * (1 - mean) + 1e-4) / (mean**2 + (1 - mean) ** 2 + 1e-4)
    expected = luminance * (9e-4 - 2 * variance) / (9e-4 + 2 * variance)
    assert ssim(plane, 1 - plane).item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize(
    ("rgb", "level"),
    [((0, 0, 0), 16.0), ((1, 1, 1), 235.0), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553), ((0, 0, 1), 40.966)],
)
def test_luma_of_pure_colours_is_bt601s(rgb, level):
    image = torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)
    assert to_luma(image).item() * 255 == pytest.approx(level, abs=1e-9)


@given(sides, sides, st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_identical_pictures_are_infinitely_near(height, width, channels):
    _, truth = pair(height, width, channels=channels)
    assert psnr(truth, truth).tolist() == [math.inf]
    assert ssim(truth, truth).item() == 1.0 if min(height, width) >= 11 else math.isnan(ssim(truth, truth).item())


@given(sides, sides, st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=40, deadline=None)
def test_both_pictures_have_the_same_part(height, width, dtype):
    restored, truth = pair(height, width, dtype=dtype)
    assert psnr(restored, truth).item() == psnr(truth, restored).item()
    assert ssim(restored, truth).item() == pytest.approx(ssim(truth, restored).item(), abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("function", [psnr, ssim])
def test_each_picture_of_a_batch_has_its_own_figure(function):
    restored, truth = pair(23, 37, count=3)
    together = function(restored, truth, border=2)
    assert together.shape == (3,)
    assert together.dtype == torch.float64
    assert together.tolist() == [function(restored[i : i + 1], truth[i : i + 1], border=2).item() for i in range(3)]


@pytest.mark.parametrize("function", [psnr, ssim])
def test_the_border_is_cut_before_measuring(function):
    restored, truth = pair(23, 37)
    assert (
        function(restored, truth, border=4).item() == function(restored[..., 4:-4, 4:-4], truth[..., 4:-4, 4:-4]).item()
    )


@pytest.mark.parametrize("function", [psnr, ssim])
def test_memory_layout_precision_and_gradient_do_not_matter(function):
    restored, truth = pair(19, 29)
    plain = function(restored, truth).item()
    laid = restored.to(memory_format=torch.channels_last).requires_grad_()
    assert function(laid, truth).item() == plain
    assert function(restored.double(), truth).item() == pytest.approx(plain, abs=1e-5)
    assert function(restored.bfloat16(), truth).item() == function(restored.bfloat16().float(), truth).item()


@pytest.mark.parametrize("function", [psnr, ssim])
def test_the_number_of_threads_does_not_change_a_figure(function):
    restored, truth = pair(709, 811)
    before = torch.get_num_threads()
    figures = set()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            figures.add(function(restored, truth).item())
    finally:
        torch.set_num_threads(before)
    assert len(figures) == 1


@pytest.mark.parametrize("size", [(1, 1), (8, 100), (7, 13), (3, 9)])
def test_where_nothing_is_left_to_measure_the_figure_is_nan(size):
    restored, truth = pair(*size)
    assert math.isnan(psnr(restored, truth, border=4).item())
    assert math.isnan(ssim(restored, truth).item())
    assert not math.isnan(psnr(restored, truth).item())


@pytest.mark.parametrize("function", [psnr, ssim])
def test_what_cannot_be_measured_is_refused(function):
    restored, truth = pair(12, 12)
    with pytest.raises(ShapeError, match="one shape"):
        function(restored, truth[..., :11])
    with pytest.raises(ShapeError, match="one shape"):
        function(restored[0], truth[0])
    with pytest.raises(ShapeError, match="border"):
        function(restored, truth, border=-1)
    with pytest.raises(ShapeError, match="floating"):
        function(restored.int(), truth.int())


@pytest.mark.parametrize("noise", [0.002, 0.1, 1.0])
@pytest.mark.parametrize("size", ODD_SIZES)
def test_figures_equal_scikit_images(size, noise):
    restored, truth = pair(*size, noise=noise)
    expected_db = peak_signal_noise_ratio(truth[0].double().numpy(), restored[0].double().numpy(), data_range=1.0)
    assert psnr(restored, truth).item() == pytest.approx(expected_db, abs=1e-6)
    expected = reference_ssim(restored[0], truth[0])
    assert ssim(restored, truth).item() == pytest.approx(expected, abs=1e-6)
    assert ssim(restored.double(), truth.double()).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_ssim_of_flat_surfaces_keeps_its_precision_in_float32(level, noise):
    generator = torch.Generator().manual_seed(1)
    truth = torch.full((1, 1, 150, 90), level)
    restored = truth + 0.001 + noise * torch.randn(truth.shape, generator=generator)
    assert ssim(restored, truth).item() == pytest.approx(reference_ssim(restored[0], truth[0]), abs=1e-6)


def test_luma_equals_scikit_images():
    _, truth = pair(7, 13, dtype=torch.float64)
    expected = rgb2ycbcr(truth[0].permute(1, 2, 0).numpy())[..., 0] / 255
    assert np.abs(to_luma(truth)[0, 0].numpy() - expected).max() < 1e-12
    with pytest.raises(ShapeError, match="RGB"):
        to_luma(truth[:, :1])


WHOLE = {name: task for name, task in TASKS.items() if task.planes == 3}
"""Tasks whose figures are those of whole pictures."""


@pytest.mark.parametrize("task", WHOLE.values(), ids=WHOLE)
def test_measuring_follows_the_tasks_convention(task):
    restored, truth = pair(41, 53)
    rounded = [round_to_8_bits(image).double() for image in (restored, truth)]
    one, other = [to_luma(image) if task.colour == "y" else image for image in rounded]
    found = measure(restored, truth, task)
    assert found.psnr_db == pytest.approx(psnr(one, other, border=task.border).item(), abs=1e-5)
    assert found.ssim == pytest.approx(ssim(one, other, border=task.border).item(), abs=1e-6)
    assert found.convention == task.convention
    assert measure(truth, truth, task).psnr_db == math.inf


def test_a_grey_picture_is_measured_on_its_plane():
    task = find_task("sr_x2")
    restored, truth = pair(41, 53, channels=1)
    one_plane = measure(restored, truth, task)
    repeated = measure(restored.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1), task, grey=True)
    assert one_plane == repeated
    assert one_plane.convention == "grey plane, 2 px cut at each side"
    as_colour = measure(restored.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1), task)
    assert as_colour.psnr_db - one_plane.psnr_db == pytest.approx(20 * math.log10(255 / 219), abs=1e-4)
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        measure(*pair(12, 12, channels=2), task)


def test_tiny_pictures_are_measured_without_a_crash():
    for task in WHOLE.values():
        found = measure(*pair(1, 1), task)
        assert math.isnan(found.ssim)
        assert math.isnan(found.psnr_db) == (task.border > 0)


def test_the_error_map_has_a_fixed_scale():
    truth = torch.zeros(1, 3, 2, 3)
    restored = truth.clone()
    restored[..., 0, 1] = FULL_SCALE_255 / 255
    restored[..., 0, 2] = 1.0
    colours = error_map(restored, truth)
    black, pale_yellow = torch.tensor([0, 0, 4]) / 255, torch.tensor([252, 255, 164]) / 255  # the ends of inferno
    assert colours.shape == (1, 3, 2, 3)
    assert torch.equal(colours[0, :, 1, 0], black)
    assert torch.equal(colours[0, :, 0, 1], pale_yellow)
    assert torch.equal(colours[0, :, 0, 2], pale_yellow)
    assert FULL_SCALE_255 == 31.875


@pytest.mark.parametrize("by_channel", [(0.06, 0.0, 0.0), (0.03, -0.03, 0.0), (0.0, 0.01, -0.05)])
def test_the_error_of_a_pixel_is_the_mean_of_its_channels_errors_whatever_their_signs(by_channel):
    truth = torch.full((1, 3, 2, 3), 0.5)
    restored = truth + torch.tensor(by_channel)[None, :, None, None]
    even = truth + 0.02
    assert torch.equal(error_map(restored, truth), error_map(even, truth))
    assert not torch.equal(error_map(restored, truth), error_map(truth + 0.03, truth))


def test_the_colours_of_the_error_map_grow_lighter_evenly():
    errors = torch.linspace(0, FULL_SCALE_255 / 255, 256).expand(1, 3, 1, 256)
    light = to_luma(error_map(errors, torch.zeros_like(errors)))[0, 0, 0]
    assert (light.diff() > -0.004).all()
    assert light[0] < 0.1
    assert light[-1] > 0.85


def test_an_error_map_is_refused_where_it_has_no_meaning():
    restored, truth = pair(5, 7)
    with pytest.raises(ShapeError, match="one shape"):
        error_map(restored, truth[..., :6])
    assert torch.isfinite(error_map(restored * math.nan, truth)).all()
