"""Whether a FreeSWITCH is fit for Trunkline: version, modules, profile, gateways, dialplan, limits, journal, clock.

Looks only, changes nothing: every probe is an api command that reads. What is asked for is what freeswitch_conf/ and
dialplan/ set up; an installation that took over pieces of them passes as well. How the commands get there is the caller's.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from controller.domain.finding import Finding, fail, ok, warn
from controller.domain.site import Carrier
from esl_handlers.lines.commands import (
    CONSULT_EXTENSION,
    HOLD_EXTENSION,
    LINE_EXTENSION,
    LOST_EXTENSION,
    SUPERVISE_EXTENSION,
    TRANSFER_EXTENSION,
)
from esl_handlers.lines.commands import CONTEXT as AGENTS_CONTEXT
from esl_handlers.originate import (
    ABANDONED_EXTENSION,
    CONTEXT,
    EXTENSIONS,
    MESSAGE_EXTENSION,
    OVERDUE_EXTENSION,
    PARK_EXTENSION,
    PROFILE,
    WAIT_EXTENSION,
)

Api = Callable[[str], str]
"""An api command → its answer. Raises ``SwitchDown`` when there is none."""

OLDEST_VERSION = (1, 10)
MODULES = {
    "mod_commands": "originate and the uuid_ commands",
    "mod_dptools": "the applications that answered calls run in",
    "mod_dialplan_xml": "the dialplan of answered calls",
    "mod_event_socket": "the link to this controller",
    "mod_sofia": "SIP: carriers and bots",
    "mod_sndfile": "sound files",
    "mod_tone_stream": "the tone that a person hears whom nobody takes",
}
JOURNAL_MODULE = "mod_cdr_csv"
JOURNAL_TEMPLATE = "trunkline"
JOURNAL_MARK = "trunkline1,${trunkline_attempt},${uuid},"
NEEDED_EXTENSIONS = {
    *EXTENSIONS.values(),
    WAIT_EXTENSION,
    OVERDUE_EXTENSION,
    PARK_EXTENSION,
    MESSAGE_EXTENSION,
    ABANDONED_EXTENSION,
}
AGENTS_EXTENSIONS = {
    LINE_EXTENSION,
    HOLD_EXTENSION,
    LOST_EXTENSION,
    TRANSFER_EXTENSION,
    CONSULT_EXTENSION,
    SUPERVISE_EXTENSION,
}
LEGS_PER_CALL = 2
"""The person's and the bot's; FreeSWITCH's limits count both."""
GOOD_GATEWAY_STATES = frozenset({"NOREG", "REGED"})
CLOCK_SECONDS = 2.0
"""FreeSWITCH tells whole seconds: up to one of difference means nothing."""


def check_switch(api: Api, carriers: Sequence[Carrier], journal: str, heartbeat_seconds: float) -> list[Finding]:
    """Everything about one FreeSWITCH.

    journal: path from ``freeswitch.cdr_journal``, empty = none. heartbeat_seconds: silence after which the controller gives
    the link up.
    """
    return [
        check_version(api),
        *check_modules(api),
        check_profile(api),
        *(check_gateway(api, carrier) for carrier in carriers),
        check_dialplan(api),
        check_agents_dialplan(api),
        *check_limits(api, carriers),
        check_heartbeat(api, heartbeat_seconds),
        check_journal(api, journal),
        check_clock(api, time.time),
    ]


def check_version(api: Api) -> Finding:
    found = re.search(r"FreeSWITCH Version (\d+)\.(\d+)\S*", api("version"))
    if found is None:
        return warn("FreeSWITCH", "does not say its version", "Make sure that freeswitch.host and port lead to a FreeSWITCH.")
    if (int(found[1]), int(found[2])) < OLDEST_VERSION:
        return fail("FreeSWITCH", found[0], "Upgrade to FreeSWITCH 1.10 or later.")
    return ok("FreeSWITCH", found[0])


def check_modules(api: Api) -> list[Finding]:
    missing = [
        fail("module", f"{name} is not loaded; it is needed for {what}", f"Add {name} to modules.conf.xml and `load {name}`.")
        for name, what in MODULES.items()
        if api(f"module_exists {name}").strip() != "true"
    ]
    return missing or [ok("modules", f"all {len(MODULES)} are loaded")]


