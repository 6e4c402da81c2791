"""The one function that degrades a picture: the same noise in every picture of one name, on every plane and machine."""

import math

import numpy as np
import pytest
import torch

from kdsr.degrade import bicubic_resize, degrade_picture, picture_seed
from kdsr.errors import InputError, SettingsError
from kdsr.image import Picture, fill_hidden, to_tensor
from kdsr.tasks import TASKS, find_task

DENOISE = find_task("denoise")


def flat(height=200, width=300, *, channels=3, dtype=np.uint8, name="flat"):
    middle = np.iinfo(dtype).max // 2 + 1
    return Picture(np.full((height, width, channels), middle, dtype), name=name)


def random_picture(height, width, *, channels=3, alpha=False, dtype=np.uint8):
    draw = np.random.default_rng(0)
    most = np.iinfo(dtype).max + 1
    pixels = draw.integers(0, most, (height, width, channels), dtype)
    return Picture(pixels, draw.integers(0, most, (height, width), dtype) if alpha else None, name="random")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("sigma", [5.0, 25.0, 50.0])
def test_noise_has_the_sigma_that_was_asked_for_in_grey_and_in_colour(channels, dtype, sigma):
    made = degrade_picture(flat(channels=channels, dtype=dtype), DENOISE, strength=sigma)
    noise = made.tensor - to_tensor(made.truth)
    assert noise.std().item() * 255 == pytest.approx(sigma, rel=0.02)
    assert noise.mean().item() * 255 == pytest.approx(0, abs=4 * sigma / math.sqrt(60_000))
    if sigma <= 25:  # nothing is clipped: what a file holds has the same sigma
        levels = made.picture.pixels.astype(float) / np.iinfo(dtype).max * 255
        assert levels.std() == pytest.approx(sigma, rel=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_noisy_picture_as_a_file_is_what_the_network_gets(dtype):
    made = degrade_picture(random_picture(32, 40, dtype=dtype), DENOISE, strength=50.0)
    assert torch.equal(to_tensor(made.picture), made.tensor)
    exact = degrade_picture(random_picture(32, 40, dtype=dtype), DENOISE, strength=50.0, noise="laboratory")
    assert exact.tensor.min() < 0 and exact.tensor.max() > 1
    assert np.array_equal(to_tensor(exact.picture).mul(255).round(), made.tensor.mul(255).round())


WITH_TRUTH = [task for task in TASKS.values() if task.has_truth]


def test_a_task_that_degrades_nothing_is_refused_in_one_sentence():
    with pytest.raises(SettingsError, match=r"^Style transfer degrades no picture and has no original .* itself\.$"):
        degrade_picture(random_picture(32, 40), find_task("style"))


def test_the_planes_of_a_degraded_grey_picture_are_equal():
    for task in WITH_TRUTH:
        tensor = degrade_picture(random_picture(32, 40, channels=1), task).tensor
        assert torch.equal(tensor[:, 0], tensor[:, 1]) and torch.equal(tensor[:, 0], tensor[:, 2]), task.name


def test_noise_follows_from_the_name_and_the_seed():
    first = degrade_picture(flat(name="one"), DENOISE).tensor
    assert torch.equal(first, degrade_picture(flat(name="one"), DENOISE).tensor)
    assert not torch.equal(first, degrade_picture(flat(name="two"), DENOISE).tensor)
    assert not torch.equal(first, degrade_picture(flat(name="one"), DENOISE, seed=1).tensor)
    assert picture_seed("same") == 4_233_163_076 and picture_seed("same", 2) == 4_233_163_078  # CRC-32


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.scale > 1])
def test_pixels_and_alpha_are_cropped_to_the_same_multiple(name):
    task = find_task(name)
    whole = fill_hidden(random_picture(37, 47, alpha=True))
    made = degrade_picture(whole, task)
    height, width = 37 // task.scale * task.scale, 47 // task.scale * task.scale
    assert np.array_equal(made.truth.pixels, whole.pixels[:height, :width])
    assert np.array_equal(made.truth.alpha, whole.alpha[:height, :width])
    assert made.tensor.shape == (1, 3, height // task.scale, width // task.scale)
    assert made.picture.alpha.shape == made.picture.pixels.shape[:2] == made.tensor.shape[-2:]


def test_super_resolution_shrinks_all_16_bits_to_levels_of_8():
    picture = random_picture(24, 36, dtype=np.uint16)
    made = degrade_picture(picture, find_task("sr_x3"))
    assert torch.equal(made.tensor, bicubic_resize(to_tensor(picture), 1 / 3, as_uint8=True))
    assert made.picture.bits == 16 and (made.picture.pixels % 257 == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_are_transparent_and_the_others_are_untouched(channels):
    picture = random_picture(48, 64, channels=channels, alpha=True)
    made = degrade_picture(picture, find_task("inpaint"), strength="blocks")
    holes = made.holes
    assert holes.any() and not holes.all() and made.truth.alpha is None
    assert np.array_equal(made.picture.alpha == 0, holes)
    assert np.array_equal(made.picture.pixels[~holes], picture.pixels[~holes])


def test_a_strength_out_of_range_and_a_picture_too_small_are_refused():
    with pytest.raises(SettingsError, match="between 0 and 55"):
        degrade_picture(flat(), DENOISE, strength=55.1)
    with pytest.raises(SettingsError, match="no strength"):
        degrade_picture(flat(), find_task("sr_x2"), strength=1)
    with pytest.raises(InputError, match="4 x 4"):
        degrade_picture(flat(3, 9), find_task("sr_x4"))
