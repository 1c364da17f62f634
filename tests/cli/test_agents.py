"""Agents by command: the pool's word for what it grants, and the right controller for what touches a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from controller.admin import bus
from controller.admin.bus import AdminServer, connect
from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Limits
from controller.domain.agents.agent import AgentState, ReservationEnd
from controller.domain.agents.line import LineKind, SuperviseMode
from controller.errors import NotFound, WrongState
from controller.live.agents import RedisAgents, agents_for_any_thread
from controller.ports import AgentChange, AgentRequest, Presence
from controller.storage.agents import SqlAgentRecords
from controller.storage.audit import Audit
from tests.cli.conftest import SITE, Shell

FLOOR = (
    SITE
    + """
[[queue]]
name = "sales"

[[agent]]
name = "ann"
phone = "1001"
queues = ["sales"]

[[agent]]
name = "bob"
phone = "1002"
queues = ["sales"]
"""
)


class Phones:
    """What is asked of the lines; ``port`` as far as commands use it."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*args: object) -> None:
            self.asked.append((name, *args))

        return ask


class FloorOfOne:
    """One controller's agents: ``admin.commands.LiveAgents``."""

    def __init__(self, *names: str, talking: bool = True) -> None:
        self.names = list(names)
        self.talking = talking
        self.lines: Any = Phones()
        self.done: list[tuple[object, ...]] = []

    def holds(self, agent: str) -> bool:
        return agent in self.names

    def login(self, agent: str, ready: bool) -> str:
        if agent == "nobody":
            raise NotFound("agent nobody is not in the site")
        self.names.append(agent)
        return "ringing"

    def logout(self, agent: str) -> None:
        self.names.remove(agent)

    def talk(self, agent: str) -> str:
        if not self.talking:
            raise WrongState(f"agent {agent} is not on a call")
        return "call-1"

    def hang_up(self, agent: str) -> str:
        self.done.append(("hang_up", agent))
        return self.talk(agent)

    def transfer(self, agent: str, to: str, carrier: str | None, attended: bool) -> str:
        self.done.append(("transfer", agent, to, carrier, attended))
        return self.talk(agent)

    def record(self, agent: str) -> str:
        return f"/var/recordings/{self.talk(agent)}.wav"

    def address(self, phone: str, carrier: str | None) -> str:
        return f"user/{phone}"


@pytest.fixture
def pool(shell: Shell, redis_url: str) -> Iterator[RedisAgents]:
    """The site's floor applied; the pool as the controllers see it."""
    shell.ask("apply", shell.file("floor.toml", FLOOR))
    with connect(redis_url) as client:
        yield RedisAgents(client, 30.0, settle_seconds=0.0)


class Serving:
    """Controllers that answer for the time of a block."""

    def __init__(self, *servers: AdminServer) -> None:
        self.servers = servers
        self.threads = [threading.Thread(target=server.run) for server in servers]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.stop()
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads)


def controller(shell: Shell, redis_url: str, node: str, agents: FloorOfOne) -> AdminServer:
    def pool() -> Any:
        return agents_for_any_thread(lambda: connect(redis_url), 30.0)

    commands = Commands(Desk(shell.database, Limits(), open_agents=pool), VERBS, None, agents)
    return AdminServer(connect(redis_url, blocking=True), connect(redis_url), commands, node)


def test_the_floor_is_listed_with_everybody_on_it(shell: Shell, pool: RedisAgents):
    """Who is logged out is listed too, with the reason; filters narrow the list; the table names the call."""
    pool.enter([Presence("ann", "n1", ("sales",))])
    pool.ready("ann")
    pool.reserve([AgentRequest("call-1", "sales", "june", "n1")])
    rows = {row["agent"]: row for row in shell.ask("agent", "ls")}
    assert (rows["ann"]["state"], rows["ann"]["campaign"], rows["ann"]["attempt_id"]) == ("reserved", "june", "call-1")
    assert (rows["bob"]["state"], rows["bob"]["node"], rows["bob"]["reason"]) == ("out", None, "")
    records = SqlAgentRecords(shell.database)
    records.logged_in("bob", "n1", "user/1002", LineKind.NAILED_UP, 10.0)
    records.logged_out("bob", 10.0, "line_down: refused (SUBSCRIBER_ABSENT)")
    assert "bob is out (line_down: refused (SUBSCRIBER_ABSENT))" in shell.give("agent", "show", "bob").out
    assert "out (line_down: refused (SUBSCRIBER_ABSENT))" in shell.give("agent", "ls").out
    assert [row["agent"] for row in shell.ask("agent", "ls", "--state", "out")] == ["bob"]
    assert shell.ask("agent", "ls", "--queue", "other") == []
    assert "call-1" in shell.give("agent", "ls").out


