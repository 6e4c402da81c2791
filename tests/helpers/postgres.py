"""A PostgreSQL server of the tests' own, from Debian's package: in a temporary folder, on a free port."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.serving import free_port

_QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=60"
PASSWORD = "a-password-that-nobody-sees"
"""In the address; this server asks for none."""


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where the package postgresql is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    return Path(found[-1]).parent if found[-1] else None


class Server:
    """A server whose tables are in `folder`; `url` is its address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"postgresql://kdsr:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, also again."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 {_QUICK}"
        self._run("pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """Stop at once, as a crash does."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self.folder / "data")

    def make(self) -> None:
        """Make the tables' folder."""
        self._run("initdb", "-D", self.folder / "data", "-U", "kdsr", "-A", "trust", "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: object) -> None:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        words = [*as_user, str(programs() / program), *map(str, arguments)]
        with (self.folder / "told").open("ab") as told:  # a pipe would stay open with the server
            done = subprocess.run(words, stdout=told, stderr=told, check=False, timeout=60, cwd=self.folder)
        assert done.returncode == 0, (self.folder / "told").read_text()


@contextmanager
def running_server() -> Iterator[Server]:
    """A server that runs during the block."""
    folder = Path(tempfile.mkdtemp(prefix="kdsr-postgres-"))
    try:
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
        server = Server(folder)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
