"""Who answered, by somebody who listened to the recording: what the drop guard's estimate of lost people is made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_amd_labels"
down_revision = "0006_evidence"
branch_labels = None
depends_on = None

LABELLED = sa.text("amd_label IS NOT NULL")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("amd_label", sa.Text(), nullable=True))
    op.create_index(
        "ix_attempts_labelled",
        "attempts",
        ["campaign_id", "ended_at", "outcome", "amd_label"],
        sqlite_where=LABELLED,
        postgresql_where=LABELLED,
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_labelled", "attempts")
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("amd_label")
