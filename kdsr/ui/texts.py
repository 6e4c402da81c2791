"""Every sentence of the page that is not an error, and how its numbers are written."""

import math

from markupsafe import Markup

from kdsr.tasks import Strength, Task
from kdsr.zoo.published import Published

TITLE = "KDSR"
PAGE_TITLE = "KDSR: teacher and student, side by side"
PREVIEW_ALT = "A face before and after the student: large pixels on the left, fine detail on the right"
PURPOSE = "A large teacher network and the tiny student distilled from it, restoring the same picture side by side."
MODES = (
    ("Test: degrade it, then measure", "clean"),
    ("Restore it", "degraded"),
    ("Compare with an original", "both"),
)
FORMATS_8 = ("PNG", "WebP")
FORMATS_16 = ("PNG", "TIFF")

LATENCY_NOTE = Markup(
    "<b>Network</b>: the network only. <b>End to end</b>: array in, array out, in this process. Both are medians of "
    "warm runs; loading and the first run are left out. <b>Time to result</b>: from your click's arrival at the server "
    "to the finished picture, everything included."
)
BUSY = "Machine busy:"
BUSY_AGAIN = "Times marked ~ are rough. Press Restore to measure again."
NO_TRUTH = "No original, so no PSNR and no SSIM."
LOOKS_AT_WORK = "Figures for looks"
LOOKS_TITLE = "Figures for looks, in addition to PSNR"
LOOKS_BEST = "Bold: the best result, the original not counted. Judge looks by several figures together. "
NEARER = "higher is closer"
LOOKS_NEED_ORIGINAL = "HaarPSI and the distance in features need an original."
LITE2_MISSING = Markup(
    "The Lite2 distance needs an extra that is not installed here: <code>pip install 'kdsr[looks]'</code>."
)
NO_NETWORKS = (
    "The weights folder has no network for this task yet, so the page shows the picture without one. Add weights with "
    "their card and reload."
)
UNKNOWN_IN_ADDRESS = "The address asks for {key} '{value}', which does not exist here; the default is shown."
NOT_YOURS = "This picture was uploaded in another browser, or was removed since. An example is shown instead."
EXPIRED = "These pictures were removed from the server. Press Restore to make them again."
WAITING = "Waiting for another job to finish"
MARK = "Paint over the missing parts, then press Restore."
CHANGED = "Settings changed: press Restore."
ADD_ORIGINAL = "Add the original; the comparison then starts."
FOLDED_WAIT = "Changes here wait for the button above; all others take effect at once."
STOPPING = "Stopping"
SHARPNESS = "Sharpness (0 faithful, 1 sharp)"
TEACHER_PLUS = "Teacher+: averages 8 flipped and rotated passes; slightly better, 8x slower"
NO_EXAMPLES = "Drop a picture on the page, paste one, or choose a file."
UNEXPECTED = "An unexpected error occurred; the page still works. Try again, or use another picture."
STRIP = "Leave out EXIF, GPS and XMP"
POSITION = f"This picture contains its GPS position, and so do the downloads. To remove it, check: {STRIP}."
STOPPED = "Stopped. The results so far are below."
TOO_SLOW = "Stopped after {seconds:.0f} s, the limit for one run here. Use a smaller picture or a smaller network."

CLIP_READING = "Reading the clip"
CLIP_AT_WORK = "Student at work"
CLIP_STOPPED = "Stopped."
CLIP_PART = "Stopped: the part that was restored is shown. Press Restore the clip again to go on."
CLIP_TOO_SLOW = (
    "Stopped after {seconds:.0f} s, the limit for one run here: the part that was restored is shown. Press Restore the "
    "clip again to go on."
)
CLIP_COMPARE = "Compare this frame"
CLIP_DOWNLOAD = "Download the clip (MP4)"
CLIP_AGAIN = "Restore the clip again"
CLIP_FRAME = "Below: the frame at {seconds:.2f} s, by student and teacher."
CLIP_GONE = "This clip was removed from the server; drop it again."
CLIP_POSITION = "Time of the frame in seconds"

