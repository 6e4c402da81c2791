"""Ray, started on this machine or joined by its address, and quiet: what is printed is ours."""

import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from kdsr.errors import SettingsError, shortened
from kdsr.settings import Settings, usable_threads

LOCAL = "local"
_REACH_S = 5.0
"""A cluster that does not answer by then is not there."""
_OBJECTS_BYTES = 128 * 2**20
"""Memory for objects: only rows about pictures travel, never pixels."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_gcs_server_request_timeout_seconds": "10",
}


@contextmanager
def ray_at(address: str, settings: Settings) -> Iterator[TextIO]:
    """Ray for the length of the block, and the stdout for what is ours; what Ray says goes to `ray.log` in `home`.

    Args:
        address: `local` starts it in this process's machine, with as many CPUs as `settings` allow; else the
            `HOST:PORT` of a cluster that this machine is a node of.
    Raises:
        SettingsError: Ray is not installed, or no cluster answers at `address` within a few seconds.
    """
    check_installed()
    if address != LOCAL:
        _check_reachable(address)
    for name, value in (_QUIET | (_own() if address == LOCAL else {})).items():
        os.environ.setdefault(name, value)
    import ray

    with _said_apart(settings.home / "ray.log") as stdout, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ray.init(**_how(address, settings))
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise SettingsError(_not_joined(address, error)) from error
        if threading.current_thread() is threading.main_thread():  # Ray's own ends with an abort
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield stdout
        finally:
            with contextlib.suppress(Exception):  # what is done is done; a cluster that has gone need not say good-bye
                ray.shutdown()


def _own() -> dict[str, str]:
    """Of a Ray that is ours alone: it listens on all addresses but hears only who has the token, and its workers are as
    urgent as this process (else they have a niceness of 15).
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_worker_niceness": "0"}


def silence(library: str) -> None:
    """Let `library` (`ray.data`, after its import) log no line on the terminal."""
    logging.getLogger(library).setLevel(logging.CRITICAL)


@contextmanager
def _said_apart(log: Path) -> Iterator[TextIO]:
    """The stdout of before. In the block, what anything prints there goes to the file `log`, and so does what Ray's
    parts in C++ print on stderr; Python's stderr stays what it was.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        raise SettingsError(
            f"What Ray says goes to {log}, which cannot be written ({error.strerror}); set KDSR_HOME to another folder."
        ) from error
    stdout, stderr, kept = sys.stdout, sys.stderr, os.dup(2)
    try:
        with (
            open(log, "w", encoding="utf-8", errors="replace") as file,
            open(os.dup(2), "w", encoding=stderr.encoding, errors=stderr.errors) as terminal,
        ):
            os.dup2(file.fileno(), 2)
            sys.stdout, sys.stderr = file, terminal
            yield stdout
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        os.dup2(kept, 2)
        os.close(kept)


def check_installed() -> None:
    """Pass if Ray and what it needs for data are installed.

    Raises:
        SettingsError: they are not.
    """
    missing = [name for name in ("ray", "pyarrow", "pandas", "fsspec") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(f"--ray needs {' and '.join(missing)}, not installed here; pip install 'kdsr[cluster]'.")


def _how(address: str, settings: Settings) -> dict[str, Any]:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address != LOCAL:
        return {"address": address, **quiet}
    return {
        "address": LOCAL,
        "num_cpus": usable_threads(settings),
        "include_dashboard": False,
        "object_store_memory": _OBJECTS_BYTES,
        **quiet,
    }


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise SettingsError(
            f"--ray takes 'local' or the HOST:PORT of a cluster's head (6379 unless it was set), got '{address}'."
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_REACH_S) as connection:
            if not _is_grpc(connection):
                raise ConnectionError("what listens there is none")
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"No Ray cluster answers at {address} within {_REACH_S:.0f} seconds ({error}); start one with "
            "'ray start --head', or give --ray local."
        ) from error


def _is_grpc(connection: socket.socket) -> bool:
    """Whether a server of HTTP/2, as Ray's head is, greets on `connection`. `ray.init` waits minutes for any other.

    Source: RFC 9113, 3.4: each side begins with a frame of settings, whose kind is 4.
    """
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return True  # it greets behind the handshake
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    greeting = b""
    while len(greeting) < 4 and (more := connection.recv(9)):
        greeting += more
    return greeting[3:4] == b"\x04"


def _not_joined(address: str, error: Exception) -> str:
    said = shortened(str(error), 200)
    if address == LOCAL:
        return f"Ray cannot be started on this machine ({said})."
    return (
        f"The Ray cluster at {address} cannot be joined ({said}); this machine must be one of its nodes: run "
        f"'ray start --address {address}' here first, with the same versions of Ray and Python, and with the token of "
        "the cluster if it has one."
    )
