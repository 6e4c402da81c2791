"""A run as a job of a Ray cluster of this machine: started, stopped, resumed, and its job killed by Ray.

    ray start --head
    KDSR_RAY_TOKEN=$(ray get-auth-token) python benchmarks/ray_jobs.py --address http://127.0.0.1:8265

Needs ray[default] for the cluster, and none for this script. Photographs are random. Prints one JSON object; times in
seconds, from the request on.
"""

import argparse
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kdsr.jobs import WAITING, Jobs, Run
from kdsr.settings import Settings
from kdsr.train.recipe import recipe_from_mapping

OWNER = "the owner of all runs here"
PLAN = {"name": "tiny", "task": "sr_x2", "arguments": {"width": 16, "depth": 3}, "steps": 100_000, "batch_size": 2,
        "patch_px": 12, "compile": False, "precision": "fp32"}  # fmt: skip
TOKEN = os.environ.get("KDSR_RAY_TOKEN", "")


def main() -> None:
    """Do it all and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True)
    parser.add_argument("--database", default="", help="PostgreSQL instead of a SQLite file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(
            home=Path(name), launcher="ray", ray_address=options.address, database_url=options.database, device="cpu",
            ray_token=TOKEN,
        )  # fmt: skip
        jobs = Jobs(settings)
        jobs.keep_tending(1.0)
        print(json.dumps(story(jobs, Path(name), options.address), indent=2))  # noqa: T201 - the output of a script


def story(jobs: Jobs, folder: Path, address: str) -> dict[str, Any]:
    """What happened to one run."""
    run_id = jobs.submit(recipe_from_mapping(PLAN), OWNER, photographs(folder)).id

    def first(condition: Callable[[Run], bool]) -> tuple[Run, float]:
        began = time.monotonic()
        while not condition(now := jobs.get(run_id)):
            if time.monotonic() > began + 180:
                raise TimeoutError(f"{now.state}: {now.message}")
            time.sleep(0.05)
        return now, round(time.monotonic() - began, 2)

    _, first_step_s = first(lambda run: run.step > 0)
    jobs.stop(run_id, OWNER)
    stopped, stop_s = first(lambda run: run.state not in WAITING)
    jobs.resume(run_id, OWNER)
    _, resumed_s = first(lambda run: run.step > stopped.step)
    running = [job for job in ask(f"{address}/api/jobs/") if job["status"] == "RUNNING" and run_id in str(job)]
    ask(f"{address}/api/jobs/{running[-1]['submission_id']}/stop", method="POST")
    ended, ended_s = first(lambda run: run.state not in WAITING)
    begun = [event["step"] for event in jobs.events(run_id, most=10_000) if event["event"] == "started"]
    return {
        "first_step_s": first_step_s, "stop_s": stop_s, "stopped": [stopped.state, stopped.step],
        "resumed_s": resumed_s, "begun_at_steps": begun, "job_stopped_by_ray_s": ended_s,
        "then": [ended.state, ended.step, ended.message],
        "jobs": {job["submission_id"]: job["status"] for job in ask(f"{address}/api/jobs/")},
    }  # fmt: skip


def ask(url: str, method: str = "GET") -> Any:
    """The JSON that `url` answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def photographs(folder: Path) -> list[Path]:
    """Four files of coarse noise."""
    rng, paths = np.random.default_rng(0), []
    for index in range(4):
        paths.append(folder / f"photo{index}.png")
        coarse = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        cv2.imwrite(str(paths[-1]), cv2.resize(coarse, (72, 64), interpolation=cv2.INTER_CUBIC))
    return paths


if __name__ == "__main__":
    main()
