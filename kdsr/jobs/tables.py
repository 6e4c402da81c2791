"""The tables of the database of runs, as the newest of `kdsr/jobs/migrations/` leaves them."""

import sqlalchemy as sa

from kdsr.jobs.states import State

NEWEST = 3
"""Number of the last migration."""
_METADATA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("owner_sha256", "name", "recipe", "data_dir")),
    sa.Column("state", sa.Enum(State, native_enum=False, values_callable=lambda states: [*map(str, states)])),
    sa.Column("created", sa.Double),
    *(sa.Column(name, sa.Integer) for name in ("steps", "step", "place")),
    *(sa.Column(name, sa.Double) for name in ("started", "ended", "trained_s")),
    *(sa.Column(name, sa.Text) for name in ("message", "lease", "holder")),
    *(sa.Column(name, sa.Double) for name in ("leased", "heartbeat")),
    sa.Column("client", sa.Text),
    sa.Column("search", sa.Text),
)
"""A row is a `Run`."""
EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text),
)
"""What a run reported: `body` is one JSON object, `number` counts from 1."""
