"""Phone numbers: from what people type to E.164 (features 2.1).

A number is kept as an integer of its E.164 digits (at most 15, so it fits 64 bits); the plus sign is put back on the way
out. Validity is Google's libphonenumber's word.
"""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers

MAX_RAW_LENGTH = 64
"""Longer than any way of writing a phone number; longer input is refused unread."""


@dataclass(frozen=True, slots=True)
class BadNumber:
    """Why a text is no dialable number, for the import report."""

    reason: str


def normalise(raw: str, region: str) -> int | BadNumber:
    """E.164 digits of ``raw``, or why not.

    region: ISO 3166 alpha-2, the list's default for numbers written without a country code. ``919888888888`` under ``IN``
    is read as +91 98888 88888 when it is not valid as a national number (features 2.1).
    """
    text = raw.strip()
    if not text:
        return BadNumber("empty")
    if len(text) > MAX_RAW_LENGTH:
        return BadNumber("too long to be a phone number")
    first = _parse(text, region)
    if isinstance(first, int):
        return first
    if not text.startswith("+"):
        digits = "".join(ch for ch in text if ch.isascii() and ch.isdigit())
        if 8 <= len(digits) <= 15:
            second = _parse("+" + digits, region)
            if isinstance(second, int) and str(second).startswith(str(phonenumbers.country_code_for_region(region))):
                return second
    return first


def _parse(text: str, region: str) -> int | BadNumber:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        return BadNumber(_WORDS.get(error.error_type, "not a phone number"))
    if number.extension:
        return BadNumber("has an extension")
    if not phonenumbers.is_valid_number(number):
        return BadNumber("not a valid number of its country")
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return int(digits[1:])


_WORDS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "unknown country code",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "not a phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too short after the international prefix",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too short",
    phonenumbers.NumberParseException.TOO_LONG: "too long",
}


def known_region(region: str) -> bool:
    """Whether libphonenumber knows ``region``."""
    return region in phonenumbers.SUPPORTED_REGIONS


def e164(phone: int) -> str:
    """``919888888888`` → ``+919888888888``."""
    return f"+{phone}"


def masked(phone: int | str) -> str:
    """For logs: the first two and the last three digits; the middle is hidden."""
    digits = str(phone).lstrip("+")
    if len(digits) <= 6:
        return "*" * len(digits)
    return f"{digits[:2]}{'*' * (len(digits) - 5)}{digits[-3:]}"
