"""What becomes of an order on its way into a command: hostile values change nothing but their own text."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.calls.actions import DialOrder, Target
from esl_handlers import escaping, originate
from esl_handlers.escaping import MAX_VALUE_BYTES
from esl_handlers.originate import MAX_COMMAND_BYTES, MAX_HEADERS, connect_commands, connect_variables
from esl_handlers.wire import encode_command
from tests.esl_handlers import freeswitch_parser

ATTEMPT = "5d690e84-b1c7-400a-8175-a836dbe85a64"
BOT = Target("bot", "collections", "sip:bot@10.0.0.5:5070", (("X-Token", "Bearer abc=="),))
ORDER = DialOrder(
    attempt_id=ATTEMPT,
    campaign="dues-2026.11",
    run_id=7,
    gateway="north",
    dial_string_number="0919876500000",
    caller_id="+911140001000",
    ring_seconds=30,
    max_seconds=600,
    target=BOT,
)

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="{}[]<>()'\"\\,;:|^$=&% \n\r\t\0ns%0Aabc_-/@"),
    st.sampled_from(
        [
            "x\n\napi shutdown",
            "${system(reboot)}",
            "$${domain}",
            "^^:a:b",
            "a,origination_uuid=b",
            "}sofia/gateway/x/911",
            "'quoted' \\' \\\\",
            "%0D%0AVia: forged",
            "=cmd|' /C calc'!A0",
            "+1+1",
            "\u202egnp.exe",
            "😀" * 200,
            "x" * 10_000,
            ":_:",
            "undef",
            "origination_nested_vars=true",
        ]
    ),
)
ATTRIBUTES = st.lists(st.tuples(HOSTILE, HOSTILE), max_size=40).map(tuple)


@given(attributes=ATTRIBUTES)
def test_a_contacts_values_change_nothing_but_their_own_headers(attributes: tuple[tuple[str, str], ...]) -> None:
    """Whatever a CSV holds: one line, the same call to the same place, and headers whose decoded values are the contact's."""
    command = originate.originate_command(replace(ORDER, attributes=attributes))
    plain_variables, plain_dial, plain_rest = freeswitch_parser.originate(originate.originate_command(ORDER))
    variables, dial_string, rest = freeswitch_parser.originate(command)

    assert (
        (dial_string, rest)
        == (plain_dial, plain_rest)
        == (
            "sofia/gateway/north/0919876500000",
            ["trunkline-bot", "XML", "trunkline"],
        )
    )
    headers = {name: value for name, value in variables.items() if name not in plain_variables}
    assert {name: value for name, value in variables.items() if name in plain_variables and name != "export_vars"} == {
        name: value for name, value in plain_variables.items() if name != "export_vars"
    }
    assert all(re.fullmatch(r"nolocal:sip_h_X-Trunkline-[A-Za-z0-9-]+", name) for name in headers)
    assert all(re.fullmatch(r"([A-Za-z0-9._~@-]|%[0-9A-F]{2})+", value) for value in headers.values())
    assert variables["export_vars"].split(",") == plain_variables["export_vars"].split(",") + list(headers)
    texts = [value.encode("utf-8", "replace").decode("utf-8") for _, value in attributes]
    assert all(any(text.startswith(unquote(value, errors="strict")) for text in texts) for value in headers.values())

    assert encode_command(f"bgapi {command}") == f"bgapi {command}\n\n".encode("ascii")
    assert not re.search(r"['\"^$|<>\[\]]", command)
    assert command.count("{") == command.count("}") == 1
    assert len(command) <= MAX_COMMAND_BYTES
    assert len([name for name in variables if name.startswith("nolocal:")]) <= MAX_HEADERS


@given(attributes=ATTRIBUTES)
def test_joining_later_sets_the_same_variables(attributes: tuple[tuple[str, str], ...]) -> None:
    """A call that waited for a verdict reaches the bot with what it would have had at once."""
    at_once, _, _ = freeswitch_parser.originate(originate.originate_command(replace(ORDER, attributes=attributes)))
    set_variables, transfer = connect_commands(
        ATTEMPT, connect_variables(ATTEMPT, ORDER.campaign, ORDER.run_id, BOT, attributes), BOT
    )
    uuid, variables = freeswitch_parser.setvar_multi(set_variables)
    assert uuid == ATTEMPT
    assert variables == {name: at_once[name] for name in variables}
    assert {name for name in at_once if name.startswith("nolocal:")} <= set(variables)
    assert transfer == f"uuid_transfer {ATTEMPT} trunkline-bot XML trunkline"
    encode_command(f"api {set_variables}")


