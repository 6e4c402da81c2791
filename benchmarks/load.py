"""Many visitors at once against the real server, by its public HTTP interface: what it answers, and what it keeps.

gradio's Python client looks 20 times a second for an answer: 200 of them take more of the machine than the server.

    python benchmarks/load.py [--visitors 20] [--minutes 1] [--seed 0] [--out report.json]

Starts app.py with a home of its own. Ten visitors at once first, for the time of a student's answer. Then each of the
visitors restores pictures of its own, 64 to 512 px, one after another; some compare, start and stop runs, cancel what
they asked for, break an upload off, or send nonsense. Each answer is compared with the picture that was sent: its
size, and its pixels made small again. Prints what is asked, what was measured and whether it holds. The report, one
JSON object: answers and errors by kind, seconds (p50, p95, p99), and memory, handles and disk over time.
"""

import argparse
import contextlib
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
from load_caller import ANSWER_S, Caller, Refused

from kdsr.ui.leftovers import MOST_BYTES

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = {"restore": 70, "compare": 8, "cancelled": 8, "broken off": 6, "nonsense": 4, "run": 4}
"""How often each is done, of 100."""
TOGETHER = 10
"""Visitors at once for whom the time of a student's answer is asked."""
_FARTHEST = 14.0
"""Mean difference in levels of 255 between a picture and its restored one made small; of two pictures it is 60."""


class Server:
    """app.py in a process of its own, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        places = {"KDSR_HOME": str(folder / "home"), "GRADIO_TEMP_DIR": str(folder / "gradio")}
        self.url, self.samples = f"http://127.0.0.1:{port}", list[dict[str, float]]()
        with open(folder / "app.log", "wb") as log:
            self.process = psutil.Popen(
                [sys.executable, str(ROOT / "app.py"), "--port", str(port)],
                env=os.environ | places | {"GRADIO_ANALYTICS_ENABLED": "False", "KDSR_RUN_THREADS": "1"},
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.url}/config", timeout=20).raise_for_status()
                return
            assert self.process.is_running(), "the app did not start"
            time.sleep(0.5)

    def sample(self, since: float) -> None:
        """Note what the server holds now."""
        workers = 0
        for worker in self.process.children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it ended
                workers += worker.memory_info().rss
        self.samples.append({
            "s": round(time.monotonic() - since, 1), "memory_mb": round(self.process.memory_info().rss / 1e6),
            "workers_mb": round(workers / 1e6), "handles": self.process.num_fds(),
            "disk_mb": round(bytes_below(self.folder) / 1e6, 1),
        })  # fmt: skip

    def faults(self) -> Counter[str]:
        """The last lines of the tracebacks in the server's log."""
        lines = (self.folder / "app.log").read_text(encoding="utf-8", errors="replace").splitlines()
        found, is_inside = Counter[str](), False
        for line in lines:
            if line.startswith("Traceback"):
                is_inside = True
            elif is_inside and line and not line.startswith((" ", "\t")):
                found[line[:120]] += 1
                is_inside = False
        return found


def bytes_below(folder: Path) -> int:
    """Bytes of the files below `folder`, of which some may go meanwhile; what the visitors keep is not counted."""
    found = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "visitors"]
        for name in names:
            with contextlib.suppress(OSError):
                found += (Path(place) / name).lstat().st_size
    return found


