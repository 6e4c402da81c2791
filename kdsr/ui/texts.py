"""Every sentence of the page that is not an error, and how its numbers are written."""

import math

from kdsr.tasks import Task

TITLE = "KDSR"
PURPOSE = "A large teacher network and the tiny student distilled from it, restoring the same picture side by side."
MODES = (
    ("It is clean: degrade it and measure", "clean"),
    ("It is degraded", "degraded"),
    ("I have both", "both"),
)
FORMATS_8 = ("PNG", "WebP")
FORMATS_16 = ("PNG", "TIFF")

LATENCY_NOTE = (
    "<b>Network</b>: the network alone. <b>End to end</b>: array in, array out, in this process. Both are medians of warm runs; loading and the "
    "first run are left out. <b>Waited</b>: from your click's arrival to the finished picture, everything included."
)
NO_TRUTH = "No truth given, so no PSNR and no SSIM."
NO_NETWORKS = "No networks for this task lie in the weights folder yet. The page shows the picture without one; add weights with their card and reload."
EXPIRED = "These pictures have been cleared from the server; press Restore to make them again."
WAITING = "Waiting for a free place"
PRESS = "Press Restore when all is set."
STOPPING = "Stopping"
NO_EXAMPLES = "Drop a picture on the page, paste one, or choose a file."
UNEXPECTED = "Something went wrong that should not; the page still works. Try again, or with another picture."
STOPPED = "Stopped. What was ready before stays below."
TOO_SLOW = "Stopped after {seconds:.0f} s, the most that one visit may take here; give a smaller picture or choose a smaller network."


def problems_title(count: int) -> str:
    """The title of the folded note about cards that cannot be used."""
    return f"{count} network{'s' if count != 1 else ''} in the weights folder cannot be used"


def missing_roles(roles: list[str], task: Task) -> str:
    """The sentence that says which networks the zoo lacks for `task`; empty if none."""
    if not roles:
        return ""
    return f"There is no {' and no '.join(roles)} network for {task.title.lower()} yet; the rest works without."


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, never in exponents."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def milliseconds(seconds: float) -> str:
    """A duration in ms, or in s from 1 s on."""
    return f"{number(seconds)} s" if seconds >= 1 else f"{number(seconds * 1000)} ms"


def decibels(psnr_db: float) -> str:
    """A PSNR in words: `31.42 dB`, or `identical`."""
    return "identical" if math.isinf(psnr_db) else f"{psnr_db:.2f} dB"


def counted(value: float) -> str:
    """A count with K, M or G: 60,083 is `60.1 K`."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " K")):
        if value >= size:
            return number(value / size) + unit
    return number(value)


def file_size(count: int) -> str:
    """Bytes as KB or MB, decimal."""
    return f"{number(count / 1e6)} MB" if count >= 1e6 else f"{number(count / 1e3)} KB"


def fraction(small: float, large: float) -> str:
    """`1/25` for a ratio below a half, `the same` near one, else a percentage."""
    ratio = small / large
    if ratio <= 0.5:
        return f"1/{round(large / small)} of"
    return "the same as" if 0.98 <= ratio <= 1.02 else f"{ratio:.0%} of"
