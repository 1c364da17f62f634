"""Preview, and pacing by formula, with an agent on a real FreeSWITCH: from the card or the formula to the end of the talk."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.sipp import FarEnd, sipp_binary
from tests.freeswitch.waiting import until
from tests.load import agents, site
from tests.load.campaign import Row, Trunkline
from tests.load.load import audit
from tests.servers import running_redis

pytestmark = [pytest.mark.freeswitch, pytest.mark.soak, pytest.mark.timeout(300)]

AGENT = "agent001"
PATIENCE_SECONDS = 90.0
PREVIEW = '[pacing.preview]\nseconds = 60\non_timeout = "skip"\n'
FORMULA = '[pacing.formula]\ncalls_to_start = 1\nagents_to_seize = 1\ncalls_for = "agent"\npulse_seconds = 1\n'


def dials(trunkline: Trunkline) -> bool:
    """Whether there was a card, and its contact is rung now."""
    try:
        trunkline.command("agent", "dial", AGENT)
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize(("mode", "pacing"), [("preview", PREVIEW), ("predictive", FORMULA)], ids=["preview", "formula"])
def test_two_people_one_after_the_other_talk_to_the_agent(mode: str, pacing: str, tmp_path: Path) -> None:
    """Each is rung once, by the agent's word or by the formula's, and talks to the agent; the far end saw the same calls."""
    if freeswitch_binary() is None or sipp_binary() is None:
        pytest.skip("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp")
    with ExitStack() as stack:
        people, phones = FarEnd("carrier", tmp_path, talk_ms=2000), FarEnd("bot", tmp_path)
        switch = RealFreeSwitch([Gateway("north", people.port)])
        for ours in (people, phones, switch):
            stack.callback(ours.stop)
            ours.start()
        agents.write(tmp_path, mode, site.numbers(2, 100_000, (0, 1)), 1, phones.port, 1.0, 5.0)
        with (tmp_path / "campaign.toml").open("a", encoding="utf-8") as file:
            file.write(pacing)
        trunkline = Trunkline(tmp_path, switch, stack.enter_context(running_redis()))
        stack.enter_context(trunkline.running())
        trunkline.load()
        trunkline.command("agent", "login", AGENT, "--ready")
        trunkline.command("campaign", "start", "load")

        def ended() -> list[Row]:
            return [row for row in trunkline.rows() if row.ended_at is not None]

        for calls in (1, 2):
            if mode == "preview":
                until("a card", lambda: dials(trunkline), PATIENCE_SECONDS)
            until("the talk is over", lambda calls=calls: len(ended()) >= calls, PATIENCE_SECONDS)
        assert [(row.outcome, row.connected_to) for row in ended()] == [("answered", AGENT)] * 2
        assert audit(people.invites(), ended()) == (0, 0)
        trunkline.wait_ended(PATIENCE_SECONDS)
