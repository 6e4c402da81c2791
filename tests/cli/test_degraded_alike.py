"""The page, the command line and `evaluate` degrade one picture to the same pixels."""

import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from kdsr.bench.evaluate import evaluate
from kdsr.cli import build_app
from kdsr.degrade import degrade_picture
from kdsr.image import Picture, read_picture, to_tensor, write_picture
from kdsr.tasks import TASKS, find_task
from kdsr.ui.restore.request import Order, prepare

GREY, COLOUR = 1, 3


def photo(folder, *, channels, alpha=False, height=120, width=150):
    """A flat picture with an edge, in a file of its own folder."""
    pixels = np.full((height, width, channels), 128, np.uint8)
    pixels[:10] = 100
    shown = np.full((height, width), 255, np.uint8) if alpha else None
    folder.mkdir(exist_ok=True)
    return write_picture(Picture(pixels, shown), folder / "photo.png")


def by_command_line(path, task, target, settings):
    """The picture that `kdsr degrade` writes."""
    done = CliRunner().invoke(build_app(), ["degrade", str(path), "--task", task, "-o", str(target)])
    assert done.exit_code == 0, done.output
    return read_picture(target, settings)


def by_page(path, task, settings):
    """What the page makes of a clean picture before a network runs."""
    strength = find_task(task).strength
    return prepare(Order(path, "clean", task, strength=strength.default if strength else None), settings)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [GREY, COLOUR])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if task.has_truth])
def test_page_and_command_line_make_the_same_picture(task, channels, alpha, tmp_path, tiny_settings):
    path = photo(tmp_path / "set", channels=channels, alpha=alpha, height=61, width=83)
    written = by_command_line(path, task, tmp_path / "out.png", tiny_settings)
    page = by_page(path, task, tiny_settings)
    shown = page.degraded
    assert written.is_grey == shown.is_grey == (channels == GREY)
    assert (written.alpha is None) == (shown.alpha is None)
    seen = np.ones(shown.pixels.shape[:2], bool) if page.holes is None else ~page.holes
    assert np.array_equal(written.pixels[seen], shown.pixels[seen])
    if shown.alpha is not None:
        assert np.array_equal(written.alpha, shown.alpha)


@pytest.mark.parametrize("channels", [GREY, COLOUR])
def test_sigma_25_is_25_in_page_command_line_and_evaluate(channels, tmp_path, tiny_catalog, tiny_settings):
    path = photo(tmp_path / "set", channels=channels)
    truth = read_picture(path, tiny_settings).pixels.astype(float)
    written = by_command_line(path, "denoise", tmp_path / "out.png", tiny_settings).pixels - truth
    page = by_page(path, "denoise", tiny_settings)
    for noise in (written, page.degraded.pixels - truth):
        assert noise.std() == pytest.approx(25, rel=0.02)
    found = evaluate("unprocessed", tmp_path / "set", find_task("denoise"), tiny_catalog, tiny_settings)
    assert 255 / 10 ** (found.psnr_db / 20) == pytest.approx(math.sqrt(np.square(written).mean()), rel=1e-6)


def test_page_measures_what_evaluate_measures(tmp_path, tiny_catalog, tiny_settings):
    path = photo(tmp_path / "set", channels=GREY)
    given = degrade_picture(read_picture(path, tiny_settings), find_task("denoise")).tensor
    assert torch.equal(to_tensor(by_page(path, "denoise", tiny_settings).degraded), given)
