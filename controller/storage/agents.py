"""What lasts of agents (port ``AgentRecords``): who may log in, who did, and how each spent the day.

Queues and agents are items of the site (``site.py``); sessions and stretches are rows for reports. The present moment is the
agent pool's, not the database's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.domain.agents.line import LineKind
from controller.domain.site import phone_address
from controller.errors import NotFound, Refused
from controller.ports import AgentChange, AgentProfile, QueueRules
from controller.storage.campaigns import CampaignStore
from controller.storage.database import Database
from controller.storage.driver_sql import execute, execute_each, marks
from controller.storage.site import SiteStore

STRETCH_COLUMNS = "agent, since, state, until, reason, node, queue, campaign, holder, reservation_end"


@dataclass(frozen=True, slots=True)
class AgentHours:
    """What an agent did in a span of time. seconds: by state, of stretches that are over. calls: talks. reservations: by how
    they ended."""

    agent: str
    seconds: dict[str, float]
    calls: int
    reservations: dict[str, int]


class SqlAgentRecords:
    """``ports.AgentRecords``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def agents(self) -> dict[str, AgentProfile]:
        """See the port."""
        site = SiteStore(self._database).site()
        return {
            agent.name: AgentProfile(
                agent.name, agent.address(site.carrier), LineKind(agent.method), agent.queues, frozenset(agent.skills)
            )
            for agent in site.agent
        }

    def queues(self) -> dict[str, QueueRules]:
        """See the port."""
        return {
            queue.name: QueueRules(
                queue.name, queue.wrap_up_seconds, queue.rona_seconds, frozenset(queue.skills), queue.music, queue.cue
            )
            for queue in SiteStore(self._database).site().queue
        }

    def address(self, phone: str, carrier: str | None) -> str:
        """See the port."""
        site = SiteStore(self._database).site()
        agent = next((agent for agent in site.agent if agent.name == phone and carrier is None), None)
        if agent is not None:
            return agent.address(site.carrier)
        if carrier is not None and carrier not in {one.name for one in site.carrier}:
            raise NotFound(f"carrier {carrier} is not in the site; `trunkline export site` shows what is")
        try:
            return phone_address(phone, carrier, site.carrier)
        except ValueError as error:
            raise Refused(str(error)) from error

    def transfers(self, campaign: str) -> frozenset[str]:
        """See the port."""
        stored = CampaignStore(self._database).find(campaign)
        return frozenset(stored.spec.transfers) if stored is not None else frozenset()

    def logged_in(self, agent: str, node: str, address: str, kind: LineKind, at: float) -> None:
        """See the port."""
        with self._database.write() as connection:
            execute(
                connection,
                "UPDATE agent_sessions SET logged_out_at = ?, reason = ? WHERE agent = ? AND logged_out_at IS NULL",
                (at, "not logged out", agent),
            )
            execute(
                connection,
                "INSERT INTO agent_sessions (agent, node, address, method, logged_in_at) VALUES (?, ?, ?, ?, ?)",
                (agent, node, address, kind.value, at),
            )

    def logged_out(self, agent: str, at: float, reason: str) -> None:
        """See the port."""
        with self._database.write() as connection:
            execute(
                connection,
                "UPDATE agent_sessions SET logged_out_at = ?, reason = ? WHERE agent = ? AND logged_out_at IS NULL",
                (at, reason, agent),
            )

    def sessions(self, node: str) -> list[str]:
        """See the port."""
        with self._database.read() as connection:
            rows = execute(
                connection, "SELECT agent FROM agent_sessions WHERE node = ? AND logged_out_at IS NULL ORDER BY agent", (node,)
            )
            return [str(row[0]) for row in rows]

    def left_because(self, agents: Sequence[str]) -> dict[str, str]:
        """Why those of the agents who are not logged in are not: the reason of the last session's end."""
        if not agents:
            return {}
        with self._database.read() as connection:
            rows = execute(
                connection,
                "SELECT s.agent, s.reason FROM agent_sessions s WHERE s.logged_out_at IS NOT NULL AND s.id IN "
                f"(SELECT MAX(id) FROM agent_sessions WHERE agent IN ({marks(len(agents))}) GROUP BY agent)",
                tuple(agents),
            )
            return {str(agent): str(reason) for agent, reason in rows}

    def note(self, changes: Sequence[AgentChange]) -> None:
        """See the port."""
        rows = [
            (
                change.agent,
                change.since,
                change.state.value,
                change.until,
                change.reason,
                change.node,
                change.queue,
                change.campaign,
                change.holder,
                change.end.value if change.end is not None else None,
            )
            for change in changes
        ]
        with self._database.write() as connection:
            execute_each(
                connection,
                f"INSERT INTO agent_stretches ({STRETCH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (agent, since, state) DO NOTHING",
                rows,
            )

    def hours(self, since: float, until: float) -> list[AgentHours]:
        """Everybody who was logged in between two moments (UTC epoch seconds), by name; a stretch counts as far as it lies
        between them, a call or reservation where it ended."""
        found: dict[str, AgentHours] = {}
        with self._database.read() as connection:
            rows = execute(
                connection,
                "SELECT agent, state, reservation_end, "
                "SUM(CASE WHEN until < ? THEN until ELSE ? END - CASE WHEN since > ? THEN since ELSE ? END), "
                "SUM(CASE WHEN until <= ? THEN 1 ELSE 0 END) FROM agent_stretches WHERE since < ? AND until > ? "
                "GROUP BY agent, state, reservation_end ORDER BY agent",
                (until, until, since, since, until, until, since),
            )
            for agent, state, end, seconds, ended in rows:
                hours = found.setdefault(agent, AgentHours(agent, {}, 0, {}))
                hours.seconds[state] = hours.seconds.get(state, 0.0) + float(seconds)
                if end is not None:
                    hours.reservations[end] = hours.reservations.get(end, 0) + int(ended)
                if state == "talking":
                    found[agent] = replace(hours, calls=int(ended))
        return list(found.values())

    def recorded(self, attempt_id: str, file: str) -> None:
        """See the port."""
        with self._database.write() as connection:
            execute(connection, "UPDATE attempts SET recording = ? WHERE id = ?", (file, attempt_id))
