"""Where a run was submitted from."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the column `client`; of runs that were there it is not known."""
    op.add_column("runs", sa.Column("client", sa.Text, nullable=False, server_default=""))
