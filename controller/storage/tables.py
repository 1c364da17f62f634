"""Every table once. Times are UTC epoch seconds (float) unless a name says otherwise; phones are E.164 digits (integer).

Hot queries and the index that serves each:

- next fresh leads of a run        ``ix_leads_fresh``    (run_id, rank) where state is FRESH
- next due leads of a run          ``ix_leads_waiting``  (run_id, due_at) where state is WAITING
- leases that lapsed               ``ix_leads_claimed``  (claimed_until) where state is HOPPER
- leads of a run in somebody's hand ``ix_leads_in_hand`` (run_id) where state is HOPPER or DIALING
- contacts or leads as a whole      their unique keys, walked by phone in portions
- one live attempt per number      ``ux_attempts_live``  (phone) unique where ended_at is null: the database itself refuses a
  second live attempt to a number, whatever Redis or a controller believes (invariant I1)
- answered calls of a campaign     ``ix_attempts_answered`` (campaign_id, ended_at …) where answered, holds all that is counted
- a number left alone lately       ``ix_attempts_abandoned`` (phone, ended_at) where abandoned
- one running run per campaign     ``ux_runs_running``   (campaign_id) unique where the run has not ended
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")

# SQLite would give the id of a deleted last row to the next one; leads, exports and Redis keys outlive what they name.
NEVER_REUSED = {"sqlite_autoincrement": True}
NOT_ENDED = text("state IN ('preparing', 'active', 'paused', 'closing')")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class SiteItem(Base):
    """A carrier, number, bot or disposition. spec: the domain model as JSON."""

    __tablename__ = "site_items"
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[float]


class ContactList(Base):
    __tablename__ = "contact_lists"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    region: Mapped[str] = mapped_column(Text)
    columns: Mapped[list[str]] = mapped_column(JSON)  # names of the attributes, in order of first appearance
    size: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[float]
    updated_at: Mapped[float]
    __table_args__ = (NEVER_REUSED,)


class Contact(Base):
    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("contact_lists.id", ondelete="CASCADE"))
    phone: Mapped[int] = mapped_column(BigInteger)
    attributes: Mapped[str] = mapped_column(Text)  # JSON object of text values, as written by the import
    import_id: Mapped[int] = mapped_column(BigInteger)
    line: Mapped[int] = mapped_column(Integer)  # line of the file it came from
    __table_args__ = (UniqueConstraint("list_id", "phone"), NEVER_REUSED)


class Import(Base):
    """One file being read into one list; lets an import that died be run again without a double."""

    __tablename__ = "imports"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("contact_lists.id", ondelete="CASCADE"))
    file_name: Mapped[str] = mapped_column(Text)
    file_digest: Mapped[str] = mapped_column(Text)  # SHA-256 of the bytes
    mode: Mapped[str] = mapped_column(Text)  # create | append | replace
    state: Mapped[str] = mapped_column(Text)  # running | done | failed
    rows: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    accepted: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rejected: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    report: Mapped[str | None] = mapped_column(Text)  # path of the report file
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[float]
    ended_at: Mapped[float | None]


class DncList(Base):
    """A do-not-call list; the one named ``global`` applies to every campaign."""

    __tablename__ = "dnc_lists"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[float]


class DncNumber(Base):
    __tablename__ = "dnc_numbers"
    list_id: Mapped[int] = mapped_column(ForeignKey("dnc_lists.id", ondelete="CASCADE"), primary_key=True)
    phone: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    added_at: Mapped[float]
    __table_args__ = ({"sqlite_with_rowid": False},)


class CampaignRow(Base):
    __tablename__ = "campaigns"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)  # domain.campaigns.campaign.Campaign
    state: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    started_once: Mapped[bool] = mapped_column(server_default=text("false"))  # identity and contacts locked (1.6)
    created_at: Mapped[float]
    updated_at: Mapped[float]
    last_run_at: Mapped[float | None]
    __table_args__ = (NEVER_REUSED,)


class Run(Base):
    """One instance of a campaign (features 1.4). plan: what the engine dials by, immutable but for pause and edits."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)  # 1, 2, 3 … within the campaign
    state: Mapped[str] = mapped_column(Text, index=True)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    prepared_list: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # lists materialised so far
    prepared_phone: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # and how far in the next one
    closing_reason: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[float]
    activated_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    __table_args__ = (
        UniqueConstraint("campaign_id", "number"),
        Index("ux_runs_running", "campaign_id", unique=True, sqlite_where=NOT_ENDED, postgresql_where=NOT_ENDED),
        NEVER_REUSED,
    )


