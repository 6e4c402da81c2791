"""The job of `hub_jobs`: `python -m kdsr.jobs.hub_worker` trains one run whose files are in a repository on the Hub.

The repository, the run, and how many seconds it may train come from the environment, the token too (`HF_TOKEN`). The
run has a database of its own here; its events and its end travel as files.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from kdsr.errors import JobError, KdsrError
from kdsr.files import replaced
from kdsr.jobs import artifacts
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.folders import run_dir
from kdsr.jobs.hub_jobs import OUTCOME, POLL_S, STOP
from kdsr.jobs.hub_place import HubPlace
from kdsr.jobs.part import PartResult, Watch, heartbeat, train_part
from kdsr.jobs.process import this_holder
from kdsr.jobs.run import Run
from kdsr.jobs.states import State
from kdsr.jobs.store import Store
from kdsr.settings import settings_from_environment, usable_threads

_PUSH_S = 60.0
"""Interval of commits: the Hub counts them."""


def main() -> int:
    """Train the run. Exit code 0, also if it failed: its outcome is in the repository."""
    given = json.loads(os.environ["KDSR_HUB_RUN"])
    place = HubPlace(os.environ["KDSR_HUB_REPOSITORY"], os.environ["HF_TOKEN"])
    poll_s = float(os.environ.get("KDSR_HUB_POLL_S", POLL_S))
    artifacts.PUSH_S = min(_PUSH_S, 4 * poll_s)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        settings = replace(settings_from_environment(), home=Path(home))
        torch.set_num_threads(usable_threads(settings))
        store, files = Store(settings.home / "jobs.sqlite"), Artifacts(settings, place=place)
        run = Run(**given, owner_sha256="", data_dir="", state=State.QUEUED, created=time.time())
        store.add(run, lambda _counts: None)
        held = store.claim(this_holder(), at_once=1)
        assert held is not None
        watch, asked = Watch(store, held), [time.monotonic()]

        def on_beat() -> None:
            if not watch.is_asked_to_stop and time.monotonic() - asked[0] >= poll_s:
                asked[0] = time.monotonic()
                if _is_to_stop(place, run.id):
                    store.ask_to_stop(run.id)

        limit_s = float(os.environ["KDSR_HUB_LIMIT_S"]) or None
        with heartbeat(watch, on_beat):
            outcome = train_part(held, settings, watch, time_limit_s=limit_s, files=files)
            _tell(files, run_dir(settings, run.id), run.id, outcome)
    return 0


def _is_to_stop(place: HubPlace, run_id: str) -> bool:
    try:
        return place.cat_file(f"{run_id}/{STOP}") == b"yes"
    except Exception:  # the Hub does not answer: the next question may be answered
        return False


def _tell(files: Artifacts, folder: Path, run_id: str, outcome: PartResult) -> None:
    """Store how the run ended beside its files."""
    state, message = outcome.state or State.STOPPED, outcome.message
    if outcome.state is None:
        message = "Stopped after the time that a run may take; the network so far is kept."
    with replaced(folder / OUTCOME) as part:
        part.write_text(json.dumps({"state": state, "message": message}), encoding="utf-8")
    for wait_s in (0, 5, 20):
        time.sleep(wait_s)
        try:
            return files.push(run_id)
        except JobError as error:
            sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KdsrError as error:
        sys.exit(f"kdsr: {error}")
