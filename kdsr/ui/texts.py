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
MARK = "Paint over what is missing, then press Fill what I marked."
PRESS = "Press Restore when all is set."
STOPPING = "Stopping"
TEACHER_PLUS = "Teacher+: the mean of 8 turned and mirrored passes, a little better and 8 times slower"
NO_EXAMPLES = "Drop a picture on the page, paste one, or choose a file."
UNEXPECTED = "Something went wrong that should not; the page still works. Try again, or with another picture."
STOPPED = "Stopped. What was ready before stays below."
TOO_SLOW = "Stopped after {seconds:.0f} s, the most that one visit may take here; give a smaller picture or choose a smaller network."

DISTILL_ABOUT = "Make a student of your own"
DISTILL_STEPS = (
    ("Give photographs", "of the kind that you care about: 4 at least, 20 are better."),
    (
        "Press Start.",
        "The teacher restores them, and the student learns from it. Close the page when you like; the run goes on.",
    ),
    ("Come back here", "in this browser, compare before and after, and take the network home."),
)
COMPARE_BEFORE = "Compare before and after"
COMPARE_TEACHER = "Compare with the teacher"
WATCHING = "This run belongs to another browser: you may watch it, but not change it."
SIGN_IN = "Signed in, your runs follow you to every browser. Those of this browser stay with it, for when you sign out."
NO_TEACHERS = (
    "No teacher lies in the weights folder, so there is nothing to distill from; add one with its card and reload."
)
IS_ADMIN = "You see every run of this installation now, and may change them."
NO_ADMIN = "That is not the admin token of this installation."
MEASURING = "Measuring a few steps on this device"
ESTIMATE_LATER = "How long it takes is told as soon as the run has begun."
ESTIMATE_SLOW = "This device takes too long for a quick measurement; the run's page tells more after its first steps."
ESTIMATE_WITHOUT_PHOTOS = "The teacher's work on your photographs comes on top."
DELETE = "Delete this run for good, with its photographs and its network?"

NONE = "–"
TRY_IT = "Try it in Restore"
EMPTY_ZOO = "No networks lie in the weights folder yet; add weights with their card and open this tab again."
GONE = "This network is not in the weights folder any more; choose another one."
NO_POINTS = "None of these networks has a figure that could be drawn."
NO_FIGURES = "Nothing was measured on a test set yet."
RUNTIMES = {
    "torch": "PyTorch",
    "onnx": "ONNX Runtime",
    "openvino": "OpenVINO",
    "openvino-bf16": "OpenVINO in bfloat16 (a little off)",
}
"""What the page calls them; see `kdsr.restore.RUNTIMES`."""
LATENCY_HOW = "array in, array out, by the quickest runtime"
EIGHT_BITS_NEED = (
    "8-bit networks gain time where a processor multiplies bytes (VNNI, AMX), and lose some where it does not."
)
TWIN_MEANS = "the same student, trained as long and on the same photographs, without a teacher."
ROLE_TELLS = {
    "teacher": "Large and thorough: students learn from it.",
    "student": "Small and quick.",
    "twin": "A student that had no teacher, but the same steps and photographs: what it lacks is what distillation is worth.",
}
PUBLISHED = "Hollow marks: published figures by the same convention, of networks that learnt from other photographs."
APPROXIMATE = "A ~ marks figures that are quoted from memory of the paper."
NO_PUBLISHED_LATENCY = "Published networks were not timed on this machine; they stand in the plot against parameters."

LIVE_BUSY = "The server is at work on other visitors' pictures; try again in a moment."


def problems_title(count: int) -> str:
    """The title of the folded note about cards that cannot be used."""
    return f"{count} network{'s' if count != 1 else ''} in the weights folder cannot be used"


def strength(value: float | str | None, mask: object) -> str:
    """How strong a degradation is, or of what kind, behind its name."""
    if mask:
        return ": as you marked them"
    return f": {value}" if isinstance(value, str) else f" {value:g}"


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


def duration(seconds: float) -> str:
    """A duration in words: `8 s`, `3 min`, `1 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ago(seconds: float) -> str:
    """How long ago something was, in one unit."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"
