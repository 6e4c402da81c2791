"""The headline of the tab Restore, on results with hand-made figures: losses first, in words that have closed forms."""

import dataclasses
import math

import pytest
from helpers.results import BOTH, STUDENT, TEACHER, column, result_of, timing

from kdsr.metrics import Measurement
from kdsr.ui import texts
from kdsr.ui.restore import figures
from kdsr.ui.restore.busy import TOLERANCE, busy_because
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.result import Column, RestoreResult

COST = "10 times faster than the teacher, with 1/33 of its parameters"
TWIN = dataclasses.replace(
    STUDENT, key="twin", measurement=Measurement(30.06, 0.9, "RGB"), card=dataclasses.replace(STUDENT.card, role="twin")
)


def measured(of: Column, psnr_db: float) -> Column:
    return dataclasses.replace(of, measurement=Measurement(psnr_db, 0.9, "RGB"))


def timed(of: Column, end_to_end_s: float, **given: object) -> Column:
    return dataclasses.replace(of, timing=timing(end_to_end_s, **given))


def without_original(apart_db: float) -> RestoreResult:
    columns = [dataclasses.replace(each, measurement=None) for each in (STUDENT, TEACHER)]
    apart = Measurement(apart_db, 1.0, "RGB")
    return dataclasses.replace(result_of(*columns, apart=apart), truth_given=False)


def test_the_student_is_set_beside_what_was_there_before_its_teacher_and_its_twin():
    assert headline(result_of(column("bicubic", 27.43), TWIN, STUDENT, TEACHER)) == (
        f"The student is {COST}; 2.70 dB better than bicubic, 0.37 dB behind the teacher, 0.07 dB ahead of the same "
        "network without a teacher."
    )


def test_a_student_behind_its_twin_says_so_first():
    assert headline(result_of(column("bicubic", 27.0), measured(TWIN, 30.25), STUDENT, TEACHER)) == (
        f"The student is 0.12 dB behind the same network without a teacher; {COST}; 3.13 dB better than bicubic, "
        "0.37 dB behind the teacher."
    )


@pytest.mark.parametrize(
    "key, name", [("bicubic", "bicubic"), ("input", "the input"), ("navier_stokes", "Navier-Stokes")]
)
def test_a_student_behind_what_was_there_before_says_so_first(key, name):
    said = headline(result_of(column(key, 30.53), measured(TWIN, 30.25), STUDENT, TEACHER))
    lost = f"0.40 dB worse than {name}, 0.12 dB behind the same network without a teacher"
    assert said == f"The student is {lost}; {COST}; 0.37 dB behind the teacher."


def test_equal_figures_are_called_equal():
    same = [measured(each, 30.134) for each in (column("input"), TWIN, TEACHER)]
    assert headline(result_of(*same[:2], STUDENT, same[2])) == (
        f"The student is {COST}; as good as the input, as good as the teacher, "
        "as good as the same network without a teacher."
    )
    alike = dataclasses.replace(timed(TEACHER, 0.04), card=STUDENT.card)
    assert headline(result_of(STUDENT, alike)).startswith(
        "The student is as fast as the teacher, with as many parameters; 0.37 dB behind"
    )


def test_what_equals_the_original_is_said_without_a_number():
    given = measured(column("input"), math.inf)
    assert headline(result_of(given, STUDENT, TEACHER)).startswith(
        f"The student is worse than the input, which equals the original; {COST}; "
    )
    exact = measured(STUDENT, math.inf)
    assert "better than the input and equal to the original" in headline(result_of(column("input", 30.0), exact))
    assert "as good as the input" in headline(result_of(given, exact)) and "nan" not in headline(
        result_of(given, measured(STUDENT, math.nan))
    )


@pytest.mark.parametrize(
    "apart_db, said",
    [(38.54, "almost the same as the teacher (38.5 dB)"), (33.0, "close to the teacher (33.0 dB)"),
     (24.94, "visibly different from the teacher (24.9 dB)"), (math.inf, "the same as the teacher in every pixel")],
)  # fmt: skip
def test_without_an_original_the_student_is_set_beside_the_teacher(apart_db, said):
    result = without_original(apart_db)
    assert headline(result) == f"The student is {COST}; {said}."
    assert texts.NO_TRUTH in figures.table(result) and "no original" in figures.table(result)


@pytest.mark.parametrize(
    "student_s, said",
    [(0.04, "10 times faster"), (0.4, "as fast as"), (0.6, "1.5 times slower"), (0.0105, "38 times faster")],
)
def test_a_student_slower_than_its_teacher_is_called_slower(student_s, said):
    result = result_of(timed(STUDENT, student_s), TEACHER)
    assert headline(result).startswith(f"The student is {said}{'' if said.endswith('as') else ' than'} the teacher, ")


@pytest.mark.parametrize(
    "before_db, said",
    [(29.0, f"is {COST}; 1.13 dB better than before, 0.37"), (31.0, f"is 0.87 dB worse than before; {COST}; 0.37")],
)
def test_a_fine_tuned_student_is_better_or_worse_than_before(before_db, said):
    assert said in headline(result_of(column("before", before_db), STUDENT, TEACHER))


@pytest.mark.parametrize(
    "baseline, said",
    [(column("bicubic", 27.0), "3.13 dB better than bicubic"), (column("input", 31.0), "0.87 dB worse than the input"),
     (column("navier_stokes", 30.0), "0.13 dB better than Navier-Stokes")],
)  # fmt: skip
def test_without_a_teacher_the_gain_and_the_time_are_said(baseline, said):
    assert headline(result_of(baseline, STUDENT)) == f"The student is {said}; it took 40.0 ms."
    assert headline(result_of(STUDENT), working=True) == "The student took 40.0 ms; the teacher is at work."


def test_sentences_stay_whole_while_times_are_still_to_come():
    untimed = timed(STUDENT, 0.04, repeats=0)
    assert headline(result_of(column("bicubic", 27.0), untimed, TEACHER), working=True) == (
        "The student has 1/33 of the teacher's parameters; it is 3.13 dB better than bicubic, 0.37 dB behind the "
        "teacher."
    )


def test_twins_of_one_shape_whose_times_differ_mark_the_machine_as_busy():
    idle = result_of(timed(TWIN, 0.04 * TOLERANCE), STUDENT, TEACHER)
    assert busy_because(idle) == "" and texts.BUSY not in figures.table(idle)
    busy = result_of(timed(TWIN, 0.06), STUDENT, TEACHER)
    assert busy_because(busy).endswith("do the same work, and took 40.0 ms and 60.0 ms.")
    assert "faster" not in headline(busy) and headline(busy).endswith(f". {texts.BUSY} times are rough.")
    assert busy_because(busy) in figures.table(busy) and ">~40.0 ms</td>" in figures.table(busy)


@pytest.mark.parametrize("other", [{"threads": 4}, {"runtime": "onnx"}, {"device": "cuda"}, {"repeats": 0}])
def test_networks_that_ran_differently_may_take_different_times(other):
    assert busy_because(result_of(timed(TWIN, 0.2, **other), STUDENT, TEACHER)) == ""
    larger = dataclasses.replace(timed(TWIN, 0.2), card=dataclasses.replace(TWIN.card, arguments={"width": 64}))
    assert busy_because(result_of(larger, STUDENT, TEACHER)) == "" == busy_because(BOTH)


def test_a_network_slower_alone_than_end_to_end_marks_the_machine_as_busy():
    busy = result_of(STUDENT, timed(TEACHER, 0.4, network_s=0.41))
    assert "Teacher: the network alone" in busy_because(busy) and "faster" not in headline(busy)