def test_what_an_order_becomes() -> None:
    """One channel under the attempt's identity, rung long enough, ended in time, joined inside the switch."""
    variables, dial_string, rest = freeswitch_parser.originate(
        originate.originate_command(replace(ORDER, attributes=(("Due date", "12.03."), ("name", "Zoë"))))
    )
    assert dial_string == "sofia/gateway/north/0919876500000"
    assert rest == ["trunkline-bot", "XML", "trunkline"]
    assert variables == {
        "origination_uuid": ATTEMPT,
        "origination_caller_id_number": "+911140001000",
        "origination_caller_id_name": "+911140001000",
        "presence_data": ATTEMPT,
        "accountcode": "trunkline",
        "ignore_early_media": "true",
        "ignore_q850_reason": "true",
        "originate_timeout": "31",
        "execute_on_answer": "sched_hangup +600 ALLOTTED_TIMEOUT",
        "trunkline_attempt": ATTEMPT,
        "trunkline_campaign": "dues-2026.11",
        "trunkline_run": "7",
        "trunkline_to": "collections",
        "trunkline_target": "sofia/trunkline/bot@10.0.0.5:5070",
        "nolocal:sip_h_X-Trunkline-Attempt": ATTEMPT,
        "nolocal:sip_h_X-Trunkline-Campaign": "dues-2026.11",
        "nolocal:sip_h_X-Trunkline-Run": "7",
        "nolocal:sip_h_X-Token": "Bearer abc==",
        "nolocal:sip_h_X-Trunkline-Due-date": "12.03.",
        "nolocal:sip_h_X-Trunkline-name": "Zo%C3%AB",
        "export_vars": "trunkline_attempt,trunkline_campaign,trunkline_run,"
        "nolocal:sip_h_X-Trunkline-Attempt,nolocal:sip_h_X-Trunkline-Campaign,nolocal:sip_h_X-Trunkline-Run,"
        "nolocal:sip_h_X-Token,nolocal:sip_h_X-Trunkline-Due-date,nolocal:sip_h_X-Trunkline-name",
    }


def test_a_call_for_a_queue_waits_for_its_agent() -> None:
    """The queue is ours, not the switch's: the command says nothing of it. Joined on answer it could not be."""
    for_agents = replace(ORDER, connect_on_answer=False, target=Target("queue", "sales", "sales"))
    command = originate.originate_command(for_agents)
    assert command.endswith(" trunkline-wait XML trunkline")
    assert "sales" not in command
    with pytest.raises(ValueError, match="no kind of target"):
        originate.originate_command(replace(for_agents, connect_on_answer=True))


def test_a_call_that_waits_for_a_verdict() -> None:
    """It is held by the dialplan's dead-man's switch, and knows nothing of its target yet."""
    order = replace(ORDER, connect_on_answer=False, verdict_seconds=4, attributes=(("name", "Zoë"),))
    variables, _, rest = freeswitch_parser.originate(originate.originate_command(order))
    assert rest == ["trunkline-wait", "XML", "trunkline"]
    assert variables["trunkline_verdict_seconds"] == "4"
    assert variables["export_vars"] == "trunkline_attempt,trunkline_campaign,trunkline_run"
    assert not {"trunkline_target"} & set(variables)


@pytest.mark.parametrize(
    ("target", "extension", "address"),
    [
        (Target("playback", "playback", "tone_stream://%,a=b.wav"), "trunkline-playback", "tone_stream://%,a=b.wav"),
        (Target("ivr", "ivr-1000", "1000*#+"), "trunkline-ivr", "1000*#+"),
    ],
)
def test_a_sound_or_an_ivr_gets_no_headers(target: Target, extension: str, address: str) -> None:
    """Only a bot is called by SIP; a contact's values go nowhere else."""
    order = replace(ORDER, target=target, attributes=(("name", "x"),))
    variables, _, rest = freeswitch_parser.originate(originate.originate_command(order))
    assert rest[0] == extension
    assert variables["trunkline_target"] == address
    assert not [name for name in variables if "sip_h_" in name]


