"""Summary, table and captions of pictures of a `RestoreResult` as HTML. Pure functions; every text is escaped."""

import math

from markupsafe import Markup

from kdsr.metrics import FULL_SCALE_255
from kdsr.tasks import find_task
from kdsr.ui import style_texts, texts
from kdsr.ui.html import joined, region
from kdsr.ui.restore.busy import busy_because
from kdsr.ui.restore.headline import finite_db, headline
from kdsr.ui.restore.look_view import look_table, looks_summary, niqe_tag
from kdsr.ui.restore.result import Column, NetworkTiming, RestoreResult

_TABLE_KEYS = ("input", "bicubic", "navier_stokes", "twin", "before", "student", "teacher")
_PICTURE = ("Picture", "How it was made, and by which network")
_QUALITY = (
    ("PSNR", "Peak signal-to-noise ratio against the original, in dB; higher is better"),
    ("SSIM", "Structural similarity to the original, at most 1; higher is better"),
)
_LIKENESS = (
    (Markup("PSNR<br>to teacher"), "Peak signal-to-noise ratio against the teacher's picture, in dB; higher is closer"),
    (Markup("SSIM<br>to teacher"), "Structural similarity to the teacher's picture, at most 1; higher is closer"),
)
_COST = (
    ("Network", "The network only: median of warm runs, loading and the first run left out"),
    ("End to end", "Array in, array out, in this process: median of warm runs, loading and the first run left out"),
    ("Time to result", "From your click's arrival at the server to the finished picture, everything included"),
    ("Parameters", "Trained weights of the network"),
    ("MACs", "Multiply-accumulates for this picture"),
    ("File", "Size of the weights"),
)
_DASHES = Markup("<td>–</td>") * 3


def caption(column: Column, result: RestoreResult) -> tuple[str, str]:
    """The title of `column` and its figures, as they stand on its picture."""
    value = finite_db(column.measurement)
    if column.key == "input" and find_task(result.task).scale > 1:
        return column.title, "its pixels, enlarged"
    said = "" if value is None else texts.decibels(value)
    if said and not find_task(result.task).has_truth:
        said = "" if column.key == "input" else f"{said} to the teacher"
    parts = (said, niqe_tag(column))
    return column.title, " · ".join(filter(None, parts))


def summary(result: RestoreResult, *, working: bool = False) -> Markup:
    """The headline, what a network for looks gives and costs, the description, and the notes on the picture."""
    looks = looks_summary(result)
    notes = joined(Markup("<li>{}</li>").format(note) for note in result.notes)
    return Markup('<p class="headline">{}</p>{}<p class="about">{} · {} × {} px</p>{}').format(
        headline(result, working=working).replace(" dB", "\N{NO-BREAK SPACE}dB"),
        Markup('<p class="told">{}</p>').format(looks) if looks else "", result.description, *result.size,
        Markup('<ul class="notes">{}</ul>').format(notes) if notes else "",
    )  # fmt: skip


