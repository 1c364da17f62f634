"""An agent's last session is found by the agent: it says why the agent is out."""

from __future__ import annotations

from alembic import op

revision = "0009_sessions_of_an_agent"
down_revision = "0008_callbacks_of_a_lead"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_agent_sessions_agent", "agent_sessions", ["agent", "id"])


def downgrade() -> None:
    op.drop_index("ix_agent_sessions_agent", table_name="agent_sessions")
