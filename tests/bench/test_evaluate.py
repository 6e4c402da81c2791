"""Figures over a set: closed forms first, then what a set may look like, then the published table."""

import contextlib
import dataclasses
import itertools
import json
import math

import cv2
import numpy as np
import pytest

from kdsr.bench.evaluate import evaluate
from kdsr.bench.latency import WARM_UP, _medians_ms, measure_card_latency, measure_latency
from kdsr.bench.verify import STANDARD_SETS, Check, measure_card, verify_card
from kdsr.errors import InputError, SettingsError, UnknownNameError
from kdsr.image.batch import pictures_in
from kdsr.restore import open_runtime
from kdsr.tasks import NOISE_CONVENTIONS, TASKS, find_task
from kdsr.zoo import Figure, read_card

PUBLISHED_BICUBIC_DB = {
    ("Set5", 2): 33.67, ("Set5", 3): 30.40, ("Set5", 4): 28.43,
    ("Set14", 2): 30.23, ("Set14", 3): 27.54, ("Set14", 4): 26.00,
    ("BSD100", 2): 29.56, ("BSD100", 3): 27.21, ("BSD100", 4): 25.96,
}  # fmt: skip
"""MATLAB's bicubic, Y channel, `scale` pixels cut."""


def write_png(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def flat(height, width, level=128, channels=3):
    return np.full((height, width, channels), level, np.uint8)


def textured(height, width, seed=0, channels=3):
    coarse = np.random.default_rng(seed).integers(40, 216, (height // 4 + 2, width // 4 + 2, channels), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


def test_bicubic_restores_a_flat_picture_exactly(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "set" / "flat.png", flat(31, 37))
    found = evaluate("bicubic", tmp_path / "set", find_task("sr_x3"), tiny_catalog, tiny_settings)
    assert (found.n, found.psnr_db, found.ssim) == (1, math.inf, pytest.approx(1.0))
    assert found.convention == find_task("sr_x3").convention


@pytest.mark.parametrize("sigma", [15.0, 25.0])
def test_noise_left_as_it_is_has_a_closed_form(tmp_path, tiny_catalog, tiny_settings, sigma):
    write_png(tmp_path / "flat.png", flat(256, 256))
    found = evaluate("unprocessed", tmp_path, find_task("denoise"), tiny_catalog, tiny_settings, strength=sigma)
    assert found.psnr_db == pytest.approx(20 * math.log10(255 / sigma), abs=0.05)


def test_means_and_the_worst_picture(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "HR" / "easy.png", textured(40, 52))
    write_png(tmp_path / "HR" / "hard.png", np.random.default_rng(1).integers(0, 256, (40, 52, 3), dtype=np.uint8))
    told = []
    found = evaluate(
        "bicubic",
        tmp_path,
        find_task("sr_x4"),
        tiny_catalog,
        tiny_settings,
        on_picture=lambda *event: told.append(event),
    )
    assert found.worst_picture == "hard"
    assert found.worst_psnr_db == min(figure.psnr_db for figure in found.per_picture)
    assert found.psnr_db == pytest.approx(sum(figure.psnr_db for figure in found.per_picture) / 2)
    assert told == [(1, 2, "easy"), (2, 2, "hard")]


@pytest.mark.parametrize("names", [("a-worst", "b", "c"), ("a", "b-worst", "c"), ("a", "b", "c-worst")])
def test_the_worst_picture_is_the_one_with_the_lowest_figure_wherever_it_is(
    tmp_path, tiny_catalog, tiny_settings, names
):
    for name in names:
        pixels = textured(40, 52)
        if name.endswith("-worst"):
            pixels = np.random.default_rng(1).integers(0, 256, pixels.shape, dtype=np.uint8)
        write_png(tmp_path / f"{name}.png", pixels)
    found = evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings)
    by_name = {figure.name: figure.psnr_db for figure in found.per_picture}
    assert found.worst_picture.endswith("-worst")
    assert (
        found.worst_psnr_db
        == by_name[found.worst_picture]
        < min(psnr_db for name, psnr_db in by_name.items() if name != found.worst_picture)
    )


def test_a_picture_gets_the_same_noise_in_every_set_and_run(tmp_path, tiny_catalog, tiny_settings):
    for folder in ("one", "two"):
        write_png(tmp_path / folder / "same.png", textured(24, 30))
    write_png(tmp_path / "two" / "another.png", textured(24, 30))
    runs = [
        evaluate("unprocessed", tmp_path / folder, find_task("denoise"), tiny_catalog, tiny_settings)
        for folder in ("one", "two")
    ]
    first, second = ({figure.name: figure for figure in run.per_picture} for run in runs)
    assert first["same"] == second["same"]
    assert second["another"].psnr_db != second["same"].psnr_db


def test_low_resolution_files_are_used_and_the_truth_is_cut_to_them(tmp_path, tiny_catalog, tiny_settings):
    truth = flat(18, 23, level=255)
    truth[:16, :20] = 90  # what 4 x 5 pixels at x4 cover
    write_png(tmp_path / "HR" / "a.png", truth)
    write_png(tmp_path / "LR_bicubic" / "X4" / "ax4.png", flat(4, 5, level=90))
    assert evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings).psnr_db == math.inf
    write_png(tmp_path / "LR_bicubic" / "X4" / "ax4.png", flat(4, 5, level=100))
    assert evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings).psnr_db < 40