def table(result: RestoreResult, *, working: bool = False) -> Markup:
    """The table of figures with its conventions below; times that are still to come are dots while the run is
    `working`.
    """
    convention = next((c.measurement.convention for c in result.columns if c.measurement), "")
    titles = (_PICTURE, *(_QUALITY if find_task(result.task).has_truth else _LIKENESS), *_COST)
    heads = joined(Markup('<th scope="col" title="{}">{}</th>').format(tip, head) for head, tip in titles)
    columns = [column for column in result.columns if _in_table(column, result)]
    rows = joined(_row(column, result, convention, working=working) for column in columns)
    drawn = Markup('<table class="figures"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(heads, rows)
    seen = [*columns, *filter(None, [result.column("truth")])]
    looks = look_table(result, seen, [column.title for column in seen], working=working)
    return region("Figures", drawn) + _foot(result, convention) + looks


def _in_table(column: Column, result: RestoreResult) -> bool:
    """Whether `column` has a row. An input that is smaller than the result, or has holes, cannot be measured; the
    baseline has a row in its place.
    """
    has_baseline = result.column("bicubic") or result.column("navier_stokes")
    return column.key in _TABLE_KEYS and (column.key != "input" or not has_baseline)


def _row(column: Column, result: RestoreResult, convention: str, *, working: bool) -> Markup:
    head = Markup('<th scope="row"><span><i class="dot {}"></i>{}</span><small>{}</small></th>').format(
        column.key, column.title, column.card.title if column.card else ""
    )
    is_busy = bool(busy_because(result))
    speed = _speed_cells(column, working=working, is_busy=is_busy)
    cells = _quality(column, result, convention) + speed + _size_cells(column, result)
    return Markup('<tr class="{}">{}{}</tr>').format(column.key, head, cells)


def _quality(column: Column, result: RestoreResult, convention: str) -> Markup:
    """PSNR and SSIM, or why there are none."""
    if column.measurement is None:
        likeness = "what it is compared with" if column.key == "teacher" else texts.NONE
        why = "no original" if find_task(result.task).has_truth else likeness
        return Markup('<td colspan="2" class="none">{}</td>').format(why)
    values = column.measurement
    cells = ((values.psnr_db, texts.decibels(values.psnr_db)), (values.ssim, f"{values.ssim:.4f}"))
    return joined(_cell(convention, "too small" if math.isnan(value) else text) for value, text in cells)


def _cell(tip: str, text: str) -> Markup:
    return Markup('<td title="{}">{}</td>').format(tip, text)


def _speed_cells(column: Column, *, working: bool, is_busy: bool) -> Markup:
    timing = column.timing
    if timing is None:
        return _DASHES
    runs = f"median of {timing.repeats} warm runs" if timing.repeats > 1 else "one run after a warm-up on a small crop"
    tip = f"{runs}; {_place(timing)}" if timing.repeats else "measured after all pictures are ready"
    missing = "…" if working else "–"
    measured = [
        texts.milliseconds(value) if timing.repeats else missing for value in (timing.network_s, timing.end_to_end_s)
    ]
    waited = _cell("everything included", texts.milliseconds(timing.waited_s))
    cell = Markup('<td class="busy" title="{}">~{}</td>').format if is_busy and timing.repeats else _cell
    return joined([*(cell(tip, text) for text in measured), waited])


def _size_cells(column: Column, result: RestoreResult) -> Markup:
    if column.card is None:
        return _DASHES
    card, megapixels = column.card, result.size[0] * result.size[1] / 1e6
    macs = card.macs_per_output_megapixel
    return joined((
        _cell(f"{card.parameters:,}", texts.counted(card.parameters)),
        _cell(f"{texts.counted(macs)} per output megapixel", texts.counted(macs * megapixels)),
        _cell(f"{card.file_bytes:,} bytes", texts.file_size(card.file_bytes)),
    ))  # fmt: skip


def _place(timing: NetworkTiming) -> str:
    """Device, threads, precision and runtime of `timing`."""
    threads = f", {timing.threads} thread{'s' if timing.threads != 1 else ''}" if timing.device == "cpu" else ""
    device = "CPU" if timing.device == "cpu" else timing.device
    return f"{device}{threads}, {timing.precision}, {timing.runtime}"


def _foot(result: RestoreResult, convention: str) -> Markup:
    """The conventions below the table."""
    places = list(dict.fromkeys(_place(column.timing) for column in result.columns if column.timing))
    why = busy_because(result)
    said = (texts.BUSY, why, style_texts.busy_again(result.task))
    busy = Markup('<p class="foot busy"><b>{}</b> {} {}</p>').format(*said) if why else ""
    return Markup(busy) + Markup(
        '<p class="foot">{}{} Error maps: black is none, pale yellow {:.0f} levels of 255 or more.<br>{}{}</p>'
    ).format(
        _measured_on(result, convention),
        ""
        if result.apart is None or result.truth_given or not find_task(result.task).has_truth
        else f" In the headline: PSNR between student and teacher, on {result.apart.convention}; higher is closer.",
        FULL_SCALE_255,
        texts.LATENCY_NOTE,
        f" Measured on {'; '.join(places)}." if places else "",
    )


def _measured_on(result: RestoreResult, convention: str) -> Markup:
    """What PSNR and SSIM were taken on, or why there are none."""
    said = Markup("<b>PSNR, SSIM</b>: on {}.").format(convention)
    if not find_task(result.task).has_truth:
        return Markup("{} <b>{}</b>").format(said if convention else "", style_texts.LIKENESS)
    return said if result.truth_given else Markup("<b>{}</b>").format(texts.NO_TRUTH)


def column_choices(result: RestoreResult) -> list[tuple[str, str]]:
    """(title, key) of each picture of `result`, for the two dropdowns."""
    return [(column.title, column.key) for column in result.columns]


def chosen(name: str, width: int, height: int, bits: int) -> Markup:
    """The line that names the chosen picture."""
    depth = ", 16 bits" if bits == 16 else ""
    return Markup('<p class="chosen"><b>{}</b> {} × {}{}</p>').format(name, width, height, depth)
