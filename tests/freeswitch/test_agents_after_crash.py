"""A controller is killed while an agent talks; the next one knows who talks to whom, and the agent's day goes on. On both
switches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.esl_handlers.virtual_switch.running import running_switch
from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.sipp import FarEnd, sipp_binary
from tests.freeswitch.waiting import until
from tests.load import agents, site
from tests.load.campaign import Row, Trunkline
from tests.servers import running_redis

AGENT = "agent001"
PATIENCE_SECONDS = 60.0
PEOPLE = """
[[number]]
who = [{ kind = "person", ring_seconds = 0.2, talk_seconds = 600 }]
[[bot]]
uri = "agent001@*"
[gateway.north]
"""


@dataclass(frozen=True)
class Beside:
    """How the virtual switch is reached."""

    esl_port: int
    journal: Path
    password: str = "ClueCon"


@pytest.fixture(params=["virtual", pytest.param("real", marks=[pytest.mark.freeswitch, pytest.mark.soak])])
def trunkline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trunkline]:
    """One contact, who talks for ten minutes, and one agent with half a minute's wrap-up."""
    with ExitStack() as stack:
        phones_port = 5070
        if request.param == "real":
            if freeswitch_binary() is None or sipp_binary() is None:
                pytest.skip(
                    "needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)"
                )
            people, phones = FarEnd("carrier", tmp_path, talk_ms=600_000), FarEnd("bot", tmp_path)
            switch: Beside | RealFreeSwitch = RealFreeSwitch([Gateway("north", people.port)])
            for ours in (people, phones, switch):
                stack.callback(ours.stop)
                ours.start()
            phones_port = phones.port
        else:
            virtual = stack.enter_context(running_switch(tmp_path, PEOPLE))
            switch = Beside(virtual.port, virtual.journal_path)
        agents.write(tmp_path, "progressive", site.numbers(1, 100_000, (0,)), 1, phones_port, 30.0, 5.0)
        found = Trunkline(tmp_path, switch, stack.enter_context(running_redis()))
        stack.enter_context(found.running())
        found.load()
        yield found


def state(trunkline: Trunkline) -> str:
    return next((view.state.value for view in trunkline.agents()), "out")


def hangs_up(trunkline: Trunkline) -> bool:
    """Whether the controller knows that the agent talks, and ends it."""
    try:
        trunkline.command("agent", "hangup", AGENT)
    except RuntimeError:
        return False
    return True


@pytest.mark.timeout(300)
def test_a_talk_that_outlived_its_controller_ends_as_any_other(trunkline: Trunkline) -> None:
    """The next controller ends it on the agent's word; wrap-up follows, the record names the agent, the disposition is kept."""
    trunkline.command("agent", "login", AGENT, "--ready")
    until("ready", lambda: state(trunkline) == "ready", PATIENCE_SECONDS)
    trunkline.command("campaign", "start", "load")
    until("talking", lambda: state(trunkline) == "talking", PATIENCE_SECONDS)
    trunkline.kill_controller()
    trunkline.start("controller")
    until("the agent hangs up", lambda: hangs_up(trunkline), PATIENCE_SECONDS)
    until("wrap-up", lambda: state(trunkline) == "wrap_up", PATIENCE_SECONDS)
    trunkline.command("agent", "dispose", AGENT, "SALE MADE")

    def ended() -> list[Row]:
        return [row for row in trunkline.rows() if row.ended_at is not None]

    until("the end is on record", lambda: bool(ended()), PATIENCE_SECONDS)
    (row,) = ended()
    assert (row.outcome, row.connected_to) == ("answered", AGENT)
    assert row.answered_at is not None
    assert row.connected_at is not None
    (exported,) = trunkline.command("attempts", "export", "load").splitlines()[1:]
    assert "SALE MADE" in exported
