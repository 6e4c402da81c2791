"""How the tab Distill shows the progress of a run: its verdict and its curves."""

from types import SimpleNamespace

import pytest
from helpers.distilling import distill_handlers, staged_photos

from kdsr.train import with_keys
from kdsr.ui.charts.curves import Level, Line, chart
from kdsr.ui.distill.form import FormValues, recipe_of
from kdsr.ui.distill.progress import progress_of, verdict
from kdsr.ui.distill.view import curves

handlers = pytest.fixture(distill_handlers)
staged = pytest.fixture(staged_photos)


def told(before, teacher, *validations, baseline=None):
    events = [{"event": "references", "before_psnr_db": before, "teacher_psnr_db": teacher}]
    events[0] |= {} if baseline is None else {"baseline_psnr_db": baseline}
    return progress_of(
        events
        + [
            {"event": "validation", "step": step, "psnr_db": value, "ssim": 0.9}
            for step, value in enumerate(validations)
        ]
    )


def test_the_verdict_is_honest(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "tiny_x4_student", "quick", "mine", {})
    tuned = recipe_of(values, tiny_settings)
    assert tuned.schedule.patience
    said = verdict(told(28.0, 29.0, 28.0, 28.5, 28.3), tuned, is_held_out=True)
    assert (
        said == "The student gained 0.50 dB over the student before the run and reaches 28.50 dB on the held-out "
        "photographs, 0.50 dB behind the teacher."
    )
    assert "28.30 dB" in verdict(told(28.0, 29.0, 28.5, 28.3), with_keys(tuned, {"patience": 0}), is_held_out=True)
    said = verdict(told(28.0, 29.0, 28.0, 28.5, baseline=26.2), tuned, is_held_out=True)
    assert said.endswith(
        "reaches 28.50 dB on the held-out photographs, 2.30 dB ahead of bicubic and 0.50 dB behind the teacher."
    )
    none = verdict(told(28.0, 29.0, 28.0, 27.5), tuned, is_held_out=False)
    assert none.startswith("No gain") and "training photographs" in none and "the one from before" in none
    so_far = verdict(told(28.0, 29.0, 28.0, 27.5), tuned, is_held_out=True, is_over=False)
    assert (
        so_far
        == "No gain so far: the student reaches 27.50 dB on the held-out photographs, 1.50 dB behind the teacher; "
        "28.00 dB before the run."
    )
    fresh = recipe_of(values._replace(student="fresh 32x7"), tiny_settings)
    assert "untrained start" in verdict(told(20.0, 25.0, 26.0), fresh, is_held_out=True)
    assert verdict(progress_of([]), tuned, is_held_out=True) == ""


def test_the_curve_names_what_no_network_gives(tiny_settings, tiny_catalog):
    recipe = recipe_of(FormValues("sr_x4", "tiny_x4_teacher", "fresh 32x7", "quick", "mine", {}), tiny_settings)
    run = SimpleNamespace(steps=7)
    assert "Bicubic <b>26.20 dB</b>" in curves(run, told(20.0, 29.0, 28.0, baseline=26.2), recipe)
    assert "Bicubic" not in curves(run, told(20.0, 29.0, 28.0), recipe)  # an older run


def test_a_run_for_looks_is_told_neither_gain_nor_loss(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "tiny_x4_student", "quick", "mine", {})
    tuned = with_keys(recipe_of(values, tiny_settings), {"patience": 0})
    said = verdict(told(28.0, 26.0, 27.5), tuned, is_held_out=True, is_for_looks=True)
    assert said == (
        "The student was trained for looks, which PSNR does not measure: it has 27.50 dB on the held-out photographs, "
        "28.00 dB before the run. Compare the two in Restore, with NIQE and consistency."
    )


@pytest.mark.parametrize(
    "values", [[], [(0, 1.0)], [(0, 0.5), (7, 0.5)], [(0, 1e-6), (5, 1e3)], [(0, float("nan")), (5, 2.0)]]
)
@pytest.mark.parametrize("is_log", [False, True])
def test_a_chart_of_any_numbers_is_drawn_inside_its_frame(values, is_log):
    drawn = chart(
        "Loss", [Line("now", "student", tuple(values))], [Level("before", "before", 1.5)], steps=7, is_log=is_log
    )
    heights = [
        float(point.split(",")[1]) for part in drawn.split('points="')[1:] for point in part.split('"')[0].split()
    ]
    assert drawn.count("<svg") == 1 and "nan" not in drawn and all(0 <= height <= 230 for height in heights)
