"""The figures for looks of the tab Restore: their values, the table, and what is told of a network for looks."""

import dataclasses
import math
import re
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from helpers.networks import add_network
from helpers.restoring import ARCHITECTURES, restore_handlers, run
from helpers.results import STUDENT, TEACHER, column, result_of
from PIL import Image

from kdsr.errors import Stopped
from kdsr.image import read_picture, to_tensor
from kdsr.metrics.consistency import consistency
from kdsr.metrics.haarpsi import haarpsi
from kdsr.metrics.looks import LOOKS, looks_for
from kdsr.metrics.niqe import niqe
from kdsr.tasks import TASKS
from kdsr.ui import texts
from kdsr.ui.restore import figures, looks
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.look_view import looks_summary
from kdsr.ui.restore.request import Order, prepare
from kdsr.ui.restore.run import restore_steps

pytestmark = pytest.mark.slow

WITHOUT_EXTRA = ("niqe", "haarpsi", "consistency")
SHARP = {"terms": [{"loss": "critic"}]}


@pytest.fixture
def handlers(tmp_path, monkeypatch):
    """As those of other tests, and three networks for real photographs; the extra `looks` counts as missing."""
    made = restore_handlers(tmp_path)
    for seed, (role, shape) in enumerate(ARCHITECTURES.items()):
        add_network(made.settings.weights_dir, f"photo_x4-{role}", "photo_x4", role, *shape, seed=seed)
    monkeypatch.setattr("kdsr.metrics.looks.is_installed", lambda number: False)
    return made


def textured(path: Path, height: int, width: int) -> Path:
    coarse = np.random.default_rng(1).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def cells(html: str, title: str) -> list[str]:
    """The cells of the row `title` in the table of looks."""
    row = re.search(rf'<tr><th scope="row" title="[^"]+">{title}<small>.*?</tr>', html)[0]
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_every_figure_shown_is_the_one_measured_on_the_files(handlers, tmp_path):
    picture = textured(tmp_path / "a.png", 208, 212)
    view = run(handlers, picture, task="photo_x4", strength=5)[-1]
    exact = {each.key: to_tensor(read_picture(each.file, handlers.settings)).double() for each in view.result.columns}
    shown = ["bicubic", "twin", "student", "teacher"]
    expected = {
        "NIQE": [f"{niqe(exact[key]).item():.2f}" for key in [*shown, "truth"]],
        "HaarPSI": [f"{haarpsi(exact[key], exact['truth']).item():.4f}" for key in shown] + [texts.NONE],
    }
    small = to_tensor(read_picture(view.result.column("input").file, handlers.settings)).double()
    expected["Consistency"] = [f"{consistency(exact[key], small).item():.2f} dB" for key in [*shown, "truth"]]
    assert small.shape[-2:] == (52, 53)
    assert {title: cells(view.table, title) for title in expected} == expected
    heads = re.findall(r'<th scope="col" class="(\w+)"', view.table)
    assert heads == [*shown, "truth"]


def test_the_figures_come_after_every_picture_and_every_time(handlers, tmp_path):
    picture = textured(tmp_path / "a.png", 208, 212)
    order = Order(picture, "clean", "photo_x4", None, 5.0, "photo_x4-teacher", "photo_x4-student", runtime="torch")
    steps = list(restore_steps(order, handlers.settings, tmp_path / "out", Event()))
    grown = [step.result for step in steps if step.result]
    assert [sum(each.looks is not None for each in one.columns) for one in grown] == [0, 0, 0, 0, 1, 2, 3, 4, 5, 5]
    first = grown[3]  # with which the figures are waited for
    assert {"student", "teacher", "twin", "truth", "difference"} <= {each.key for each in first.columns}
    assert all(each.timing.repeats for each in first.columns if each.timing)
    assert cells(figures.table(first, working=True), "NIQE") == ["…"] * 5
    assert cells(figures.table(first), "NIQE") == [texts.NONE] * 5  # stopped there


def test_without_an_original_only_what_needs_none_is_shown_and_said(handlers, tmp_path):
    table = run(handlers, textured(tmp_path / "a.png", 60, 71), mode="degraded", task="photo_x4")[-1].table
    assert re.findall(r'<th scope="row" title="[^"]+">(\w+)<small>', table) == ["NIQE", "Consistency"]
    assert texts.LOOKS_NEED_ORIGINAL in table and "kdsr[looks]" not in table
    assert "…" not in table and texts.NONE not in "".join(cells(table, "NIQE") + cells(table, "Consistency"))


