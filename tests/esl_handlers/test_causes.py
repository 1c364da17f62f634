"""How a call ended → its outcome. The table of facts section 4, row by row, and the two corrections."""

from __future__ import annotations

import pytest

from controller.domain.calls.outcome import RULES, Outcome
from esl_handlers.causes import NEVER_LEFT, CallEnd, outcome_of, refusal_cause

ROWS = [
    (486, "USER_BUSY", Outcome.BUSY),
    (600, "USER_BUSY", Outcome.BUSY),
    (None, "NO_ANSWER", Outcome.NO_ANSWER),
    (480, "NO_USER_RESPONSE", Outcome.RNR),
    (404, "UNALLOCATED_NUMBER", Outcome.INVALID_NUMBER),
    (410, "NUMBER_CHANGED", Outcome.INVALID_NUMBER),
    (484, "INVALID_NUMBER_FORMAT", Outcome.INVALID_NUMBER),
    (485, "NO_ROUTE_DESTINATION", Outcome.INVALID_NUMBER),
    (604, "NO_ROUTE_DESTINATION", Outcome.INVALID_NUMBER),
    (603, "CALL_REJECTED", Outcome.REJECTED),
    (607, "UNWANTED", Outcome.REJECTED),
    (608, "CALL_REJECTED", Outcome.REJECTED),
    (401, "CALL_REJECTED", Outcome.GATEWAY_ERROR),
    (402, "CALL_REJECTED", Outcome.GATEWAY_ERROR),
    (403, "CALL_REJECTED", Outcome.GATEWAY_ERROR),
    (407, "CALL_REJECTED", Outcome.GATEWAY_ERROR),
    (428, "NO_IDENTITY", Outcome.GATEWAY_ERROR),
    (429, "BAD_IDENTITY_INFO", Outcome.GATEWAY_ERROR),
    (437, "UNSUPPORTED_CERTIFICATE", Outcome.GATEWAY_ERROR),
    (438, "INVALID_IDENTITY", Outcome.GATEWAY_ERROR),
    (408, "RECOVERY_ON_TIMER_EXPIRE", Outcome.TIMEOUT),
    (504, "RECOVERY_ON_TIMER_EXPIRE", Outcome.TIMEOUT),
    (500, "NORMAL_TEMPORARY_FAILURE", Outcome.CONGESTION),
    (503, "NORMAL_TEMPORARY_FAILURE", Outcome.CONGESTION),
    (400, "NORMAL_TEMPORARY_FAILURE", Outcome.CONGESTION),
    (481, "NORMAL_TEMPORARY_FAILURE", Outcome.CONGESTION),
    (502, "NETWORK_OUT_OF_ORDER", Outcome.GATEWAY_ERROR),
    (405, "SERVICE_UNAVAILABLE", Outcome.GATEWAY_ERROR),
    (488, "INCOMPATIBLE_DESTINATION", Outcome.ERROR),
    (606, "INCOMPATIBLE_DESTINATION", Outcome.ERROR),
    (501, "SERVICE_NOT_IMPLEMENTED", Outcome.ERROR),
    (415, "SERVICE_NOT_IMPLEMENTED", Outcome.ERROR),
    (406, "SERVICE_NOT_IMPLEMENTED", Outcome.ERROR),
    (482, "EXCHANGE_ROUTING_ERROR", Outcome.ERROR),
    (483, "EXCHANGE_ROUTING_ERROR", Outcome.ERROR),
    (487, "ORIGINATOR_CANCEL", Outcome.CANCELLED),
    (None, "ORIGINATOR_CANCEL", Outcome.CANCELLED),
    (None, "MANAGER_REQUEST", Outcome.CANCELLED),
    (302, "REQUESTED_CHAN_UNAVAIL", Outcome.ERROR),
    (None, "MEDIA_TIMEOUT", Outcome.ERROR),
    (None, "PROGRESS_TIMEOUT", Outcome.NO_ANSWER),
    (499, "SOMETHING_NEW", Outcome.ERROR),
    (None, "SOMETHING_NEW", Outcome.ERROR),
]


@pytest.mark.parametrize(("status", "cause", "outcome"), ROWS)
def test_the_table(status: int | None, cause: str, outcome: Outcome) -> None:
    """The far end's status decides; without one, the cause."""
    assert outcome_of(CallEnd(cause, status, replied=True, rang=False)) is outcome


def test_a_503_that_nobody_sent() -> None:
    """FreeSWITCH makes one up when the carrier cannot be reached: the trunk is broken, not full."""
    assert outcome_of(CallEnd("NORMAL_TEMPORARY_FAILURE", 503, replied=True, rang=False)) is Outcome.CONGESTION
    assert outcome_of(CallEnd("NORMAL_TEMPORARY_FAILURE", 503, replied=False, rang=False)) is Outcome.GATEWAY_ERROR


@pytest.mark.parametrize(("status", "cause", "outcome"), ROWS)
def test_a_phone_that_rang_is_charged(status: int | None, cause: str, outcome: Outcome) -> None:
    """A carrier's fault after ringing costs the contact an attempt: the person has been disturbed."""
    after_ringing = outcome_of(CallEnd(cause, status, replied=True, rang=True))
    assert not RULES[after_ringing].carrier_fault
    assert after_ringing is (Outcome.ERROR if RULES[outcome].carrier_fault else outcome)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("+OK 5d690e84\n", None),
        ("-ERR GATEWAY_DOWN\n", "GATEWAY_DOWN"),
        ("-USAGE: <call url> <exten>|&<application_name>(<app_args>)", "USAGE"),
        ("-ERR originate Command not found!\n", "originate"),
        ("", "NO_REASON"),
    ],
)
def test_what_a_background_job_says(body: str, cause: str | None) -> None:
    """Whatever is not +OK is a failure."""
    assert refusal_cause(body) == cause


def test_refusals_that_made_no_call() -> None:
    """Our own switch being full is not the carrier's fault; a gateway that is down is. Neither costs an attempt."""
    assert NEVER_LEFT["DESTINATION_OUT_OF_ORDER"] is NEVER_LEFT["SYSTEM_SHUTDOWN"] is Outcome.NOT_DIALLED
    assert NEVER_LEFT["GATEWAY_DOWN"] is NEVER_LEFT["INVALID_GATEWAY"] is NEVER_LEFT["INVALID_PROFILE"]
    assert not RULES[NEVER_LEFT["GATEWAY_DOWN"]].charged
