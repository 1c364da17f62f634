"""The whole scene of a test: a real FreeSWITCH under our configuration, between SIPp as the carrier and SIPp as the bots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST, free_port
from tests.freeswitch.sipp import FarEnd, sipp_binary


class NotHere(Exception):
    """This machine lacks FreeSWITCH or SIPp."""


@dataclass(frozen=True)
class Site:
    """What a test dials with. Gateways: ``north`` works, ``closed`` leads to a port where nobody listens, ``down`` leads
    there too, but is asked with OPTIONS, so that FreeSWITCH soon knows."""

    switch: RealFreeSwitch
    carrier: FarEnd
    bots: FarEnd

    def bot(self, user: str) -> str:
        """Dial string of a bot; what it does is its user part (scenarios/bot.xml)."""
        return f"sofia/trunkline/sip:{user}@{HOST}:{self.bots.port}"


@contextmanager
def running_site(folder: Path, more: Sequence[Gateway] = ()) -> Iterator[Site]:
    """Everything started, and ended with the block. ``NotHere`` says what is missing. more: further gateways."""
    if freeswitch_binary() is None:
        raise NotHere("no FreeSWITCH on this machine; set TRUNKLINE_FREESWITCH to its binary")
    if sipp_binary() is None:
        raise NotHere("no SIPp on this machine (Debian: apt install sip-tester)")
    carrier = FarEnd("carrier", folder, trace=True)
    bots = FarEnd("bot", folder, trace=True)
    dead = free_port()
    gateways = [Gateway("north", carrier.port), Gateway("closed", dead), Gateway("down", dead, ping_seconds=5), *more]
    switch = RealFreeSwitch(gateways)
    try:
        carrier.start()
        bots.start()
        switch.start()
        yield Site(switch, carrier, bots)
    finally:
        switch.stop()
        bots.stop()
        carrier.stop()
