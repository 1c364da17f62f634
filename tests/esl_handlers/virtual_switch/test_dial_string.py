"""Originate commands are read as FreeSWITCH 1.11.1 was seen to read them; each row was tried on a real one."""

from __future__ import annotations

import pytest

from esl_handlers.virtual_switch.dial_string import read_dial_string, read_originate

OBSERVED = [
    ("{a='b,c',d=e}", "b"),
    (r"{a=b\,c,d=e}", "b,c"),
    ("{a='b c',d=e}", "b c"),
    (r"{a=b\sc,d=e}", "b c"),
    ("{^^:a=b,c:d=e}", "b,c"),
    ("{a=^^:b:c,d=e}", "^^:b:c"),
    ("{a={x},d=e}", "{x}"),
    ("{a=b=c,d=e}", "b=c"),
    ("{a=,d=e}", None),
    (r"{a='it\'s',d=e}", "it's"),
    ("{a=b%20c,d=e}", "b%20c"),
    ("{a=[x],d=e}", "[x]"),
    ("{a=éह,d=e}", "éह"),
    ("{z=1}[a=b,d=e]", "b"),
    ("{a=b|c,d=e}", "b|c"),
    (r"{a=b\\c,d=e}", r"b\c"),
    (r"{a=b\nc,d=e}", "b\nc"),
    ("{a='',d=e}", None),
    ("{a,d=e}", None),
]


@pytest.mark.parametrize(("brackets", "value"), OBSERVED)
def test_variables_have_the_values_that_freeswitch_gave_them(brackets: str, value: str | None) -> None:
    """Quotes, escapes and brackets in a variable mean what they mean to FreeSWITCH; its neighbour stays whole."""
    command = read_originate(f"{brackets}sofia/gateway/uas/4001 &park")
    assert command is not None
    assert command.leg.variables.get("a") == value
    assert command.leg.variables.get("d") == "e"
    assert (command.leg.gateway, command.leg.address, command.extension) == ("uas", "4001", "&park")


@pytest.mark.parametrize(
    "arguments", ["", "sofia/gateway/g/1", "{ a = b }sofia/gateway/g/1 &park", "1 2 3 4 5 6 7 8", "{a=b 1"]
)
def test_what_cannot_be_read_gets_the_usage(arguments: str) -> None:
    """Too few or too many words, or brackets torn apart by a space."""
    assert read_originate(arguments) is None


def test_a_bots_address_is_dialled_through_a_profile() -> None:
    """user@host and port, no gateway."""
    leg = read_dial_string("[x=1]sofia/trunkline/collections@10.0.0.5:5070")
    assert leg is not None
    assert (leg.profile, leg.gateway, leg.address, leg.variables) == ("trunkline", "", "collections@10.0.0.5:5070", {"x": "1"})
