"""Whether `kdsr restore --recursive` keeps a tree of folders, tells its time beforehand, and goes on after `kill -9`.

    python benchmarks/folder_tree.py [--model sr_x2-student-16x7] [--pictures 300] [--rounds 3] [--largest 640]

Makes a tree of three levels with cuts of photographs (scikit-image's own), of 96 to `--largest` px a side, as PNG, JPEG
and WebP. Each round restores another tree by the command itself: times the rest of the run from the line with the
estimate on, and compares time and bytes with it. The last round is killed after a third of its results and started
again. Prints both estimates in percent of the truth; ends with 1 where a result is missing or has another place.
"""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
import typer

from kdsr.image import Picture, write_picture

SMALLEST_PX = 96
_SAID = re.compile(r"Estimate for the other (\d+) pictures: (?:(\d+) days?, )?(\d+):(\d+):(\d+) and ([\d,]+) MB")


@dataclass
class Run:
    """One call of the command."""

    skipped: int = 0
    estimate_s: float | None = None
    estimate_mb: float = 0.0
    rest_s: float = 0.0
    rest: int = 0
    """Pictures after the estimate."""


def main(model: str = "sr_x2-student-16x7", pictures: int = 300, rounds: int = 3, largest: int = 640) -> None:
    """Measure and print."""
    is_complete = True
    for number in range(rounds):
        with TemporaryDirectory() as place:
            source, out = Path(place) / "in", Path(place) / "out"
            wanted = write_tree(source, pictures, largest, seed=number)
            killed = number == rounds - 1
            before = kill_after(pictures // 3, source, out, model) if killed else 0
            run = follow(source, out, model)
            found = {str(path.relative_to(out)) for path in out.rglob("*") if path.suffix == ".png"}
            is_complete = is_complete and found == wanted and run.skipped >= before - 2
            killed_after = f"killed after {before}, {run.skipped} of them skipped; " if killed else ""
            in_place = f"{len(found & wanted)} of {len(wanted)} results in their place"
            typer.echo(f"tree {number + 1}: {killed_after}{in_place}; {accuracy(run, out)}")
    raise typer.Exit(0 if is_complete else 1)


def write_tree(folder: Path, pictures: int, largest: int, seed: int) -> set[str]:
    """The names of the results, below the folder of results; the pictures lie in three levels of `folder`."""
    photographs = [each() for each in (skimage.data.astronaut, skimage.data.chelsea, skimage.data.coffee)]
    random, wanted = np.random.default_rng(seed), set()
    for index in range(pictures):
        photograph = photographs[index % len(photographs)]
        height, width = np.exp(random.uniform(np.log(SMALLEST_PX), np.log(largest), 2)).astype(int)
        tiled = np.tile(photograph, (-(-height // photograph.shape[0]), -(-width // photograph.shape[1]), 1))
        top, left = (random.integers(0, n + 1) for n in (tiled.shape[0] - height, tiled.shape[1] - width))
        scene = index // 2
        below = Path(*(f"level {depth} {scene % (depth + 3)}" for depth in range(1, scene % 4 + 1)))
        (folder / below).mkdir(parents=True, exist_ok=True)
        stem = f"picture {2 * scene if scene % 5 == 0 else index:03}"  # every fifth pair differs by its endings only
        suffix = (".png", ".jpg", ".webp")[index % 3]
        pixels = np.ascontiguousarray(tiled[top : top + height, left : left + width])
        write_picture(Picture(pixels), folder / below / f"{stem}{suffix}")
    for path in (path for path in folder.rglob("*") if path.is_file()):
        is_taken = len(list(path.parent.glob(f"{path.stem}.*"))) > 1
        wanted.add(str(path.relative_to(folder).with_name(f"{path.name if is_taken else path.stem}.png")))
    return wanted


def started(source: Path, out: Path, model: str) -> "subprocess.Popen[str]":
    """The command, with its lines in a pipe."""
    words = [sys.executable, "-m", "kdsr", "restore", source, "-r", "-o", out, "--model", model]
    return subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True, env=os.environ)


def kill_after(results: int, source: Path, out: Path, model: str) -> int:
    """The number of results that lie there after `kill -9`."""
    process = started(source, out, model)
    assert process.stderr is not None
    for count, _ in enumerate((line for line in process.stderr if " -> " in line), start=1):
        if count == results:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    return sum(path.suffix == ".png" for path in out.rglob("*"))


def follow(source: Path, out: Path, model: str) -> Run:
    """What the command said, and the time that the rest took in truth."""
    run, process, since = Run(), started(source, out, model), 0.0
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"(\d+) of \d+ pictures are finished already", line):
            run.skipped = int(found[1])
        if found := _SAID.search(line):
            days, hours, minutes, seconds = (int(found[place] or 0) for place in range(2, 6))
            run.estimate_s = ((24 * days + hours) * 60 + minutes) * 60 + seconds
            run.rest, run.estimate_mb, since = int(found[1]), float(found[6].replace(",", "")), time.monotonic()
        elif " -> " in line:
            run.rest_s = time.monotonic() - since
    if process.wait() != 0:
        raise SystemExit("The command failed.")
    return run


def accuracy(run: Run, out: Path) -> str:
    """Both estimates beside the truth."""
    if run.estimate_s is None:
        return "no estimate"
    newest = sorted((path for path in out.rglob("*.png")), key=lambda path: path.stat().st_mtime)[-run.rest :]
    bytes_mb = sum(path.stat().st_size for path in newest) / 1e6
    return (
        f"{run.rest} pictures in {run.rest_s:.1f} s, estimated {run.estimate_s:.0f} s "
        f"({run.estimate_s / run.rest_s:.0%}); {bytes_mb:.0f} MB, estimated {run.estimate_mb:.0f} MB "
        f"({run.estimate_mb / bytes_mb:.0%})"
    )


if __name__ == "__main__":
    typer.run(main)