def test_ready_and_pause_need_no_controller(shell: Shell, pool: RedisAgents):
    """They are the pool's to grant; both are on record."""
    pool.enter([Presence("ann", "n1", ("sales",))])
    assert shell.ask("agent", "ready", "ann")["state"] == "ready"
    assert shell.ask("agent", "pause", "ann", "--reason", "lunch")["reason"] == "lunch"
    assert "ann is away (lunch)" in shell.give("agent", "pause", "ann", "--reason", "lunch").out
    assert {"agent.ready", "agent.pause"} <= {entry.verb for entry in Audit(shell.database).latest()}


def test_a_reserved_agent_is_system_busy(shell: Shell, pool: RedisAgents):
    """Refused in those words, exit code 1 (features 3.7)."""
    pool.enter([Presence("ann", "n1", ("sales",))])
    pool.ready("ann")
    pool.reserve([AgentRequest("call-1", "sales", "june", "n1")])
    for verb in ("ready", "pause"):
        answer = shell.give("agent", verb, "ann")
        assert answer.code == 1
        assert "System Busy" in answer.err


def test_wrap_up_is_extended(shell: Shell, pool: RedisAgents):
    """Outside of wrap-up it is refused."""
    pool.enter([Presence("ann", "n1", ("sales",))])
    assert "not in wrap-up" in shell.give("agent", "extend", "ann").err
    pool.ready("ann")
    (held,) = pool.reserve([AgentRequest("call-1", "sales", "june", "n1")])
    pool.finish(pool.connect(held, "call-1"), 5.0)  # type: ignore[arg-type]
    assert 20.0 < shell.ask("agent", "extend", "ann", "--seconds", "20")["wrap_up_left"] <= 25.0


def test_who_is_not_logged_in_hears_how(shell: Shell, pool: RedisAgents):
    """Ready without a login is refused with the command that helps."""
    answer = shell.give("agent", "ready", "ann")
    assert answer.code == 1
    assert "trunkline agent login ann" in answer.err


def test_the_report_tells_how_the_time_was_spent(shell: Shell, pool: RedisAgents):
    """As far as stretches lie in the span: an hour at work, half of it on the phone, a call, one phone not picked up."""
    day = 1_790_000_000.0
    stretches = (
        (AgentState.READY, day, day + 1200.0, None),
        (AgentState.RESERVED, day + 1200.0, day + 1210.0, ReservationEnd.TALK),
        (AgentState.TALKING, day + 1210.0, day + 2710.0, None),
        (AgentState.WRAP_UP, day + 2710.0, day + 3010.0, None),
        (AgentState.READY, day + 3010.0, day + 3590.0, None),
        (AgentState.RESERVED, day + 3590.0, day + 3600.0, ReservationEnd.RONA),
        (AgentState.AWAY, day + 3600.0, day + 7200.0, None),
    )
    SqlAgentRecords(shell.database).note(
        [
            AgentChange(number, "ann", "n1", state, "", since, until, AgentState.READY, "", end=end)
            for number, (state, since, until, end) in enumerate(stretches)
        ]
    )
    span = [datetime.fromtimestamp(day + offset, UTC).isoformat() for offset in (600.0, 5400.0)]
    (row,) = shell.ask("agent", "report", "--since", span[0], "--until", span[1])
    assert row["seconds"] == {"ready": 1180.0, "reserved": 20.0, "talking": 1500.0, "wrap_up": 300.0, "away": 1800.0}
    assert (row["calls"], row["reservations"]) == (1, {"rona": 1, "talk": 1})
    assert row["occupancy"] == 0.6
    assert "60.0%" in shell.give("agent", "report", "--since", span[0], "--until", span[1]).out
    assert "since: is not before until" in shell.give("agent", "report", "--since", span[1], "--until", span[0]).err


