"""Which events one connection wants: names, CUSTOM subclasses, and filters, by FreeSWITCH's rules."""

from __future__ import annotations

from collections.abc import Sequence

from esl_handlers.virtual_switch.render import CALLING, OTHER_EVENTS

ALL = "ALL"


class Subscription:
    """Empty at first. Commands return what FreeSWITCH replies to them."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._filters: list[tuple[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._names or self._subclasses)

    def wants(self, name: str, subclass: str) -> bool:
        """Whether an event of that name, or CUSTOM of that subclass, is subscribed to."""
        if subclass:
            return subclass in self._subclasses or ALL in self._names
        return name in self._names

    def passes(self, event: bytes) -> bool:
        """Whether it gets through the filters: any of them is enough; an event that lacks their headers does not pass."""
        if not self._filters:
            return True
        return any(f"\n{header}: {value}\n".encode() in event for header, value in self._filters)

    def add(self, words: Sequence[str]) -> str:
        """``event [plain] NAME … [CUSTOM subclass …]``."""
        if words and words[0] in ("json", "xml"):
            return "-ERR the virtual switch sends plain events only"
        names, subclasses = _keywords(words[1:] if words and words[0] == "plain" else words)
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self._names |= names | set(CALLING) if ALL in names else names
        self._subclasses |= subclasses
        return "+OK event listener enabled plain"

    def remove(self, words: Sequence[str]) -> str:
        """``nixevent NAME …``."""
        names, subclasses = _keywords(words)
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self._names -= names
        self._subclasses -= subclasses
        return "+OK events nixed"

    def clear(self) -> str:
        """``noevents``."""
        if not self:
            return "-ERR not listening for events"
        self._names.clear()
        self._subclasses.clear()
        return "+OK no longer listening for events"

    def filter(self, rest: str) -> str:
        """``filter HEADER VALUE`` or ``filter delete HEADER [VALUE]``."""
        verb, _, tail = rest.partition(" ")
        if verb == "delete" and tail:
            header, _, value = tail.partition(" ")
            self._filters = [one for one in self._filters if one[0] != header or (value and one[1] != value)]
            return f"+OK filter deleted. [{header}][{value}]"
        if tail:
            self._filters.append((verb, tail))
            return f"+OK filter added. [{verb}]=[{tail}]"
        return "-ERR command not found"


def _keywords(words: Sequence[str]) -> tuple[set[str], set[str]]:
    """Known event names, and the subclasses after CUSTOM."""
    plain = list(words)
    subclasses: set[str] = set()
    if "CUSTOM" in plain:
        at = plain.index("CUSTOM")
        plain, subclasses = plain[:at], set(plain[at + 1 :])
    return {word for word in plain if word in CALLING or word in OTHER_EVENTS or word == ALL}, subclasses
