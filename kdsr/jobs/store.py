"""The database of runs: one SQLite file. Every SQL statement of the package is in this module.

Each call opens its own connection, so that threads, forked processes and several programs may share one store. Each
change is one immediate transaction. Not here: permissions (`service`), limits (`limits`), files (`folders`).
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from kdsr.errors import JobError
from kdsr.jobs.fork_gate import no_fork
from kdsr.jobs.limits import Counts
from kdsr.jobs.run import Run
from kdsr.jobs.states import ACTIVE, WAITING, State, check_move
from kdsr.settings import Settings

LEASE_S = 12.0
"""Age of a heartbeat beyond which a worker counts as dead, if its process cannot be seen."""
_HUNG_S = 300.0
"""The same for a process that is alive: it was suspended with the machine, or hangs."""
_BUSY_S = 20.0
_MIGRATIONS = (
    (
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, owner_sha256 TEXT NOT NULL, name TEXT NOT NULL, recipe TEXT NOT NULL,
            data_dir TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, steps INTEGER NOT NULL,
            step INTEGER NOT NULL, place INTEGER NOT NULL, started REAL, ended REAL, trained_s REAL NOT NULL,
            message TEXT NOT NULL, lease TEXT, holder TEXT, leased REAL, heartbeat REAL)""",
        "CREATE INDEX runs_by_state ON runs (state, place)",
        "CREATE INDEX runs_by_owner ON runs (owner_sha256, created)",
        "CREATE TABLE events (run_id TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, "
        "PRIMARY KEY (run_id, number)) WITHOUT ROWID",
    ),
    ("ALTER TABLE runs ADD COLUMN client TEXT NOT NULL DEFAULT ''",),
)
"""Entry n brings a database of version n to version n + 1; entries are only ever added."""
_COLUMNS = tuple(item.name for item in fields(Run))
_ACTIVE = ", ".join(f"'{state}'" for state in ACTIVE)
_WAITING = ", ".join(f"'{state}'" for state in WAITING)
_NEXT_PLACE = "(SELECT coalesce(max(place), 0) + 1 FROM runs)"


def store_of(settings: Settings) -> "Store":
    """The store of the runs under `settings.home`."""
    return Store(settings.home.absolute() / "jobs.sqlite")


