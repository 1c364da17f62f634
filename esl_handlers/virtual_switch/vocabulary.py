"""FreeSWITCH's own words: channel states, hangup causes and their numbers, and the cause that a SIP status means to it."""

from __future__ import annotations

from http import HTTPStatus

STATE_NUMBERS = {
    "CS_INIT": 1,
    "CS_ROUTING": 2,
    "CS_SOFT_EXECUTE": 3,
    "CS_EXECUTE": 4,
    "CS_EXCHANGE_MEDIA": 5,
    "CS_PARK": 6,
    "CS_CONSUME_MEDIA": 7,
    "CS_HIBERNATE": 8,
    "CS_RESET": 9,
    "CS_HANGUP": 10,
    "CS_REPORTING": 11,
    "CS_DESTROY": 12,
}
CALL_STATE_NUMBERS = {"DOWN": 0, "RINGING": 2, "EARLY": 3, "ACTIVE": 4, "RING_WAIT": 6, "HANGUP": 7}
Q850 = {
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "EXCHANGE_ROUTING_ERROR": 25,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "NORMAL_UNSPECIFIED": 31,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "SERVICE_UNAVAILABLE": 63,
    "CHAN_NOT_IMPLEMENTED": 66,
    "SERVICE_NOT_IMPLEMENTED": 79,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
}
"""Causes that have a Q.850 number of their own; FreeSWITCH's inventions (ORIGINATOR_CANCEL, MANAGER_REQUEST …) show 16."""
CAUSES = {
    *Q850,
    "ALLOTTED_TIMEOUT",
    "LOSE_RACE",
    "MANAGER_REQUEST",
    "MEDIA_TIMEOUT",
    "ORIGINATOR_CANCEL",
    "PROGRESS_TIMEOUT",
    "SYSTEM_SHUTDOWN",
    "UNWANTED",
}
"""Causes that a command may name."""

_CAUSE_OF_STATUS = {
    400: "NORMAL_TEMPORARY_FAILURE",
    401: "CALL_REJECTED",
    402: "CALL_REJECTED",
    403: "CALL_REJECTED",
    404: "UNALLOCATED_NUMBER",
    405: "SERVICE_UNAVAILABLE",
    406: "SERVICE_NOT_IMPLEMENTED",
    407: "CALL_REJECTED",
    408: "RECOVERY_ON_TIMER_EXPIRE",
    410: "NUMBER_CHANGED",
    415: "SERVICE_NOT_IMPLEMENTED",
    480: "NO_USER_RESPONSE",
    481: "NORMAL_TEMPORARY_FAILURE",
    482: "EXCHANGE_ROUTING_ERROR",
    483: "EXCHANGE_ROUTING_ERROR",
    484: "INVALID_NUMBER_FORMAT",
    485: "NO_ROUTE_DESTINATION",
    486: "USER_BUSY",
    487: "ORIGINATOR_CANCEL",
    488: "INCOMPATIBLE_DESTINATION",
    500: "NORMAL_TEMPORARY_FAILURE",
    501: "SERVICE_NOT_IMPLEMENTED",
    502: "NETWORK_OUT_OF_ORDER",
    503: "NORMAL_TEMPORARY_FAILURE",
    504: "RECOVERY_ON_TIMER_EXPIRE",
    600: "USER_BUSY",
    603: "CALL_REJECTED",
    604: "NO_ROUTE_DESTINATION",
    606: "INCOMPATIBLE_DESTINATION",
    607: "UNWANTED",
    608: "CALL_REJECTED",
}
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_PHRASES = {
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    603: "Decline",
}


def q850(cause: str) -> int:
    """The number of a cause; 16 for FreeSWITCH's own inventions."""
    return Q850.get(cause, 16)


def cause_of(status: int) -> str:
    """The hangup cause of a final SIP status."""
    return _CAUSE_OF_STATUS.get(status, "NORMAL_UNSPECIFIED" if status >= 400 else "REQUESTED_CHAN_UNAVAIL")


def phrase_of(status: int) -> str:
    """The reason phrase of a SIP status."""
    return _PHRASES.get(status) or _REASONS.get(status, "Failure")
