"""Background runs that are killed at random moments, or whose disk is full: no run is lost, and the weights are equal.

    python benchmarks/runs_under_fire.py kill [--times 20]
    python benchmarks/runs_under_fire.py disk
    python benchmarks/runs_under_fire.py lent [--chunk-s 30] [--steps 4000]
    python benchmarks/runs_under_fire.py beside

`disk` mounts a small tmpfs, so it needs root. `lent` trains in chunks in forked daemons, as on ZeroGPU. `beside`
measures the latency of *Restore* while a run trains; use an idle machine. Networks and photographs are random. Prints
one JSON object.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from kdsr.errors import JobError
from kdsr.image import Picture
from kdsr.jobs import WAITING, Jobs, Run, State
from kdsr.jobs.launchers import ChunkLauncher
from kdsr.jobs.store import store_of
from kdsr.models import build_model, count_macs, count_parameters
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.train import Recipe, Schedule, Teaching, TrainingData, recipe_from_json, train_recipe, with_keys
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card
from kdsr.zoo.weights import load_tensors

OWNER = "the owner of all runs here"


def main() -> None:
    """Do what was asked and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kill", "disk", "lent", "beside"])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunk-s", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        match options.what:
            case "kill":
                report = killed(folder, options.times, options.seed)
            case "disk":
                report = full_disk(folder)
            case "lent":
                report = lent(folder, options.steps, options.chunk_s)
            case _:
                report = beside(folder)
    print(json.dumps(report, indent=2))  # noqa: T201 - the output of a script


def killed(folder: Path, times: int, seed: int) -> dict[str, Any]:
    """Kill the worker `times` times; whether rows, checkpoints and the final weights are what they should be."""
    jobs, rng = Jobs(settings_in(folder)), random.Random(seed)
    run = jobs.submit(recipe(steps=400 * times), OWNER, photographs(folder / "given"))
    noticed, steps, unreadable, lost = [], [], 0, 0
    for _ in range(times):
        wait_until(lambda: jobs.get(run.id).holder is not None)
        time.sleep(rng.uniform(0, 8))
        now = jobs.get(run.id)
        if now.state is State.DONE:
            break
        os.kill(pid_of(now), signal.SIGKILL)
        since = time.monotonic()
        wait_until(lambda: bool(jobs.tend()) or jobs.get(run.id).state is State.INTERRUPTED)
        noticed.append(time.monotonic() - since)
        steps.append(jobs.get(run.id).step)
        lost += sum(1 for each in jobs.runs(OWNER) if each.id == run.id) != 1
        unreadable += not readable(jobs.folder(run.id) / "checkpoint.safetensors")
        jobs.resume(run.id, OWNER)
    done = wait_until(lambda: (now := jobs.get(run.id)).state not in WAITING and now, limit_s=1800)
    same, _ = compare(jobs, done, folder / "whole")
    return {
        "kills": len(noticed),
        "steps_at_the_kills": steps,
        "rows_lost": lost,
        "unreadable_checkpoints": unreadable,
        "interrupted_within_s": max(noticed),
        "state": done.state,
        "same_weights_as_an_uninterrupted_run": same,
    }


def full_disk(folder: Path) -> dict[str, Any]:
    """Fill the disk while a run trains, then free it and resume."""
    home = folder / "small"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(home)], check=True)
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(home)], check=False)
        jobs = Jobs(replace(settings_in(folder), home=home))
        run = jobs.submit(recipe(steps=100_000), OWNER, photographs(folder / "given"))
        checkpoint = jobs.folder(run.id) / "checkpoint.safetensors"
        wait_until(checkpoint.is_file, limit_s=180)
        filler = home / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(65_536)):
                pass
        failed = wait_until(lambda: (now := jobs.get(run.id)).state not in WAITING and now, limit_s=300)
        usable = readable(checkpoint)
        filler.unlink()
        jobs.resume(run.id, OWNER)
        resumed = wait_until(lambda: (now := jobs.get(run.id)).step > failed.step and now, limit_s=120)
        jobs.stop(run.id, OWNER)
        ended = wait_until(lambda: (now := jobs.get(run.id)).state not in WAITING and now)
    return {
        "state_when_full": failed.state,
        "sentence": failed.message,
        "checkpoint_usable": usable,
        "step_when_full": failed.step,
        "step_after_resuming": resumed.step,
        "state_after_a_stop": ended.state,
    }


