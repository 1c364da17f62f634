"""What detection heard of a call, which agent was reserved for it, and whether the person opted out of further calls."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006_evidence"
down_revision = "0005_drop_counts"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, Any], ...] = (
    ("amd_confidence", sa.Double()),
    ("amd_detail", sa.Text()),
    ("amd_revised", sa.Text()),
    ("amd_revised_ms", sa.Integer()),
    ("beep_at", sa.Double()),
    ("key_at", sa.Double()),
    ("agent", sa.Text()),
    ("seizure", sa.Text()),
    ("opted_out", sa.Boolean()),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("attempts", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attempts") as batch:
        for name, _ in reversed(COLUMNS):
            batch.drop_column(name)
