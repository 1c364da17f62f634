"""A formula evaluated by a Prometheus server: one instant query, one number (port ``FormulaSource``).

Blocks while the server works, so it is called from a native thread or a process of its own, never from the greenlet that
dials. Nothing is trusted: redirects are not followed, the answer's size is bounded, and what is not exactly one number is a
fault with a word for it. A connection lives for one query: at a query a pulse, keeping it would save a millisecond and cost
the care of a connection that two threads or a restarted server share.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import orjson
import urllib3
from urllib3.util import Timeout, make_headers, parse_url

from controller.domain.pacing.formula_value import Fault, Reading
from controller.formulas.constant import Constants
from controller.ports import FormulaSource

MOST_BYTES = 256 * 1024
"""Of an answer that is one number with its labels."""
DETAIL_LENGTH = 300
"""Characters of a server's complaint that are passed on."""

Deadline = Callable[[float], AbstractContextManager[object]]
"""Ends what runs within it with ``TimeoutError`` after so many seconds. No HTTP client's own timeout bounds a server that
sends one byte at a time."""


def no_deadline(seconds: float) -> AbstractContextManager[object]:
    """For a process in which a person waits and can interrupt."""
    return nullcontext()


def formula_source(url: str, query_seconds: float, now: Callable[[], float], deadline: Deadline = no_deadline) -> FormulaSource:
    """The source that the configuration names; without a URL formulas can be numbers only."""
    return Prometheus(url, query_seconds, now, deadline) if url else Constants(now)


class Prometheus:
    """url: ``http://host:9090``, a path and ``user:password@`` where wanted. query_seconds: longest wait for an answer.
    now: UTC epoch seconds."""

    def __init__(self, url: str, query_seconds: float, now: Callable[[], float], deadline: Deadline = no_deadline) -> None:
        parts = parse_url(url)
        self._url = parts._replace(auth=None, path=(parts.path or "").rstrip("/") + "/api/v1/query", query=None).url
        self._headers = make_headers(basic_auth=parts.auth, user_agent="trunkline") if parts.auth else make_headers()
        self._seconds = query_seconds
        self._now = now
        self._deadline = deadline

    def evaluate(self, expression: float | str) -> Reading:
        """See the port."""
        if isinstance(expression, float):
            return Reading(self._now(), expression)
        try:
            with self._deadline(self._seconds):
                status, body = self._ask(expression)
        except (urllib3.exceptions.HTTPError, TimeoutError, OSError) as error:
            return self._fault(Fault.UNREACHABLE, f"Prometheus does not answer: {type(error).__name__}: {error}")
        try:
            answer = orjson.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "status" not in answer:
            return self._fault(Fault.UNREACHABLE, f"the answer (HTTP status {status}) is not Prometheus'")
        if answer["status"] != "success":
            fault = Fault.UNREACHABLE if answer.get("errorType") in ("timeout", "unavailable", "canceled") else Fault.REFUSED
            return self._fault(fault, str(answer.get("error", "")))
        return self._read(answer.get("data"))

    def _ask(self, query: str) -> tuple[int, bytes]:
        with urllib3.PoolManager(num_pools=1, retries=False, timeout=Timeout(total=self._seconds)) as http:
            response = http.request(
                "POST",
                str(self._url),
                fields={"query": query, "timeout": f"{self._seconds:g}s"},
                encode_multipart=False,
                headers=self._headers,
                redirect=False,
                preload_content=False,
            )
            try:
                body = response.read(MOST_BYTES + 1)
            finally:
                response.close()
        if len(body) > MOST_BYTES:
            raise OSError(f"the answer is longer than {MOST_BYTES} bytes")
        return response.status, body

    def _read(self, data: Any) -> Reading:
        """The one number of a successful answer."""
        match data:
            case {"resultType": "scalar", "result": [at, text]}:
                return self._number(at, text)
            case {"resultType": "vector", "result": []}:
                return self._fault(Fault.NO_SERIES, "the query finds no series")
            case {"resultType": "vector", "result": [{"value": [at, text]}]}:
                return self._number(at, text)
            case {"resultType": "vector", "result": [_, _, *_] as found}:
                return self._fault(Fault.SEVERAL_SERIES, f"the query finds {len(found)} series; aggregate them, as with sum()")
        kind = data.get("resultType") if isinstance(data, dict) else None
        return self._fault(Fault.NOT_A_NUMBER, f"the query answers with a {kind or 'value'} that is not one number")

    def _number(self, at: Any, text: Any) -> Reading:
        try:
            value, moment = float(text), float(at)
        except (TypeError, ValueError):
            return self._fault(Fault.NOT_A_NUMBER, "the query answers with something that is not a number")
        if not math.isfinite(value):
            return Reading(moment, fault=Fault.NOT_A_NUMBER, detail=f"the query answers {text}")
        return Reading(moment, value)

    def _fault(self, fault: Fault, detail: str) -> Reading:
        return Reading(self._now(), fault=fault, detail=" ".join(detail.split())[:DETAIL_LENGTH])