class Lead(Base):
    """One contact in one run; states in ``domain/hopper/lead.py``."""

    __tablename__ = "leads"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(BigInteger)
    phone: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[int] = mapped_column(Integer)
    rank: Mapped[int] = mapped_column(BigInteger)  # order among the fresh; smaller first
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # charged ones
    uncharged: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # in a row, since the last charged one
    due_at: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    last_outcome: Mapped[str | None] = mapped_column(Text)
    claim: Mapped[str | None] = mapped_column(Text)
    claimed_until: Mapped[float | None]
    __table_args__ = (
        UniqueConstraint("run_id", "phone"),
        Index("ix_leads_fresh", "run_id", "rank", sqlite_where=text("state = 0"), postgresql_where=text("state = 0")),
        Index("ix_leads_waiting", "run_id", "due_at", sqlite_where=text("state = 1"), postgresql_where=text("state = 1")),
        Index("ix_leads_claimed", "claimed_until", sqlite_where=text("state = 2"), postgresql_where=text("state = 2")),
        Index("ix_leads_in_hand", "run_id", sqlite_where=text("state IN (2, 3)"), postgresql_where=text("state IN (2, 3)")),
        # Invariant I2 in the database's own words: nobody waits without a due time or is claimed without a lease.
        CheckConstraint("state <> 1 OR due_at IS NOT NULL", name="waiting_is_due"),
        CheckConstraint("state <> 2 OR (claim IS NOT NULL AND claimed_until IS NOT NULL)", name="hopper_is_leased"),
        # Every lead is rewritten several times a run; PostgreSQL's claim slows a hundredfold over unvacuumed dead rows.
        {"postgresql_with": {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02}},
    )