DISTILL_ABOUT = "Train your own student"
DISTILL_STEPS = (
    ("Add photographs", "of the kind you want to restore: at least 4; 20 are better."),
    (
        "Press Start.",
        "The student learns to restore them as the teacher does. You can close the page; the run continues.",
    ),
    ("Come back", "with the same browser, compare before and after, and download the network."),
)
GAINS = "What a teacher gave the students here"
GAINS_MEAN = (
    "PSNR in dB; higher is better. The same network both times, trained for as many steps on the same photographs. "
    "These networks ran for hours. In runs of 600 steps a teacher gave 0.17 to 0.20 dB on Set5 (super-resolution x4, "
    "three seeds). All figures are in Models."
)
COMPARE_BEFORE = "Compare before and after"
COMPARE_TEACHER = "Compare with the teacher"
WATCHING = "This run belongs to another browser: you can watch it, but not change it."
SIGN_IN = (
    "When you sign in, your runs are available in every browser. The runs of this browser come back when you sign out."
)
NO_TEACHERS = "The weights folder has no teacher to distill from. Add one with its card and reload."
IS_ADMIN = "You can now see and change every run of this installation."
NO_ADMIN = "That is not the admin token of this installation."
MEASURING = "Measuring a few steps on this device"
ESTIMATE_LATER = "The run shows its duration after it has started."
ESTIMATE_SLOW = "This device is too slow for a quick estimate. The run's page shows one after its first steps."
ESTIMATE_WITHOUT_PHOTOS = "Labelling your photographs takes additional time."
PROVE = "Prove it: train the same network without a teacher afterwards"
PROVE_MEANS = "Takes twice as long. The run then shows how much the teacher contributed."
STUDENT_TRAINS = "Student, 1 of 2"
TWIN_TRAINS = "Twin without the teacher, 2 of 2"
TWIN_HAS = "The same network trained without the teacher has {:.2f} dB."
NOT_PROVED = "The same network without the teacher was not trained to the end."
TAKE_HOME = "On your machine: download weights and card into one folder, then run"
DELETE = "Permanently delete this run, its photographs and its network?"

NONE = "–"
TRY_IT = "Try it in Restore"
EMPTY_ZOO = "The weights folder has no networks yet. Add weights with their card and open this tab again."
NO_SUCH_MODEL = "There is no network '{name}' here."
GONE = "This network is no longer in the weights folder. Choose another one."
NO_POINTS = "None of these networks has a figure to plot."
NO_FIGURES = "Not measured on a test set yet."
RUNTIMES = {
    "torch": "PyTorch",
    "onnx": "ONNX Runtime",
    "openvino": "OpenVINO",
    "openvino-bf16": "OpenVINO in bfloat16 (slightly less exact)",
}
"""The titles of `kdsr.restore.RUNTIMES`."""
LATENCY_HOW = "array in, array out, with the fastest runtime"
EIGHT_BITS_NEED = "8-bit networks are faster on processors with VNNI or AMX, and slower on others."
TWIN_MEANS = "the same student without a teacher, trained for as many steps on the same photographs."
FOR_LOOKS = "Trained for looks: crisper edges, lower PSNR."
ROLE_TELLS = {
    "teacher": "Large and accurate: students are distilled from it.",
    "student": "Small and fast.",
    "twin": (
        "A student without a teacher, trained for as many steps on the same photographs. The student's lead over it is "
        "the gain from distillation."
    ),
}
PACKS = {
    "photos_a": "photographs, of each the most detailed window of 384 to 512 px",
    "photos_b": "whole photographs of 1280 px, the most detailed ones",
    "photos_c": "whole photographs of 1280 px, and CQ100",
}
"""What our packs of training photographs hold, by their own description."""
PUBLISHED = "Hollow marks: published figures by the same convention, of networks trained on other photographs."
APPROXIMATE = "A ~ marks approximate figures."
MEASURED_ENDS = "Bicubic enlargement and the originals themselves were measured by us; dashed where drawn."
NO_PUBLISHED_LATENCY = "Published networks were not timed on this machine; see the plot against parameters."