@pytest.mark.slow
def test_pictures_too_small_too_plain_or_too_large_say_so(handlers, tmp_path, monkeypatch):
    small = run(handlers, textured(tmp_path / "a.png", 100, 180), task="photo_x4", strength=5)[-1].table
    assert cells(small, "NIQE") == ["too small"] * 5 and "too" not in "".join(cells(small, "HaarPSI"))
    Image.new("RGB", (200, 100), (90, 90, 90)).save(tmp_path / "flat.png")
    assert cells(run(handlers, tmp_path / "flat.png", task="photo_x4", strength=0)[-1].table, "NIQE")[-1] == "too plain"
    monkeypatch.setattr(looks, "LARGEST_MEGAPIXELS", 0.01)
    large = run(handlers, textured(tmp_path / "b.png", 104, 200), task="photo_x4", strength=5)[-1].table
    assert cells(large, "NIQE") == cells(large, "Consistency") == ["too large"] * 5


@pytest.mark.parametrize(
    "name, size, said",
    [
        ("niqe", (191, 96), "too small"), ("niqe", (96, 192), "too plain"), ("niqe", (3000, 1501), "too large"),
        ("lite2", (31, 500), "too small"), ("lite2", (1000, 1200), "too plain"), ("lite2", (1001, 1200), "too large"),
    ],
)  # fmt: skip
def test_why_a_figure_is_missing_follows_from_the_size(name, size, said):
    assert looks.why_missing(name, *size) == said


def test_a_missing_extra_leaves_its_figure_out_and_says_what_to_install(handlers, tmp_path):
    table = run(handlers, textured(tmp_path / "a.png", 60, 71), task="photo_x4", strength=5)[-1].table
    assert "Lite2 distance<small>" not in table and texts.LITE2_MISSING in table
    with_extra = dataclasses.replace(result_of(STUDENT), looks=tuple(LOOKS))
    assert texts.LITE2_MISSING not in figures.table(with_extra)


def test_with_the_extra_the_distance_in_features_is_shown(tmp_path, handlers, monkeypatch):
    monkeypatch.setattr("kdsr.metrics.looks.is_installed", lambda number: True)
    monkeypatch.setattr(looks, "measure_looks", lambda restored, names, **given: dict.fromkeys(names, 0.125))
    table = run(handlers, textured(tmp_path / "a.png", 60, 71), task="photo_x4", strength=5)[-1].table
    assert cells(table, "Lite2 distance") == ["0.125"] * 4 + [texts.NONE]


def test_tasks_without_networks_for_looks_have_no_such_table(handlers, tmp_path):
    view = run(handlers, textured(tmp_path / "a.png", 60, 71), task="denoise")[-1]
    assert view.result.looks == () and texts.LOOKS_TITLE not in view.table


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_network_for_looks_brings_the_figures_to_any_task(task):
    sharp = dataclasses.replace(STUDENT.card, recipe=SHARP)
    usual = looks_for(task, has_truth=True) if task.degradation == "photo" else ()
    assert looks.wanted_looks(task, [STUDENT.card], has_truth=True) == usual
    assert looks.wanted_looks(task, [STUDENT.card, sharp], has_truth=False) == looks_for(task, has_truth=False)


def test_a_stop_ends_between_two_figures(handlers, tmp_path):
    picture = textured(tmp_path / "a.png", 60, 71)
    prepared = prepare(Order(picture, "clean", "photo_x4", strength=5.0), handlers.settings)
    stops = iter((False, True))
    with pytest.raises(Stopped):
        looks.take_looks(prepared.baseline, ("consistency", "niqe"), prepared, lambda: next(stops))


def test_grey_pictures_are_measured_on_their_plane(handlers, tmp_path):
    picture = textured(tmp_path / "a.png", 208, 212)
    Image.open(picture).convert("L").save(tmp_path / "grey.png")
    result = run(handlers, tmp_path / "grey.png", task="photo_x4", strength=5)[-1].result
    truth = to_tensor(read_picture(result.column("truth").file, handlers.settings))
    assert result.column("truth").looks["niqe"] == niqe(truth[:, :1]).item() != niqe(truth).item()


def seen(of, *, sharp: bool, niqe: float = math.nan, consistency: float = 30.0, psnr_db: float | None = 30.0):
    """The column `of` with figures for looks, trained for looks or not."""
    measured = None if psnr_db is None else dataclasses.replace(of.measurement, psnr_db=psnr_db)
    card = dataclasses.replace(of.card, recipe=SHARP if sharp else {})
    return dataclasses.replace(of, card=card, measurement=measured, looks={"niqe": niqe, "consistency": consistency})


