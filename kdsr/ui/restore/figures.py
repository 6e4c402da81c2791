"""The words, the table and the labels of a result as HTML. Pure functions of a `RestoreResult`; every name in them is escaped."""

import math
from html import escape

from kdsr.metrics import FULL_SCALE_255, Measurement
from kdsr.ui import texts
from kdsr.ui.restore.result import Column, RestoreResult

_TABLE_KEYS = ("input", "bicubic", "navier_stokes", "twin", "before", "student", "teacher")
_HEADS = (
    ("", ""),
    ("PSNR", "Peak signal-to-noise ratio against the truth, in dB; higher is better"),
    ("SSIM", "Structural similarity to the truth, at most 1; higher is better"),
    ("Network", "The network alone: median of warm runs, loading and the first run left out"),
    ("End to end", "Array in, array out, in this process: median of warm runs, loading and the first run left out"),
    ("Waited", "From your click's arrival at the server to the finished picture, everything included"),
    ("Parameters", "Learnt numbers of the network"),
    ("MACs", "Multiply-accumulates for this picture"),
    ("File", "Size of the weights"),
)


def headline(result: RestoreResult, *, working: bool = False) -> str:
    """The one plain sentence of `result`."""
    student, teacher = result.column("student"), result.column("teacher")
    if student is None or student.timing is None:
        return "" if working else texts.NO_NETWORKS
    if teacher is None or teacher.timing is None:
        rest = "; the teacher is at work." if working else "."
        took = texts.milliseconds(student.timing.end_to_end_s if student.timing.repeats else student.timing.waited_s)
        return f"The {student.title.lower()} took {took}{_gain(result)}{rest}"
    measured = student.timing.repeats and teacher.timing.repeats
    parts = [
        _over_before(result, student),
        _speed(student, teacher) if measured else "",
        _distance(result, student, teacher),
        _size(student, teacher),
    ]
    said = [part for part in parts if part]
    return f"The {student.title.lower()} is {' and '.join(filter(None, [', '.join(said[:-1]), said[-1]]))}."


def _over_before(result: RestoreResult, student: Column) -> str:
    """`0.31 dB better than before`, where a run tuned the student."""
    before = result.column("before")
    if before is None or not _finite(before.measurement) or not _finite(student.measurement):
        return ""
    gain = student.measurement.psnr_db - before.measurement.psnr_db
    return f"{abs(gain):.2f} dB {'better' if gain >= 0 else 'worse'} than before"


def _speed(student: Column, teacher: Column) -> str:
    """`38x faster` or `1.2x slower`, end to end."""
    ratio = teacher.timing.end_to_end_s / student.timing.end_to_end_s
    return f"{texts.number(ratio, 2)}× faster" if ratio >= 1 else f"{texts.number(1 / ratio, 2)}× slower"


def _distance(result: RestoreResult, student: Column, teacher: Column) -> str:
    """How far the student is from the teacher: in quality where there is a truth, else from one picture to the other."""
    if not _finite(student.measurement) or not _finite(teacher.measurement):
        if not _finite(result.apart):
            return "the same as the teacher in every pixel" if result.apart and math.isinf(result.apart.psnr_db) else ""
        return f"{result.apart.psnr_db:.1f} dB apart from the teacher"
    gap = teacher.measurement.psnr_db - student.measurement.psnr_db
    return f"{abs(gap):.2f} dB {'behind' if gap >= 0 else 'ahead of'} the teacher"


def _size(student: Column, teacher: Column) -> str:
    """`1/25 of its size`, by the files of the weights."""
    return f"{texts.fraction(student.card.file_bytes, teacher.card.file_bytes)} its size"


def _gain(result: RestoreResult) -> str:
    """` and gained 2.31 dB over bicubic`, where that can be said."""
    baseline = result.column("bicubic") or result.column("navier_stokes") or result.column("input")
    student = result.column("student")
    if not (baseline and student and _finite(baseline.measurement) and _finite(student.measurement)):
        return ""
    gain = student.measurement.psnr_db - baseline.measurement.psnr_db
    over = {"bicubic": "bicubic", "navier_stokes": "Navier-Stokes"}.get(baseline.key, "the input")
    return f" and {'gained' if gain >= 0 else 'lost'} {abs(gain):.2f} dB over {over}"


def _finite(measurement: Measurement | None) -> bool:
    return measurement is not None and math.isfinite(measurement.psnr_db)


def tags(result: RestoreResult, left: str, right: str) -> str:
    """The names that lie on the two sides of the slider, and the shape that the slider takes."""
    width, height = result.size
    sides = "".join(_tag(result.column(key), side, result) for key, side in ((left, "left"), (right, "right")))
    return f'<style>#figure {{ --ratio: {width / height:.5f}; }}</style><div class="tags">{sides}</div>'


def _tag(column: Column | None, side: str, result: RestoreResult) -> str:
    if column is None:
        return ""
    psnr = f"<small>{texts.decibels(column.measurement.psnr_db)}</small>" if _finite(column.measurement) else ""
    return f'<span class="tag {side} {column.key}"><b>{_title(column, result)}</b>{psnr}</span>'