class Store:
    """The runs and their events in the file at `path`, which is created or migrated."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.clock = clock
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # SQLite would make it readable for everybody
            path.chmod(0o600)
        except OSError as error:
            raise JobError(
                f"The folder {path.parent} cannot be used ({error.strerror}): set KDSR_HOME to one that can."
            ) from error
        self._migrate()

    def add(self, run: Run, check: Callable[[Counts], None]) -> Run:
        """Put a new run at the end of the queue, unless `check` raises."""
        with self._connected() as connection:
            check(_counts(connection, run.owner_sha256, run.client))
            marks = ", ".join(_NEXT_PLACE if name == "place" else f":{name}" for name in _COLUMNS)
            values = {name: getattr(run, name) for name in _COLUMNS if name != "place"}
            connection.execute(f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
            return _get(connection, run.id)

    def get(self, run_id: str) -> Run:
        """The run `run_id`.

        Raises:
            JobError: there is none.
        """
        with self._connected(writing=False) as connection:
            return _get(connection, run_id)

    def runs(self, owner_sha256: str | None = None) -> list[Run]:
        """All runs, or those of one owner, newest first."""
        with self._connected(writing=False) as connection:
            rows = connection.execute(
                "SELECT * FROM runs WHERE ?1 IS NULL OR owner_sha256 = ?1 ORDER BY created DESC, place DESC",
                (owner_sha256,),
            )
            return [_run(row) for row in rows]

    def counts(self, owner_sha256: str, client: str) -> Counts:
        """How many runs there are, of all, of an owner and of a client."""
        with self._connected(writing=False) as connection:
            return _counts(connection, owner_sha256, client)

    def queue(self) -> list[str]:
        """The ids of the queued runs, next one first."""
        with self._connected(writing=False) as connection:
            return [
                row["id"] for row in connection.execute("SELECT id FROM runs WHERE state = 'queued' ORDER BY place")
            ]

    def running(self) -> int:
        """Number of runs that workers hold."""
        with self._connected(writing=False) as connection:
            return int(connection.execute(f"SELECT count(*) FROM runs WHERE state IN ({_ACTIVE})").fetchone()[0])

    def claim(self, holder: str, *, at_once: int, only: str | None = None) -> Run | None:
        """Take the next queued run for `holder`; None if there is none, or `at_once` are running.

        only: take it only if it is this one.
        """
        with self._connected() as connection:
            row = connection.execute(
                f"""UPDATE runs SET state = 'running', lease = :lease, holder = :holder, leased = :now,
                        heartbeat = :now, ended = NULL, message = '', started = coalesce(started, :now)
                    WHERE id = (SELECT id FROM runs WHERE state = 'queued' ORDER BY place LIMIT 1)
                        AND (:only IS NULL OR id = :only)
                        AND (SELECT count(*) FROM runs WHERE state IN ({_ACTIVE})) < :at_once RETURNING *""",
                {
                    "lease": secrets.token_urlsafe(12),
                    "holder": holder,
                    "now": self.clock(),
                    "only": only,
                    "at_once": at_once,
                },
            ).fetchone()
            return None if row is None else _run(row)

    def beat(self, run: Run) -> State | None:
        """Renew the lease of `run`; its state, or None if the lease is lost or the run deleted."""
        with self._connected() as connection:
            sql = f"UPDATE runs SET heartbeat = ? WHERE id = ? AND lease = ? AND state IN ({_ACTIVE}) RETURNING state"
            row = connection.execute(sql, (self.clock(), run.id, run.lease)).fetchone()
            return None if row is None else State(row["state"])

    def add_event(self, run: Run, event: Mapping[str, Any]) -> None:
        """Append `event` to those of `run` and renew its lease; its `run_step`, else `step`, is the step of the run.

        Raises:
            JobError: the lease is no longer held.
        """
        step = event.get("run_step", event.get("step"))
        with self._connected() as connection:
            sql = f"""UPDATE runs SET heartbeat = ?, step = coalesce(?, step)
                WHERE id = ? AND lease = ? AND state IN ({_ACTIVE}) RETURNING id"""
            if connection.execute(sql, (self.clock(), step, run.id, run.lease)).fetchone() is None:
                raise _lost(run)
            sql = "INSERT INTO events SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM events WHERE run_id = ?1"
            connection.execute(sql, (run.id, json.dumps(event)))

    def events(self, run_id: str, *, after: int, most: int) -> list[dict[str, Any]]:
        """At most `most` events of a run behind number `after`, oldest first; each has its `number`."""
        with self._connected(writing=False) as connection:
            sql = "SELECT number, body FROM events WHERE run_id = ? AND number > ? ORDER BY number LIMIT ?"
            return [
                {"number": row["number"], **json.loads(row["body"])}
                for row in connection.execute(sql, (run_id, after, most))
            ]

    def finish(self, run: Run, to: State, message: str) -> None:
        """End a run that this worker holds, and give the lease back.

        Raises:
            JobError: the lease is no longer held.
        """
        with self._connected() as connection:
            if _get(connection, run.id).lease != run.lease:
                raise _lost(run)
            self._end(connection, run.id, to, message, self.clock())

    def ask_to_stop(self, run_id: str) -> Run:
        """Stop a queued run at once, a running one at its worker's next heartbeat. May be repeated."""
        with self._connected() as connection:
            run = _get(connection, run_id)
            if run.state is State.QUEUED:
                self._end(
                    connection,
                    run_id,
                    State.STOPPED,
                    "Stopped before it began." if run.started is None else "Taken from the queue.",
                    self.clock(),
                )
            elif run.state is not State.STOPPING:
                _move(connection, run_id, State.STOPPING, {})
            return _get(connection, run_id)

    def requeue(self, run_id: str, check: Callable[[Counts], None]) -> Run:
        """Put an ended run at the end of the queue, unless `check` raises."""
        with self._connected() as connection:
            run = _get(connection, run_id)
            check_move(run.state, State.QUEUED)
            check(_counts(connection, run.owner_sha256, run.client))
            _move(connection, run_id, State.QUEUED, {"ended": None, "message": ""})
            connection.execute(f"UPDATE runs SET place = {_NEXT_PLACE} WHERE id = ?", (run_id,))
            return _get(connection, run_id)

    def recover(self, is_alive: Callable[[str], bool | None]) -> list[str]:
        """Ids of the runs whose worker died, which are interrupted now."""
        now, dead = self.clock(), []
        for run in self.runs():
            if run.state not in ACTIVE or not _is_dead(run, now, is_alive):
                continue
            with self._connected() as connection:
                if _find(connection, run.id, run.lease):
                    message = (
                        f"The worker ended unexpectedly at or after step {run.step}; "
                        "resume goes on from the last checkpoint, or from the start where there is none."
                    )
                    self._end(connection, run.id, State.INTERRUPTED, message, run.heartbeat or now)
                    dead.append(run.id)
        return dead

    def delete(self, run_id: str) -> None:
        """Delete an ended run and its events.

        Raises:
            JobError: it has not ended.
        """
        with self._connected() as connection:
            run = _get(connection, run_id)
            if run.state in WAITING:
                raise JobError(f"A run that is {run.state} cannot be deleted: stop it first.")
            connection.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def _end(self, connection: sqlite3.Connection, run_id: str, to: State, message: str, last_seen: float) -> None:
        run = _get(connection, run_id)
        trained_s = run.trained_s + (0.0 if run.leased is None else max(0.0, last_seen - run.leased))
        released = dict.fromkeys(("lease", "holder", "leased", "heartbeat"))
        _move(connection, run_id, to, {"ended": self.clock(), "message": message, "trained_s": trained_s, **released})

    def _migrate(self) -> None:
        with self._connected(writing=False, begin=False) as connection:
            if _version(connection) == len(_MIGRATIONS):
                return
            _write_ahead(connection)
        with self._connected() as connection:
            for script in _MIGRATIONS[_version(connection) :]:
                for statement in script:
                    connection.execute(statement)
            if _version(connection) > len(_MIGRATIONS):
                raise JobError(
                    f"The database {self.path} was written by a newer KDSR: update this one, "
                    "or set KDSR_HOME to another folder."
                )
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    @contextmanager
    def _connected(self, *, writing: bool = True, begin: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction, which is rolled back if the block raises."""
        try:
            with no_fork(), closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = NORMAL")
                if begin:
                    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
                yield connection
                connection.commit()  # closing without it takes everything back
        except sqlite3.Error as error:
            raise JobError(
                f"The database of runs cannot be used ({error}): free some space, or set KDSR_HOME to another folder."
            ) from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, again and again while SQLite reports it busy.

    Of two switches at once SQLite refuses one without waiting, to avoid a deadlock.
    """
    give_up = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _run(row: sqlite3.Row) -> Run:
    return Run(**{name: row[name] for name in _COLUMNS} | {"state": State(row["state"])})


def _find(connection: sqlite3.Connection, run_id: str, lease: str | None) -> bool:
    return connection.execute("SELECT 1 FROM runs WHERE id = ? AND lease = ?", (run_id, lease)).fetchone() is not None


def _get(connection: sqlite3.Connection, run_id: str) -> Run:
    row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise JobError("There is no such run; it was deleted, or its address is incomplete.")
    return _run(row)


def _move(connection: sqlite3.Connection, run_id: str, to: State, changes: Mapping[str, object]) -> None:
    check_move(_get(connection, run_id).state, to)
    marks = ", ".join(f"{name} = :{name}" for name in ("state", *changes))
    connection.execute(f"UPDATE runs SET {marks} WHERE id = :id", {"id": run_id, "state": to, **changes})


def _counts(connection: sqlite3.Connection, owner_sha256: str, client: str) -> Counts:
    sql = f"SELECT count(*) FILTER (WHERE state IN ({_WAITING})), count(*) FROM runs"
    waiting, _ = connection.execute(sql).fetchone()
    of_owner = connection.execute(f"{sql} WHERE owner_sha256 = ?", (owner_sha256,)).fetchone()
    of_client = connection.execute(f"{sql} WHERE client = ? AND client != ''", (client,)).fetchone()
    return Counts(waiting, *of_owner, *of_client)


def _is_dead(run: Run, now: float, is_alive: Callable[[str], bool | None]) -> bool:
    lives = is_alive(run.holder or "? 0 ?")
    if lives is False:
        return True
    return now - (run.heartbeat or 0.0) > (_HUNG_S if lives else LEASE_S)


def _lost(run: Run) -> JobError:
    return JobError(f"The run {run.id} is no longer this worker's: it was taken for dead. Another one may have it.")