@pytest.mark.parametrize("extra, fits", [(-1, False), (0, True), (3, True), (4, False)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_truth_is_less_than_one_low_resolution_pixel_larger(tmp_path, tiny_catalog, tiny_settings, axis, extra, fits):
    sides = [16, 20]
    sides[axis] += extra
    write_png(tmp_path / "HR" / "a.png", flat(*sides))
    write_png(tmp_path / "LR_bicubic" / "X4" / "ax4.png", flat(4, 5))
    with contextlib.nullcontext() if fits else pytest.raises(InputError, match="belong together"):
        assert evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings).psnr_db == math.inf


def test_low_resolution_files_that_do_not_fit_are_refused(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "HR" / "a.png", flat(18, 23))
    write_png(tmp_path / "LR_bicubic" / "X4" / "ax4.png", flat(4, 4))
    with pytest.raises(InputError, match="belong together"):
        evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings)
    write_png(tmp_path / "HR" / "b.png", flat(18, 23))
    with pytest.raises(InputError, match=r"bx4\.png"):
        evaluate("bicubic", tmp_path, find_task("sr_x4"), tiny_catalog, tiny_settings)


def test_a_grey_picture_is_degraded_and_measured_on_its_plane(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "grey.png", flat(256, 256, channels=1))
    found = evaluate("unprocessed", tmp_path, find_task("denoise"), tiny_catalog, tiny_settings, strength=25.0)
    assert found.psnr_db == pytest.approx(20 * math.log10(255 / 25), abs=0.08)
    assert "grey" in found.convention


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_networks_run_on_pictures_of_odd_size(tmp_path, tiny_catalog, tiny_settings, runtime):
    write_png(tmp_path / "a.png", textured(37, 29))
    for name, task in (("tiny_x4_student", "sr_x4"), ("tiny_denoise_student", "denoise")):
        assert math.isfinite(
            evaluate(name, tmp_path, find_task(task), tiny_catalog, tiny_settings, runtime=runtime).psnr_db
        )


def test_what_does_not_fit_together_is_refused(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "set" / "a.png", flat(16, 16))

    def ask(model, task, folder="set", **options):
        return evaluate(model, tmp_path / folder, find_task(task), tiny_catalog, tiny_settings, **options)

    with pytest.raises(SettingsError, match="unprocessed"):
        ask("bicubic", "denoise")
    with pytest.raises(SettingsError, match="for the task sr_x4"):
        ask("tiny_x4_student", "denoise")
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny_x4_student'"):
        ask("tiny_x4_studnet", "sr_x4")
    with pytest.raises(SettingsError, match="between 0 and 55"):
        ask("unprocessed", "denoise", strength=80.0)
    with pytest.raises(SettingsError, match="Style transfer degrades no picture"):
        ask("unprocessed", "style")
    with pytest.raises(InputError, match="existing folder"):
        ask("bicubic", "sr_x4", folder="nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture"):
        ask("bicubic", "sr_x4", folder="empty")


