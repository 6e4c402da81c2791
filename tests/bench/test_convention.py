"""The two conventions of grey pictures: on their own plane, or turned into RGB and then into luma."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from kdsr.bench.evaluate import GREY_CONVENTIONS, conventions_of, evaluate
from kdsr.errors import SettingsError, UnknownNameError
from kdsr.settings import Settings
from kdsr.tasks import TASKS, find_task
from kdsr.zoo import open_catalog


def written(path, channels: int) -> None:
    coarse = np.random.default_rng(0).integers(40, 216, (12, 13, channels), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.resize(coarse, (52, 48), interpolation=cv2.INTER_CUBIC))


def by(convention: str, folder, catalog, settings):
    return evaluate("bicubic", folder, find_task("sr_x4"), catalog, settings, convention=convention)


def test_as_rgb_a_grey_picture_gains_what_its_smaller_range_gives(tmp_path, tiny_catalog, tiny_settings):
    written(tmp_path / "grey.png", 1)
    plane, rgb = (by(name, tmp_path, tiny_catalog, tiny_settings) for name in ("vdsr", "basicsr"))
    assert rgb.psnr_db - plane.psnr_db == pytest.approx(20 * math.log10(255 / 219), abs=1e-3)
    assert plane.convention.endswith("; grey pictures (1) on their plane")
    assert rgb.convention.endswith("; grey pictures (1) as RGB")


def test_colour_pictures_have_one_convention(tmp_path, tiny_catalog, tiny_settings):
    written(tmp_path / "colour.png", 3)
    found = [by(name, tmp_path, tiny_catalog, tiny_settings) for name in GREY_CONVENTIONS]
    assert found[0] == found[1] and found[0].convention == find_task("sr_x4").convention


def test_a_convention_that_does_not_exist_or_says_nothing_here_is_refused(tmp_path, tiny_catalog, tiny_settings):
    written(tmp_path / "grey.png", 1)
    with pytest.raises(UnknownNameError, match="Did you mean 'basicsr'"):
        by("basicsrr", tmp_path, tiny_catalog, tiny_settings)
    with pytest.raises(SettingsError, match="Denoising has file and laboratory, got the convention 'basicsr'"):
        evaluate("unprocessed", tmp_path, find_task("denoise"), tiny_catalog, tiny_settings, convention="basicsr")
    with pytest.raises(SettingsError, match="Super-resolution x4 has vdsr and basicsr, got the convention 'file'"):
        by("file", tmp_path, tiny_catalog, tiny_settings)
    with pytest.raises(SettingsError, match="Inpainting has one convention"):
        evaluate("unprocessed", tmp_path, find_task("inpaint"), tiny_catalog, tiny_settings, convention="file")


def test_the_conventions_of_a_task_begin_with_its_default():
    first = {name: next(iter(conventions_of(task)), None) for name, task in TASKS.items()}
    assert first["denoise"] == "file" and first["inpaint"] is None and first["sr_x4"] == first["jpeg"] == "vdsr"


def test_noise_is_that_of_a_file_unless_the_laboratorys_is_asked_for(tmp_path, tiny_catalog, tiny_settings):
    """Half of the noise on white is cut off: the error has half the square, 3.01 dB less."""
    assert cv2.imwrite(str(tmp_path / "white.png"), np.full((256, 256, 3), 255, np.uint8))

    def noisy(convention):
        return evaluate(
            "unprocessed", tmp_path, find_task("denoise"), tiny_catalog, tiny_settings, convention=convention
        )

    assert noisy(None) == noisy("file")
    assert noisy("file").convention == "RGB, no border cut; noise clipped and rounded to 8 bits, as in a file"
    assert noisy("laboratory").convention == "RGB, no border cut; noise neither clipped nor rounded, as published"


def test_bicubic_on_set14_is_as_published_in_both_conventions(test_data, tiny_catalog, tiny_settings):
    found = [by(name, test_data / "Set14", tiny_catalog, tiny_settings).psnr_db for name in ("vdsr", "basicsr")]
    assert found == pytest.approx([26.00, 26.10], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sr_x4-student-32x7", "sr_x4-student-16x7"])
def test_what_stands_beside_published_networks_is_measured_by_their_convention(name, test_data):
    settings = Settings(device="cpu")
    rows = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8").split("## Beside")[1]
    (row,) = [line for line in rows.splitlines() if line.startswith(f"| `{name}` |")]
    stated = float(row.split("|")[4].strip().strip("*"))
    measured = evaluate(
        name, test_data / "Set14", find_task("sr_x4"), open_catalog(settings), settings, convention="basicsr"
    )
    assert measured.psnr_db == pytest.approx(stated, abs=0.01)
