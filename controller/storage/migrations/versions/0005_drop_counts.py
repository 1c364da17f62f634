"""What the drop guard and the quiet period look up: answered calls of a campaign by their end, abandoned ones by number; and
when a bot said its first word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_drop_counts"
down_revision = "0004_agents"
branch_labels = None
depends_on = None

ANSWERED = sa.text("answered_at IS NOT NULL")
ABANDONED = sa.text("outcome = 'abandoned'")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("first_word_ms", sa.Integer(), nullable=True))
    op.create_index(
        "ix_attempts_answered",
        "attempts",
        ["campaign_id", "ended_at", "run_id", "outcome", "connected_at", "first_word_ms", "disposition"],
        sqlite_where=ANSWERED,
        postgresql_where=ANSWERED,
    )
    op.create_index(
        "ix_attempts_abandoned", "attempts", ["phone", "ended_at"], sqlite_where=ABANDONED, postgresql_where=ABANDONED
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_abandoned", "attempts")
    op.drop_index("ix_attempts_answered", "attempts")
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("first_word_ms")
