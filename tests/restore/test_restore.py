"""The engine and its runtimes: tiles, odd sizes, bits, alpha, progress, stopping, limits and what is kept warm."""

import threading
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from kdsr.errors import InputError, SettingsError, ShapeError, Stopped, UnknownNameError, WeightsError
from kdsr.image import Picture, from_tensor, to_tensor
from kdsr.models.symmetry import SYMMETRIES, turn, turn_back
from kdsr.restore import exact_runtimes, open_runtime, restore, restore_picture
from kdsr.restore.ensemble import SelfEnsemble
from kdsr.restore.runtimes import WarmRuntimes

NAMES = ["tiny_x4_teacher", "tiny_x4_student", "tiny_denoise_student"]
SIZES = [(1, 1), (1, 7), (7, 13), (31, 2), (37, 41)]


@pytest.fixture(params=["torch", "onnx", "openvino"])
def opened(request, tiny_catalog, tiny_settings):
    """A function from a name to its runtime."""
    return lambda name: open_runtime(
        tiny_catalog.find(name), tiny_catalog, runtime=request.param, settings=tiny_settings
    )


def random_pixels(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(
        0, np.iinfo(dtype).max + 1, (height, width, channels), dtype=dtype
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_of_any_size_is_restored_the_same_with_and_without_tiles(opened, name):
    runtime = opened(name)
    for size in SIZES:
        image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
        whole = restore(image, runtime, tile_px=1000)
        assert whole.shape == (1, 3, size[0] * runtime.about.scale, size[1] * runtime.about.scale)
        assert whole.dtype == torch.float32
        assert 0 <= whole.min() <= whole.max() <= 1
        assert (restore(image, runtime, tile_px=8) - whole).abs().max() <= 1e-5
        assert (restore(image, runtime) - whole).abs().max() <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_exact_runtimes_give_the_same(tiny_catalog, tiny_settings, name):
    image = torch.rand(1, 3, 29, 33, generator=torch.Generator().manual_seed(2))
    by_torch, *others = (
        restore(image, open_runtime(tiny_catalog.find(name), tiny_catalog, runtime=runtime, settings=tiny_settings))
        for runtime in exact_runtimes()
    )
    assert len(others) == 2
    assert max((by_torch - other).abs().max() for other in others) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_eight_bits_are_the_rounded_floats_within_one_level(opened, name, size):
    runtime, picture = opened(name), Picture(random_pixels(*size), name="street", notes=("A note.",))
    restored = restore_picture(picture, runtime, tile_px=8)
    wanted = from_tensor(restore(to_tensor(picture), runtime), picture)
    assert restored.pixels.dtype == np.uint8
    assert np.abs(restored.pixels.astype(int) - wanted.pixels).max() <= 1
    assert (restored.name, restored.notes, restored.alpha) == ("street", ("A note.",), None)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_self_ensemble_is_the_mean_over_the_symmetries_and_does_not_care_which_way_up(opened, name):
    plain, picture = opened(name), Picture(random_pixels(14, 22))
    ensemble, image = SelfEnsemble(plain), to_tensor(picture)
    mean = sum(turn_back(plain.run(turn(image, symmetry)), symmetry) for symmetry in SYMMETRIES) / 8
    whole = restore(image, ensemble)
    assert torch.allclose(whole, mean.clamp(0, 1), atol=1e-6)
    assert torch.allclose(restore(image, ensemble, tile_px=8), whole, atol=1e-5)
    assert torch.allclose(turn_back(restore(turn(image, 5), ensemble), 5), whole, atol=1e-5)
    assert np.abs(restore_picture(picture, ensemble).pixels.astype(int) - from_tensor(whole, picture).pixels).max() <= 1
    assert ensemble.about.name.endswith("self-ensemble x8")


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (1, np.uint16), (3, np.uint16)])
def test_grey_and_sixteen_bits_go_through_floats(opened, channels, dtype):
    runtime, picture = opened("tiny_x4_student"), Picture(random_pixels(11, 19, channels, dtype))
    restored = restore_picture(picture, runtime, tile_px=8)
    wanted = from_tensor(restore(to_tensor(picture), runtime), picture)
    assert restored.pixels.shape == (44, 76, channels)
    assert restored.pixels.dtype == dtype
    assert np.abs(restored.pixels.astype(int) - wanted.pixels).max() <= 1  # sums in another order


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_given_back_enlarged(opened, dtype):
    picture = Picture(random_pixels(5, 6, 3, dtype), random_pixels(5, 6, 1, dtype)[..., 0])
    runtime = opened("tiny_x4_student")
    restored = restore_picture(picture, runtime)
    assert np.array_equal(restored.alpha, from_tensor(restore(to_tensor(picture), runtime), picture).alpha)


def test_a_picture_that_may_not_be_written_to_is_restored(opened):
    pixels = random_pixels(9, 9)
    pixels.flags.writeable = False
    assert restore_picture(Picture(pixels), opened("tiny_x4_student")).pixels.shape == (36, 36, 3)


