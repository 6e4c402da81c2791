"""Runs that search for a recipe."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the column `search`; runs that were there train by the recipe that they have."""
    op.add_column("runs", sa.Column("search", sa.Text, nullable=False, server_default=""))
