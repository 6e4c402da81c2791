"""The database of runs takes Alembic's steps from any earlier form, and an earlier KDSR still opens it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from kdsr.errors import JobError
from kdsr.jobs.store import Store
from kdsr.jobs.tables import EVENTS, NEWEST, RUNS

OLD = Path(__file__).parents[1] / "fixtures" / "before_house" / "home" / "jobs.sqlite"
SECOND = "ALTER TABLE runs ADD COLUMN client TEXT NOT NULL DEFAULT ''"
"""The second step as it was before Alembic."""


def asked(path, statement):
    """The rows that sqlite3 itself gives."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def form_of(database):
    """The columns and indexes of the tables of runs and events."""
    with database.transaction(writing=False) as connection:
        seen = sa.inspect(connection)
        columns = {name: [column["name"] for column in seen.get_columns(name)] for name in ("runs", "events")}
        indexes = {index["name"]: index["column_names"] for index in seen.get_indexes("runs")}
        return columns, indexes, seen.get_pk_constraint("events")["constrained_columns"]


def test_a_new_database_has_the_tables_that_the_statements_name(tmp_path):
    columns, indexes, key = form_of(Store(tmp_path / "jobs.sqlite").database)
    assert columns == {"runs": RUNS.c.keys(), "events": EVENTS.c.keys()}
    assert indexes == {"runs_by_owner": ["owner_sha256", "created"], "runs_by_state": ["state", "place"]}
    assert key == ["run_id", "number"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_the_time_before_alembic_keeps_its_rows_and_takes_the_missing_steps(tmp_path, version):
    shutil.copy(OLD, path := tmp_path / "jobs.sqlite")
    assert asked(path, "PRAGMA user_version") == [(1,)]
    if version == 2:
        asked(path, SECOND)
        asked(path, "PRAGMA user_version = 2")
    columns = ", ".join(column.name for column in RUNS.c if column.name not in ("client", "search"))
    rows = asked(path, f"SELECT {columns} FROM runs ORDER BY id")
    store = Store(path)
    assert asked(path, f"SELECT {columns} FROM runs ORDER BY id") == rows and len(rows) == len(store.runs()) > 3
    assert asked(path, "SELECT version_num FROM alembic_version") == [(str(NEWEST),)]
    assert asked(path, "PRAGMA user_version") == [(NEWEST,)]  # an earlier KDSR opens it, or says that it is newer
    assert form_of(store.database) == form_of(Store(tmp_path / "new.sqlite").database)


def test_a_database_that_alembic_took_further_than_this_kdsr_knows_is_refused(tmp_path):
    Store(path := tmp_path / "jobs.sqlite")
    asked(path, f"UPDATE alembic_version SET version_num = '{NEWEST + 1}'")
    with pytest.raises(JobError, match="newer KDSR"):
        Store(path)


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path):
    shutil.copy(OLD, path := tmp_path / "jobs.sqlite")
    asked(path, SECOND)  # the step that is missing by the database's count: to take it again fails
    with pytest.raises(JobError, match=r"cannot be used .*client"):
        Store(path)
    assert asked(path, "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'") == [(0,)]
