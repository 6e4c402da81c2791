"""Two served pages on one PostgreSQL: a run is started at one, watched and stopped at the other, and outlives the one.

    python benchmarks/replicas.py --database postgresql://USER@HOST/NAME [--artifacts s3://BUCKET/runs] [--own-machine]

The first page and its workers are killed by SIGKILL in the middle. With `--own-machine` (root) the first page runs in a
process namespace of its own, so that the other cannot see its processes, as on another machine. Without `--artifacts`
a local folder is taken. Use an empty database. Prints one JSON object; times in seconds.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from gradio_client import Client, handle_file

from kdsr.jobs import WAITING, Run, State
from kdsr.jobs.artifacts import PUSH_S
from kdsr.jobs.folders import new_id
from kdsr.jobs.process import is_alive
from kdsr.jobs.store import Store
from kdsr.settings import Settings

OWNER = "the owner of all runs here"
_CHECKPOINT_S = 60.0
"""How often the trainer writes one."""
CUSTOM = {"steps": 100_000, "batch_size": 2, "patch_px": 16}


def main() -> None:
    """Start both pages, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True)
    parser.add_argument("--artifacts", default="")
    parser.add_argument("--own-machine", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        settings = Settings(
            home=folder / "other", database_url=options.database,
            artifacts_url=options.artifacts or f"file://{folder / 'place'}", device="cpu", threads=1,
        )  # fmt: skip
        claims = claims_at_once(options.database)
        pages = [Page(replace(settings, home=folder / "one"), alone=options.own_machine), Page(settings, alone=False)]
        for page in pages:
            stack.callback(page.kill)
        report = {"own_machine": options.own_machine, **claims, **story(pages, Store(options.database), folder)}
    print(json.dumps(report, indent=2))  # noqa: T201 - the output of a script


class Page:
    """A page served by a process with a home of its own."""

    def __init__(self, settings: Settings, *, alone: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        names = ("home", "database_url", "artifacts_url", "device", "threads")
        given = {f"KDSR_{name.upper()}": str(getattr(settings, name)) for name in names}
        wrapped = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if alone else []
        self.url = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen(
            [*wrapped, sys.executable, "-m", "kdsr", "serve", "--port", str(port)],
            env={**os.environ, **given, "GRADIO_TEMP_DIR": str(settings.home / "gradio")}, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def client(self) -> Client:
        """A client of the page, once it answers."""

        def ask() -> Client | None:
            try:
                return Client(self.url, verbose=False)
            except Exception:  # it starts
                return None

        return wait_for(ask)

    def kill(self) -> None:
        """End the page at once; where it has a namespace of its own, all its processes end too."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def story(pages: list[Page], store: Store, folder: Path) -> dict[str, Any]:
    """What happened to two runs, with its times: one was stopped at the other page, and the first page died under the
    second with its worker. `store` only puts that one back into the queue: there is no endpoint for it.
    """
    one, other = (page.client() for page in pages)

    def start(name: str) -> str:
        photos = [handle_file(str(path)) for path in photographs(folder)]
        asked = (OWNER, "sr_x4", "sr_x4-teacher", "fresh 16x7", photos, "custom", name, CUSTOM)
        return str(one.predict(*asked, api_name="/distill_start")["id"])

    def at(client: Client, run_id: str) -> dict[str, Any]:
        return dict(client.predict(run_id, 0, api_name="/distill_status")["run"])

    def until(client: Client, run_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return dict(wait_for(lambda: is_so(now := at(client, run_id)) and now))

    stopped_id = start("stopped")
    until(other, stopped_id, begun)
    began = time.monotonic()
    other.predict(OWNER, stopped_id, api_name="/distill_stop")
    stopped, stop_s = until(one, stopped_id, ended), time.monotonic() - began
    run_id = start("bereaved")
    until(other, run_id, begun)
    time.sleep(_CHECKPOINT_S + 2 * PUSH_S)
    before, holder = at(other, run_id), store.get(run_id).holder or ""
    began = time.monotonic()
    pages[0].kill()
    if is_alive(holder):
        os.kill(int(holder.split()[-2]), signal.SIGKILL)
    dead, noticed_s = until(other, run_id, ended), time.monotonic() - began
    store.requeue(run_id, lambda _counts: None)
    until(other, run_id, lambda now: now["step"] > dead["step"])
    other.predict(OWNER, run_id, api_name="/distill_stop")
    end = until(other, run_id, ended)
    begins = [event["step"] for event in store.events(run_id, after=0, most=100_000) if event["event"] == "started"]
    return {
        "stopped_at_the_other_page_after_s": round(stop_s, 2), "stopped": [stopped["state"], stopped["step"]],
        "step_at_the_kill": before["step"], "noticed_after_s": round(noticed_s, 2),
        "then": [dead["state"], dead["step"]],
        "begun_at_steps": begins, "at_the_end": [end["state"], end["step"]],
    }  # fmt: skip


def begun(run: dict[str, Any]) -> bool:
    """Whether the run has done a step."""
    return bool(run["step"] > 0)


def ended(run: dict[str, Any]) -> bool:
    """Whether no worker has the run any more."""
    return run["state"] not in WAITING


def claims_at_once(database: str) -> dict[str, Any]:
    """40 claims at once from 8 stores, of 50 queued runs: how many were given, how many twice; the runs are removed."""
    jobs = [Store(database) for _ in range(8)]
    made = [
        Run(
            id=new_id(),
            owner_sha256="",
            name="none",
            recipe="{}",
            data_dir="",
            state=State.QUEUED,
            created=0.0,
            steps=1,
        )
        for _ in range(50)
    ]
    for run in made:
        jobs[0].add(run, lambda _counts: None)
    began = time.perf_counter()
    with ThreadPoolExecutor(40) as threads:
        claims = [threads.submit(jobs[n % 8].claim, f"claims {n} 1", at_once=1000) for n in range(40)]
    took_ms = 1e3 * (time.perf_counter() - began)
    held = [claim.result() for claim in claims]
    for run in held:
        if run is not None:
            jobs[0].finish(run, State.STOPPED, "")
    for run in made:
        if jobs[0].get(run.id).state is State.QUEUED:
            jobs[0].ask_to_stop(run.id)
        jobs[0].delete(run.id)
    ids = [run.id for run in held if run is not None]
    return {"claims_at_once": len(held), "given": len(ids), "given_twice": len(ids) - len(set(ids)),
            "all_40_claims_ms": round(took_ms, 1)}  # fmt: skip


def photographs(folder: Path) -> list[Path]:
    """Six files of coarse noise."""
    rng, paths = np.random.default_rng(0), []
    for index in range(6):
        paths.append(folder / f"photo{index}.png")
        coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        cv2.imwrite(str(paths[-1]), cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC))
    return paths


def wait_for(condition: Callable[[], Any], limit_s: float = 180.0) -> Any:
    """What `condition()` gives once it is true."""
    give_up = time.monotonic() + limit_s
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise TimeoutError("waited for too long")
        time.sleep(0.1)
    return found


if __name__ == "__main__":
    main()
