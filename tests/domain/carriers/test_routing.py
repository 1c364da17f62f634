"""Which carrier may take which call."""

from __future__ import annotations

from controller.domain.carriers.routing import routes
from controller.domain.site import Carrier, Number

INDIA = Carrier(name="india", gateway="in1", calls_per_second=10, channels=10, allowed=("+91",), strip="91", prefix="0")
DELHI = Carrier(name="delhi", gateway="in2", calls_per_second=10, channels=10, allowed=("+9111",))
WORLD = Carrier(name="world", gateway="w", calls_per_second=10, channels=10, preference=200)
POOL = tuple(Number(number=f"+9111400010{n:02d}", carrier=name) for n, name in enumerate(("india", "delhi", "world")))


def names(phone: int, pool: tuple[Number, ...] = POOL) -> list[str]:
    return [carrier.name for carrier, _ in routes(phone, (WORLD, INDIA, DELHI), pool)]


def test_the_longest_prefix_goes_first():
    """Delhi's own carrier before India's before the one that takes everything; the later ones are for failover."""
    assert names(911140001000) == ["delhi", "india", "world"]
    assert names(919999999999) == ["india", "world"]
    assert names(12125550100) == ["world"]


def test_a_carrier_without_a_number_in_the_pool_is_no_option():
    """No carrier may be shown another's number, nor an inbound-only one."""
    assert names(919999999999, POOL[1:2]) == []
    inbound = (Number(number="+911140001000", carrier="india", direction="inbound"),)
    assert names(919999999999, inbound) == []


def test_the_number_is_written_as_the_carrier_wants_it():
    """strip comes off where it is there, prefix goes in front."""
    assert INDIA.dial_number(919999999999) == "09999999999"
    assert INDIA.dial_number(12125550100) == "012125550100"
    assert WORLD.dial_number(12125550100) == "12125550100"
