"""The runs in their database: every statement about runs and events is in this module, by SQLAlchemy Core.

Each change is one transaction, and one writes at a time. Not here: connections and migrations (`database`), permissions
(`service`), limits (`limits`), files (`folders`).
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kdsr.errors import JobError
from kdsr.jobs.database import Database
from kdsr.jobs.limits import Counts
from kdsr.jobs.run import Run
from kdsr.jobs.states import ACTIVE, WAITING, State, check_move
from kdsr.jobs.tables import EVENTS, RUNS
from kdsr.settings import Settings

LEASE_S = 12.0
"""Age of a heartbeat beyond which a worker counts as dead, if its process cannot be seen."""
_HUNG_S = 300.0
"""The same for a process that is alive: it was suspended with the machine, or hangs."""
_TRIALS_KEPT = "The worker ended unexpectedly; resume goes on with the trials that are kept."
_COLUMNS = tuple(item.name for item in fields(Run))
_IS_ACTIVE = RUNS.c.state.in_(ACTIVE)
_IS_WAITING = RUNS.c.state.in_(WAITING)
_NEXT_PLACE = sa.select(sa.func.coalesce(sa.func.max(RUNS.c.place), 0) + 1).scalar_subquery()


def store_of(settings: Settings) -> "Store":
    """The store of the runs in the database of the settings, else in a file under their home."""
    return Store(settings.database_url or settings.home.absolute() / "jobs.sqlite")


class Store:
    """The runs and their events in the database at `place`: a SQLite file, or PostgreSQL's address.

    clock: seconds since 1970; None takes the database's own.
    """

    def __init__(self, place: Path | str, *, clock: Callable[[], float] | None = None) -> None:
        self.place = place
        self.clock = clock
        self.database = Database(place)

    def add(self, run: Run, check: Callable[[Counts], None]) -> Run:
        """Put a new run at the end of the queue, unless `check` raises."""
        with self.database.transaction(alone=True) as connection:
            check(_counts(connection, run.owner_sha256, run.client))
            values = {name: getattr(run, name) for name in _COLUMNS}
            connection.execute(sa.insert(RUNS).values(values | {"place": _NEXT_PLACE}))
            return _get(connection, run.id)

    def get(self, run_id: str) -> Run:
        """The run `run_id`.

        Raises:
            JobError: there is none.
        """
        with self.database.transaction(writing=False) as connection:
            return _get(connection, run_id)

    def runs(self, owner_sha256: str | None = None) -> list[Run]:
        """All runs, or those of one owner, newest first."""
        with self.database.transaction(writing=False) as connection:
            newest = sa.select(RUNS).order_by(RUNS.c.created.desc(), RUNS.c.place.desc())
            rows = connection.execute(newest if owner_sha256 is None else newest.where(_is_of(owner_sha256)))
            return [_run(row) for row in rows]

    def counts(self, owner_sha256: str, client: str) -> Counts:
        """How many runs there are, of all, of an owner and of a client."""
        with self.database.transaction(writing=False) as connection:
            return _counts(connection, owner_sha256, client)

    def queue(self) -> list[str]:
        """The ids of the queued runs, next one first."""
        with self.database.transaction(writing=False) as connection:
            return list(connection.scalars(_queued(RUNS.c.id)))

    def running(self) -> int:
        """Number of runs that workers hold."""
        with self.database.transaction(writing=False) as connection:
            return _running(connection)

    def claim(self, holder: str, *, at_once: int, only: str | None = None) -> Run | None:
        """Take the next queued run for `holder`; None if there is none, or `at_once` are running.

        only: take it only if it is this one.
        """
        with self.database.transaction(alone=True) as connection:
            if _running(connection) >= at_once:
                return None
            run_id = connection.scalar(_queued(RUNS.c.id).limit(1).with_for_update(skip_locked=True))
            if run_id is None or only not in (None, run_id):
                return None
            now = self._now(connection)
            taken = {"state": State.RUNNING, "lease": secrets.token_urlsafe(12), "holder": holder, "leased": now,
                     "heartbeat": now, "ended": None, "message": ""}  # fmt: skip
            started = sa.func.coalesce(RUNS.c.started, now)
            connection.execute(sa.update(RUNS).where(RUNS.c.id == run_id).values(**taken, started=started))
            return _get(connection, run_id)

    def beat(self, run: Run) -> State | None:
        """Renew the lease of `run`; its state, or None if the lease is lost or the run deleted."""
        with self.database.transaction() as connection:
            beat = sa.update(RUNS).where(*_held(run)).values(heartbeat=self._now(connection)).returning(RUNS.c.state)
            state: State | None = connection.scalar(beat)
            return state

    def add_event(self, run: Run, event: Mapping[str, Any]) -> None:
        """Append `event` to those of `run` and renew its lease; its `run_step`, else `step`, is the step of the run.

        Raises:
            JobError: the lease is no longer held.
        """
        step = event.get("run_step", event.get("step"))
        with self.database.transaction() as connection:
            now = {"heartbeat": self._now(connection)} | ({} if step is None else {"step": step})
            if connection.scalar(sa.update(RUNS).where(*_held(run)).values(now).returning(RUNS.c.id)) is None:
                raise _lost(run)
            number = sa.select(sa.func.coalesce(sa.func.max(EVENTS.c.number), 0) + 1).where(EVENTS.c.run_id == run.id)
            body = {"run_id": run.id, "number": number.scalar_subquery(), "body": json.dumps(event)}
            connection.execute(sa.insert(EVENTS).values(body))

    def events(self, run_id: str, *, after: int, most: int) -> list[dict[str, Any]]:
        """At most `most` events of a run behind number `after`, oldest first; each has its `number`."""
        with self.database.transaction(writing=False) as connection:
            of_run = sa.select(EVENTS.c.number, EVENTS.c.body).where(EVENTS.c.run_id == run_id)
            rows = connection.execute(of_run.where(EVENTS.c.number > after).order_by(EVENTS.c.number).limit(most))
            return [{"number": number, **json.loads(body)} for number, body in rows]

    def finish(self, run: Run, to: State, message: str) -> None:
        """End a run that this worker holds, and give the lease back.

        Raises:
            JobError: the lease is no longer held.
        """
        with self.database.transaction() as connection:
            if _get(connection, run.id, lock=True).lease != run.lease:
                raise _lost(run)
            self._end(connection, run.id, to, message, self._now(connection))

    def ask_to_stop(self, run_id: str) -> Run:
        """Stop a queued run at once, a running one at its worker's next heartbeat. May be repeated."""
        with self.database.transaction() as connection:
            run = _get(connection, run_id, lock=True)
            if run.state is State.QUEUED:
                self._end(
                    connection,
                    run_id,
                    State.STOPPED,
                    "Stopped before it began." if run.started is None else "Taken from the queue.",
                    self._now(connection),
                )
            elif run.state is not State.STOPPING:
                _move(connection, run_id, State.STOPPING, {})
            return _get(connection, run_id)

    def requeue(self, run_id: str, check: Callable[[Counts], None]) -> Run:
        """Put an ended run at the end of the queue, unless `check` raises."""
        with self.database.transaction(alone=True) as connection:
            run = _get(connection, run_id, lock=True)
            check_move(run.state, State.QUEUED)
            check(_counts(connection, run.owner_sha256, run.client))
            _move(connection, run_id, State.QUEUED, {"ended": None, "message": "", "place": _NEXT_PLACE})
            return _get(connection, run_id)

    def recover(
        self,
        is_alive: Callable[[str], bool | None],
        *,
        by_silence: bool = True,
        end: Callable[[str], None] = lambda _holder: None,
    ) -> list[str]:
        """Ids of the runs whose worker died, which are interrupted now.

        by_silence: also those of which nothing was heard for longer than their lease, as of another machine's.
        end: ends a holder, before anything is written: a worker that hangs may do so with SQLite's one lock.
        """
        dead = []
        for seen in self._dead(is_alive, by_silence=by_silence):
            if seen.holder:
                end(seen.holder)
            with self.database.transaction() as connection:
                run, now = _find(connection, seen.id, lock=True), self._now(connection)
                if run is not None and run.lease == seen.lease and _is_dead(run, now, is_alive, by_silence=by_silence):
                    message = (
                        _TRIALS_KEPT
                        if run.search
                        else (
                            f"The worker ended unexpectedly at or after step {run.step}; "
                            "resume goes on from the last checkpoint, or from the start where there is none."
                        )
                    )
                    self._end(connection, run.id, State.INTERRUPTED, message, run.heartbeat or now)
                    dead.append(run.id)
        return dead

    def delete(self, run_id: str) -> None:
        """Delete an ended run and its events.

        Raises:
            JobError: it has not ended.
        """
        with self.database.transaction() as connection:
            run = _get(connection, run_id, lock=True)
            if run.state in WAITING:
                raise JobError(f"A run that is {run.state} cannot be deleted: stop it first.")
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.run_id == run_id))
            connection.execute(sa.delete(RUNS).where(RUNS.c.id == run_id))

    def _dead(self, is_alive: Callable[[str], bool | None], *, by_silence: bool) -> list[Run]:
        runs = [run for run in self.runs() if run.state in ACTIVE]
        with self.database.transaction(writing=False) as connection:
            now = self._now(connection)
        return [run for run in runs if _is_dead(run, now, is_alive, by_silence=by_silence)]

    def _now(self, connection: sa.Connection) -> float:
        return self.database.now(connection) if self.clock is None else self.clock()

    def _end(self, connection: sa.Connection, run_id: str, to: State, message: str, last_seen: float) -> None:
        run = _get(connection, run_id)
        trained_s = run.trained_s + (0.0 if run.leased is None else max(0.0, last_seen - run.leased))
        released = dict.fromkeys(("lease", "holder", "leased", "heartbeat"))
        _move(
            connection,
            run_id,
            to,
            {"ended": self._now(connection), "message": message.replace("\0", ""), "trained_s": trained_s, **released},
        )


