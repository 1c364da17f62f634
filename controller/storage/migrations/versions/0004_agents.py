"""Agents' days, callbacks, and what was noted of a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_agents"
down_revision = "0003_launched_at"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW_COLUMNS = {
    "disposed_at": sa.Double(),
    "disposed_by": sa.Text(),
    "notes": sa.Text(),
    "again_at": sa.Double(),
    "again_reason": sa.Text(),
}


def upgrade() -> None:
    for name, kind in NEW_COLUMNS.items():
        op.add_column("attempts", sa.Column(name, kind, nullable=True))
    op.create_table(
        "agent_sessions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("logged_in_at", sa.Double(), nullable=False),
        sa.Column("logged_out_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agent_sessions"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ux_agent_sessions_open",
        "agent_sessions",
        ["agent"],
        unique=True,
        sqlite_where=sa.text("logged_out_at IS NULL"),
        postgresql_where=sa.text("logged_out_at IS NULL"),
    )
    op.create_table(
        "agent_stretches",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("reservation_end", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("agent", "since", "state", name="pk_agent_stretches"),
    )
    op.create_index("ix_agent_stretches_until", "agent_stretches", ["until"])
    op.create_table(
        "callbacks",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_callbacks_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ux_callbacks_waiting", "callbacks", ["lead_id"], unique=True, sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_callbacks_due", "callbacks", ["run_id", "due_at"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    op.drop_table("callbacks")
    op.drop_table("agent_stretches")
    op.drop_table("agent_sessions")
    with op.batch_alter_table("attempts") as batch:
        for name in NEW_COLUMNS:
            batch.drop_column(name)