class Attempt(Base):
    """One call, written before it is placed. id is the channel's own identity at FreeSWITCH."""

    __tablename__ = "attempts"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    lead_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    phone: Mapped[int] = mapped_column(BigInteger)
    caller_id: Mapped[str] = mapped_column(Text)
    carrier: Mapped[str] = mapped_column(Text)
    node: Mapped[str] = mapped_column(Text)  # the controller that placed it
    created_at: Mapped[float]
    launched_at: Mapped[float | None]
    ringing_at: Mapped[float | None]
    answered_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    amd_verdict: Mapped[str | None] = mapped_column(Text)
    amd_ms: Mapped[int | None] = mapped_column(Integer)
    connected_to: Mapped[str | None] = mapped_column(Text)
    connected_at: Mapped[float | None]
    first_word_ms: Mapped[int | None] = mapped_column(Integer)  # from the answer to the bot's first word, when it said so
    outcome: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[str | None] = mapped_column(Text)
    sip_status: Mapped[int | None] = mapped_column(Integer)
    charged: Mapped[bool | None]
    disposition: Mapped[str | None] = mapped_column(Text)
    recording: Mapped[str | None] = mapped_column(Text)
    disposed_at: Mapped[float | None]
    disposed_by: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    again_at: Mapped[float | None]  # asked for while the call lasted: the contact is to be called again then …
    again_reason: Mapped[str | None] = mapped_column(Text)  # … because of this
    amd_confidence: Mapped[float | None]
    amd_detail: Mapped[str | None] = mapped_column(Text)  # JSON object: what detection went by
    amd_revised: Mapped[str | None] = mapped_column(Text)  # its second word, if it changed its mind …
    amd_revised_ms: Mapped[int | None] = mapped_column(Integer)  # … so long after the answer
    beep_at: Mapped[float | None]
    key_at: Mapped[float | None]  # the far end pressed a key for the first time
    agent: Mapped[str | None] = mapped_column(Text)  # who was reserved for it last …
    seizure: Mapped[str | None] = mapped_column(Text)  # … and how that went (domain/agents: SeizureOutcome)
    opted_out: Mapped[bool | None]  # by a key during the abandoned-call message
    amd_label: Mapped[str | None] = mapped_column(Text)  # who answered, by somebody who listened (calls/verdict_score: LABELS)
    __table_args__ = (
        Index(
            "ux_attempts_live",
            "phone",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_attempts_run", "run_id", "created_at"),
        Index(
            "ix_attempts_answered",
            *("campaign_id", "ended_at", "run_id", "outcome", "connected_at", "first_word_ms", "disposition"),
            sqlite_where=text("answered_at IS NOT NULL"),
            postgresql_where=text("answered_at IS NOT NULL"),
        ),
        Index(
            "ix_attempts_abandoned",
            *("phone", "ended_at"),
            sqlite_where=text("outcome = 'abandoned'"),
            postgresql_where=text("outcome = 'abandoned'"),
        ),
        Index(
            "ix_attempts_labelled",
            *("campaign_id", "ended_at", "outcome", "amd_label"),
            sqlite_where=text("amd_label IS NOT NULL"),
            postgresql_where=text("amd_label IS NOT NULL"),
        ),
        Index("ix_attempts_lead", "lead_id"),
    )


class Node(Base):
    """A controller and its FreeSWITCH, as last seen: what the next life of the same node begins from."""

    __tablename__ = "nodes"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    core: Mapped[str] = mapped_column(Text, server_default=text("''"))  # which life of the switch
    journal_inode: Mapped[int | None] = mapped_column(BigInteger)  # the journal had been read and settled up to here
    journal_offset: Mapped[int | None] = mapped_column(BigInteger)
    seen_at: Mapped[float]


class AgentSession(Base):
    """From an agent's login to the logout."""

    __tablename__ = "agent_sessions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    agent: Mapped[str] = mapped_column(Text)
    node: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    logged_in_at: Mapped[float]
    logged_out_at: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index(
            "ux_agent_sessions_open",
            "agent",
            unique=True,
            sqlite_where=text("logged_out_at IS NULL"),
            postgresql_where=text("logged_out_at IS NULL"),
        ),
        Index("ix_agent_sessions_agent", "agent", "id"),
        NEVER_REUSED,
    )


class AgentStretch(Base):
    """One state of one agent, from its beginning to its end. The key makes telling it twice harmless."""

    __tablename__ = "agent_stretches"
    agent: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[float] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text, primary_key=True)
    until: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    node: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    campaign: Mapped[str] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)  # the attempt, or who held the agent for several
    reservation_end: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_agent_stretches_until", "until"),)


class Callback(Base):
    """A call promised for a time (features 5.5). agent: by whom; None = by anybody of the queue, or the bot."""

    __tablename__ = "callbacks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    lead_id: Mapped[int] = mapped_column(BigInteger)
    attempt_id: Mapped[str] = mapped_column(Text)  # in which it was promised
    due_at: Mapped[float]
    agent: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)  # waiting | called | replaced | cancelled
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[float]
    settled_at: Mapped[float | None]
    __table_args__ = (
        Index(
            "ux_callbacks_waiting",
            "lead_id",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_callbacks_due",
            "run_id",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_callbacks_lead", "lead_id"),
        NEVER_REUSED,
    )


class RunTotal(Base):
    """Counters kept in the transaction that changes what they count, so that no dashboard ever counts rows.

    kind ``lead``: leads by state word. kind ``outcome``: ended attempts by outcome. kind ``attempt``: ``made``, ``charged``.
    kind ``disposition``: attempts by disposition.
    """

    __tablename__ = "run_totals"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class ClosedWindow(Base):
    """A single_day run's window that has been closed; the primary key makes closing happen once."""

    __tablename__ = "closed_windows"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    window_ended_at: Mapped[float] = mapped_column(primary_key=True)
    closed_at: Mapped[float]


class Audit(Base):
    """Who did what; admin commands and everything the CLI changes."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[float]
    by: Mapped[str] = mapped_column(Text)
    verb: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    ok: Mapped[bool]
    detail: Mapped[str] = mapped_column(Text, server_default=text("''"))  # the result or the refusal, shortened
    __table_args__ = (Index("ix_audit_at", "at"),)
