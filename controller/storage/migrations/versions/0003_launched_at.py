"""When an attempt's call left us: some wait for their moment after they were written down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_launched_at"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("launched_at", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("launched_at")