def summary(result: RestoreResult, *, working: bool = False) -> str:
    """The sentence, what it is about, and the notes on the picture."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    return (
        f'<p class="headline">{escape(headline(result, working=working))}</p>'
        f'<p class="about">{escape(result.description)} · {result.size[0]} × {result.size[1]} px</p>'
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
    )


def table(result: RestoreResult, *, working: bool = False) -> str:
    """The table of figures with its conventions below; times that are still to come are dots while the run is
    `working`.
    """
    convention = next((c.measurement.convention for c in result.columns if c.measurement), "")
    heads = "".join(f'<th scope="col" title="{escape(tip)}">{head}</th>' for head, tip in _HEADS)
    rows = "".join(_row(column, result, convention, working) for column in result.columns if _in_table(column, result))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Figures"><table class="figures"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>" + _foot(result, convention)
    )


def _in_table(column: Column, result: RestoreResult) -> bool:
    """Whether `column` has a row: an input that is smaller than the result, or has holes, cannot be measured; the
    baseline stands for it.
    """
    has_baseline = result.column("bicubic") or result.column("navier_stokes")
    return column.key in _TABLE_KEYS and (column.key != "input" or not has_baseline)


def _row(column: Column, result: RestoreResult, convention: str, working: bool) -> str:
    cells = _quality(column, convention) + _speed_cells(column, working) + _size_cells(column, result)
    name = escape(column.card.title) if column.card else ""
    head = f'<th scope="row"><span><i class="dot {column.key}"></i>{_title(column, result)}</span><small>{name}</small></th>'
    return f'<tr class="{column.key}">{head}{cells}</tr>'


def _title(column: Column, result: RestoreResult) -> str:
    return "Unprocessed" if column.key == "input" and _in_table(column, result) else column.title


def _quality(column: Column, convention: str) -> str:
    """PSNR and SSIM, or why there are none."""
    if column.measurement is None:
        return '<td colspan="2" class="none">no truth given</td>'
    values = column.measurement
    cells = (texts.decibels(values.psnr_db), f"{values.ssim:.4f}", values.psnr_db, values.ssim)
    return "".join(
        f'<td title="{escape(convention)}">{"too small" if math.isnan(raw) else text}</td>'
        for text, raw in zip(cells[:2], cells[2:], strict=True)
    )


def _speed_cells(column: Column, working: bool) -> str:
    if column.timing is None:
        return "<td>–</td>" * 3
    timing = column.timing
    runs = f"median of {timing.repeats} warm runs" if timing.repeats > 1 else "one run after a warm-up on a small crop"
    place = f"{runs}; {_place(column)}" if timing.repeats else "taken once all pictures are out"
    measured = [
        texts.milliseconds(value) if timing.repeats else "…" if working else "–"
        for value in (timing.network_s, timing.end_to_end_s)
    ]
    waited = f'<td title="everything included">{texts.milliseconds(timing.waited_s)}</td>'
    return "".join(f'<td title="{escape(place)}">{text}</td>' for text in measured) + waited


def _size_cells(column: Column, result: RestoreResult) -> str:
    if column.card is None:
        return "<td>–</td>" * 3
    card, megapixels = column.card, result.size[0] * result.size[1] / 1e6
    macs = card.macs_per_output_megapixel
    per = f"{texts.counted(macs)} per output megapixel"
    return (
        f'<td title="{card.parameters:,}">{texts.counted(card.parameters)}</td>'
        f'<td title="{per}">{texts.counted(macs * megapixels)}</td>'
        f'<td title="{card.file_bytes:,} bytes">{texts.file_size(card.file_bytes)}</td>'
    )


def _place(column: Column) -> str:
    """Device, threads, precision and runtime of a timing."""
    timing = column.timing
    threads = f", {timing.threads} thread{'s' if timing.threads != 1 else ''}" if timing.device == "cpu" else ""
    return f"{timing.device}{threads}, {timing.precision}, {timing.runtime}"


def _foot(result: RestoreResult, convention: str) -> str:
    """The conventions under the table."""
    places = list(dict.fromkeys(_place(column) for column in result.columns if column.timing))
    quality = f"<b>PSNR, SSIM</b>: on {escape(convention)}." if result.truth_given else f"<b>{texts.NO_TRUTH}</b>"
    if result.apart is not None and not result.truth_given:
        quality += f" Apart: PSNR between the two results, on {escape(result.apart.convention)}; higher is nearer."
    errors = f" Error maps: black is none, pale yellow {FULL_SCALE_255:.0f} levels of 255 or more."
    where = f" Measured on {escape('; '.join(places))}." if places else ""
    return f'<p class="foot">{quality}{errors}<br>{texts.LATENCY_NOTE}{where}</p>'


def column_choices(result: RestoreResult) -> list[tuple[str, str]]:
    """What the two dropdowns offer: (title, key) of each picture that is there."""
    return [(_title(column, result), column.key) for column in result.columns]


def chosen(name: str, width: int, height: int, bits: int) -> str:
    """The line that names the picture at hand."""
    depth = ", 16 bits" if bits == 16 else ""
    return f'<p class="chosen"><b>{escape(name)}</b> {width} × {height}{depth}</p>'
