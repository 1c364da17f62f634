"""What ``xml_locate`` and ``module_exists`` find: a FreeSWITCH that is set up for Trunkline, so that ``trunkline check``
can run here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from esl_handlers.virtual_switch.dialplan import CONTEXTS
from esl_handlers.virtual_switch.journal import FIELDS, MARK

if TYPE_CHECKING:
    from esl_handlers.virtual_switch.core import Core

MODULES = frozenset(
    {
        "mod_cdr_csv",
        "mod_commands",
        "mod_console",
        "mod_dialplan_xml",
        "mod_dptools",
        "mod_event_socket",
        "mod_logfile",
        "mod_native_file",
        "mod_sndfile",
        "mod_sofia",
        "mod_tone_stream",
    }
)


def module_exists(core: Core, arguments: str) -> str:
    """``module_exists NAME``: true or false. The CDR module is there when a journal is kept."""
    there = arguments in MODULES and (arguments != "mod_cdr_csv" or core.journal is not None)
    return "true" if there else "false"


def xml_locate(core: Core, arguments: str) -> str:
    """``xml_locate SECTION TAG ATTRIBUTE VALUE``."""
    match arguments.split():
        case ["dialplan", "context", "name", name] if name in CONTEXTS:
            names = "".join(f'  <extension name="{extension}"></extension>\n' for extension in CONTEXTS[name])
            return f'<context name="{name}">\n{names}</context>\n'
        case ["configuration", "configuration", "name", "switch.conf"]:
            return _configuration(
                "switch.conf",
                {
                    "max-sessions": core.max_sessions,
                    "sessions-per-second": core.sps,
                    "event-heartbeat-interval": f"{core.heartbeat_seconds:g}",
                },
            )
        case ["configuration", "configuration", "name", "cdr_csv.conf"] if core.journal is not None:
            fields = ",".join([MARK, *(f"${{{field}}}" for field in FIELDS)])
            templates = f'  <templates>\n    <template name="trunkline">{fields}</template>\n  </templates>\n'
            settings = {"log-base": core.journal.path.parent.parent, "default-template": "trunkline", "legs": "a"}
            return _configuration("cdr_csv.conf", settings, templates)
    return "-ERR can't find configuration.\n"


def _configuration(name: str, settings: dict[str, object], more: str = "") -> str:
    lines = "".join(
        f"    <param name={quoteattr(key)} value={quoteattr(str(value))}></param>\n" for key, value in settings.items()
    )
    return f'<configuration name="{name}">\n  <settings>\n{lines}  </settings>\n{more}</configuration>\n'
