"""What can go wrong that a caller could not plan.

    TrunklineError
    ├── Refused            the request is wrong: says what, where and how to mend it; trying again cannot help
    │   ├── NotFound       no campaign, list, number … of that name
    │   ├── WrongState     not allowed in the present state of the campaign
    │   ├── LimitReached   a limit of features 1.13 would be passed
    │   └── BadFile        a configuration, site, campaign or list file with mistakes (all of them, with places)
    └── Unavailable        the world is not there just now; trying again may help after ``retry_after_seconds``
        ├── StoreDown      database
        ├── LiveStateDown  Redis
        └── SwitchDown     FreeSWITCH

Ordinary results (busy, no seat free, window shut) are values, never exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence


class TrunklineError(Exception):
    """Root of the tree."""


class Refused(TrunklineError):
    """The request is wrong; ``reasons`` lists every mistake found, one sentence each."""

    def __init__(self, *reasons: str) -> None:
        self.reasons: tuple[str, ...] = reasons
        super().__init__("; ".join(reasons))


class NotFound(Refused):
    """Nothing of that name."""


class WrongState(Refused):
    """Not allowed in the present state."""


class LimitReached(Refused):
    """A limit of features 1.13 would be passed."""


class BadFile(Refused):
    """A file with mistakes; each reason begins with the place (``trunkline.toml: database.url: …``)."""

    def __init__(self, file: str, mistakes: Sequence[str]) -> None:
        self.file = file
        super().__init__(*(f"{file}: {mistake}" for mistake in mistakes))

    @classmethod
    def together(cls, found: Sequence[BadFile]) -> BadFile:
        """The mistakes of several files (at least one) as one error; ``file`` is the first of them."""
        joined = cls(found[0].file, [])
        joined.reasons = tuple(reason for error in found for reason in error.reasons)
        joined.args = ("; ".join(joined.reasons),)
        return joined


class Unavailable(TrunklineError):
    """Not there just now; trying again may help."""

    def __init__(self, message: str, retry_after_seconds: float = 1.0) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class StoreDown(Unavailable):
    """The database does not answer."""


class LiveStateDown(Unavailable):
    """Redis does not answer."""


class SwitchDown(Unavailable):
    """FreeSWITCH, or the link to it, is down."""
