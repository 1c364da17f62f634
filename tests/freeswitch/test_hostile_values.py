"""Values from a contact list on their way through a real FreeSWITCH: they reach the bot as text and do nothing else (I8)."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from urllib.parse import quote, unquote

from controller.domain.calls.actions import DialOrder, Target
from esl_handlers.escaping import MAX_VALUE_BYTES
from esl_handlers.originate import originate_command
from tests.freeswitch.ports import HOST
from tests.freeswitch.site import Site


def hostile_values(mark: Path) -> list[str]:
    """Everything that has meant something to FreeSWITCH at some level, and what breaks careless programs."""
    return [
        "plain words",
        "${system(touch " + str(mark) + ")}",
        "$${hostname} ${uuid} ${trunkline_attempt}",
        "x',origination_caller_id_number='666",
        "x}sofia/gateway/north/919876599999 &park",
        "x]|sofia/gateway/north/919876599999,loopback/1",
        "^^:a=b:c=d",
        "a\nbgapi system touch " + str(mark) + "\n\n",
        "a\r\nX-Injected: yes\r\n\r\nv=0",
        "a\\,b\\'c\\\\",
        '"quoted" <sip:x@y>;tag=1',
        "%0d%0aX-Injected: yes",
        "=cmd|' /C calc'!A0",
        "\u202eright to left \U0001f600 наи́вно",
        "@system(touch " + str(mark) + ")",
        "_undef_",
        "z" * 5000,
    ]


def test_values_reach_the_bot_as_text_and_do_nothing_else(site: Site, tmp_path: Path) -> None:
    """Each hostile value dials its number once, arrives decoded as it was written, and changes nothing else."""
    mark = tmp_path / "executed"
    values = hostile_values(mark)
    link = site.switch.link()
    calls: dict[str, str] = {}
    for place, value in enumerate(values):
        order = DialOrder(
            attempt_id=str(uuid.uuid4()),
            campaign="hostile",
            run_id=1,
            gateway="north",
            dial_string_number=f"9198761{place:03d}01",
            caller_id="+911140001000",
            ring_seconds=10,
            max_seconds=30,
            target=Target("bot", "bot", f"sip:bot@{HOST}:{site.bots.port}"),
            attributes=(("note", value), (value, "a hostile name")),
        )
        calls[order.attempt_id] = value
        link.bgapi(originate_command(order), order.attempt_id)
    deadline = time.monotonic() + 60.0
    while len(headers(site, calls)) < len(calls) and time.monotonic() < deadline:
        time.sleep(0.2)
    arrived = headers(site, calls)
    assert set(arrived) == set(calls)
    for attempt, value in calls.items():
        assert value.startswith(arrived[attempt]), "the beginning of the value, cut only for length"
        assert arrived[attempt] == value or len(quote(value, safe="@")) > MAX_VALUE_BYTES
    assert not mark.exists(), "a value was executed"
    for messages in (site.bots.messages(), site.carrier.messages()):
        assert "X-Injected" not in [line.partition(":")[0] for line in messages.splitlines()]
    assert "X-Trunkline" not in site.carrier.messages()
    dialled = [invite for invite in site.carrier.invites() if invite.user.startswith("9198761")]
    assert sorted(invite.user for invite in dialled) == [f"9198761{place:03d}01" for place in range(len(values))]
    assert {invite.caller_id for invite in dialled} == {"+911140001000"}
    assert [invite.user for invite in site.carrier.invites() if "9999" in invite.user] == []
    link.close()


def headers(site: Site, calls: dict[str, str]) -> dict[str, str]:
    """X-Trunkline-note of each call's INVITE at the bot, decoded, by attempt."""
    found = {}
    for message in re.split(r"^-{20,}.*$", site.bots.messages(), flags=re.MULTILINE):
        attempt = re.search(r"^X-Trunkline-Attempt: (\S+)", message, re.MULTILINE)
        note = re.search(r"^X-Trunkline-note: ([^\r\n]*)", message, re.MULTILINE)
        if "INVITE sip:" in message and attempt is not None and note is not None and attempt[1] in calls:
            found[attempt[1]] = unquote(note[1])
    return found
