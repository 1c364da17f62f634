"""The API commands that Trunkline and its operators use: what is asked, and the very words that FreeSWITCH answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from esl_handlers.virtual_switch import calls
from esl_handlers.virtual_switch.channels import Channel
from esl_handlers.virtual_switch.configuration import module_exists, xml_locate
from esl_handlers.virtual_switch.dial_string import separate
from esl_handlers.virtual_switch.recordings import record
from esl_handlers.virtual_switch.render import encode, stamp
from esl_handlers.virtual_switch.vocabulary import CAUSES

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.core import Core

NO_CHANNEL = "-ERR No such channel!\n"
Api = Callable[["Core", str], str]


def status(core: Core, arguments: str) -> str:
    """``status``."""
    seconds = int(time.monotonic() - core.started)
    return (
        f"UP 0 years, {seconds // 86400} days, {seconds // 3600 % 24} hours, {seconds // 60 % 60} minutes, "
        f"{seconds % 60} seconds, 0 milliseconds, 0 microseconds\n"
        "FreeSWITCH (Version 1.11.1-release  64bit) is ready\n"
        f"{core.sessions_since_startup} session(s) since startup\n"
        f"{len(core.channels)} session(s) - peak {core.session_peak}, last 5min {core.session_peak} \n"
        f"{core.sps_last} session(s) per Sec out of max {core.sps}, peak {core.sps_peak}, last 5min {core.sps_peak} \n"
        f"{core.max_sessions} session(s) max\nmin idle cpu 0.00/90.00\nCurrent Stack Size/Max 240K/8192K\n"
    )


def show(core: Core, arguments: str) -> str:
    """``show channels|calls [count|as json]``."""
    words = arguments.split()
    if words[:1] == ["status"]:
        return status(core, "")
    if words[:1] not in (["channels"], ["calls"]):
        return "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]\n"
    if "count" in words:
        return f"\n{len(core.channels)} total.\n"
    rows = [_row(channel) for channel in core.channels.values()]
    if words[1:3] == ["as", "json"]:
        return _rows_as_json(rows)
    lines = ["\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows), ""])] if rows else []
    return "".join(lines) + f"\n{len(rows)} total.\n"


def _rows_as_json(rows: list[dict[str, str]]) -> str:
    if not rows:
        return '{"row_count": 0}\n'
    return json.dumps({"row_count": len(rows), "rows": rows}, separators=(",", ":")) + "\n"


def _row(channel: Channel) -> dict[str, str]:
    """A row of the channels table."""
    codec = (
        {"codec": "PCMU", "rate": "8000", "bit_rate": "64000"}
        if channel.answered
        else {"codec": "", "rate": "", "bit_rate": ""}
    )
    caller, callee = str(channel.slots["caller_number"]), str(channel.slots["callee_number"])
    return {
        "uuid": channel.uuid,
        "direction": "outbound",
        "created": stamp(channel.created).replace("%20", " ").replace("%3A", ":"),
        "created_epoch": str(channel.created // 1_000_000),
        "name": str(channel.slots["channel_name"]),
        "state": channel.running_state,
        "cid_name": str(channel.slots["caller_name"]),
        "cid_num": caller,
        "ip_addr": str(channel.slots["network_addr"]),
        "dest": str(channel.slots["destination"]),
        "application": channel.get("current_application") or "",
        "application_data": channel.get("current_application_data") or "",
        "dialplan": str(channel.slots["dialplan"]),
        "context": str(channel.slots["context"]),
        **{f"read_{name}": value for name, value in codec.items()},
        **{f"write_{name}": value for name, value in codec.items()},
        "secure": "",
        "hostname": "virtual-switch",
        "presence_id": "",
        "presence_data": channel.get("presence_data") or "",
        "accountcode": channel.get("accountcode") or "",
        "callstate": channel.call_state,
        "callee_name": str(channel.slots["callee_name"]),
        "callee_num": callee,
        "callee_direction": "RECV" if channel.answered else "",
        "call_uuid": str(channel.slots["call_uuid"]),
        "sent_callee_name": "",
        "sent_callee_num": "",
        "initial_cid_name": str(channel.slots["cid_name"]),
        "initial_cid_num": str(channel.slots["cid_number"]),
        "initial_ip_addr": "",
        "initial_dest": str(channel.slots["number"]),
        "initial_dialplan": "",
        "initial_context": "default",
    }


def with_channel(usage: str, words_needed: int, act: Callable[[Core, Channel, list[str]], str]) -> Api:
    """A command whose first word is a uuid."""

    def command(core: Core, arguments: str) -> str:
        words = arguments.split(" ", words_needed if words_needed > 1 else 1)
        if not arguments or len([word for word in words if word]) < words_needed:
            return f"-USAGE: {usage}\n"
        channel = core.channels.get(words[0])
        return NO_CHANNEL if channel is None else act(core, channel, words[1:])

    return command


def _later(core: Core, action: Callable[[], None]) -> None:
    """A channel notices a command when its next frame is due."""
    core.timeline.after(core.chance.uniform(0, 0.02), action)


def uuid_exists(core: Core, arguments: str) -> str:
    """``uuid_exists``: true or false, without an end of line."""
    return "true" if arguments in core.channels else "false"


def _kill(core: Core, channel: Channel, words: list[str]) -> str:
    cause = words[0] if words and words[0] in CAUSES else "NORMAL_CLEARING"
    _later(core, partial(channel.hang_up, cause))
    return "+OK\n"


def _dump(core: Core, channel: Channel, words: list[str]) -> str:
    text = (
        core.envelope.head("CHANNEL_DATA", core.now_us(), core.next_sequence())
        + channel.basic_text()
        + channel.variables_text()
    )
    if words and words[0] == "json":
        pairs = (line.split(": ", 1) for line in text.splitlines())
        return json.dumps({name: unquote(value) for name, value in pairs}) + "\n"  # JSON alone shows values as they are
    return text + "\n"


def _getvar(core: Core, channel: Channel, words: list[str]) -> str:
    value = channel.get(words[0])
    return "_undef_" if value is None else value


def _record(core: Core, channel: Channel, words: list[str]) -> str:
    return record(channel, " ".join(words).split())


def _setvar(core: Core, channel: Channel, words: list[str]) -> str:
    channel.set(words[0], words[1] if len(words) > 1 else "")
    return "+OK\n"


def _setvar_multi(core: Core, channel: Channel, words: list[str]) -> str:
    for pair in separate(" ".join(words), ";", 64):
        name, found, value = pair.partition("=")
        if found:
            channel.set(name, value)
    return "+OK\n"


def _transfer(core: Core, channel: Channel, words: list[str]) -> str:
    target = [word for word in " ".join(words).split() if word not in ("-bleg", "-both")]
    calls.transfer(channel, target[0], target[2] if len(target) > 2 else core.dialplan_context)
    return "+OK\n"


def _park(core: Core, channel: Channel, words: list[str]) -> str:
    def go() -> None:
        if channel.alive:
            calls.fetch(channel)
            calls.start_application(channel, "park")

    _later(core, go)
    return "+OK\n"


def _receive_keys(core: Core, channel: Channel, words: list[str]) -> str:
    """``uuid_recv_dtmf``: as if the far end had pressed them."""
    for key in words[0]:
        channel.emit("DTMF", after=f"DTMF-Digit: {encode(key)}\nDTMF-Duration: 2000\nDTMF-Source: APP\n")
    return f"+OK {channel.uuid} received DTMF {words[0]}.\n"


def _unheard(core: Core, channel: Channel, words: list[str]) -> str:
    """What changes only sound: nobody listens here."""
    return "+OK\n"


def uuid_bridge(core: Core, arguments: str) -> str:
    """``uuid_bridge``: two answered channels."""
    words = arguments.split()
    if len(words) != 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    one, other = core.channels.get(words[0]), core.channels.get(words[1])
    if one is None or other is None or not (one.answered and other.answered) or one is other:
        return "-ERR Invalid uuid\n"
    calls.bridge(one, other)
    return f"+OK {other.uuid}\n"


def uuid_broadcast(core: Core, arguments: str) -> str:
    """``uuid_broadcast``: play, or app::data, 100 ms slower than sendmsg."""
    words = arguments.split(" ")
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    channel = core.channels.get(words[0])
    if channel is None:
        return "-ERR invalid uuid\n"
    application, found, data = words[1].partition("::")
    message = calls.Message(application, data) if found else calls.Message("playback", words[1])
    core.timeline.after(0.1, lambda: calls.execute(channel, message))
    return "+OK Message sent\n"


def sched_hangup(core: Core, arguments: str) -> str:
    """``sched_hangup``: [+]time uuid [cause]."""
    words = arguments.split()
    if len(words) < 2 or not words[0].lstrip("+").isdigit():
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    channel = core.channels.get(words[1])
    if channel is None:
        return NO_CHANNEL
    seconds = int(words[0][1:]) if words[0].startswith("+") else max(0, int(words[0]) - int(time.time()))
    calls.schedule_hangup(channel, seconds, words[2] if len(words) > 2 and words[2] in CAUSES else "ALLOTTED_TIMEOUT")
    return "+OK\n"


def hupall(core: Core, arguments: str) -> str:
    """``hupall`` [cause [variable value]]."""
    words = arguments.split(" ")
    cause = words[0] if words[0] in CAUSES else "MANAGER_REQUEST"
    for channel in list(core.channels.values()):
        if len(words) < 3 or channel.get(words[1]) == words[2]:
            _later(core, partial(channel.hang_up, cause))
    return f"+OK hangup all channels with cause {cause}\n"


def fsctl(core: Core, arguments: str) -> str:
    """``fsctl sps|max_sessions|last_sps|pause_check`` [new value]."""
    words = arguments.split()
    if words[:1] == ["sps"]:
        core.sps = int(words[1]) if len(words) > 1 and words[1].isdigit() else core.sps
        return f"+OK sessions per second: {core.sps}\n"
    if words[:1] == ["max_sessions"]:
        core.max_sessions = int(words[1]) if len(words) > 1 and words[1].isdigit() else core.max_sessions
        return f"+OK max sessions: {core.max_sessions}\n"
    if words[:1] == ["last_sps"]:
        return f"+OK last sessions per second: {core.sps_last}\n"
    if words[:1] == ["pause_check"]:
        return "false"
    return "-USAGE: [sps|max_sessions|last_sps|pause_check]\n"


def global_getvar(core: Core, arguments: str) -> str:
    """``global_getvar``: the core's uuid is what is asked for."""
    known = {"core_uuid": core.uuid, "hostname": "virtual-switch"}
    return known.get(arguments, "") if arguments else "".join(f"{name}={value}\n" for name, value in known.items())


