"""What goes wrong, and what a file had on reading, in Chinese: every sentence that a visitor of the page can meet.

English stay: sentences for programmers (ShapeError), for scripts, for the command line and for whoever starts the
server, and the reasons in brackets that other programs give.
"""

import ast
import itertools
import re
from pathlib import Path

import pytest
from helpers.chinese import english_in

import kdsr
from kdsr.image import bmp, colour, headers, kinds, profile, stated
from kdsr.ui.languages.table import table_of

ROOT = Path(kdsr.__file__).parent
CHINESE = table_of("zh")
MET = (
    "ui",
    "image",
    "degrade",
    "restore",
    "jobs",
    "zoo",
    *("video/clip.py", "video/frame.py", "video/pyav.py"),
    "train/checkpoint.py",
    "train/loop.py",
    "train/data/labels.py",
)
"""Areas and files whose errors the page shows."""
ELSEWHERE = (
    *("ui/arguments.py", "ui/endpoints/", "ui/distill/endpoints.py"),  # scripts
    *("ui/page.py", "restore/device.py", "jobs/launchers.py", "jobs/service.py"),  # whoever starts the server
    *("image/batch.py", "image/picture.py", "zoo/foreign.py", "zoo/ncnn.py", "zoo/convert.py"),  # command line, API
    *("restore/graph.py", "restore/tiling.py", "restore/order.py"),
)
NOT_IN_THE_PAGE = (
    *("{} must be uint8", "A picture must be a path", "'{}' is a folder", "JPEG holds no", "A picture is written as"),
    *(
        "An ONNX file must end",
        "{} cannot be written (",
        "The scale of a resize",
        "{} adds no noise",
        "{} has no strength",
    ),
    *("{} has no argument", "{} needs a value", "data must be a list of values, got {}; {}"),
    *("A run may take a network", "A folder of photographs", "Too slow to estimate"),
    *(
        "The role of a network",
        "The precision of a network",
        "{} must be a whole number from 0",
        "{} must hold objects",
    ),
    *(
        "KDSR_DATABASE_URL ",
        "KDSR_ARTIFACTS_URL ",
        "KDSR_LAUNCHER=",
        "A worker on another",
        "The {} was written by a newer",
        "The {} does not answer (",
        "The {} refuses its user",
    ),
    *("Only the steps of a run may change", "The checkpoint {} belongs to another recipe; choose"),  # kdsr tune
    *("A folder with one", "{} is used with", "The teacher {} was not added", "{} is not there", "{} does not hold"),
)
"""How the sentences begin that only the command line, scripts and cards written by hand can cause."""
COMPOSED = ("{} {}: open it", "{} is {} x {}", "{} is {}not", "{} is a HEIC", "The original must have {} x {} pixels{}",
            "The ONNX graph differs from", "There is no {} {}; {}",
            "A search may take at most {} minutes{}")  # fmt: skip
"""Parts of these are sentences of their own; they are said in `SAID`."""
FILLINGS = ("12", "photo.png", "student")
SAID = (
    "'photo.png' is 70000 x 20 pixels, and the longest side may have 65536: make it smaller or raise "
    "KDSR_MAX_SIDE_PX.",
    "'photo.png' is 7000 x 2000 pixels (14.0 megapixels), and at most 8 are read: make it smaller or raise "
    "KDSR_MAX_INPUT_MEGAPIXELS.",
    "photo.heic is a HEIC picture, which is not read here: install the optional package pillow-heif, or save it as "
    "JPEG or PNG.",
    "photo.dng begins with a small copy of its picture, as raw files of cameras do: open it in a program that reads "
    "them, and save it as PNG or TIFF.",
    "photo.tif is a TIFF of a kind that is not read (32-bit CFA, compression JPEG): save it uncompressed in grey or "
    "RGB.",
    "photo.jpg is a JPEG of a kind that is not read (lossless, arithmetic): save it as PNG, or as usual JPEG.",
    "photo.jpg is a JPEG of a kind that is not read (12-bit): save it as PNG, or as usual JPEG.",
    "The ONNX graph differs from the network by 0.2, too much to be used; take the runtime torch and report this.",
    "A search may take at most 20 minutes here, got 40: ask for fewer.",
    "A search may take at most 10 minutes with its proof here, got 40: ask for fewer.",
    "The mask marks every pixel as missing; mark what is to be filled, and leave the rest.",
    "The mask marks nothing as missing; mark what is to be filled, and leave the rest.",
    "A run that is running cannot become queued, only done or failed or interrupted or stopped or stopping.",
    "A run that is done cannot become queued, only nothing else: start a new run.",
    "The card sr_x4-new.json cannot be used: Permission denied. Restore it.",
    "The disk is full: spandrel needs 12 MB; make room, or set KDSR_HOME to another disk.",
    "The package registry cannot be reached, so spandrel 0.4.1 was not fetched; check the network, or get "
    "spandrel-0.4.1-py3-none-any.whl elsewhere and add it by kdsr teachers add --file.",
    "pip could not get spandrel 0.4.1 (it said nothing); get spandrel-0.4.1-py3-none-any.whl elsewhere and add it by "
    "kdsr teachers add --file.",
    "Stopped after 30 minutes, the most that a run may take; the network so far is kept.",
    "Stopped after the time that a run may take; the network so far is kept.",
    "Hugging Face Jobs did not take the run (402); resume it.",
    "The job on Hugging Face ended (ERROR); resume goes on from its last checkpoint.",
    "Runs are trained by your own Hugging Face account: sign in first.",
    "The worker ended unexpectedly at or after step 1200; resume goes on from the last checkpoint, or from the start "
    "where there is none.",
    "'photos 1.zip' is not a readable zip archive (it wants a password): pack it again.",
    "'photos 1.zip' has more than the 12.5 MB that its pixels need or that are left for it here: make it smaller, or "
    "upload less.",
    "photo.mp4 cannot be read as a video: Invalid data found when processing input.",
    "The clip is interlaced: restored after FFmpeg's bwdif made whole frames.",
    "The clip's transparency is left out.",
    "The clip's 12 bits become 10.",
    "A network for inpainting needs a mask for each frame; choose one of another task.",
    "The clip cannot be written: No space left on device.",
    "Memory was short: the picture was restored in tiles of 64 pixels.",
    "Inpainting gives no transparency: the result is opaque, also where the picture could be seen through.",
    "Animated: the first of 2 frames is used.",
    "Several pages: the first of 2 is used.",
    "Converted from Dot Gain 20 to sRGB.",
    "Converted from Adobe RGB (1998) to sRGB.",
    "Converted from CMYK to sRGB without a colour profile: colours are approximate.",
    "Converted from Display P3 with gamma 2.20 to sRGB.",
    "Converted from the primaries that the file states with the curve that the file states to sRGB.",
)  # fmt: skip