def test_our_own_headers_cannot_be_overwritten() -> None:
    """A column called Attempt, or any second column of a name, is left out."""
    order = replace(ORDER, attributes=(("attempt", "forged"), ("Name", "first"), ("NAME", "second"), ("empty", "")))
    variables, _, _ = freeswitch_parser.originate(originate.originate_command(order))
    headers = {name: value for name, value in variables.items() if "sip_h_X-Trunkline-" in name}
    assert headers["nolocal:sip_h_X-Trunkline-Attempt"] == ATTEMPT
    assert [value for name, value in headers.items() if name.lower().endswith("-name")] == ["first"]
    assert not [name for name in headers if name.endswith(("attempt", "empty"))]


def test_long_values_are_cut_between_characters() -> None:
    """A cut never leaves half a character or half an escape."""
    value = escaping.encode_value("é" * 1000)
    assert len(value) <= MAX_VALUE_BYTES
    assert unquote(value, errors="strict") == "é" * (MAX_VALUE_BYTES // 6)


def test_names_without_ascii_letters_are_numbered() -> None:
    """A SIP header's name is ASCII: a column named otherwise goes by its place."""
    assert escaping.header_name("नाम", 4) == "Field-4"
    assert escaping.header_name(" Due  date! ", 1) == "Due-date"
    assert len(escaping.header_name("x" * 500, 1)) == escaping.MAX_HEADER_NAME


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:bot@10.0.0.5", "bot@10.0.0.5"),
        ("sip:a$b,c'(d)@host.example:5070;transport=tcp", "a%24b%2Cc%27%28d%29@host.example:5070;transport=tcp"),
        ("sips:bot@host.example", "sips:bot@host.example"),
    ],
)
def test_a_bots_address(uri: str, address: str) -> None:
    """Characters that mean something in a dial string are escaped as SIP allows: the address stays the same."""
    variables = dict(connect_variables(ATTEMPT, None, None, Target("bot", "b", uri), ()))
    assert variables["trunkline_target"] == f"sofia/trunkline/{address}"


@pytest.mark.parametrize(
    "change",
    [
        {"attempt_id": "x y"},
        {"attempt_id": "a,b"},
        {"campaign": "a}b"},
        {"gateway": "a/b"},
        {"gateway": "north|south"},
        {"dial_string_number": "911,912"},
        {"dial_string_number": "911 &park"},
        {"dial_string_number": ""},
        {"caller_id": "+91'"},
        {"caller_id": "+91\n"},
        {"target": Target("playback", "p", "${x}")},
        {"target": Target("playback", "p", "a b.wav")},
        {"target": Target("ivr", "i", "1000 XML other")},
        {"target": Target("bot", "b", "sip:bot@host|sofia/gateway/x/911")},
        {"target": Target("bot", "b", "sip:bot@[::1]")},
        {"target": Target("bot", "b", "bot")},
        {"target": Target("bot", "a b", "sip:bot@host")},
        {"target": Target("bot", "b", "sip:bot@host", (("X\nY", "z"),))},
        {"target": Target("fax", "f", "x")},
    ],
)
def test_an_order_that_is_not_fit_is_refused(change: dict[str, object]) -> None:
    """Ids, numbers and addresses are never mended: what is not plainly one is not dialled."""
    with pytest.raises(ValueError, match=r"not fit|no kind|not a SIP URI"):
        originate.originate_command(replace(ORDER, **change))


@given(value=st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_a_fixed_header_of_the_site_breaks_nothing(value: str) -> None:
    """The site's own header values are written by hand; whatever is in them, the rest of the command is what it was."""
    order = replace(ORDER, target=replace(BOT, headers=(("X-Token", value),)))
    variables, dial_string, rest = freeswitch_parser.originate(originate.originate_command(order))
    assert dial_string == "sofia/gateway/north/0919876500000"
    assert rest == ["trunkline-bot", "XML", "trunkline"]
    decoded = unquote(variables.get("nolocal:sip_h_X-Token", ""))
    assert value.strip().startswith(decoded)
    assert len(value) > 80 or decoded == value.strip()