def sofia(core: Core, arguments: str) -> str:
    """``sofia status [gateway NAME]``."""
    words = arguments.split()
    if words[:2] == ["status", "gateway"] and len(words) > 2:
        gateway = core.people.gateway(words[2])
        if gateway is None:
            return "Invalid Gateway!\n"
        up = "DOWN" if gateway.state == "down" else "UP"
        line = "=" * 97
        return f"{line}\nName    \t{gateway.name}\nProfile \t{core.gateway_profile}\nState   \tNOREG\nStatus  \t{up}\n{line}\n"
    if words[:1] == ["status"]:
        names = [f"{core.gateway_profile}::{name}\tgateway\tsip:virtual\tNOREG\n" for name in core.people.gateways]
        profile = f"{core.gateway_profile}\tprofile\tsip:mod_sofia@127.0.0.1:5080\tRUNNING (0)\n"
        return f"{profile}{''.join(names)}1 profiles 0 aliases\n"
    return "+OK\n"


def answer(text: str) -> Api:
    """A command that always answers the same."""
    return lambda core, arguments: text


APIS: dict[str, Api] = {
    "echo": lambda core, arguments: arguments,
    "fsctl": fsctl,
    "global_getvar": global_getvar,
    "hostname": answer("virtual-switch"),
    "hupall": hupall,
    "module_exists": module_exists,
    "reloadxml": answer("+OK [Success]\n"),
    "sched_hangup": sched_hangup,
    "show": show,
    "sofia": sofia,
    "status": status,
    "strepoch": lambda core, arguments: str(int(time.time())),
    "uuid_bridge": uuid_bridge,
    "uuid_audio": with_channel("<uuid> [start [read|write] [mute|level <level>]|stop]", 2, _unheard),
    "uuid_broadcast": uuid_broadcast,
    "uuid_displace": with_channel("<uuid> [start|stop] <path> [<limit>] [mux]", 3, _unheard),
    "uuid_display": with_channel("<uuid> [<display>]", 2, _unheard),
    "uuid_dump": with_channel("<uuid> [format]", 1, _dump),
    "uuid_exists": uuid_exists,
    "uuid_getvar": with_channel("<uuid> <var>", 2, _getvar),
    "uuid_kill": with_channel("<uuid> [cause]", 1, _kill),
    "uuid_park": with_channel("<uuid>", 1, _park),
    "uuid_record": with_channel("<uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]", 3, _record),
    "uuid_recv_dtmf": with_channel("<uuid> <dtmf_data>", 2, _receive_keys),
    "uuid_send_dtmf": with_channel("<uuid> <dtmf_data>", 2, _unheard),
    "uuid_setvar": with_channel("<uuid> <var> [value]", 2, _setvar),
    "uuid_setvar_multi": with_channel("<uuid> <var>=<value>;<var>=<value>...", 2, _setvar_multi),
    "uuid_transfer": with_channel("<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]", 2, _transfer),
    "version": answer("FreeSWITCH Version 1.11.1-release~64bit ( 64bit)\n"),
    "xml_locate": xml_locate,
}


def call_api(core: Core, command: str, arguments: str, reply: Callable[[str], None]) -> None:
    """Any API command; the reply comes at once, but for originate when the leg is answered or has failed."""
    core.fire(
        "API", f"API-Command: {encode(command)}\n" + (f"API-Command-Argument: {encode(arguments)}\n" if arguments else "")
    )
    if command == "originate":
        calls.originate(core, arguments, reply)
        return
    api = core.more_apis.get(command) or APIS.get(command)
    reply(api(core, arguments.strip(" ")) if api is not None else f"-ERR {command} Command not found!\n")
