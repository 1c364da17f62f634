"""What was promised to a contact is found by the contact: it is shown to whoever calls."""

from __future__ import annotations

from alembic import op

revision = "0008_callbacks_of_a_lead"
down_revision = "0007_amd_labels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_callbacks_lead", "callbacks", ["lead_id"])


def downgrade() -> None:
    op.drop_index("ix_callbacks_lead", table_name="callbacks")
