"""Line orders as command lines: nothing of an agent's, a contact's or a target's text can become a command of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.agents.line import LineKind, LineOrder, SuperviseMode
from esl_handlers.escaping import MAX_SHOWN, shown
from esl_handlers.lines import commands
from esl_handlers.lines.commands import consult_command, dial_string, open_command, supervise_command, transfer_variables
from esl_handlers.wire import encode_command
from tests.esl_handlers import freeswitch_parser

ORDER = LineOrder("ann", "sip:1001@10.0.0.5:5060")


@pytest.mark.parametrize(
    ("phone", "dialled"),
    [
        ("user/1001", "user/1001"),
        ("user/1001@floor.example", "user/1001@floor.example"),
        ("sip:1001@10.0.0.5:5060", "sofia/trunkline/1001@10.0.0.5:5060"),
        ("gateway/north/9812300001", "sofia/gateway/north/9812300001"),
    ],
)
def test_the_ways_to_a_phone(phone: str, dialled: str) -> None:
    """A registered user, any SIP address, any telephone through a carrier."""
    assert dial_string(phone) == dialled


@given(st.text(max_size=60))
def test_no_text_is_a_phone_unless_it_is_one(text: str) -> None:
    """What is dialled has no blank, bracket, quote, comma, bar or dollar in it, whatever was given."""
    for phone in (text, f"user/{text}", f"sip:{text}", f"sip:{text}@10.0.0.5", f"gateway/{text}", f"gateway/north/{text}"):
        try:
            dialled = dial_string(phone)
        except ValueError:
            continue
        assert not set(dialled) & set(" \t\r\n{}[]<>()'\",|$^\\`")


@given(st.lists(st.tuples(st.text(max_size=50), st.text(max_size=300)), max_size=40))
def test_what_a_phone_is_shown_stays_text(shows: list[tuple[str, str]]) -> None:
    """Read as FreeSWITCH reads it, the command dials the phone to its extension, with our variables, and headers so named."""
    command = open_command("line-1", replace(ORDER, shows=tuple(shows)))
    assert encode_command(f"bgapi {command}")
    variables, phone, rest = freeswitch_parser.originate(command)
    assert phone == "sofia/trunkline/1001@10.0.0.5:5060"
    assert rest == ["trunkline-agent", "XML", "trunkline-agents"]
    ours = {name: value for name, value in variables.items() if not name.startswith("sip_h_X-Trunkline-")}
    assert ours == {
        "origination_uuid": "line-1",
        "origination_caller_id_name": "Trunkline",
        "presence_data": "trunkline-agent:ann",
        "ignore_early_media": "true",
        "originate_timeout": "31",
        "trunkline_agent": "ann",
        "trunkline_kind": "nailed_up",
    }


@pytest.mark.parametrize("hostile", ["a b", "a,b", "a}b", "${x}", "", "a\nb", "x" * 65, "a:b"])
def test_names_must_be_names(hostile: str) -> None:
    """An agent, a supervisor or a leg of another form is refused before anything is sent."""
    with pytest.raises(ValueError, match="not fit"):
        open_command("line-1", replace(ORDER, agent_id=hostile))
    with pytest.raises(ValueError, match="not fit"):
        supervise_command("leg-1", "line-1", "ann", hostile, "user/9", SuperviseMode.LISTEN)
    with pytest.raises(ValueError, match="not fit"):
        consult_command("leg-1", hostile, "user/9", 20, "")


def test_music_is_for_lines_that_stay() -> None:
    """A nailed-up line has its own; an on-hook phone is hung up when nobody comes."""
    nailed = open_command("line-1", replace(ORDER, music="tone_stream://%(100,900,440);loops=-1"))
    assert freeswitch_parser.originate(nailed)[0]["trunkline_music"] == "tone_stream://%(100,900,440);loops=-1"
    order = replace(ORDER, kind=LineKind.ON_HOOK, music="local_stream://moh")
    on_hook, _, _ = freeswitch_parser.originate(open_command("line-1", order))
    assert "trunkline_music" not in on_hook
    assert on_hook["trunkline_agent_seconds"] == str(commands.ON_HOOK_SECONDS)
    with pytest.raises(ValueError, match="sound"):
        open_command("line-1", replace(ORDER, music="${system(true)}"))


def test_who_is_called_by_a_transfer_sees_the_number_given() -> None:
    """Without one, the switch's own choice."""
    assert dict(transfer_variables("user/7", 20, "+911140001000"))["effective_caller_id_number"] == "+911140001000"
    assert "effective_caller_id_number" not in dict(transfer_variables("user/7", 20, ""))


@given(st.text(max_size=300))
def test_a_display_shows_letters_only(name: str) -> None:
    """Nothing that ends a header, a quote or a command's argument gets to a telephone's display."""
    kept = shown(name)
    assert len(kept) <= MAX_SHOWN
    assert all(character.isalnum() or character in " .,-+#/" for character in kept)
