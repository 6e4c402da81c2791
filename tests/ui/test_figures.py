"""The table and the captions of the tab Restore, on results with hand-made figures: every cell has its closed form."""

import dataclasses
import re
from pathlib import Path

import pytest
from helpers.results import BOTH, STUDENT, TEACHER, column, result_of, timing

from kdsr.metrics import Measurement
from kdsr.ui.restore import figures
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.result import COLUMNS, RestoreResult
from kdsr.ui.restore.view import final_view


def cells_of(result: RestoreResult, key: str, **given: bool) -> list[str]:
    row = re.search(rf'<tr class="{key}">(.*?)</tr>', figures.table(result, **given))[1]
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_a_row_has_every_figure_under_its_head_with_its_unit():
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', figures.table(BOTH))
    assert heads == ["Picture", "PSNR", "SSIM", "Network", "End to end", "Time to result", "Parameters", "MACs", "File"]
    assert cells_of(BOTH, "student") == [
        *("30.13 dB", "0.9000", "20.0 ms", "40.0 ms", "1.04 s", "60.1 K", "120 M", "240 KB"),
    ]
    assert cells_of(BOTH, "bicubic") == ["27.00 dB", "0.9000", *["–"] * 6]


def test_macs_are_those_of_this_picture_and_the_tooltip_has_those_per_megapixel():
    half = dataclasses.replace(BOTH, size=(1000, 500))
    assert (cells_of(BOTH, "teacher")[6], cells_of(half, "teacher")[6]) == ("8.00 G", "4.00 G")
    assert 'title="8.00 G per output megapixel"' in figures.table(half)


def test_rows_and_choices_stand_in_the_order_of_the_columns():
    result = result_of()
    for key in reversed(COLUMNS):
        result = result.with_column(column(key))
    keys = re.findall(r'<tr class="(\w+)">', figures.table(result))
    assert keys == ["bicubic", "navier_stokes", "twin", "before", "student", "teacher"]
    assert [key for _, key in figures.column_choices(result)] == list(COLUMNS)


def test_times_still_to_come_are_dots_while_the_run_works_and_dashes_after():
    untimed = result_of(dataclasses.replace(STUDENT, timing=timing(0.04, repeats=0)), TEACHER)
    assert cells_of(untimed, "student", working=True)[2:5] == ["…", "…", "1.04 s"]
    assert cells_of(untimed, "student")[2:5] == ["–", "–", "1.04 s"]
    assert "faster" not in headline(untimed)
    once = dataclasses.replace(STUDENT, timing=timing(0.04, repeats=1))
    assert "one run after a warm-up" in figures.table(result_of(once))


@pytest.mark.parametrize("threads, said", [(1, "CPU, 1 thread, float32"), (2, "CPU, 2 threads, float32")])
def test_the_foot_says_where_times_were_measured(threads, said):
    assert said in figures.table(result_of(dataclasses.replace(STUDENT, timing=timing(0.04, threads=threads))))
    on_gpu = timing(0.04, device="cuda", threads=threads)
    assert "Measured on cuda, float32" in figures.table(result_of(dataclasses.replace(STUDENT, timing=on_gpu)))


def test_a_picture_too_small_for_a_metric_says_so():
    small = dataclasses.replace(STUDENT, measurement=Measurement(30.0, float("nan"), "RGB"))
    assert cells_of(result_of(small), "student")[:2] == ["30.00 dB", "too small"]


def test_a_picture_carries_its_name_and_its_figure():
    assert [figures.caption(column, BOTH) for column in (TEACHER, STUDENT)] == [
        ("Teacher", "30.50 dB"), ("Student", "30.13 dB"),
    ]  # fmt: skip
    assert figures.caption(column("input"), BOTH) == ("Before", "its pixels, enlarged")


def test_each_download_is_the_exact_file_of_its_column_and_not_what_is_shown():
    columns = [dataclasses.replace(each, file=Path(f"{each.key}.png")) for each in (STUDENT, TEACHER)]
    view = final_view(result_of(column("bicubic", 27.0), *columns), "teacher", "student")
    assert (view.student_file["value"], view.teacher_file["value"]) == ("student.png", "teacher.png")
    assert view.files == ["picture.png", "student.png", "teacher.png"]
    without = final_view(result_of(column("bicubic", 27.0), columns[0]), "bicubic", "student")
    assert without.teacher_file["value"] is None and not without.teacher_file["interactive"]
