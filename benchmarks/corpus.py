"""A folder of pictures of any kind, read by KDSR and by independent decoders: the share that is equal, and the rest.

    pip install pyvips pyvips-binary
    python benchmarks/corpus.py FOLDER [--list-to lists.txt] [--seconds 30] [--gigabytes 4]

libvips is the reference, and OpenCV; of BMP also Pillow. Each file ends in one class:

- `equal`: within rounding of one of them, or the noise of two JPEG decoders;
- `noted`: it differs from both, and a note says what was done (a profile, CMYK, HDR);
- `unchecked`: no other decoder reads it;
- `refused`: one sentence, and no other decoder reads it;
- `refused alone`: one sentence, and another one reads it;
- `differs`: from all that read it, without a note;
- `broken`: an exception that is none of KDSR's, no end within the time of the processor, or too much memory.

Files are decoded in other processes, under these limits.
"""

import json
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import cv2
import numpy as np
import typer
from PIL import Image

from kdsr.errors import KdsrError
from kdsr.image import Picture, read_picture
from kdsr.settings import Settings

EQUAL_LEVELS = 2
"""Of 255: profiles and depths are rounded in different places."""
LOSSY_MEAN, LOSSY_SHARE, LOSSY_LEVELS = 1.5, 0.01, 8
"""Two decoders of a lossy format: at most this mean difference, and this share of values further apart than levels."""
BATCH = 100
SETTINGS = Settings(max_input_megapixels=100.0, max_side_px=65_000)


def main(
    folder: Path, list_to: Path | None = None, seconds: int = 30, gigabytes: float = 4.0, worker: bool = False
) -> None:
    """Print the shares; the lists of all that is not equal go to `list_to`."""
    if worker:
        work(seconds, gigabytes)
        return
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {}
    for path, answer in judged(paths, seconds, gigabytes):
        found[path] = answer
        if len(found) % BATCH == 0:
            typer.echo(f"{len(found)} of {len(paths)}", err=True)
    counts = Counter(kind for kind, _ in found.values())
    for kind, count in counts.most_common():
        typer.echo(f"{kind:14} {count:5}  {count / len(found):6.1%}")
    truthful = counts["equal"] + counts["noted"] + counts["refused"]
    typer.echo(f"{len(found)} files; equal, noted or rightly refused: {truthful / len(found):.1%}")
    if list_to:
        lines = [f"{kind}\t{path}\t{why}" for path, (kind, why) in found.items() if kind != "equal"]
        list_to.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")