ABSENT = "not installed; choose one to read about it and download it"
MORE_TEACHERS = "More teachers, by others"
GET = "Get this teacher"
GETTING = "Getting {title}"
TEACHER_STOPPED = "Stopped. The unfinished download was deleted."
TEACHER_HERE = "{title} is installed and works offline."
NO_DOWNLOADS = "Visitors cannot add teachers to this installation. Its admin can: kdsr teachers add {name}"

NO_JSON = "The request must be a JSON object: finite numbers, texts of whole characters; docs/endpoints.md shows one."
NO_ROOM = "The disk of this page has no room for uploads now: try again later, or tell whoever runs it."
NO_ADDRESS = "A file must be an uploaded one, not an address of the web: fetch it, and upload it."
NOT_UPLOADED = "A file must be an uploaded one: upload it first, and give the path that the server answers."
WRONG_VALUE = "A value is of another kind than this page sends: reload the page, and try again."
UNEXPECTED_REQUEST = (
    "The server failed at this request: check its arguments and that each file was uploaded, or try again later."
)
QUEUE_FULL = "{places} requests are waiting, which is the limit here: try again in a minute."
QUEUE_SESSION = "{places} of your requests are waiting, which is the limit: wait until one is answered."
ENDING = "The server is being stopped and takes no new work: try again in a minute."
ENDED = "The server was stopped before this was done: try again in a minute."
QUEUE_YIELDED = "Too many of your requests were waiting, so this one made room for another visitor's: try again later."
LIVE_BUSY = "The server is busy with other visitors' pictures. Try again in a moment."

SCRIPTS = "For scripts"
SCRIPT_LIMITS = (
    "The limits are the page's: pictures of {read:g} megapixels to read and {made:g} to make, {seconds:.0f} s for one "
    "run, one run at a time, and {places} places in the queue, {own} of them for one client. Results can be fetched "
    "for {hours:g} hours. An error comes back as one sentence."
)


def get_teacher(one: Published) -> str:
    """The button that downloads a published teacher."""
    return f"{GET}, {one.megabytes} MB, {one.licence}"


def problems_title(count: int) -> str:
    """The title of the folded note about cards that cannot be used."""
    return f"{count} network{'s' if count != 1 else ''} in the weights folder cannot be used"


