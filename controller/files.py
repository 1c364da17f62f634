"""Site and campaign files: TOML in, TOML out, and what would change (features 1.16).

Which keys a file may have is decided by ``domain/site.py`` and ``domain/campaigns/campaign.py``; whether a change is
allowed now is decided by ``admin/``. A file with a name or a window at its top is a campaign; any other is the site.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tomli_w

from controller.domain.campaigns.campaign import Campaign, read_campaign
from controller.domain.site import Bot, Carrier, Disposition, Number, Part, Queue, Site, SiteAgent, read_site
from controller.errors import BadFile

MAX_FILE_BYTES = 8 * 1024 * 1024
"""A site of 10 000 numbers is about 1 MB; what is larger is some other file."""

CAMPAIGN_MARKS = frozenset({"name", "window", "lists", "connect", "numbers"})
"""A key at the top of a file that only a campaign has."""

SiteItemKind = Literal["carrier", "number", "bot", "queue", "agent", "disposition"]
ItemKey = tuple[str, str]
"""Kind and name: ``("carrier", "north")``, ``("campaign", "june")``."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What some files say together."""

    site: Site | None
    campaigns: tuple[Campaign, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a file would change. fields: key → value before and after, for updates."""

    kind: str
    name: str
    change: Literal["create", "update", "remove"]
    fields: dict[str, tuple[object, object]]
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "name": self.name,
            "change": self.change,
            "fields": {key: list(values) for key, values in self.fields.items()},
        }


def read_files(paths: Sequence[Path]) -> Documents:
    """All files, or ``BadFile`` with every mistake in all of them. One file holds the whole site."""
    return read_documents([(str(path), read_bytes(path)) for path in paths])


def read_bytes(path: Path) -> bytes:
    """The file as it is; ``BadFile`` when it cannot be read or is too large to be one of ours."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadFile(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    if len(content) > MAX_FILE_BYTES:
        raise BadFile(str(path), [f"is larger than {MAX_FILE_BYTES} bytes; a contact list goes to `list import`"])
    return content


def read_documents(contents: Iterable[tuple[str, bytes]]) -> Documents:
    """Files by name and content; ``BadFile`` with every mistake in all of them."""
    site: Site | None = None
    campaigns: dict[str, Campaign] = {}
    found: list[BadFile] = []
    for file, content in contents:
        try:
            document = read_document(file, content)
            if isinstance(document, Campaign):
                if document.name in campaigns:
                    raise BadFile(file, [f"name: campaign {document.name} is in another of these files too"])
                campaigns[document.name] = document
            elif site is not None:
                raise BadFile(file, ["is a second site file; one file holds the whole site"])
            else:
                site = document
        except BadFile as error:
            found.append(error)
    if found:
        raise BadFile.together(found)
    return Documents(site, tuple(campaigns.values()))


def read_document(file: str, content: bytes) -> Site | Campaign:
    """One file; ``BadFile`` with every mistake."""
    data = _toml(file, content)
    if not data:
        raise BadFile(
            file, ["is empty; a campaign file has a name, a site file [[carrier]], [[number]], [[bot]], [[queue]] and so on"]
        )
    read: Site | Campaign | list[str] = read_campaign(data) if CAMPAIGN_MARKS & data.keys() else read_site(data)
    if isinstance(read, list):
        raise BadFile(file, read)
    return read


def _toml(file: str, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(file, [f"is not UTF-8 at byte {error.start}"]) from error
    except ValueError as error:  # TOMLDecodeError is one; so is an integer of thousands of digits
        raise BadFile(file, [f"is not TOML: {error}"]) from error
    except RecursionError as error:
        raise BadFile(file, ["is not one of ours: values are nested too deeply"]) from error


def to_toml(document: Part) -> str:
    """A site or campaign as a file that ``apply`` reads back to the same."""
    return tomli_w.dumps(document.model_dump(mode="json", exclude_none=True))


def site_items(site: Site) -> dict[ItemKey, Part]:
    """The site's things by kind and name, in the order of the file."""
    items: dict[ItemKey, Part] = {}
    items |= {("carrier", carrier.name): carrier for carrier in site.carrier}
    items |= {("number", number.number): number for number in site.number}
    items |= {("bot", bot.name): bot for bot in site.bot}
    items |= {("queue", queue.name): queue for queue in site.queue}
    items |= {("agent", agent.name): agent for agent in site.agent}
    items |= {("disposition", disposition.name): disposition for disposition in site.disposition}
    return items


def site_of(items: Iterable[Part]) -> Site:
    """The reverse of :func:`site_items`."""
    all_items = list(items)
    return Site(
        carrier=tuple(item for item in all_items if isinstance(item, Carrier)),
        number=tuple(item for item in all_items if isinstance(item, Number)),
        bot=tuple(item for item in all_items if isinstance(item, Bot)),
        queue=tuple(item for item in all_items if isinstance(item, Queue)),
        agent=tuple(item for item in all_items if isinstance(item, SiteAgent)),
        disposition=tuple(item for item in all_items if isinstance(item, Disposition)),
    )


def changes(stored: Mapping[ItemKey, Part], wanted: Mapping[ItemKey, Part]) -> list[Change]:
    """What makes ``stored`` equal to ``wanted``: creations and updates in the order wanted, then removals."""
    found = []
    for key, after in wanted.items():
        before = stored.get(key)
        if before is None or before != after:
            found.append(_change(key, before, after))
    found += [_change(key, before, None) for key, before in stored.items() if key not in wanted]
    return found


def _change(key: ItemKey, before: Part | None, after: Part | None) -> Change:
    kind, name = key
    old = before.model_dump(mode="json") if before is not None else {}
    new = after.model_dump(mode="json") if after is not None else {}
    label = f"{kind} {name}"
    lines = difflib.unified_diff(
        to_toml(before).splitlines() if before is not None else [],
        to_toml(after).splitlines() if after is not None else [],
        f"stored {label}" if before is not None else "/dev/null",
        f"file {label}" if after is not None else "/dev/null",
        lineterm="",
    )
    differing = [field for field in (old | new) if old.get(field) != new.get(field)] if old and new else []
    return Change(
        kind=kind,
        name=name,
        change="create" if before is None else "remove" if after is None else "update",
        fields={field: (old.get(field), new.get(field)) for field in differing},
        lines=tuple(lines),
    )