def literal(node: ast.expr) -> list[str | None]:
    """The texts of an expression, None for what is put between them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [each.value if isinstance(each, ast.Constant) else None for each in node.values]
    return [None]


def raised() -> list[tuple[str, list[str | None]]]:
    """(file, texts) of each sentence that is raised and that a visitor can meet."""
    found = []
    for place in MET:
        for path in [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            nodes = () if name.startswith(ELSEWHERE) else ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            calls = [node.exc for node in nodes if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
            found += [(name, literal(call.args[0])) for call in calls if call.args and is_ours(ast.unparse(call.func))]
    return found


def is_ours(error: str) -> bool:
    return hasattr(kdsr.errors, error) and error != "ShapeError"


def filled(texts: list[str | None]) -> list[str]:
    """The sentence with each of `FILLINGS` in its places, in all ways."""
    places = texts.count(None)
    made = []
    for chosen in itertools.product(FILLINGS, repeat=min(places, 4)):
        values = itertools.cycle(chosen)
        made.append("".join(next(values) if text is None else text for text in texts))
    return made


def english(sentence: str) -> list[str]:
    """What of `sentence` stays English in Chinese; names of files, options and colour profiles are left out."""
    return english_in(
        re.sub(r"photo\.\w+|“[^”]*”|--file|\.png|\.tif|Dot Gain|spandrel[\w.-]*", "", CHINESE.say(sentence))
    )


@pytest.mark.slow
def test_every_error_of_the_page_is_in_chinese():
    sentences = raised()
    assert len(sentences) > 100
    left = []
    for name, texts in sentences:
        sentence = "".join("{}" if text is None else text for text in texts)
        if not re.search("[a-z]{3} [a-z]", sentence) or sentence.startswith((*NOT_IN_THE_PAGE, *COMPOSED)):
            continue
        if all(english(each) for each in filled(texts)):
            left.append(f"{name}: {sentence}")
    assert left == []


@pytest.mark.parametrize("sentence", SAID)
def test_errors_and_notes_made_of_parts_are_in_chinese(sentence):
    assert english(sentence) == []


def test_every_kind_of_file_that_is_not_read_is_named_in_chinese():
    names = [*kinds._BEGINNINGS.values(), "a film (AVI)", "sound (WAV)", "a camera's raw file (CR3)"]
    readable = "not a picture in a format that is read (PNG, JPEG): save it as PNG or JPEG."
    left = [name for name in names if english(f"photo.png is {name}, {readable}")]
    left += [
        name for name in (*bmp._NAMED.values(), *bmp._NAMED_OS2.values(), "of 64 bits per pixel")
        if english(f"photo.bmp is a BMP {name}, which is not read: save it as PNG.")
    ]  # fmt: skip
    faults = [fault for _, fault in headers._GIF_LIMITS.values()]
    faults += ["more than 100,000 chunks", "a header of more than 65,536 bytes"]
    left += [fault for fault in faults if english(f"photo.png has {fault}: save it again as PNG.")]
    assert left == []


def test_every_note_on_the_colours_of_a_file_is_in_chinese():
    notes = [value for module in (stated, colour) for name, value in vars(module).items()
             if isinstance(value, str) and name.startswith("_") and value.endswith(".")]  # fmt: skip
    assert len(notes) > 7
    notes += [f"Converted from {name} to sRGB." for name in profile._NAMES]
    assert [note for note in notes if english(note.replace("{}", "PQ"))] == []
