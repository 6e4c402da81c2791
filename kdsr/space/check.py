"""Whether a Space would work, from the files that it would have: one `Finding` per check.

Not here: the build on the Hub itself, its network and its hardware.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from kdsr.errors import InputError
from kdsr.space.header import header_faults, oldest, read_header, read_requirements

MOST_FILE_BYTES = 10_000_000
"""Of one file, above which the Hub wants large-file storage for plain git."""
MOST_BYTES = 1_000_000_000
"""Of all files: the quota of a Space's repository."""
START_S = 300.0
"""For the page to start, and for its first picture."""
_PIP_S = 600.0
_FIRST = ("skimage/data/astronaut.png", "sr_x4")


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One check and what it found."""

    check: str
    verdict: Verdict
    told: str


def check_tree(tree: Path, *, resolve: bool = True, start: bool = True) -> Iterator[Finding]:
    """The findings on the files in `tree`, one after the other.

    resolve: ask the package registry. start: start the page.
    """
    requirements = read_requirements(tree / "requirements.txt")
    yield _header(tree, requirements)
    yield _sizes(tree)
    if resolve:
        python = str(_header_of(tree).get("python_version", "3.12"))
        yield from (_resolves(tree, requirements, python, newest=newest) for newest in (False, True))
    if start:
        yield from _starts(tree)


def _header_of(tree: Path) -> dict[str, Any]:
    return read_header((tree / "README.md").read_text(encoding="utf-8"))


def _header(tree: Path, requirements: list[Requirement]) -> Finding:
    try:
        header = _header_of(tree)
    except InputError as error:
        return Finding("header", Verdict.FAILED, str(error))
    faults = " ".join(header_faults(header, tree, requirements))
    told = f"gradio {header.get('sdk_version')}, Python {header.get('python_version')}, {header.get('app_file')}"
    return Finding("header", Verdict.FAILED if faults else Verdict.OK, faults or told)


def _sizes(tree: Path) -> Finding:
    sizes = {str(path.relative_to(tree)): path.stat().st_size for path in tree.rglob("*") if path.is_file()}
    large = [f"{name} has {size / 1e6:.1f} MB" for name, size in sizes.items() if size > MOST_FILE_BYTES]
    total = sum(sizes.values())
    if total > MOST_BYTES:
        large.append(f"all files have {total / 1e6:,.0f} MB, of {MOST_BYTES / 1e6:,.0f}")
    if large:
        return Finding("sizes", Verdict.FAILED, f"{'; '.join(large)}; one may have {MOST_FILE_BYTES / 1e6:.0f} MB.")
    most = max(sizes, key=lambda name: sizes[name])
    return Finding(
        "sizes", Verdict.OK, f"{len(sizes)} files, {total / 1e6:.1f} MB; largest {most}, {sizes[most] / 1e6:.1f} MB"
    )


def _resolves(tree: Path, requirements: list[Requirement], python: str, *, newest: bool) -> Finding:
    """Whether pip finds a set of packages for `python`, with the newest or the oldest torch that is allowed."""
    torch = next(each for each in requirements if each.name == "torch")
    name = f"{'newest' if newest else 'oldest'} torch"
    with tempfile.TemporaryDirectory(prefix="kdsr-pip-") as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-input",
            "--disable-pip-version-check", "--python-version", python, "--only-binary=:all:", "--target", folder,
            "--report", str(report), "-r", str(tree / "requirements.txt"),
            f"gradio[oauth]=={_header_of(tree).get('sdk_version')}",
        ]  # fmt: skip
        command += [] if newest else [f"torch=={oldest(torch)}.*"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_S, check=False)
        except subprocess.TimeoutExpired:
            return Finding(name, Verdict.SKIPPED, f"pip did not answer in {_PIP_S:.0f} s.")
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["pip said nothing"]
            unknown = "(from versions: none)" in done.stderr and not _registry_answers()
            return Finding(name, Verdict.SKIPPED if unknown else Verdict.FAILED, said[-1])
        found = {each["metadata"]["name"].lower(): each for each in json.loads(report.read_text())["install"]}
    return Finding(
        name, Verdict.OK, f"Python {python}: torch {found['torch']['metadata']['version']}, {len(found)} packages"
    )


def _registry_answers() -> bool:
    """Whether pip's registry knows gradio, which it does unless it cannot be reached."""
    command = [sys.executable, "-m", "pip", "index", "versions", "gradio", "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, timeout=_PIP_S, check=False).returncode == 0


def _starts(tree: Path) -> Iterator[Finding]:
    """Whether the page starts from `tree` and restores a picture."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="kdsr-space-") as home, tempfile.TemporaryFile("w+") as log:
        environment = os.environ | {
            "PYTHONPATH": str(tree), "GRADIO_SERVER_PORT": str(port), "KDSR_HOME": home, "KDSR_STOP_S": "0",
            "KDSR_WEIGHTS_DIR": str(tree / "weights"), "GRADIO_TEMP_DIR": f"{home}/gradio", "SPACE_ID": "check/space",
        }  # fmt: skip
        started = time.monotonic()
        page = subprocess.Popen(
            [sys.executable, str(_header_of(tree)["app_file"])], cwd=tree, env=environment, stdout=log, stderr=log
        )
        try:
            up = _answers(f"http://127.0.0.1:{port}/healthz", page)
            if not up:
                log.seek(0)
                yield Finding("start", Verdict.FAILED, (log.read().strip().splitlines() or ["It did not answer."])[-1])
                return
            yield Finding("start", Verdict.OK, f"answers after {time.monotonic() - started:.0f} s")
            yield _first_picture(f"http://127.0.0.1:{port}/")
        finally:
            page.kill()
            page.wait()


def _answers(address: str, page: "subprocess.Popen[bytes]") -> bool:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and page.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.5)
    return False


def _first_picture(address: str) -> Finding:
    """Whether the page at `address` restores its first example by its first student."""
    from gradio_client import Client, handle_file

    spec = importlib.util.find_spec("skimage")
    assert spec is not None and spec.origin is not None
    picture = Path(spec.origin).parent.parent / _FIRST[0]
    started = time.monotonic()
    try:
        client = Client(address, verbose=False)
        students = [each for each in client.predict(_FIRST[1], api_name="/models") if each["role"] == "student"]
        result = client.submit(
            handle_file(str(picture)), _FIRST[1], students[0]["name"], None, None, api_name="/restore"
        ).result(timeout=START_S)
    except Exception as error:  # whatever ails a page that was made elsewhere is the finding
        return Finding("first picture", Verdict.FAILED, f"{type(error).__name__}: {error}")
    size = Path(result).stat().st_size / 1e6
    return Finding(
        "first picture", Verdict.OK, f"{students[0]['name']}, {time.monotonic() - started:.1f} s, PNG of {size:.1f} MB"
    )