def lent(folder: Path, steps: int, chunk_s: float) -> dict[str, Any]:
    """Train in chunks, each in a forked daemon of its own; whether curve and weights are those of one run."""
    settings, chunks = settings_in(folder), []

    def forked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            chunks.append(given)
            context = multiprocessing.get_context("fork")
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=lambda: there.send(function(*given)), daemon=True)
            process.start()
            there.close()
            outcome = here.recv()
            process.join()
            return outcome

        return call

    jobs = Jobs(settings, launcher=ChunkLauncher(settings, store_of(settings), gpu=forked, chunk_s=chunk_s))
    run = jobs.submit(recipe(steps=steps), OWNER, photographs(folder / "given"))
    done = wait_until(lambda: (now := jobs.get(run.id)).state not in WAITING and now, limit_s=1800)
    if done.state is not State.DONE:
        return {"chunks": len(chunks), "state": done.state, "message": done.message}
    same, whole = compare(jobs, done, folder / "whole")
    theirs, ours = (
        {event["step"]: event["psnr_db"] for event in events if event["event"] == "validation"}
        for events in (jobs.events(run.id), whole)
    )
    return {
        "chunks": len(chunks),
        "state": done.state,
        "message": done.message,
        "same_weights_as_one_run": same,
        "same_curve_as_one_run": theirs == ours,
    }


def compare(jobs: Jobs, done: Run, folder: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Train the recipe of `done` again without any stop: whether the weights are equal, and the events of it."""
    events: list[dict[str, Any]] = []
    train_recipe(
        recipe_from_json(done.recipe),
        folder,
        settings=replace(jobs.settings, data_dir=jobs.settings.home / "runs"),
        on_event=events.append,
    )
    one, other = (
        load_tensors(jobs.folder(done.id) / "student.safetensors"),
        load_tensors(folder / "student.safetensors"),
    )
    return all(torch.equal(one[name], other[name]) for name in one), events


def beside(folder: Path) -> dict[str, Any]:
    """Latency of the 32x7 student at 256x256 to 1024x1024, with nothing else running and while a `quick`-sized run
    trains.
    """
    settings = settings_in(folder)
    picture = Picture(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    catalog = Catalog(settings.weights_dir)
    runtime = open_runtime(catalog.find("start"), catalog, settings=settings)

    def median_ms() -> float:
        times = []
        for _ in range(15):
            since = time.perf_counter()
            restore_picture(picture, runtime)
            times.append(1000 * (time.perf_counter() - since))
            time.sleep(0.2)
        return statistics.median(times[3:])

    idle_ms = median_ms()
    jobs = Jobs(settings)
    run = jobs.submit(
        recipe(steps=100_000, arguments={"width": 32, "depth": 7}, patch_px=48, batch_size=8),
        OWNER,
        photographs(folder / "given"),
    )
    wait_until(lambda: jobs.get(run.id).step > 0, limit_s=180)
    busy_ms = median_ms()
    jobs.stop(run.id, OWNER)
    wait_until(lambda: jobs.get(run.id).state not in WAITING)
    return {"idle_ms": idle_ms, "beside_a_run_ms": busy_ms, "times": busy_ms / idle_ms}


def recipe(**changes: Any) -> Recipe:
    """A 16x7 student with small steps."""
    plain = Recipe(
        name="student",
        task="sr_x4",
        arguments={"width": 16, "depth": 7},
        teaching=Teaching(teacher="start", truth_share=0.5),
        data=TrainingData(photos=("given",), patch_px=24, validation_photos=2),
        schedule=Schedule(batch_size=2, warmup_steps=2, validate_every=500, compile=False),
    )
    return with_keys(plain, changes)


def settings_in(folder: Path) -> Settings:
    """A home, and the weights of a random 32x7 named `start`."""
    weights_dir = folder / "weights"
    weights_dir.mkdir()
    torch.manual_seed(0)
    arguments = {"width": 32, "depth": 7}
    network = build_model("plain", 4, arguments)
    path = save_weights(network.state_dict(), weights_dir / "start.safetensors")
    card = Card(
        name="start",
        title="Random",
        task="sr_x4",
        role="teacher",
        architecture="plain",
        arguments=arguments,
        parameters=count_parameters(network),
        macs_per_output_megapixel=count_macs(network),
        file_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        licence="Apache-2.0",
        trained_on="random numbers",
        steps=0,
        seed=0,
    )
    write_card(card, weights_dir / "start.json")
    return Settings(
        weights_dir=weights_dir, home=folder / "home", data_dir=folder, device="cpu", max_run_steps=1_000_000
    )


def photographs(folder: Path) -> list[Path]:
    """Eight smooth pictures."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(8):
        coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"photo{index}.png"), cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC))
    return sorted(folder.iterdir())


def readable(checkpoint: Path) -> bool:
    """Whether `checkpoint` loads as a whole, or is not there yet."""
    return not checkpoint.exists() or "step" in load_tensors(checkpoint)


def pid_of(run: Run) -> int:
    """The process that holds `run`."""
    return int((run.holder or "").split()[-2])


def wait_until(condition: Callable[[], Any], limit_s: float = 300.0) -> Any:
    """What `condition()` gives once it is true. A database that a full disk keeps from being read is asked again."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        with contextlib.suppress(JobError):
            found = condition()
            if found:
                return found
        time.sleep(0.02)
    raise TimeoutError("Waited for too long.")


if __name__ == "__main__":
    main()