def test_a_login_goes_to_one_controller(shell: Shell, redis_url: str, pool: RedisAgents):
    """To the one that is named, else to whichever claims it; never to two."""
    first, second = FloorOfOne(), FloorOfOne()
    with Serving(controller(shell, redis_url, "n1", first), controller(shell, redis_url, "n2", second)):
        assert shell.ask("agent", "login", "ann", "--node", "n2")["state"] == "ringing"
        assert (first.names, second.names) == ([], ["ann"])
        shell.ask("agent", "login", "bob")
        assert sorted(first.names + second.names) == ["ann", "bob"]
        assert "not in the site" in shell.give("agent", "login", "nobody").err


def test_what_touches_the_phone_goes_to_the_controller_with_the_line(shell: Shell, redis_url: str, pool: RedisAgents):
    """Of two controllers the one with ann's line acts, whatever the command."""
    other, hers = FloorOfOne("bob"), FloorOfOne("ann")
    with Serving(controller(shell, redis_url, "n1", other), controller(shell, redis_url, "n2", hers)):
        for words in (
            ("hold", "ann"),
            ("hold", "ann", "--off"),
            ("mute", "ann"),
            ("mute", "ann", "--off"),
            ("keys", "ann", "12#"),
            ("complete", "ann"),
            ("record", "ann", "pause"),
            ("record", "ann", "stop"),
            ("whisper", "ann", "carol", "1009"),
            ("unsupervise", "ann", "carol"),
            ("hangup", "ann"),
            ("transfer", "ann", "bob", "--attended"),
        ):
            shell.ask("agent", *words)
        assert shell.ask("agent", "record", "ann")["file"] == "/var/recordings/call-1.wav"
        shell.ask("agent", "logout", "ann")
    assert hers.lines.asked == [
        ("hold", "ann"),
        ("resume", "ann"),
        ("mute", "ann", True),
        ("mute", "ann", False),
        ("send_keys", "ann", "12#"),
        ("complete", "ann"),
        ("pause_recording", "call-1", True),
        ("stop_recording", "call-1"),
        ("supervise", "ann", "carol", "user/1009", SuperviseMode.WHISPER),
        ("stop_supervising", "ann", "carol"),
    ]
    assert hers.done == [("hang_up", "ann"), ("transfer", "ann", "bob", None, True)]
    assert (hers.names, other.names, other.lines.asked) == ([], ["bob"], [])


def test_without_a_call_there_is_nothing_to_hold(shell: Shell, redis_url: str, pool: RedisAgents):
    """The controller's refusal reaches the shell, and is on record."""
    with Serving(controller(shell, redis_url, "n1", FloorOfOne("ann", talking=False))):
        answer = shell.give("agent", "hold", "ann")
    assert answer.code == 1
    assert "not on a call" in answer.err
    assert [entry.ok for entry in Audit(shell.database).latest() if entry.verb == "agent.hold"] == [False]


@pytest.mark.parametrize(
    ("agent", "told"),
    [("ann", "is not logged in"), ("carol", "is not in the site"), ("bob", "is at controller n7, which does not answer")],
)
def test_an_agent_nobody_has_is_answered_for(
    shell: Shell, redis_url: str, pool: RedisAgents, monkeypatch: pytest.MonkeyPatch, agent: str, told: str
):
    """Not logged in, unknown, or at a controller that is gone: said after a moment, not left to time out."""
    monkeypatch.setattr(bus, "UNHELD_SECONDS", 0.0)
    pool.enter([Presence("bob", "n7", ("sales",))])
    with Serving(controller(shell, redis_url, "n1", FloorOfOne())):
        assert told in shell.give("agent", "hold", agent).err
