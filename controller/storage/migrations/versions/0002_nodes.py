"""Controllers and their switches, as last seen; what the next life of a node begins from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("core", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("journal_inode", sa.BigInteger(), nullable=True),
        sa.Column("journal_offset", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_nodes"),
    )


def downgrade() -> None:
    op.drop_table("nodes")
