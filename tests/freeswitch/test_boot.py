"""Our configuration boots a stock FreeSWITCH without a complaint, and nothing of it listens beyond loopback."""

from __future__ import annotations

import re
from pathlib import Path

from tests.freeswitch.harness import REPOSITORY
from tests.freeswitch.site import Site


def test_boots_without_complaint(site: Site) -> None:
    """FreeSWITCH reads the whole configuration and finds nothing to object to."""
    about_us = [line for line in site.switch.complaints() if re.search(r"xml|conf|config|module|bind|load", line, re.I)]
    assert about_us == []
    assert "Successfully Loaded [mod_sofia]" in site.switch.log.read_text(encoding="utf-8", errors="replace")


def test_every_module_of_the_list_is_loaded(site: Site) -> None:
    """Each module of modules.conf.xml exists in a stock build and loads."""
    link = site.switch.link()
    text = (REPOSITORY / "freeswitch_conf/autoload_configs/modules.conf.xml").read_text(encoding="utf-8")
    wanted = re.findall(r'<load module="(\w+)"/>', re.sub(r"<!--.*?-->", "", text, flags=re.S))
    assert {module: link.api(f"module_exists {module}") for module in wanted} == dict.fromkeys(wanted, "true")
    link.close()


def test_listens_on_loopback_only(site: Site) -> None:
    """SIP and event socket as shipped reach nobody outside the machine."""
    ours = {f"{port:04X}" for port in (site.switch.esl_port, site.switch.sip_port)}
    bound = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if port in ours and fields[2].endswith(":0000"):
                bound.add(address)
    assert bound == {"0100007F"}


def test_limits_are_those_of_vars(site: Site) -> None:
    """The core takes on what vars.xml says, not FreeSWITCH's own thirty calls a second."""
    link = site.switch.link()
    assert link.api("fsctl sps").endswith(": 1000")
    assert link.api("fsctl max_sessions").endswith(": 10000")
    link.close()


def test_a_call_that_comes_in_is_refused(site: Site) -> None:
    """Somebody who calls us is turned away: this configuration only dials."""
    link = site.switch.link()
    reply = link.api(f"originate sofia/trunkline/sip:1000@127.0.0.1:{site.switch.sip_port} &park")
    assert reply.startswith("-ERR CALL_REJECTED")
    link.close()