def check_profile(api: Api) -> Finding:
    mend = f"Put sip_profiles/{PROFILE}.xml of freeswitch_conf in place and `sofia profile {PROFILE} start`."
    for line in api("sofia status").splitlines():
        words = line.split()
        if words[:2] == [PROFILE, "profile"]:
            if "RUNNING" in line:
                return ok("SIP profile", f"{PROFILE} runs at {words[2]}")
            return fail("SIP profile", f"{PROFILE} does not run: {' '.join(words[3:])}", mend)
    return fail("SIP profile", f"no profile {PROFILE}", mend)


def check_gateway(api: Api, carrier: Carrier) -> Finding:
    """The gateway of one carrier: there, up, and registered where it registers."""
    subject = f"carrier {carrier.name}"
    answer = api(f"sofia status gateway {carrier.gateway}")
    values = dict(re.findall(r"^(\w+)\s+(\S+)", answer, re.MULTILINE))
    if "State" not in values:
        return fail(
            subject,
            f"FreeSWITCH has no gateway {carrier.gateway}",
            f"Write it from sip_profiles/{PROFILE}/gateway.xml.example and `sofia profile {PROFILE} rescan`.",
        )
    if values.get("Status") == "DOWN":
        return fail(
            subject, f"gateway {carrier.gateway} is down", "Ask the carrier, or look at its address in the gateway file."
        )
    if values["State"] not in GOOD_GATEWAY_STATES:
        return warn(
            subject,
            f"gateway {carrier.gateway} is not registered ({values['State']})",
            "Look at username and password in the gateway file, or set register to false if the carrier goes by address.",
        )
    return ok(subject, f"gateway {carrier.gateway} is up")


def check_dialplan(api: Api) -> Finding:
    mend = "Copy dialplan/trunkline.xml to FreeSWITCH's dialplan folder and `reloadxml`."
    text = api(f"xml_locate dialplan context name {CONTEXT}")
    present = set(re.findall(r'<extension name="([^"]+)"', text))
    missing = sorted(NEEDED_EXTENSIONS - present)
    if not present:
        return fail("dialplan", f"no context {CONTEXT}", mend)
    if missing:
        return fail("dialplan", f"context {CONTEXT} lacks {', '.join(missing)}", mend)
    return ok("dialplan", f"context {CONTEXT} is there")


def check_agents_dialplan(api: Api) -> Finding:
    """Only queues need it, so that its absence is no failure."""
    mend = "Copy dialplan/trunkline-agents.xml to FreeSWITCH's dialplan folder and `reloadxml`; campaigns with agents need it."
    text = api(f"xml_locate dialplan context name {AGENTS_CONTEXT}")
    missing = sorted(AGENTS_EXTENSIONS - set(re.findall(r'<extension name="([^"]+)"', text)))
    if missing:
        return warn("agents' dialplan", f"context {AGENTS_CONTEXT} lacks {', '.join(missing)}", mend)
    return ok("agents' dialplan", f"context {AGENTS_CONTEXT} is there")


def check_limits(api: Api, carriers: Sequence[Carrier]) -> list[Finding]:
    """FreeSWITCH's own limits against what the carriers add up to; what it refuses looks like a failed call."""
    wanted_rate = sum(carrier.calls_per_second for carrier in carriers) * LEGS_PER_CALL
    wanted_sessions = sum(carrier.channels for carrier in carriers) * LEGS_PER_CALL
    return [
        _limit(api, "sps", "sessions-per-second", wanted_rate + 1),  # a limit of N admits N-1
        _limit(api, "max_sessions", "max-sessions", wanted_sessions),
    ]


def _limit(api: Api, verb: str, parameter: str, wanted: float) -> Finding:
    found = re.search(r"(\d+)\s*$", api(f"fsctl {verb}").strip())
    if found is None:
        return warn(parameter, "FreeSWITCH does not tell it", f"Look at {parameter} in switch.conf.xml.")
    if int(found[1]) < wanted:
        return warn(
            parameter,
            f"is {found[1]}; the carriers of the site, two legs a call, may need {wanted:.0f}",
            f"Raise {parameter} in switch.conf.xml, or `fsctl {verb} {wanted:.0f}` until the next start.",
        )
    return ok(parameter, f"{found[1]}, and {wanted:.0f} may be needed")