class Tally:
    """What all visitors met."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._lock = threading.Lock()

    def add(self, kind: str, seconds: float) -> None:
        """An answer of `kind`."""
        with self._lock:
            self.seconds[kind].append(seconds)

    def error(self, kind: str, error: BaseException) -> None:
        """`error` in place of an answer."""
        with self._lock:
            self.errors[f"{kind}: {type(error).__name__}: {str(error)[:90]}"] += 1

    def report(self) -> dict[str, Any]:
        """Numbers of answers, and their seconds."""
        return {kind: {"answers": len(times)} | percentiles(times) for kind, times in sorted(self.seconds.items())}


def percentiles(seconds: list[float]) -> dict[str, float]:
    """The median of `seconds`, and what 95 and 99 % are below."""
    return {f"p{part}_s": round(float(np.percentile(seconds, part)), 2) for part in (50, 95, 99)}


class Visitor:
    """One visitor with a client of its own."""

    def __init__(self, server: Server, number: int, seed: int, tally: Tally, networks: list[str]) -> None:
        self.server, self.tally, self.networks = server, tally, networks
        self.random = random.Random(f"{seed} {number}")
        self.folder = server.folder / "visitors" / str(number)
        self.folder.mkdir(parents=True)
        self.caller = Caller(server.url)
        self.secret = f"the secret of visitor {number}"
        self.sent = 0

    def work(self, ends: float) -> None:
        """Do one thing after another until `ends`."""
        acts: dict[str, Callable[[], None]] = {
            "restore": self.restore, "compare": self.compare, "cancelled": self.cancel, "broken off": self.break_off,
            "nonsense": self.nonsense, "run": self.run,
        }  # fmt: skip
        while time.monotonic() < ends:
            (kind,) = self.random.choices([*WEIGHTS], [*WEIGHTS.values()])
            since = time.monotonic()
            try:
                acts[kind]()
                self.tally.add(kind, time.monotonic() - since)
            except Exception as error:  # whatever a client raises is what is counted
                self.tally.error(kind, error)
                time.sleep(0.5)

    def restore(self) -> None:
        """A picture x4, checked."""
        path, pixels = self._picture()
        network = self.random.choice(self.networks)
        self._check(pixels, self.caller.answer("restore", self._asked(path, network=network)))

    def compare(self) -> None:
        """Student and teacher on a small picture, both checked."""
        path, pixels = self._picture(64)
        told = self.caller.answer("compare", self._asked(path))
        for role in ("student", "teacher"):
            self._check(pixels, told["pictures"][role]["file"])

    def cancel(self) -> None:
        """Ask, and go before the answer."""
        path, _ = self._picture()
        event = self.caller.ask("restore", self._asked(path, network=self.networks[0]))
        with contextlib.suppress(httpx.ReadTimeout):
            wait = httpx.Timeout(ANSWER_S, read=self.random.random())
            with self.caller.http.stream("GET", f"/call/restore/{event}", timeout=wait) as stream:
                stream.read()

    def break_off(self) -> None:
        """Send half an upload, and close the connection."""
        host, port = self.server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            head = "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
            wire.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
            wire.sendall(b'Content-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(100_000))

    def nonsense(self) -> None:
        """A request that is refused with one sentence."""
        try:
            self.caller.answer("restore", {"picture": {"path": "/etc/hostname"}, "task": 5})
        except Refused as error:
            if "uploaded file" not in str(error):
                raise

    def run(self) -> None:
        """A run of Distill, started and stopped; more than allowed, for a visitor or an address, is a refusal."""
        asked = {
            "owner": self.secret, "task": "sr_x4", "teacher": "sr_x4-teacher", "student": "fresh 16x7", "photos": [],
            "preset": "quick", "name": "load", "custom": {},
        }  # fmt: skip
        try:
            run = self.caller.answer("distill_start", asked)
        except Refused as error:
            if not re.search("waiting or running|from your network address are kept", str(error)):
                raise
            return
        time.sleep(self.random.random())
        self.caller.answer("distill_stop", {"owner": self.secret, "run_id": run["id"]})

    def _asked(self, path: Path, **more: str) -> dict[str, Any]:
        """What is asked of the picture at `path`, which is uploaded."""
        return {"picture": self.caller.upload(path), "task": "sr_x4", **more}

    def _picture(self, most: int = 512) -> tuple[Path, np.ndarray]:
        """A smooth picture that no other visitor has, and its file."""
        self.sent += 1
        height, width = (self.random.choice([64, 97, 128, 256, 384, 512]) for _ in range(2))
        coarse = np.random.default_rng(self.random.getrandbits(32)).integers(0, 256, (5, 5, 3), np.uint8)
        pixels = cv2.resize(coarse, (min(width, most), min(height, most)), interpolation=cv2.INTER_CUBIC)
        path = self.folder / f"{self.sent}.png"
        cv2.imwrite(str(path), pixels)
        return path, pixels

    def _check(self, pixels: np.ndarray, got: dict[str, Any]) -> None:
        """Note an answer that is not the picture that was sent, at four times its size."""
        answer, name = self.caller.picture(got), Path(got["path"]).name
        height, width = pixels.shape[:2]
        if answer is None or answer.shape != (4 * height, 4 * width, 3):
            self.tally.wrong.append(f"{name}: {None if answer is None else answer.shape}")
            return
        small = cv2.resize(answer, (width, height), interpolation=cv2.INTER_AREA)
        apart = float(np.abs(small.astype(int) - pixels).mean())
        if apart > _FARTHEST:
            self.tally.wrong.append(f"{name}: {apart:.1f} levels apart")


def answers_s(visitor: Visitor, times: int = 5) -> list[float]:
    """Seconds of `times` restorations of 128 px by the first student, one after another."""
    seconds = []
    path, _ = visitor._picture(128)
    for _ in range(times):
        since = time.monotonic()
        visitor.caller.answer("restore", visitor._asked(path, network=visitor.networks[0]))
        seconds.append(time.monotonic() - since)
    return seconds


def loaded(server: Server, visitors: int, minutes: float, seed: int) -> dict[str, Any]:
    """The report of `visitors` at work for `minutes`."""
    told = Caller(server.url).answer("models", {"task": "sr_x4"})
    networks = [one["name"] for one in told if one["role"] == "student"][:3]
    tally, numbers = Tally(), range(1, visitors + 1)
    first = Visitor(server, 0, seed, Tally(), networks)
    answers_s(first, 2)  # opens the network
    idle_s = statistics.median(answers_s(first, 9))
    everybody = [Visitor(server, number, seed, tally, networks) for number in numbers]
    with ThreadPoolExecutor(TOGETHER) as pool:
        together_s = [each for seconds in pool.map(answers_s, everybody[:TOGETHER]) for each in seconds]
    since = time.monotonic()
    threads = [threading.Thread(target=one.work, args=(since + 60 * minutes,)) for one in everybody]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        server.sample(since)
        time.sleep(5)
    ended = time.monotonic()
    answers_s(first, 1)
    recovered_s = time.monotonic() - ended
    server.sample(since)
    answers = sum(map(len, tally.seconds.values()))
    return {
        "visitors": visitors, "minutes": minutes, "answers": answers,
        "answers_per_s": round(answers / (ended - since), 2), "by_kind": tally.report(),
        "errors": dict(tally.errors.most_common()), "lost_or_swapped": tally.wrong,
        "tracebacks": dict(server.faults()), "idle_s": round(idle_s, 3),
        "together": {"visitors": TOGETHER} | percentiles(together_s), "first_answer_after_s": round(recovered_s, 3),
        "idle_after_s": round(statistics.median(answers_s(first)), 3), "held": server.samples,
    }  # fmt: skip


def verdicts(report: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """What is asked, what `report` says, and whether that is enough."""
    failed = [kind for kind in report["errors"] if re.search(r"\b50\d\b", kind)]
    times = report["together"]["p95_s"] / report["idle_s"]
    late = [each for each in report["held"] if 30 * report["minutes"] <= each["s"] <= 60 * report["minutes"]]
    low, high = (extreme(each["memory_mb"] for each in late) for extreme in (min, max))
    disk_gb, recovered_s = max(each["disk_mb"] for each in report["held"]) / 1000, report["first_answer_after_s"]
    lost = len(report["lost_or_swapped"]) + sum(report["errors"].values())
    return [
        ("no answer 5xx", f"{sum(report['errors'][kind] for kind in failed)} of {report['answers']}", not failed),
        ("no picture lost or swapped, each checked by its content", f"{lost}", not lost),
        ("no traceback in the log", f"{sum(report['tracebacks'].values())}", not report["tracebacks"]),
        (f"p95 of a student's answer, {TOGETHER} at once: under 12x idle", f"{times:.1f}x", times < 12),
        ("memory in the second half: within 10 %", f"{low} to {high} MB, {high / low - 1:.1%}", high <= 1.1 * low),
        (f"disk: at most {MOST_BYTES / 1e9:g} GB", f"{disk_gb:.2f} GB", disk_gb * 1e9 <= MOST_BYTES),
        ("an answer within 5 s after the burst", f"{recovered_s:.1f} s", recovered_s <= 5),
    ]  # fmt: skip


def main() -> None:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the report, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        server = Server(Path(name))
        try:
            report = loaded(server, options.visitors, options.minutes, options.seed)
        finally:
            for process in [*server.process.children(recursive=True), server.process]:
                process.terminate()
    if options.out:
        options.out.write_text(json.dumps(report, indent=2), encoding="utf-8")
    for asked, measured, holds in verdicts(report):
        print(f"{asked:60}  {measured:32}  {'holds' if holds else 'does not hold'}")  # noqa: T201 - a script's output


if __name__ == "__main__":
    main()
