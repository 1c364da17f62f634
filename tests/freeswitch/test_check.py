"""``trunkline check`` on a real FreeSWITCH that runs the shipped configuration."""

from __future__ import annotations

from controller.domain.finding import Level
from controller.domain.site import Carrier
from esl_handlers.checkup import check_switch
from tests.freeswitch.site import Site


def carrier(gateway: str) -> Carrier:
    return Carrier(name=gateway, gateway=gateway, calls_per_second=50, channels=200)


def test_the_shipped_configuration_passes(site: Site) -> None:
    """Nothing to mend: every check passes, the path of the journal included."""
    link = site.switch.link()
    findings = check_switch(link.api, [carrier("north")], str(site.switch.journal), 30.0)
    link.close()
    assert [finding for finding in findings if finding.level is not Level.OK] == []
    assert len(findings) >= 9


def test_a_carrier_without_gateway_is_named(site: Site) -> None:
    """The site file knows a gateway that FreeSWITCH does not."""
    link = site.switch.link()
    findings = {finding.subject: finding for finding in check_switch(link.api, [carrier("south")], "", 30.0)}
    link.close()
    assert findings["carrier south"].level is Level.FAIL
    assert str(site.switch.journal) in findings["CDR journal"].mend