def _is_of(owner_sha256: str) -> sa.ColumnElement[bool]:
    return RUNS.c.owner_sha256 == owner_sha256


def _held(run: Run) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions for the row of `run` while this worker holds it."""
    return RUNS.c.id == run.id, RUNS.c.lease == run.lease, _IS_ACTIVE


def _queued(*columns: sa.Column[Any]) -> sa.Select[Any]:
    """The queued runs, next one first."""
    return sa.select(*columns).where(RUNS.c.state == State.QUEUED).order_by(RUNS.c.place)


def _running(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(RUNS).where(_IS_ACTIVE)) or 0


def _run(row: sa.Row[Any]) -> Run:
    return Run(**row._asdict())


def _find(connection: sa.Connection, run_id: str, *, lock: bool = False) -> Run | None:
    """The run, if there is one. lock: nobody else changes it in this transaction."""
    if not (run_id.isascii() and run_id.isprintable()):  # PostgreSQL's texts have no NUL
        return None
    asked = sa.select(RUNS).where(RUNS.c.id == run_id)
    row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
    return None if row is None else _run(row)


def _get(connection: sa.Connection, run_id: str, *, lock: bool = False) -> Run:
    run = _find(connection, run_id, lock=lock)
    if run is None:
        raise JobError("There is no such run; it was deleted, or its address is incomplete.")
    return run


def _move(connection: sa.Connection, run_id: str, to: State, changes: Mapping[str, object]) -> None:
    check_move(_get(connection, run_id).state, to)
    connection.execute(sa.update(RUNS).where(RUNS.c.id == run_id).values(state=to, **changes))


def _counts(connection: sa.Connection, owner_sha256: str, client: str) -> Counts:
    def count(*where: sa.ColumnElement[bool]) -> tuple[int, int]:
        waiting = sa.func.count().filter(_IS_WAITING)
        found = connection.execute(sa.select(waiting, sa.func.count()).select_from(RUNS).where(*where)).one()
        return found[0], found[1]

    waiting, _ = count()
    return Counts(waiting, *count(_is_of(owner_sha256)), *(count(RUNS.c.client == client) if client else (0, 0)))


def _is_dead(run: Run, now: float, is_alive: Callable[[str], bool | None], *, by_silence: bool) -> bool:
    lives = is_alive(run.holder or "? 0 ?")
    if lives is False:
        return True
    return by_silence and now - (run.heartbeat or 0.0) > (_HUNG_S if lives else LEASE_S)


def _lost(run: Run) -> JobError:
    return JobError(f"The run {run.id} is no longer this worker's: it was taken for dead. Another one may have it.")