def test_a_folder_lists_its_pictures_by_name(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.jpg", "b.PNG"]


def test_every_task_has_standard_sets():
    assert {task.degradation for task in TASKS.values() if task.has_truth} == set(STANDARD_SETS)


def test_a_card_is_measured_and_holds_until_a_figure_is_changed(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "CBSD68" / "HR" / "a.png", textured(33, 41))
    card, missing = measure_card(tiny_catalog.find("tiny_denoise_student"), tmp_path, tiny_catalog, tiny_settings)
    assert missing == ()
    assert [(figure.set, figure.strength_name, figure.strength, figure.noise) for figure in card.figures] == [
        ("CBSD68", "sigma", s, noise) for noise in ("laboratory", "file") for s in (15.0, 25.0, 50.0)
    ]
    assert all(NOISE_CONVENTIONS[str(figure.noise)] in figure.convention for figure in card.figures)
    assert card.figures[1].psnr_db != card.figures[4].psnr_db
    assert all(check.holds for check in verify_card(card, tmp_path, tiny_catalog, tiny_settings))
    false = dataclasses.replace(card.figures[1], psnr_db=card.figures[1].psnr_db + 0.02)
    checks = verify_card(
        dataclasses.replace(card, figures=(card.figures[0], false)), tmp_path, tiny_catalog, tiny_settings
    )
    assert [check.holds for check in checks] == [True, False]
    swapped = dataclasses.replace(card.figures[1], noise="file")
    checks = verify_card(dataclasses.replace(card, figures=(swapped,)), tmp_path, tiny_catalog, tiny_settings)
    assert not checks[0].holds


def test_an_old_card_states_laboratory_noise_and_still_holds(tmp_path, tiny_catalog, tiny_settings):
    write_png(tmp_path / "CBSD68" / "HR" / "a.png", textured(33, 41))
    card, _ = measure_card(tiny_catalog.find("tiny_denoise_student"), tmp_path, tiny_catalog, tiny_settings)
    old = dataclasses.asdict(dataclasses.replace(card, figures=card.figures[:3]))
    for item in old["figures"]:
        del item["noise"]
        item["convention"] = "RGB, no border cut"
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    read = read_card(tmp_path / "old.json")
    assert read.figures == card.figures[:3]
    assert all(check.holds for check in verify_card(read, tmp_path, tiny_catalog, tiny_settings))


def test_sets_that_are_missing_are_skipped_when_measuring_and_do_not_hold_when_verifying(
    tmp_path, tiny_catalog, tiny_settings
):
    write_png(tmp_path / "Set5" / "HR" / "a.png", textured(48, 48))
    card, missing = measure_card(tiny_catalog.find("tiny_x4_student"), tmp_path, tiny_catalog, tiny_settings)
    assert missing == ("Set14", "BSD100")
    elsewhere = dataclasses.replace(card.figures[0], set="Urban100")
    kept, _ = measure_card(dataclasses.replace(card, figures=(elsewhere,)), tmp_path, tiny_catalog, tiny_settings)
    assert [figure.set for figure in kept.figures] == ["Set5", "Urban100"]
    checks = verify_card(kept, tmp_path, tiny_catalog, tiny_settings)
    assert [(check.holds, check.measured is None) for check in checks] == [(True, False), (False, True)]
    with pytest.raises(SettingsError, match="Set5 and Set14 and BSD100"):
        measure_card(card, tmp_path / "Set5", tiny_catalog, tiny_settings)
    with pytest.raises(SettingsError, match="no figures"):
        verify_card(dataclasses.replace(card, figures=()), tmp_path, tiny_catalog, tiny_settings)


@pytest.mark.parametrize(
    ("psnr_db", "ssim", "holds"),
    [(30.01, 0.9, True), (30.0101, 0.9, False), (30.0, 0.9005, True), (30.0, 0.9006, False)],
)
def test_the_tolerances_of_a_check(psnr_db, ssim, holds):
    stated = Figure(set="Set5", n=5, psnr_db=30.0, ssim=0.9, worst_psnr_db=20.0, worst_picture="a", convention="Y")
    assert Check(stated, dataclasses.replace(stated, psnr_db=psnr_db, ssim=ssim)).holds is holds


def test_latency_is_the_median_of_warm_runs_and_says_where_it_was_taken(tiny_catalog, tiny_settings):
    opened = open_runtime(
        tiny_catalog.find("tiny_denoise_student"), tiny_catalog, runtime="torch", settings=tiny_settings
    )
    ticks = itertools.count()
    taken = measure_latency(opened, side_px=15, repeats=3, clock=lambda: float(next(ticks)))
    assert (taken.network_ms, taken.end_to_end_ms) == (1000.0, 3000.0), "a part of the whole, never more"
    assert (taken.runtime, taken.device, taken.threads, taken.input_width_px) == ("torch", "cpu", 1, 16)
    assert taken.machine
    assert taken.precision


def test_the_latency_is_a_median_of_the_timed_runs_only():
    """Of 1, 2 and 9 s the median is 2 s and the mean 4; the warm-up runs take 100 s each and count nothing."""
    passes = iter([(100.0, 100.0)] * WARM_UP + [(0.1, 9.0), (0.2, 1.0), (0.9, 2.0)])
    assert _medians_ms(lambda: next(passes), 3) == [200.0, 2000.0]


def test_a_new_latency_replaces_the_old_one_of_the_same_place(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    elsewhere = {"runtime": "torch", "machine": "another one"}
    for _ in range(2):
        before = dataclasses.replace(card, latency=(elsewhere, *card.latency[1:]))
        card, taken = measure_card_latency(before, tiny_catalog, tiny_settings, side_px=16, repeats=1)
    assert [entry["runtime"] for entry in card.latency] == ["torch", "torch", "onnx", "openvino"]
    assert [one.runtime for one in taken] == ["torch", "onnx", "openvino"]


@pytest.mark.parametrize(
    ("name", "scale"),
    [pytest.param(*key, marks=[pytest.mark.slow] if key[0] == "BSD100" else []) for key in PUBLISHED_BICUBIC_DB],
)
def test_bicubic_gives_the_published_figures(test_data, tiny_catalog, tiny_settings, name, scale):
    found = evaluate("bicubic", test_data / name, find_task(f"sr_x{scale}"), tiny_catalog, tiny_settings)
    assert found.psnr_db == pytest.approx(PUBLISHED_BICUBIC_DB[name, scale], abs=0.02)