def within(title: str) -> str:
    """`title` within a sentence: `noise level`, but `JPEG quality`."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def strength(value: float | str | None, mask: object) -> str:
    """The strength or kind of a degradation, to follow its name."""
    if mask:
        return ": as you marked them"
    return f": {value}" if isinstance(value, str) else f" {value:g}"


def strength_caption(strength: Strength) -> str:
    """The caption of the slider: `Noise level (sigma, of 255)`; the range where the title names the scale already."""
    if strength.title.lower().endswith(strength.name):
        return f"{strength.title} ({strength.minimum:g}-{strength.maximum:g})"
    return f"{strength.title} ({strength.name}, {strength.unit})"


def missing_roles(roles: list[str], task: Task) -> str:
    """The sentence that says which networks the zoo lacks for `task`; empty if none."""
    if not roles:
        return ""
    return f"There is no {' and no '.join(roles)} network for {within(task.title)} yet; everything else works."


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
    """`1/25 of` for a ratio of at most a half, `the same as` within 2 %, else a percentage."""
    ratio = small / large
    if ratio <= 0.5:
        return f"1/{round(large / small)} of"
    return "the same as" if 0.98 <= ratio <= 1.02 else f"{ratio:.0%} of"


def duration(seconds: float) -> str:
    """A duration in words: `8 s`, `3 min`, `1 h 20 min`."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 600:
        return f"{rounded // 60} min {rounded % 60} s" if rounded % 60 else f"{rounded // 60} min"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ago(seconds: float) -> str:
    """How long ago something was, in one unit."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


PRESENT = "Present"
PRESENT_ABOUT = "Seven screens for a stage: dark, large, by keys"
PRESENT_WORDS = {
    "before": ("Before", "The picture as it came in."),
    "input": ("Before", "The picture as it came in."),
    "student": ("Student", "The small network, distilled from the teacher."),
    "teacher": ("Teacher", "The large network that taught it."),
    "truth": ("Original", "What a perfect restoration would give back."),
    "both": ("Side by side", "One spot in all three, where they differ most."),
    "figures": ("The figures", "Measured on this picture, on this machine."),
    "plot": ("Quality against latency", "All networks for this task; up and to the left is better."),
    "own": ("Train your own", "In the tab Distill, with your photographs."),
}
PRESENT_BUTTONS = (
    ("picture", "Next picture (N)", "Next picture"),
    ("back", "Previous screen (left arrow)", "Back"),
    ("next", "Next screen (right arrow)", "Next"),
    ("full", "Full screen (F)", "Full screen"),
    ("close", "Close (Esc)", "Close"),
)
PRESENT_DISTILL = "Open Distill"
PRESENT_KEYS = (
    "Arrows: screens, slider · N, P: pictures · B, S, T, O: before, student, teacher, original · Z: zoom spot · "
    "0: whole picture · I: figures"
)

REPORT = "Report (HTML)"
REPORT_PDF = "Report (PDF)"
SHARE_TITLE = "Take this comparison along"
SHARE = (
    ("figure", "The pictures on screen side by side with their figures, pixel for pixel, as PNG", "Copy as picture"),
    ("link", "A link that opens the same pictures, networks and view", "Copy link"),
    ("moving", "The divider moving from side to side, as an animated WebP", "Download moving slider"),
)
SHARE_WORDS = {
    "figure": "Copied as PNG: {size} px.",
    "saved": "This browser lets no page copy pictures; downloaded instead: {size} px.",
    "link": "Link copied: it opens the same pictures, networks and view.",
    "own": "Link copied: only this browser finds your picture by it; others see an example.",
    "refused": "This browser lets no page copy; the link is",
    "nothing": "There is nothing to copy yet.",
    "large": "This is too large for one picture: zoom in, and what is on screen is copied.",
}
REPORT_CHOICE = "What goes into a report"
REPORT_NETWORKS = "Networks beside the student"
REPORT_PICTURES = "Pictures; examples are restored first, as the one on screen"
REPORT_ON_SCREEN = "on screen"
REPORT_NO_PICTURE = "A report needs a picture: choose at least one below the figures."
REPORT_AT_WORK = "Writing the report"
REPORT_STOPPED = "Stopped; no report was written."
PDF_NEEDS = "A PDF needs an extra that is not installed here: pip install 'kdsr[report]'."
PDF_PICTURES = (
    "Whole pictures are compressed (JPEG, quality 92, at most 1,200 pixels wide); crops are exact. "
    "The figures are those of the exact pictures."
)
PDF_LETTERS = "Letters that no font here has are written as ?."
REPORT_FIRST = "There is nothing to report yet: press Restore first."
REPORT_TITLE = "Report"
REPORT_SPOTS = "Where the pictures differ most"
REPORT_SPOT_CHOSEN = "The chosen spot"
REPORT_BOX = "The box is what is enlarged."
REPORT_WORTH = "What a teacher is worth"
WORTH_GAIN = "On {set}, {title} is {gap} ahead of the same network trained without a teacher."
WORTH_LOSS = "On {set}, {title} is {gap} behind the same network trained without a teacher: here the teacher is a loss."
WORTH_NOTHING = "On {set}, {title} is as good as the same network trained without a teacher: no gain here."
WORTH_UNKNOWN = "{title}: what its teacher is worth is unknown, since no twin was trained alike without one."
WORTH_CARDS = "From the cards of both networks."
REPORT_PLOT = "Quality against latency"
REPORT_CONDITIONS = "Conditions and licences"
REPORT_LOSSLESS = "Pictures are lossless."
REPORT_LOSSY = (
    "Pictures are compressed (WebP, quality {quality}{smaller}) so that this file stays small. "
    "The figures are those of the exact pictures."
)
