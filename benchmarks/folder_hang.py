"""Whether a folder run hangs: many fresh processes of `kdsr restore` on a folder of two pictures.

    python benchmarks/folder_hang.py [--processes 100] [--runtime openvino] [--model NAME] [--timeout-s 120]

Two threads that enter a library for the first time together may wait for ever, which only fresh processes show.
Prints the processes that hung, and exits with 1 if there are any or one failed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer

from kdsr.image import Picture, write_picture


def main(
    processes: int = 100,
    runtime: str = "openvino",
    model: str = "sr_x4-student-16x7",
    timeout_s: float = 120.0,
    side: int = 48,
) -> None:
    """Run them one after another, each with two threads and a cache of its own."""
    hung, failed, seconds = 0, 0, []
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_sources(folder / "in", side)
        for index in range(processes):
            started = time.perf_counter()
            code, said = run_once(folder, index, runtime, model, timeout_s)
            seconds.append(time.perf_counter() - started)
            hung += code is None
            failed += code not in (None, 0)
            if code != 0:
                typer.echo(f"process {index + 1}: {'hung' if code is None else f'ended with {code}'}: {said}", err=True)
    typer.echo(
        f"{processes} processes of two pictures by {runtime}: {hung} hung, {failed} failed; "
        f"{min(seconds):.1f} to {max(seconds):.1f} s each"
    )
    raise typer.Exit(int(hung + failed > 0))


def write_sources(folder: Path, side: int) -> None:
    """Two pictures of noise."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        write_picture(Picture(random.integers(0, 256, (side, side, 3), np.uint8)), folder / name)


def run_once(folder: Path, index: int, runtime: str, model: str, timeout_s: float) -> tuple[int | None, str]:
    """(exit code, or None if it had to be killed; the end of what it said)."""
    command = [sys.executable, "-m", "kdsr", "--threads", "2", "restore", str(folder / "in")]
    command += ["-o", str(folder / f"out-{index}"), "--model", model, "--runtime", runtime]
    environment = {**os.environ, "KDSR_HOME": str(folder / f"home-{index}")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no end after {timeout_s:g} s"
    results = len(list((folder / f"out-{index}").glob("*.png")))
    return (done.returncode if results == 2 else done.returncode or 1), done.stderr[-300:]


if __name__ == "__main__":
    typer.run(main)