@pytest.mark.slow
def test_progress_rises_to_one(opened):
    shares = []
    restore_picture(Picture(random_pixels(20, 30)), opened("tiny_x4_student"), tile_px=8, on_progress=shares.append)
    assert shares == sorted(set(shares))
    assert len(shares) == 12
    assert shares[-1] == 1.0


@pytest.mark.slow
def test_a_run_stops_between_tiles(opened):
    shares = []
    with pytest.raises(Stopped):
        restore(
            torch.rand(1, 3, 20, 30),
            opened("tiny_x4_student"),
            tile_px=8,
            on_progress=shares.append,
            should_stop=lambda: len(shares) == 3,
        )
    assert len(shares) == 3


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)])
def test_what_is_not_one_picture_is_refused(opened, shape):
    with pytest.raises(ShapeError, match="one picture"):
        restore(torch.zeros(shape), opened("tiny_x4_student"))


@pytest.mark.parametrize("limit, is_allowed", [(0.00128, True), (0.00127, False)])
def test_a_result_of_exactly_the_most_megapixels_is_made(tiny_catalog, tiny_settings, limit, is_allowed):
    """8 x 10 pixels, four times as long and wide, are 0.00128 megapixels."""
    settings = replace(tiny_settings, max_output_megapixels=limit)
    runtime = open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, runtime="torch", settings=settings)
    with nullcontext() if is_allowed else pytest.raises(InputError, match="megapixels"):
        assert restore(torch.rand(1, 3, 8, 10), runtime).shape == (1, 3, 32, 40)


@pytest.mark.slow
def test_a_result_that_is_too_large_is_refused_in_one_sentence(tiny_catalog, tiny_settings):
    small = replace(tiny_settings, max_output_megapixels=0.001)
    runtime = open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, settings=small)
    with pytest.raises(InputError, match="KDSR_MAX_OUTPUT_MEGAPIXELS"):
        restore_picture(Picture(random_pixels(8, 8)), runtime)
    assert restore(torch.rand(1, 3, 7, 8), runtime).shape == (1, 3, 28, 32)


def test_a_runtime_says_what_it_is(tiny_catalog, tiny_settings):
    for runtime, name in (("torch", "torch"), ("onnx", "onnx"), ("openvino", "openvino")):
        opened = open_runtime(
            tiny_catalog.find("tiny_x4_teacher"), tiny_catalog, runtime=runtime, settings=tiny_settings
        )
        assert (opened.about.name, opened.about.device, opened.about.threads, opened.about.precision) == (
            name,
            "cpu",
            1,
            "float32",
        )
        assert (opened.about.scale, opened.about.multiple, opened.about.halo) == (4, 1, 7)


def test_an_unknown_runtime_names_the_known_ones(tiny_catalog, tiny_settings):
    with pytest.raises(UnknownNameError, match="Did you mean 'onnx'"):
        open_runtime(tiny_catalog.cards[0], tiny_catalog, runtime="onxx", settings=tiny_settings)


def test_a_gpu_that_is_not_there_is_told_in_one_sentence(tiny_catalog, tiny_settings):
    with pytest.raises(SettingsError, match="cuda:99"):
        open_runtime(
            tiny_catalog.cards[0], tiny_catalog, runtime="torch", settings=replace(tiny_settings, device="cuda:99")
        )


@pytest.mark.parametrize("runtime", ["torch", "onnx", "openvino", "auto"])
def test_altered_weights_are_refused_by_every_runtime(tiny_catalog, tiny_settings, runtime):
    card = tiny_catalog.find("tiny_x4_twin")
    path = tiny_catalog.weights_path(card)
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(WeightsError, match="SHA-256"):
        open_runtime(card, tiny_catalog, runtime=runtime, settings=tiny_settings)


def test_a_runtime_stays_warm(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    first = open_runtime(card, tiny_catalog, runtime="torch", settings=tiny_settings)
    assert open_runtime(card, tiny_catalog, runtime="torch", settings=tiny_settings) is first
    assert open_runtime(card, tiny_catalog, runtime="onnx", settings=tiny_settings) is not first


def test_few_are_kept_warm_and_the_one_used_longest_ago_goes_first():
    warm = WarmRuntimes(limit=2)
    first, second = warm.get("a", object), warm.get("b", object)
    assert warm.get("a", object) is first
    warm.get("c", object)
    assert len(warm) == 2
    assert warm.get("a", object) is first
    assert warm.get("b", object) is not second


def test_threads_that_ask_at_once_get_one_runtime():
    warm, built, got = WarmRuntimes(limit=2), [], []
    start = threading.Barrier(8)

    def build() -> object:
        built.append(threading.get_ident())
        return object()

    def ask() -> None:
        start.wait()
        got.append(warm.get("a", build))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == len(set(map(id, got))) == 1
    assert len(got) == 8


@pytest.mark.slow
def test_one_runtime_serves_several_threads(opened):
    runtime, image = opened("tiny_x4_student"), torch.rand(1, 3, 24, 24)
    wanted, got = restore(image, runtime, tile_px=8), []
    threads = [threading.Thread(target=lambda: got.append(restore(image, runtime, tile_px=8))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert all(torch.equal(one, wanted) for one in got)
