"""Which carriers may take a call, and in which order (features 4.1).

The destination must be allowed; the longest matching prefix wins, then the lower ``preference``; a carrier is only an option
when the campaign's pool has a number that belongs to it, because no carrier may be shown another's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.domain.site import Carrier, Number


def routes(phone: int, carriers: Iterable[Carrier], pool: Sequence[Number]) -> list[tuple[Carrier, tuple[str, ...]]]:
    """Carriers for ``phone`` (E.164 digits) in the order to try, each with the caller ids it may show (as ``+…``)."""
    found: list[tuple[int, int, str, Carrier, tuple[str, ...]]] = []
    digits = str(phone)
    for carrier in carriers:
        match = _match(digits, carrier.allowed)
        numbers = tuple(number.number for number in pool if number.carrier == carrier.name and number.outbound)
        if match is not None and numbers:
            found.append((-match, carrier.preference, carrier.name, carrier, numbers))
    return [(carrier, numbers) for *_, carrier, numbers in sorted(found, key=lambda row: row[:3])]


def _match(digits: str, allowed: Sequence[str]) -> int | None:
    """Length of the longest allowed prefix; 0 when everything is allowed; None when nothing matches."""
    if not allowed:
        return 0
    return max((len(prefix) - 1 for prefix in allowed if digits.startswith(prefix[1:])), default=None)
