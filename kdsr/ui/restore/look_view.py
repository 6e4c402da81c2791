"""The table of the figures for looks of a `RestoreResult`, and a summary of a network trained for looks, as HTML.

PSNR does not decide between a network for looks and another; the summary states what each gains and loses. Pure
functions; every text is escaped. Not here: how the figures are taken (`restore.looks`).
"""

import math

from markupsafe import Markup

from kdsr.metrics.looks import LOOKS, look_rows, look_text
from kdsr.ui import texts
from kdsr.ui.html import joined, region
from kdsr.ui.restore.looks import why_missing
from kdsr.ui.restore.result import Column, RestoreResult

BASELINES = {"bicubic": "bicubic", "navier_stokes": "Navier-Stokes", "input": "the input"}
"""What a result is compared with where there is no teacher, by the key of its column; the first one there is."""


def is_about_looks(result: RestoreResult) -> bool:
    """Whether student or teacher was trained for looks, so that a distance in dB says nothing of the two."""
    return any(_is_sharp(result.column(key)) for key in ("student", "teacher", "before"))


def _is_sharp(column: Column | None) -> bool:
    return column is not None and column.card is not None and column.card.is_for_looks


def looks_summary(result: RestoreResult) -> str:
    """What a network for looks gives beside the other one, by NIQE and consistency, and its PSNR as the trade; empty
    where there is none.

    Without a teacher the student is compared with the baseline.
    """
    student, teacher = result.column("student"), result.column("teacher")
    if student is None or not (_is_sharp(student) or _is_sharp(teacher)):
        return ""
    other = teacher or next((column for key in BASELINES if (column := result.column(key))), None)
    sharp, plain = (student, other) if _is_sharp(student) or other is None else (other, student)
    are_both = _is_sharp(student) and _is_sharp(other)
    who = "Student and teacher are both" if are_both else f"The {sharp.title.lower()} is"
    by_niqe = _by_niqe(sharp, plain, are_both=are_both)
    sentences = (
        f"{who} trained for looks{f': {by_niqe}' if by_niqe else ''}.",
        _shrunk_back(sharp, plain),
        "" if are_both else _trade(sharp, plain),
    )
    return " ".join(filter(None, sentences))


def _by_niqe(sharp: Column, plain: Column | None, *, are_both: bool) -> str:
    """`crisper by NIQE, 5.90 instead of the teacher's 7.04 (lower is better)`; empty where it is unknown."""
    mine, its = _look(sharp, "niqe"), _look(plain, "niqe")
    if mine is None:
        return ""
    said, direction = look_text("niqe", mine), f"({LOOKS['niqe'].direction})"
    if its is None or plain is None:
        return f"NIQE is {said} {direction}"
    if mine < its and not are_both:
        return f"crisper by NIQE, {said} instead of {_whose(plain)} {look_text('niqe', its)} {direction}"
    return f"NIQE is {said} for {_name(sharp)} and {look_text('niqe', its)} for {_name(plain)} {direction}"


def _shrunk_back(sharp: Column, plain: Column | None) -> str:
    """How near to the input the two results are once they are shrunk again."""
    mine, its = _look(sharp, "consistency"), _look(plain, "consistency")
    if mine is None:
        return ""
    beside = "" if its is None or plain is None else f", {_name(plain)} {_at(its)}"
    return f"Shrunk again, {_name(sharp)} matches the input {_at(mine)}{beside} ({texts.NEARER})."


def _at(consistency_db: float) -> str:
    return "exactly" if math.isinf(consistency_db) else f"at {consistency_db:.1f} dB"


def _trade(sharp: Column, plain: Column | None) -> str:
    """The PSNR that was given for looks."""
    if plain is None or sharp.measurement is None or plain.measurement is None:
        return ""
    gap = sharp.measurement.psnr_db - plain.measurement.psnr_db
    if not math.isfinite(gap):
        return ""
    if gap >= 0:
        return f"Its PSNR is {gap:.2f} dB higher than {_whose(plain)} as well."
    return f"Its PSNR is {-gap:.2f} dB lower than {_whose(plain)}."


def _name(column: Column) -> str:
    return BASELINES.get(column.key, f"the {column.title.lower()}")


def _whose(column: Column) -> str:
    return f"{_name(column)}'s"


def _look(column: Column | None, name: str) -> float | None:
    """The figure `name` of `column`; None where it has none."""
    value = math.nan if column is None or column.looks is None else column.looks.get(name, math.nan)
    return None if math.isnan(value) else value


def niqe_tag(column: Column) -> str:
    """`NIQE 5.90` for the caption of a picture; empty where it was not taken."""
    value = _look(column, "niqe")
    return "" if value is None else f"NIQE {look_text('niqe', value)}"


def look_table(result: RestoreResult, columns: list[Column], titles: list[str], *, working: bool) -> Markup:
    """The figures for looks, a row for each, a column for each of `columns` (the original last); empty where the run
    takes none.
    """
    if not result.looks:
        return Markup("")
    taken = [column.looks or {} for column in columns]
    best_of = [look for column, look in zip(columns, taken, strict=True) if column.key != "truth"]
    why = {name: why_missing(name, *result.size) for name in LOOKS}
    rows = look_rows(taken, result.looks, why_nan=why.__getitem__, missing=texts.NONE)
    best = {row.name: row.best for row in look_rows(best_of, result.looks, why_nan=why.__getitem__)}
    heads = joined(
        Markup('<th scope="col" class="{key}"><i class="dot {key}"></i>{}</th>').format(title, key=column.key)
        for column, title in zip(columns, titles, strict=True)
    )
    cell, head = Markup("<td{}>{}</td>"), Markup('<th scope="row" title="{}">{}<small>{}</small></th>')
    lines = []
    for row in rows:
        cells = [
            cell.format(
                Markup(' class="best"') if index in best[row.name] else "",
                "…" if working and columns[index].looks is None else text,
            )
            for index, text in enumerate(row.cells)
        ]
        lines.append(
            Markup("<tr>{}{}</tr>").format(head.format(row.convention, row.title, row.direction), joined(cells))
        )
    drawn = Markup(
        '<table class="looks"><thead><tr><th scope="col">Figure</th>{}</tr></thead><tbody>{}</tbody></table>'
    )
    title = Markup('<p class="small-heading">{}</p>').format(texts.LOOKS_TITLE)
    return title + region(texts.LOOKS_TITLE, drawn.format(heads, joined(lines))) + _foot(result)


def _foot(result: RestoreResult) -> Markup:
    """What misleads each figure, and which ones are missing here, and why."""
    said = joined(Markup("<b>{}</b>: {} ").format(LOOKS[name].title, LOOKS[name].limits) for name in result.looks)
    missing = ""
    if not result.truth_given:
        missing = texts.LOOKS_NEED_ORIGINAL
    elif "lite2" not in result.looks:
        missing = texts.LITE2_MISSING
    return Markup('<p class="foot">{}{}{}</p>').format(texts.LOOKS_BEST, said, missing)
