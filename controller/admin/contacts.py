"""Contact lists and do-not-call lists, as far as a running system is asked about them: one number, not a file.

Files are imported and exported from the shell (``cli/lists.py``, ``cli/dnc.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from controller.admin.commands import Args, Desk, NoArgs, Verb
from controller.domain.contacts.phone import BadNumber, e164, normalise
from controller.domain.site import Name
from controller.errors import Refused
from controller.storage.contacts import ContactStore
from controller.storage.dnc import GLOBAL, DncLimits, DncStore


class Phone(Args):
    """phone: E.164, with or without the plus."""

    phone: str


class OnList(Phone):
    """list: the do-not-call list."""

    list: Name = GLOBAL


class Add(OnList):
    """reason: why the number must not be called; kept with it."""

    reason: str = "admin"


def list_contact_lists(desk: Desk, _args: NoArgs) -> list[dict[str, Any]]:
    """Every contact list, by name."""
    return [asdict(one) | {"columns": list(one.columns)} for one in ContactStore(desk.database).lists()]


def add_number(desk: Desk, args: Add) -> dict[str, Any]:
    """The number is not called any more, from the next dialling decision on."""
    phone = _number(args.phone)
    limits = DncLimits(desk.limits.dnc_lists, desk.limits.dnc_numbers_per_list, desk.limits.dnc_numbers)
    added = DncStore(desk.database, desk.now).add(args.list, {phone: args.reason}, limits)
    return {"list": args.list, "phone": e164(phone), "added": added}


def remove_number(desk: Desk, args: OnList) -> dict[str, Any]:
    """The list no longer keeps the number from being called."""
    phone = _number(args.phone)
    return {"list": args.list, "phone": e164(phone), "removed": DncStore(desk.database).remove(args.list, [phone])}


def check_number(desk: Desk, args: Phone) -> dict[str, Any]:
    """On which do-not-call lists the number is."""
    phone = _number(args.phone)
    entries = DncStore(desk.database).entries_of(phone)
    return {
        "phone": e164(phone),
        "listed": [{"list": one.list_name, "reason": one.reason, "added_at": one.added_at} for one in entries],
    }


def _number(text: str) -> int:
    phone = normalise(text if text.startswith("+") else f"+{text}", "ZZ")
    if isinstance(phone, BadNumber):
        raise Refused(f"phone {text!r}: {phone.reason}; give it as E.164 such as +919999999999")
    return phone


CONTACT_VERBS = (
    Verb("list.ls", NoArgs, "contact lists", do=list_contact_lists, reads=True),
    Verb("dnc.add", Add, "put a number on a do-not-call list", change=add_number),
    Verb("dnc.remove", OnList, "take a number off a do-not-call list", change=remove_number),
    Verb("dnc.check", Phone, "on which do-not-call lists a number is", do=check_number, reads=True),
)
