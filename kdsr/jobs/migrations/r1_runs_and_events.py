"""Runs and their events. On SQLite a database that was made before Alembic counts its steps in `user_version`."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    required = [
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("owner_sha256", "name", "recipe", "data_dir", "state")),
        sa.Column("created", sa.Double, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("steps", "step", "place")),
        *(sa.Column(name, sa.Double) for name in ("started", "ended")),
        sa.Column("trained_s", sa.Double, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    ]
    lease = [sa.Column("lease", sa.Text), sa.Column("holder", sa.Text)]
    op.create_table("runs", *required, *lease, sa.Column("leased", sa.Double), sa.Column("heartbeat", sa.Double))
    op.create_index("runs_by_state", "runs", ["state", "place"])
    op.create_index("runs_by_owner", "runs", ["owner_sha256", "created"])
    op.create_table(
        "events",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
