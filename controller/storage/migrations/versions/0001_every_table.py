"""Every table of the first release; what each is for stands in ``storage/tables.py``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def only(condition: str) -> dict[str, Any]:
    """Arguments that make an index partial on both engines."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])

    op.create_table(
        "campaigns",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("started_once", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("last_run_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "contact_lists",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contact_lists"),
        sa.UniqueConstraint("name", name="uq_contact_lists_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dnc_lists",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dnc_lists"),
        sa.UniqueConstraint("name", name="uq_dnc_lists_name"),
    )
    op.create_table(
        "site_items",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_site_items"),
    )
    op.create_table(
        "contacts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("list_id", BIG_ID, nullable=False),
        sa.Column("phone", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["contact_lists.id"], name="fk_contacts_list_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("list_id", "phone", name="uq_contacts_list_id_phone"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dnc_numbers",
        sa.Column("list_id", BIG_ID, nullable=False),
        sa.Column("phone", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["dnc_lists.id"], name="fk_dnc_numbers_list_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("list_id", "phone", name="pk_dnc_numbers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "imports",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("list_id", BIG_ID, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("report", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.ForeignKeyConstraint(["list_id"], ["contact_lists.id"], name="fk_imports_list_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_table(
        "runs",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("campaign_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("prepared_list", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("prepared_phone", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("closing_reason", sa.Text()),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("activated_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_runs_campaign_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("campaign_id", "number", name="uq_runs_campaign_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index(
        "ux_runs_running", "runs", ["campaign_id"], unique=True, **only("state IN ('preparing', 'active', 'paused', 'closing')")
    )

    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.BigInteger(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ringing_at", sa.Double()),
        sa.Column("answered_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("amd_verdict", sa.Text()),
        sa.Column("amd_ms", sa.Integer()),
        sa.Column("connected_to", sa.Text()),
        sa.Column("connected_at", sa.Double()),
        sa.Column("outcome", sa.Text()),
        sa.Column("cause", sa.Text()),
        sa.Column("sip_status", sa.Integer()),
        sa.Column("charged", sa.Boolean()),
        sa.Column("disposition", sa.Text()),
        sa.Column("recording", sa.Text()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_attempts_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_lead", "attempts", ["lead_id"])
    op.create_index("ix_attempts_run", "attempts", ["run_id", "created_at"])
    op.create_index("ux_attempts_live", "attempts", ["phone"], unique=True, **only("ended_at IS NULL"))

    op.create_table(
        "closed_windows",
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("window_ended_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_closed_windows_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "window_ended_at", name="pk_closed_windows"),
    )
    op.create_table(
        "leads",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("uncharged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.Double()),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_outcome", sa.Text()),
        sa.Column("claim", sa.Text()),
        sa.Column("claimed_until", sa.Double()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_leads_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_leads"),
        sa.UniqueConstraint("run_id", "phone", name="uq_leads_run_id_phone"),
        sa.CheckConstraint("state <> 1 OR due_at IS NOT NULL", name="ck_leads_waiting_is_due"),
        sa.CheckConstraint("state <> 2 OR (claim IS NOT NULL AND claimed_until IS NOT NULL)", name="ck_leads_hopper_is_leased"),
        postgresql_with={"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index("ix_leads_claimed", "leads", ["claimed_until"], **only("state = 2"))
    op.create_index("ix_leads_fresh", "leads", ["run_id", "rank"], **only("state = 0"))
    op.create_index("ix_leads_in_hand", "leads", ["run_id"], **only("state IN (2, 3)"))
    op.create_index("ix_leads_waiting", "leads", ["run_id", "due_at"], **only("state = 1"))

    op.create_table(
        "run_totals",
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_totals_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "kind", "name", name="pk_run_totals"),
    )


def downgrade() -> None:
    for table in (
        "run_totals",
        "leads",
        "closed_windows",
        "attempts",
        "runs",
        "imports",
        "dnc_numbers",
        "contacts",
        "site_items",
        "dnc_lists",
        "contact_lists",
        "campaigns",
        "audit",
    ):
        op.drop_table(table)
