"""Many pages that watch one run at once: answer times of the app, and the handles and memory that it keeps.

    python benchmarks/pages_at_once.py [--pages 30] [--queued 10] [--minutes 10]

Starts app.py with a home of its own, submits runs on the built-in photographs, and lets every page do over HTTP what a
browser does: open by link, ask every 2 s, fetch the page on news. Prints one JSON object: seconds from a question to
its whole answer, updates that differ from the run's own count of events at the end (lost), handles and memory of the
app (its worker is another process) before, at the start and at the end.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from gradio_client import Client

ROOT = Path(__file__).resolve().parent.parent
TICK_S = 2.0


class App:
    """The app under test, and what its page is made of."""

    def __init__(self, folder: Path, port: int) -> None:
        environment = os.environ | {
            "KDSR_HOME": str(folder / "home"),
            "GRADIO_TEMP_DIR": str(folder / "gradio"),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "KDSR_MAX_RUNS_WAITING_PER_OWNER": "100",
            "KDSR_MAX_RUNS_WAITING": "100",
            "KDSR_MAX_RUNS_PER_OWNER": "100",
            "KDSR_RUN_THREADS": "1",
        }
        self.url = f"http://127.0.0.1:{port}"
        with open(folder / "app.log", "wb") as log:
            self.process = psutil.Popen(
                [sys.executable, str(ROOT / "app.py"), "--port", str(port)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        config = self._config()
        events = config["dependencies"]
        self.tick = only(event for event in events if any(target[1] == "tick" for target in event["targets"]))
        self.news = only(
            event
            for event in events
            if [self.tick["outputs"][0], "change"] in [list(target) for target in event["targets"]]
        )
        self.opened = only(
            event
            for event in events
            if any(target[1] == "load" for target in event["targets"]) and len(event["outputs"]) == 2
        )
        followers = [event for event in events if event.get("trigger_after") == self.opened["id"]]
        self.loaded = max(followers, key=lambda event: len(event["outputs"]))

    def _config(self) -> dict[str, Any]:
        while True:
            try:
                config: dict[str, Any] = httpx.get(f"{self.url}/config", timeout=20).json()
                return config
            except httpx.TransportError:
                assert self.process.is_running(), "the app did not start"
                time.sleep(0.5)

    def held(self) -> dict[str, float]:
        """Handles, memory and threads of the app."""
        return {
            "handles": self.process.num_fds(),
            "rss_mb": round(self.process.memory_info().rss / 1e6),
            "threads": self.process.num_threads(),
        }


def only(found: Any) -> Any:
    """The one thing found."""
    (one,) = found
    return one


class Page:
    """One open page."""

    def __init__(self, app: App, http: httpx.AsyncClient) -> None:
        self.app, self.http, self.session = app, http, secrets.token_hex(6)
        self.asked: list[float] = []
        self.news: list[Any] = []

    async def call(self, event: dict[str, Any], data: list[Any], query: str = "") -> dict[str, Any]:
        """What the app answers to `event`; the time it took is noted."""
        since = time.perf_counter()
        body = {
            "data": data,
            "fn_index": event["id"],
            "session_hash": self.session,
            "trigger_id": None,
            "event_data": None,
        }
        joined = await self.http.post(f"{self.app.url}/gradio_api/queue/join?__theme=light{query}", json=body)
        joined.raise_for_status()
        async with self.http.stream(
            "GET", f"{self.app.url}/gradio_api/queue/data", params={"session_hash": self.session}
        ) as lines:
            async for line in lines.aiter_lines():
                told = json.loads(line[5:]) if line.startswith("data:") else {}
                if told.get("msg") == "process_completed" and told["event_id"] == joined.json()["event_id"]:
                    assert told["success"], told
                    self.asked.append(time.perf_counter() - since)
                    answer: dict[str, Any] = told["output"]
                    return answer
        raise RuntimeError("The app ended the answer.")

    async def watch(self, run_id: str, until: float) -> None:
        """Open by link, then ask until the end."""
        await self.call(self.app.opened, [secrets.token_urlsafe(32)])
        await self.call(self.app.loaded, [None], f"&run={run_id}")
        self.asked.clear()
        while time.monotonic() < until:
            since = time.monotonic()
            await self.tick()
            await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - since)))

    async def tick(self) -> None:
        """Ask, and fetch the page if there is news."""
        told = await self.call(self.app.tick, [None, None])
        if self.app.tick["outputs"][0] in told["changed_state_ids"]:
            self.news.append((await self.call(self.app.news, [None, None]))["data"])


async def watched(app: App, run_id: str, pages: int, seconds: float) -> tuple[list[Page], dict[str, float]]:
    """Let `pages` pages watch; they, and what the app held once all were open."""
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as http:
        all_pages = [Page(app, http) for _ in range(pages)]
        until = time.monotonic() + seconds

        async def late(page: Page, wait_s: float) -> None:
            await asyncio.sleep(wait_s)
            await page.watch(run_id, until)

        watching = [asyncio.create_task(late(page, TICK_S * index / pages)) for index, page in enumerate(all_pages)]
        await asyncio.sleep(min(30.0, seconds / 2))
        early = app.held()
        await asyncio.gather(*watching)
    return all_pages, early


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=30)
    parser.add_argument("--queued", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--port", type=int, default=7917)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        app = App(Path(name), options.port)
        try:
            print(json.dumps(measured(app, options), indent=2))  # noqa: T201 - the output of a script
        finally:
            for child in app.process.children(recursive=True):
                child.kill()
            app.process.kill()


def measured(app: App, options: argparse.Namespace) -> dict[str, Any]:
    """Submit, watch, compare."""
    client, secret = Client(app.url, verbose=False), secrets.token_urlsafe(24)
    custom = {"steps": 100_000, "batch_size": 4, "patch_px": 32}

    def start(name: str) -> str:
        run = client.predict(
            secret, "sr_x4", "sr_x4-teacher", "fresh 16x7", [], "custom", name, custom, api_name="/distill_start"
        )
        return str(run["id"])

    first, *others = (start(f"run-{index}") for index in range(1 + options.queued))
    while client.predict(first, 0, api_name="/distill_status")["run"]["step"] == 0:
        time.sleep(0.5)
    before = app.held()
    pages, early = asyncio.run(watched(app, first, options.pages, 60 * options.minutes))
    times = sorted(took for page in pages for took in page.asked)
    end = client.predict(first, 0, api_name="/distill_status")
    queued = [client.predict(other, 0, api_name="/distill_status")["queue_place"] for other in others]
    for run_id in (*others, first):
        client.predict(secret, run_id, api_name="/distill_stop")  # a worker outlives the app
    time.sleep(20)
    last = [max(map(step_in, page.news), default=0) for page in pages]
    return {
        "answers": len(times),
        "median_s": statistics.median(times),
        "p95_s": times[int(0.95 * len(times))],
        "p99_s": times[int(0.99 * len(times))],
        "worst_s": times[-1],
        "pages_fetched": sum(len(page.news) for page in pages),
        "oldest_step_shown_last": min(last),
        "newest_step_shown_last": max(last),
        "step_of_the_run_then": end["run"]["step"],
        "places_in_the_queue": queued,
        "held_before": before,
        "held_when_all_were_open": early,
        "held_20_s_after": app.held(),
    }


def step_in(values: list[Any]) -> int:
    """The step that a page's values tell; 0 where they do not."""
    found = re.search(r"Step ([\d,]+) of", json.dumps(values))
    return int(found[1].replace(",", "")) if found else 0


if __name__ == "__main__":
    main()