def check_heartbeat(api: Api, heartbeat_seconds: float) -> Finding:
    """Several beats must fit into the silence that the controller bears."""
    settings = _settings(api("xml_locate configuration configuration name switch.conf"))
    interval = float(settings.get("event-heartbeat-interval", "20"))
    if interval * 2 > heartbeat_seconds:
        return warn(
            "heartbeat",
            f"comes every {interval:g} s, and the link is given up after {heartbeat_seconds:g} s without any traffic",
            "Set event-heartbeat-interval to 2 in switch.conf.xml, or raise freeswitch.heartbeat_seconds.",
        )
    return ok("heartbeat", f"every {interval:g} s")


def check_journal(api: Api, journal: str) -> Finding:
    """The journal is configured in FreeSWITCH, our path leads to it, and we can read it."""
    conf = "autoload_configs/cdr_csv.conf.xml of freeswitch_conf"
    if api(f"module_exists {JOURNAL_MODULE}").strip() != "true":
        return warn(
            "CDR journal",
            f"{JOURNAL_MODULE} is not loaded: after a crash the fate of calls would be unknown",
            f"Add {JOURNAL_MODULE} to modules.conf.xml, take {conf}, and restart FreeSWITCH.",
        )
    text = api("xml_locate configuration configuration name cdr_csv.conf")
    settings, templates = _settings(text), _templates(text)
    if not templates.get(JOURNAL_TEMPLATE, "").startswith(JOURNAL_MARK):
        return fail("CDR journal", f"no template {JOURNAL_TEMPLATE}, or another layout", f"Take it from {conf}, and restart.")
    whole = settings.get("default-template") == JOURNAL_TEMPLATE
    base = settings.get("log-base") or api("global_getvar log_dir").strip()
    place = Path(base) / "cdr-csv" / ("Master.csv" if whole else f"{JOURNAL_TEMPLATE}.csv")
    if not whole and settings.get("master-file-only", "false") == "true":
        return fail(
            "CDR journal", "master-file-only leaves our calls without a file", "Set master-file-only to false, restart."
        )
    if not journal:
        return warn(
            "CDR journal", "freeswitch.cdr_journal is not set", f'Set it to "{place}": it tells how calls ended in our absence.'
        )
    if Path(journal) != place:
        return warn("CDR journal", f"is {place}, but freeswitch.cdr_journal is {journal}", f'Set cdr_journal to "{place}".')
    if place.exists():
        readable = os.access(place, os.R_OK)
    else:
        readable = os.access(place.parent, os.R_OK | os.X_OK)  # it begins with the first call that ends
    if not readable:
        return fail("CDR journal", f"{place} cannot be read here", "Let this user read FreeSWITCH's log folder.")
    return ok("CDR journal", str(place))


def check_clock(api: Api, now: Callable[[], float]) -> Finding:
    """FreeSWITCH's clock beside ours. now: UTC epoch seconds."""
    before = now()
    found = re.fullmatch(r"\d+", api("strepoch").strip())
    after = now()
    if found is None:
        return warn("FreeSWITCH clock", "it does not tell the time", "Look at the clock of its machine.")
    theirs = int(found[0])
    skew = 0.0
    if theirs + 1 < before:
        skew = theirs + 1 - before
    elif theirs > after:
        skew = theirs - after
    if abs(skew) > CLOCK_SECONDS:
        return warn(
            "FreeSWITCH clock",
            f"differs by {skew:+.0f} s",
            "Run one time service on all machines, then `fsctl sync_clock` in FreeSWITCH.",
        )
    return ok("FreeSWITCH clock", f"within {CLOCK_SECONDS:g} s of ours")


def _settings(text: str) -> dict[str, str]:
    """``param`` names and values of a configuration as ``xml_locate`` shows it; empty when it shows none."""
    return {
        param.get("name", ""): param.get("value", "") for root in _parsed(text) for param in root.iterfind("./settings/param")
    }


def _templates(text: str) -> dict[str, str]:
    return {
        template.get("name", ""): (template.text or "").strip()
        for root in _parsed(text)
        for template in root.iterfind("./templates/template")
    }


def _parsed(text: str) -> list[ElementTree.Element]:
    try:
        return [ElementTree.fromstring(text)]
    except ElementTree.ParseError:  # "can't find anything", or a command that is not there
        return []
