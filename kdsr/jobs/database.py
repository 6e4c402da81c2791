"""The database under the store of runs, by SQLAlchemy: a file of SQLite's. Transactions, migration, errors.

Each transaction on SQLite has its own connection, so that threads, forked processes and several programs may share one
file. Not here: statements about runs (`store`), their tables (`tables`), the steps of migration (`migrations/`).
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa

from kdsr.errors import JobError
from kdsr.jobs.fork_gate import no_fork
from kdsr.jobs.tables import NEWEST

_BUSY_S = 20.0
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATING = Lock()
"""Alembic's operations belong to a process."""


class Database:
    """The SQLite database at `path`, which is created or migrated.

    Raises:
        JobError: it cannot be used, or a newer KDSR wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # SQLite would make it readable for everybody
            path.chmod(0o600)
        except OSError as error:
            raise JobError(
                f"The folder {path.parent} cannot be used ({error.strerror}): set KDSR_HOME to one that can."
            ) from error
        self._engine = _sqlite(path)
        self._migrate()

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[sa.Connection]:
        """A connection inside one transaction, which is rolled back if the block raises. One writes at a time."""
        try:
            with no_fork(), self._engine.connect() as connection:
                connection.execution_options(kdsr_begin="BEGIN IMMEDIATE" if writing else "BEGIN")
                with connection.begin():
                    yield connection
        except sa.exc.DBAPIError as error:
            raise _unusable(error.orig) from error

    def _migrate(self) -> None:
        with self.transaction(writing=False) as connection:
            if _stamped(connection) == NEWEST == _counted(connection):
                return
        try:
            with no_fork(), closing(self._engine.raw_connection()) as raw:
                _write_ahead(raw)
        except sqlite3.Error as error:
            raise _unusable(error) from error
        with self.transaction() as connection:
            stamped, counted = _stamped(connection), _counted(connection)
            if max(stamped or 0, counted) > NEWEST:
                raise JobError(
                    f"The database {self.path} was written by a newer KDSR: update this one, "
                    "or set KDSR_HOME to another folder."
                )
            with _MIGRATING:
                _upgrade(connection, counted if stamped is None else None)
            connection.exec_driver_sql(f"PRAGMA user_version = {NEWEST}")


def _unusable(error: object) -> JobError:
    return JobError(
        f"The database of runs cannot be used ({error}): free some space, or set KDSR_HOME to another folder."
    )


def _sqlite(path: Path) -> sa.Engine:
    """An engine whose transactions begin as `kdsr_begin` says."""
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": _BUSY_S})

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself
        connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options()["kdsr_begin"])

    return engine


def _write_ahead(connection: Any) -> None:
    """Switch to write-ahead logging, again and again while SQLite reports it busy.

    Of two switches at once SQLite refuses one without waiting, to avoid a deadlock.
    """
    give_up = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


def _stamped(connection: sa.Connection) -> int | None:
    """Number of the last migration that Alembic made; None if it made none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return int(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def _counted(connection: sa.Connection) -> int:
    """The same number as KDSR counted it before Alembic; still written, because an earlier KDSR reads it."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _upgrade(connection: sa.Connection, made_before: int | None) -> None:
    """Take the missing steps; `made_before` were made before Alembic. Its import takes a while, so it stands here."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
    with EnvironmentContext(Config(), steps, fn=lambda heads, _: steps._upgrade_revs("head", heads)) as environment:
        environment.configure(connection=connection)
        if made_before:
            environment.get_context().stamp(steps, str(made_before))
        environment.run_migrations()