def judged(paths: list[Path], seconds: int, gigabytes: float) -> Iterator[tuple[Path, tuple[str, str]]]:
    """(path, (class, why)) of each file; a process that dies is followed by another one behind the file it died on."""
    left = list(paths)
    while left:
        batch = left[:BATCH]
        options = ["--worker", "--seconds", str(seconds), "--gigabytes", str(gigabytes)]
        done = subprocess.run(
            [sys.executable, __file__, ".", *options],
            input="\n".join(str(path) for path in batch),
            capture_output=True,
            text=True,
            check=False,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        for path, answer in zip(batch, answers, strict=False):
            yield path, tuple(answer)
        left = left[len(answers) :]
        if len(answers) < len(batch):
            yield left.pop(0), ("broken", f"the process ended with {done.returncode}: {done.stderr[-300:]}")


def work(seconds: int, gigabytes: float) -> None:
    """Judge the files named on standard input, one line of JSON each."""
    limit = int(gigabytes * 1e9)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for kind in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(kind, _too_late)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    for line in sys.stdin.read().splitlines():
        signal.setitimer(signal.ITIMER_PROF, seconds)  # of the processor, which others may use as well
        signal.alarm(10 * seconds)
        try:
            answer = judge(Path(line))
        except (TimeoutError, MemoryError) as error:
            answer = "broken", f"{type(error).__name__} {error}"
        except Exception as error:  # the finding that this script is for
            answer = "broken", f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        typer.echo(json.dumps(answer))


def judge(path: Path) -> tuple[str, str]:
    """(class, why) of the file."""
    try:
        picture = read_picture(path, SETTINGS)
    except KdsrError as error:
        reader = next((name for name, _ in others(path)), None)
        return ("refused", str(error)) if reader is None else ("refused alone", f"{reader} reads it: {error}")
    gaps = []
    for name, pixels in others(path):
        gap = difference(_levels(picture), pixels)
        if gap is None:
            return "equal", name
        gaps.append(f"{name}: {gap}")
    if not gaps:
        return "unchecked", " ".join(picture.notes)
    return ("noted", " ".join(picture.notes)) if picture.notes else ("differs", "; ".join(gaps))


def others(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(decoder, (H, W, 4) float32 in [0, 255]) of each other decoder that reads the file."""
    with suppress(Exception):  # whatever it raises: it does not read the file
        yield "libvips", by_vips(path)
    with suppress(Exception):
        yield "OpenCV", by_opencv(path)
    if path.suffix.lower() in (".bmp", ".dib"):  # OpenCV is wrong on bit fields, and KDSR reads these itself
        with suppress(Exception), Image.open(path) as image:
            yield "Pillow", _rgba(np.asarray(image.convert("RGBA"), np.float32))


def by_vips(path: Path) -> np.ndarray:
    """What libvips shows: upright, by its profile, in sRGB."""
    import pyvips

    image = pyvips.Image.new_from_file(str(path), fail_on="truncated").autorot()
    if image.get_typeof("icc-profile-data"):
        with suppress(pyvips.Error):  # a damaged profile
            depth = 16 if image.format == "ushort" else 8
            image = image.icc_transform(
                "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=depth
            )
    if image.interpretation in ("cmyk", "lab", "labs", "labq"):
        image = image.colourspace("srgb")
    scale = {"uchar": 1.0, "ushort": 1 / 257}[image.format]
    return _rgba(image.numpy() * np.float32(scale))


def by_opencv(path: Path) -> np.ndarray:
    """What OpenCV reads; it turns by EXIF and follows no profile."""
    flags = cv2.IMREAD_UNCHANGED if path.suffix.lower() in (".png", ".tif", ".tiff", ".webp") else cv2.IMREAD_COLOR
    image = cv2.imread(str(path), flags)
    scale = {np.dtype(np.uint8): 1.0, np.dtype(np.uint16): 1 / 257}[image.dtype]
    image = np.atleast_3d(image)
    order = [0] if image.shape[2] == 1 else [2, 1, 0, 3][: image.shape[2]]
    return _rgba(image[..., order] * np.float32(scale))


def difference(ours: np.ndarray, theirs: np.ndarray) -> str | None:
    """None where both show the same, else in words."""
    if ours.shape != theirs.shape:
        return f"{ours.shape[1]} x {ours.shape[0]} against {theirs.shape[1]} x {theirs.shape[0]}"
    visible = np.minimum(ours[..., 3:], theirs[..., 3:]) > 0
    gap = np.abs(ours - theirs) * np.concatenate([np.repeat(visible, 3, 2), np.ones_like(visible)], axis=2)
    if gap.max(initial=0) <= EQUAL_LEVELS:
        return None
    if gap.mean() <= LOSSY_MEAN and (gap > LOSSY_LEVELS).mean() <= LOSSY_SHARE:
        return None
    return f"up to {gap.max():.0f} levels, {gap.mean():.2f} in the mean"


def _levels(picture: Picture) -> np.ndarray:
    scale = np.float32(1 if picture.bits == 8 else 1 / 257)
    stacked = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    return _rgba(stacked * scale)


def _rgba(image: np.ndarray) -> np.ndarray:
    """(H, W, 4) of (H, W, 1 to 4)."""
    image = np.atleast_3d(image)
    alpha = image[..., -1:] if image.shape[2] in (2, 4) else np.full_like(image[..., :1], 255)
    colours = image[..., : 3 if image.shape[2] > 2 else 1]
    return np.concatenate([np.broadcast_to(colours, (*colours.shape[:2], 3)), alpha], axis=2)


def _too_late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError


if __name__ == "__main__":
    typer.run(main)
