"""The database under the store of runs: a file of SQLite's, or PostgreSQL for pages that share their runs.

Transactions, migration, and the sentences of what goes wrong, by SQLAlchemy. On SQLite each transaction has its own
connection, so that threads, forked processes and several programs may share one file; on PostgreSQL a few are kept.
Not here: statements about runs (`store`), their tables (`tables`), the steps of migration (`migrations/`).
"""

import logging
import os
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Lock

import sqlalchemy as sa

from kdsr.errors import JobError, SettingsError, UnreachableError, shortened
from kdsr.jobs.fork_gate import no_fork
from kdsr.jobs.tables import NEWEST

_BUSY_S = 20.0
_SERVER_WAITS = {
    **{"connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5},
    "options": "-c lock_timeout=20s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
"""libpq's words for how long PostgreSQL is waited for: seconds, and one in milliseconds."""
_CONNECTIONS = {"pool_size": 3, "max_overflow": 12, "pool_timeout": 10, "pool_recycle": 1800, "pool_pre_ping": True}
_ALONE = int.from_bytes(b"kdsr")
"""Number of the lock by which one transaction at a time counts runs and changes their number."""
_TOLD_EVERY_S = 60.0
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATING = Lock()
"""Alembic's operations belong to a process."""


class Database:
    """The database at `place`, a SQLite file or the address of one on PostgreSQL, which is created or migrated.

    Raises:
        JobError: it cannot be used, or a newer KDSR wrote it.
        SettingsError: the address is none, or the package for it is missing.
    """

    def __init__(self, place: Path | str) -> None:
        self.is_shared = isinstance(place, str)
        """On PostgreSQL: workers of other machines may use it."""
        if isinstance(place, Path):
            self.name = f"database {place}"
            _make_private(place)
            self._engine = _sqlite(place)
        else:
            self.name = "database of KDSR_DATABASE_URL"
            self._engine = _postgres(place)
            weakref.finalize(self, _close, self._engine, os.getpid())
        self._process, self._told = os.getpid(), 0.0
        try:
            self._migrate()
        except UnreachableError as error:
            raise UnreachableError(
                f"The {self.name} does not answer ({self._reason(error.__cause__)}): start it, or correct its address."
            ) from error
        except JobError as error:
            if not (self.is_shared and isinstance(error.__cause__, sa.exc.DBAPIError)):
                raise
            raise JobError(
                f"The {self.name} refuses its user or its address ({self._reason(error.__cause__)}): let the user "
                "create tables there, or correct the address."
            ) from error

    def transaction(self, *, writing: bool = True, alone: bool = False) -> AbstractContextManager[sa.Connection]:
        """A connection inside one transaction, which is rolled back if the block raises.

        alone: no other such transaction runs meanwhile. On SQLite that holds for everyone that writes.
        """
        return self._on_postgres(alone=alone) if self.is_shared else self._on_sqlite(writing=writing)

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the one clock of all who share the database."""
        if self.is_shared:
            return float(connection.scalar(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))) or 0.0)
        return time.time()

    @contextmanager
    def _on_sqlite(self, *, writing: bool) -> Iterator[sa.Connection]:
        try:
            with no_fork(), self._engine.connect() as connection:
                connection.execution_options(kdsr_begin="BEGIN IMMEDIATE" if writing else "BEGIN")
                with connection.begin():
                    yield connection
        except sa.exc.DBAPIError as error:
            raise JobError(
                f"The database of runs cannot be used ({error.orig}): "
                "free some space, or set KDSR_HOME to another folder."
            ) from error

    @contextmanager
    def _on_postgres(self, *, alone: bool) -> Iterator[sa.Connection]:
        if self._process != os.getpid():  # forked: the parent's connections stay the parent's
            self._engine.dispose(close=False)
            self._process = os.getpid()
        try:
            with self._engine.begin() as connection:
                if alone:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))
                yield connection
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
            self._tell(error)
            raise UnreachableError("The database of runs does not answer: try again in a minute.") from error
        except sa.exc.DBAPIError as error:
            self._tell(error)
            raise JobError("The database of runs refused this: whoever runs this page finds why in its log.") from error

    def _tell(self, error: Exception) -> None:
        """Write to the log why the database failed, at most once a minute."""
        if time.monotonic() > self._told + _TOLD_EVERY_S:
            self._told = time.monotonic()
            logging.getLogger(__name__).warning("The database of runs failed: %s", self._reason(error))

    def _reason(self, error: BaseException | None) -> str:
        """The first line of what the database said, without the password."""
        said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        password = self._engine.url.password
        return shortened(said.replace(password, "***") if password else said, 200)

    def _migrate(self) -> None:
        with self.transaction(writing=False) as connection:
            if _stamped(connection) == NEWEST == _counted(connection):
                return
        if not self.is_shared:
            _write_ahead(self._engine)
        with self.transaction(alone=True) as connection:
            stamped, counted = _stamped(connection), _counted(connection)
            if max(stamped or 0, counted or 0) > NEWEST:
                raise JobError(
                    f"The {self.name} was written by a newer KDSR: update this one, or set KDSR_HOME or "
                    "KDSR_DATABASE_URL to another."
                )
            with _MIGRATING:
                _upgrade(connection, counted if stamped is None else None)
            if not self.is_shared:
                connection.exec_driver_sql(f"PRAGMA user_version = {NEWEST}")


def _make_private(path: Path) -> None:
    """Make the file `path`, which nobody else may read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)  # SQLite would make it readable for everybody
        path.chmod(0o600)
    except OSError as error:
        raise JobError(
            f"The folder {path.parent} cannot be used ({error.strerror}): set KDSR_HOME to one that can."
        ) from error


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


def _postgres(address: str) -> sa.Engine:
    try:
        url = sa.make_url(address).set(drivername="postgresql+psycopg")
        given = {name: value for name, value in _SERVER_WAITS.items() if name not in url.query}
        return sa.create_engine(url, connect_args=given, **_CONNECTIONS)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError("KDSR_DATABASE_URL must be postgresql://USER:PASSWORD@HOST/NAME.") from None
    except ImportError as error:
        raise SettingsError("KDSR_DATABASE_URL needs the package psycopg: pip install 'kdsr[postgres]'.") from error


def _close(engine: sa.Engine, process: int) -> None:
    """Close the connections that are kept; a forked child leaves its parent's alone."""
    if os.getpid() == process:
        engine.dispose()


def _write_ahead(engine: sa.Engine) -> None:
    """Switch to write-ahead logging, again and again while SQLite reports it busy.

    Of two switches at once SQLite refuses one without waiting, to avoid a deadlock.
    """
    give_up = time.monotonic() + _BUSY_S
    with no_fork(), closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0)
                if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise JobError(
                        f"The database of runs cannot be used ({error}): make its folder writable."
                    ) from error
            time.sleep(0.01)


def _stamped(connection: sa.Connection) -> int | None:
    """Number of the last migration that Alembic made; None if it made none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return int(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def _counted(connection: sa.Connection) -> int:
    """The same number in SQLite's own place, from before Alembic; still written, because an earlier KDSR reads it."""
    if connection.dialect.name != "sqlite":
        return _stamped(connection) or 0
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
