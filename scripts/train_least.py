"""Train the least trained recipes of a plan for a given number of minutes.

    python scripts/train_least.py --data PHOTOS --minutes 25 [--plan recipes/planned] [--runs runs]
                                  [--chunk-minutes 9] [--at-once 1]

Each recipe of the plan has a run under the folder of runs. The run with the smallest share of its steps done goes on
for one chunk, in its own process; up to `--at-once` of them run side by side. A recipe waits until a teacher or a start
that is in the plan too is finished. Finished networks are copied to `RUNS/weights`, beside copies of the released ones:
measure them with `KDSR_WEIGHTS_DIR=RUNS/weights kdsr card measure NAME --data TESTSETS`, and release what is better.

Ctrl-C stops every run with a checkpoint, and the same command resumes them. Everything that a resume needs, apart from
the photographs, is in the folder of runs; files there of more than 16 MiB are listed at the end.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kdsr.train import Recipe, recipe_from_json
from kdsr.train.events import events_in
from kdsr.train.train import stages_of

ROOT = Path(__file__).resolve().parents[1]
LARGEST_FILE_BYTES = 16 * 2**20
SHORTEST_CHUNK_S = 5.0
_STARTING_S = 20.0
"""Time to start a process and read the photographs, which `--time-limit-s` does not count."""


@dataclass(frozen=True)
class Entry:
    """One network of the plan."""

    path: Path
    """The recipe's file."""
    recipe: Recipe
    out: Path

    @property
    def stages(self) -> list[tuple[Recipe, Path]]:
        """The stages in order, each with its folder."""
        return stages_of(self.recipe, self.out) if self.recipe.stages else [(self.recipe, self.out)]

    @property
    def steps_done(self) -> int:
        """Steps of the run so far, over all its stages."""
        return sum(
            max((event.get("step", 0) for event in events_in(folder / "events.jsonl")), default=0)
            for _, folder in self.stages
        )

    @property
    def is_done(self) -> bool:
        """Whether the run has finished and written its weights."""
        return any(event["event"] == "finished" for event in events_in(self.out / "events.jsonl"))

    @property
    def needs(self) -> set[str]:
        """Names of the networks that the recipe reads: teachers and starts."""
        return {name for stage, _ in self.stages for name in stage.networks} - {self.recipe.name}


def main() -> None:
    """Train until the minutes are over or every run is finished."""
    # Over 40 lines: options, then one loop.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recipes' photographs")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--plan", type=Path, default=ROOT / "recipes" / "planned", help="folder of recipes")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--chunk-minutes", type=float, default=9.0)
    parser.add_argument(
        "--at-once",
        type=int,
        default=1,
        help="as many as the device's memory holds: 3 GiB for a teacher, 1 for a student",
    )
    options = parser.parse_args()
    entries = plan_of(options.plan, options.runs)
    weights = overlay(options.runs / "weights")
    ends = time.monotonic() + 60 * options.minutes
    environment = os.environ | {
        "KDSR_WEIGHTS_DIR": str(weights.absolute()),
        "KDSR_HOME": str((options.runs / "home").absolute()),
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    failed: set[str] = set()
    try:
        while True:
            collect(entries, running, failed, weights)
            left_s = min(60 * options.chunk_minutes, ends - time.monotonic())
            waiting = [entry for entry in entries if entry.recipe.name not in running.keys() | failed]
            entry = (
                least_trained(waiting, entries)
                if left_s > SHORTEST_CHUNK_S and len(running) < options.at_once
                else None
            )
            if entry is not None:
                running[entry.recipe.name] = start(entry, left_s, options.data, environment)
            elif not running:
                break
            else:
                time.sleep(0.2)
    except KeyboardInterrupt:
        for process in running.values():
            process.send_signal(signal.SIGINT)
        for process in running.values():
            process.wait()
        collect(entries, running, failed, weights)
    report(entries, failed, options.runs)
    sys.exit(1 if failed else 0)


def plan_of(folder: Path, runs: Path) -> list[Entry]:
    """The recipes in `folder`, in order of file name."""
    recipes = [(path, recipe_from_json(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    return [Entry(path, recipe, runs / recipe.name) for path, recipe in recipes]


def overlay(folder: Path) -> Path:
    """`folder` with copies of the released networks, where it does not hold them yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (Path(os.environ.get("KDSR_WEIGHTS_DIR", ROOT / "weights"))).iterdir():
        if not (folder / file.name).exists():
            shutil.copy2(file, folder / file.name)
    return folder


def least_trained(waiting: list[Entry], entries: list[Entry]) -> Entry | None:
    """The entry of `waiting` with the smallest share of its steps done whose networks are ready; None without one."""
    unfinished = {entry.recipe.name for entry in entries if not entry.is_done}
    ready = [entry for entry in waiting if entry.recipe.name in unfinished and not entry.needs & unfinished]
    return min(ready, key=lambda entry: entry.steps_done / entry.recipe.all_steps, default=None)


def start(entry: Entry, left_s: float, data: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A process that trains `entry` further for `left_s` seconds."""
    recipe = entry.recipe
    tell(f"{recipe.name}: from step {entry.steps_done:,} of {recipe.all_steps:,}, for {left_s / 60:.1f} minutes")
    entry.out.mkdir(parents=True, exist_ok=True)
    limit_s = max(1.0, left_s - min(_STARTING_S, left_s / 4))
    command = [
        sys.executable,
        "-m",
        "kdsr",
        "train",
        str(entry.path),
        "--data",
        str(data),
        "--out",
        str(entry.out),
        "--time-limit-s",
        str(limit_s),
        "--resume",
    ]
    with open(entry.out / "console.log", "ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def collect(
    entries: list[Entry], running: dict[str, "subprocess.Popen[bytes]"], failed: set[str], weights: Path
) -> None:
    """Remove ended processes from `running` and copy finished networks to `weights`."""
    for entry in entries:
        process = running.get(entry.recipe.name)
        if process is None or process.poll() is None:
            continue
        del running[entry.recipe.name]
        if process.returncode not in (0, 130):
            failed.add(entry.recipe.name)
            tell(f"{entry.recipe.name}: failed, see {entry.out / 'console.log'}")
        elif entry.is_done:
            for suffix in (".safetensors", ".json"):
                shutil.copy2(entry.out / f"{entry.recipe.name}{suffix}", weights)
            tell(f"{entry.recipe.name}: done")


def report(entries: list[Entry], failed: set[str], runs: Path) -> None:
    """Print the progress of every network, and the files larger than `LARGEST_FILE_BYTES`."""
    for entry in sorted(entries, key=lambda entry: entry.steps_done / entry.recipe.all_steps):
        share = "done" if entry.is_done else f"{entry.steps_done / entry.recipe.all_steps:.0%}"
        state = "failed" if entry.recipe.name in failed else share
        tell(f"{entry.recipe.name:40} {entry.steps_done:>9,} of {entry.recipe.all_steps:>9,} steps  {state}")
    for file in runs.rglob("*"):
        if file.is_file() and file.stat().st_size > LARGEST_FILE_BYTES and (runs / "home") not in file.parents:
            tell(f"{file} has {file.stat().st_size / 2**20:.0f} MiB, more than 16")


def tell(text: str) -> None:
    """Print one line and flush."""
    print(text, flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
