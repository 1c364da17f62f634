"""The site's agents: how a phone is reached."""

from __future__ import annotations

import pytest

from controller.domain.site import Carrier, Queue, SiteAgent, staff

NORTH = Carrier(name="north", gateway="gw-north", calls_per_second=1, channels=1, strip="91", prefix="0")


@pytest.mark.parametrize(
    ("phone", "carrier", "address"),
    [
        ("1001", None, "user/1001"),
        ("ann@example.org", None, "user/ann@example.org"),
        ("sip:ann@10.0.0.5:5070", None, "sip:ann@10.0.0.5:5070"),
        ("+919812300001", "north", "gateway/gw-north/09812300001"),
    ],
)
def test_a_phone_is_a_user_a_sip_address_or_a_number(phone: str, carrier: str | None, address: str):
    """A number is rung through the carrier as that carrier wants it; everything else directly."""
    agent = SiteAgent(name="ann", phone=phone, carrier=carrier, queues=("sales",))
    assert agent.address([NORTH]) == address


def test_a_queue_is_staffed_by_those_who_have_its_skills():
    """In the queue and with every skill it needs; a queue nobody is in counts none."""
    agents = [
        SiteAgent(name="ann", phone="1001", queues=("sales",), skills=("hindi", "tamil")),
        SiteAgent(name="bob", phone="1002", queues=("sales", "service")),
    ]
    queues = [Queue(name="sales", skills=("hindi",)), Queue(name="service"), Queue(name="deserted")]
    assert staff(queues, agents) == {"sales": 1, "service": 1, "deserted": 0}
