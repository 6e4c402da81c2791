"""The sentence above the figures of a `RestoreResult`: the student's gains and losses.

It is compared with what was there before, its teacher, and the same network without a teacher. What it loses comes
first. Pure functions of a result.

Not here: what a network for looks gains (`restore.look_view`).
"""

import math

from kdsr.metrics import Measurement
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.restore.busy import busy_because
from kdsr.ui.restore.look_view import BASELINES, is_about_looks
from kdsr.ui.restore.result import Column, NetworkTiming, RestoreResult

_EQUAL_DB = 0.005
"""A smaller distance is written 0.00."""
_APART = ((36.0, "almost the same as the teacher"), (30.0, "close to the teacher"))
"""PSNR between student and teacher from which on the words hold, in dB."""


def headline(result: RestoreResult, *, working: bool = False) -> str:
    """One sentence on the student, as far as `result` knows; its losses first.

    No distance in dB where student or teacher was trained for looks: `looks_summary` says what there is to say.
    """
    student, teacher = result.column("student"), result.column("teacher")
    if student is None or student.timing is None:
        return "" if working else texts.NO_NETWORKS
    has_truth = find_task(result.task).has_truth
    losses, gains = ([], []) if is_about_looks(result) or not has_truth else _against_all(result, student)
    if teacher is None or teacher.timing is None:
        clauses = [("is", ", ".join(losses + gains)), ("took", _took(student.timing))]
    else:
        clauses = [("is", ", ".join(losses)), _cost(result, student, teacher), ("is", ", ".join(gains))]
        clauses += [] if has_truth else [_match(result)]
        working = False
    said = _joined([clause for clause in clauses if clause[1]]) or "is ready"
    rest = "; the teacher is at work" if working else ""
    busy = f" {texts.BUSY} times are rough." if busy_because(result) else ""
    return f"The {student.title.lower()} {said}{rest}.{busy}"


def _joined(clauses: list[tuple[str, str]]) -> str:
    """`is A; B; it has C`: a verb that stays is said once."""
    said = ""
    for index, (verb, text) in enumerate(clauses):
        if index and clauses[index - 1][0] == verb:
            said += f"; {text}"
        else:
            said += f"{'; it ' if index else ''}{verb} {text}"
    return said


def _took(timing: NetworkTiming) -> str:
    return texts.milliseconds(timing.end_to_end_s if timing.repeats else timing.waited_s)


def _cost(result: RestoreResult, student: Column, teacher: Column) -> tuple[str, str]:
    """`is`, `38 times faster than the teacher, with 1/14 of its parameters`, as far as both are known."""
    assert student.timing is not None and teacher.timing is not None
    speed, size = _speed(result, student.timing, teacher.timing), ""
    if student.card is not None and teacher.card is not None:
        share = texts.fraction(student.card.parameters, teacher.card.parameters)
        size = f"{share} its parameters" if speed else f"{share} the teacher's parameters"
        if share.startswith("the same"):
            size = "as many parameters" if speed else "as many parameters as the teacher"
    return ("is", f"{speed}, with {size}" if size else speed) if speed else ("has", size)


def _speed(result: RestoreResult, student: NetworkTiming, teacher: NetworkTiming) -> str:
    """`38 times faster than the teacher`, end to end; empty while times are being measured, and where they cannot be
    right.
    """
    if not (student.repeats and teacher.repeats) or busy_because(result):
        return ""
    ratio = teacher.end_to_end_s / student.end_to_end_s
    if texts.number(ratio, 2) == "1.0":
        return "as fast as the teacher"
    times, direction = (ratio, "faster") if ratio > 1 else (1 / ratio, "slower")
    return f"{texts.number(times, 2)} times {direction} than the teacher"


def _against_all(result: RestoreResult, student: Column) -> tuple[list[str], list[str]]:
    """(losses, other comparisons) of `student` in dB.

    To be behind the teacher is no loss; to be behind any of the others is one.
    """
    baseline = next((key for key in BASELINES if result.column(key)), "input")
    others = (
        (baseline, BASELINES[baseline], "better than", "worse than"),
        ("before", "before", "better than", "worse than"),
        ("teacher", "the teacher", "ahead of", "behind"),
        ("twin", "the same network without a teacher", "ahead of", "behind"),
    )
    losses: list[str] = []
    gains: list[str] = []
    for key, name, more, less in others:
        gap_db = _gap_db(student, result.column(key))
        if gap_db is not None:
            is_loss = gap_db <= -_EQUAL_DB and key != "teacher"
            (losses if is_loss else gains).append(_gap_words(gap_db, more, less, name))
    return losses, gains if result.truth_given else [*gains, *_apart(result)]


def _gap_db(column: Column, other: Column | None) -> float | None:
    """PSNR of `column` minus that of `other`, in dB: infinite where only one equals the original, 0 where both do."""
    mine, its = column.measurement, other.measurement if other else None
    if mine is None or its is None or math.isnan(mine.psnr_db) or math.isnan(its.psnr_db):
        return None
    return 0.0 if mine.psnr_db == its.psnr_db else mine.psnr_db - its.psnr_db


def _gap_words(gap_db: float, more: str, less: str, name: str) -> str:
    """`2.70 dB better than bicubic`."""
    direction = more if gap_db > 0 else less
    if math.isinf(gap_db):
        return f"{direction} {name}" + (" and equal to the original" if gap_db > 0 else ", which equals the original")
    if abs(gap_db) < _EQUAL_DB:
        return f"as good as {name}"
    return f"{abs(gap_db):.2f} dB {direction} {name}"


def _apart(result: RestoreResult) -> list[str]:
    """How near the pictures of student and teacher are, where there is no original."""
    if result.apart is None or math.isnan(result.apart.psnr_db):
        return []
    apart_db = result.apart.psnr_db
    if math.isinf(apart_db):
        return ["the same as the teacher in every pixel"]
    words = next((words for least_db, words in _APART if apart_db >= least_db), "visibly different from the teacher")
    return [f"{words} ({apart_db:.1f} dB)"]


def _match(result: RestoreResult) -> tuple[str, str]:
    """`matches`, `the teacher's picture at 24.9 dB`, where no original can say how good a picture is."""
    if result.apart is None or math.isnan(result.apart.psnr_db):
        return ("matches", "")
    if math.isinf(result.apart.psnr_db):
        return ("matches", "the teacher's picture in every pixel")
    return ("matches", f"the teacher's picture at {result.apart.psnr_db:.1f} dB")


def finite_db(measurement: Measurement | None) -> float | None:
    """The PSNR of `measurement` in dB; None where there is none, or no finite one."""
    return measurement.psnr_db if measurement is not None and math.isfinite(measurement.psnr_db) else None