def test_a_sharp_student_is_told_by_its_looks_with_its_psnr_as_the_trade():
    student = seen(STUDENT, sharp=True, niqe=5.9, consistency=33.04, psnr_db=29.85)
    result = result_of(student, seen(TEACHER, sharp=False, niqe=7.04, consistency=35.2, psnr_db=30.5))
    assert headline(result) == "The student is 10 times faster than the teacher, with 1/33 of its parameters."
    assert looks_summary(result) == (
        "The student is trained for looks: crisper by NIQE, 5.90 instead of the teacher's 7.04 (lower is better). "
        "Shrunk again, the student matches the input at 33.0 dB, the teacher at 35.2 dB (higher is closer). "
        "Its PSNR is 0.65 dB lower than the teacher's."
    )
    assert looks_summary(result) in figures.summary(result).unescape()


def test_a_sharp_teacher_is_told_beside_a_faithful_student():
    student = seen(STUDENT, sharp=False, niqe=6.97, consistency=math.inf, psnr_db=30.9)
    said = looks_summary(result_of(student, seen(TEACHER, sharp=True, niqe=4.48, consistency=27, psnr_db=30.0)))
    assert said == (
        "The teacher is trained for looks: crisper by NIQE, 4.48 instead of the student's 6.97 (lower is better). "
        "Shrunk again, the teacher matches the input at 27.0 dB, the student exactly (higher is closer). "
        "Its PSNR is 0.90 dB lower than the student's."
    )


def test_of_two_networks_for_looks_neither_pays_in_psnr():
    student = seen(STUDENT, sharp=True, niqe=5.9, consistency=33)
    said = looks_summary(result_of(student, seen(TEACHER, sharp=True, niqe=4.48, consistency=28, psnr_db=31.0)))
    assert said == (
        "Student and teacher are both trained for looks: NIQE is 5.90 for the student and 4.48 for the teacher "
        "(lower is better). "
        "Shrunk again, the student matches the input at 33.0 dB, the teacher at 28.0 dB (higher is closer)."
    )


def test_what_is_not_crisper_is_not_called_so_and_what_is_not_known_is_left_out():
    student = seen(STUDENT, sharp=True, niqe=7.2, psnr_db=30.6)
    teacher = seen(TEACHER, sharp=False, niqe=7.04, psnr_db=30.5)
    said = looks_summary(result_of(student, teacher))
    assert "crisper" not in said and "NIQE is 7.20 for the student and 7.04 for the teacher (lower" in said
    assert said.endswith("Its PSNR is 0.10 dB higher than the teacher's as well.")
    untaken = [dataclasses.replace(each, looks=None, measurement=None) for each in (student, teacher)]
    assert looks_summary(result_of(*untaken)) == "The student is trained for looks."


def test_without_a_teacher_a_sharp_student_is_told_beside_the_baseline():
    student = seen(STUDENT, sharp=True, niqe=5.9, consistency=33, psnr_db=26.9)
    bicubic = dataclasses.replace(column("bicubic", 27.0), looks={"niqe": 8.0, "consistency": 41.0})
    result = result_of(bicubic, student)
    assert headline(result) == "The student took 40.0 ms."
    assert "5.90 instead of bicubic's 8.00" in looks_summary(result) and "bicubic at 41.0 dB" in looks_summary(result)
    assert looks_summary(result).endswith("Its PSNR is 0.10 dB lower than bicubic's.")


def test_a_faithful_pair_is_told_as_before_and_decibels_are_no_loss_of_a_tuned_sharp_student():
    result = result_of(seen(STUDENT, sharp=False), seen(TEACHER, sharp=False, psnr_db=30.4))
    assert looks_summary(result) == "" and "0.40 dB behind the teacher" in headline(result)
    sharp = result_of(column("before", 31.0), seen(STUDENT, sharp=True), seen(TEACHER, sharp=False))
    assert "dB" not in headline(sharp)


@pytest.mark.parametrize("key", ["student", "teacher", "bicubic"])
def test_the_tag_on_a_picture_has_niqe_beside_psnr(key):
    bicubic = dataclasses.replace(column("bicubic", 27.0), looks={"niqe": 5.9})
    students = [seen(each, sharp=False, niqe=5.9, psnr_db=27.0) for each in (STUDENT, TEACHER)]
    result = result_of(bicubic, *students)
    assert figures.caption(result.column(key), result)[1] == "27.00 dB · NIQE 5.90"


def test_the_best_result_is_bold_and_the_original_never():
    given = {"student": {"niqe": 5.9, "haarpsi": 0.6}, "teacher": {"niqe": 7.0, "haarpsi": 0.7}, "truth": {"niqe": 3.8}}
    columns = [dataclasses.replace(column(key), looks=found) for key, found in given.items()]
    html = figures.table(dataclasses.replace(result_of(*columns), looks=("niqe", "haarpsi")))
    assert re.findall(r'<td class="best">(.*?)<', html) == ["5.90", "0.7000"]
    assert all(LOOKS[name].direction in html and LOOKS[name].limits in html.unescape() for name in given["student"])
