"""Formulas against a real Prometheus, and against servers that are none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from controller.domain.pacing.formula_value import Fault, Reading
from controller.formulas.constant import Constants
from controller.formulas.prometheus import MOST_BYTES, Prometheus
from controller.metrics import MetricsEndpoint
from tests.servers import PrometheusServer, free_port, running_prometheus


def ask(url: str, expression: float | str, seconds: float = 5.0) -> Reading:
    return Prometheus(url, seconds, time.time).evaluate(expression)


@contextmanager
def answering(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does whatever it likes with one connection; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                serve(connection)

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def until(url: str, seen: Callable[[Reading], bool]) -> None:
    """Ask for the exporter's figure until it is as wanted."""
    deadline = time.monotonic() + 60
    while not seen(reading := ask(url, "floor_agents_free")):
        assert time.monotonic() < deadline, reading
        time.sleep(0.2)


def says(text: str, status: str = "200 OK") -> Callable[[socket.socket], None]:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def test_query_gives_the_number_and_its_moment(prometheus_server: PrometheusServer):
    """A query of one number is that number, computed now."""
    for query in ("7 / 2", "vector(3.5)", "sum(vector(3.5)) or vector(0)"):
        reading = ask(prometheus_server.url, query)
        assert (reading.value, reading.fault) == (3.5, None), query
        assert abs(reading.at - time.time()) < 60


def test_series_of_an_exporter_are_read(prometheus_server: PrometheusServer):
    """What an exporter tells Prometheus decides how many calls are made."""
    deadline = time.monotonic() + 60
    while (reading := ask(prometheus_server.url, "count(up{job='floor'})")).fault is Fault.NO_SERIES:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert reading.value == 1.0


@pytest.mark.parametrize(
    ("query", "fault", "words"),
    [
        ("sum(", Fault.REFUSED, "parse error"),
        ("no_such_series", Fault.NO_SERIES, "no series"),
        ("vector(1) or label_replace(vector(2), 'a', 'b', '', '')", Fault.SEVERAL_SERIES, "2 series"),
        ("0 / 0", Fault.NOT_A_NUMBER, "NaN"),
        ("1 / 0", Fault.NOT_A_NUMBER, "+Inf"),
        ("'text'", Fault.NOT_A_NUMBER, "string"),
        ("up[1m]", Fault.REFUSED, ""),
    ],
)
def test_answers_that_are_no_number_have_a_word(prometheus_server: PrometheusServer, query: str, fault: Fault, words: str):
    """Whoever writes a formula is told what Prometheus makes of it."""
    reading = ask(prometheus_server.url, query)
    if query == "up[1m]":
        assert reading.fault in (Fault.REFUSED, Fault.NOT_A_NUMBER)
    else:
        assert (reading.fault, reading.value) == (fault, None)
    assert words in reading.detail


def test_query_longer_than_a_url_is_asked(prometheus_server: PrometheusServer):
    """A formula may be as long as the campaign file allows."""
    assert ask(prometheus_server.url, " + ".join(["1"] * 1000)).value == 1000.0


@pytest.mark.usefixtures("prometheus_server")  # which says whether there is a Prometheus on this machine
def test_exporter_that_is_gone_leaves_no_value():
    """A floor whose figures come no more must not be dialled by its last ones: with the exporter its series are gone."""
    exporter = MetricsEndpoint(lambda: b"floor_agents_free 7\n", "127.0.0.1", 0)
    host, port = exporter.start()
    with running_prometheus([f"{host}:{port}"]) as server:
        until(server.url, lambda reading: reading.value == 7.0)
        exporter.stop()
        until(server.url, lambda reading: reading.fault is Fault.NO_SERIES)


def test_path_and_password_of_the_url_are_used():
    """A Prometheus behind a proxy is asked under its path, and the password goes into a header, not into a complaint."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        reading = ask(f"http://ops:s3cret@127.0.0.1:{listener.getsockname()[1]}/prometheus/", "1 + 1")
        thread.join(10)
    assert seen[0].startswith(b"POST /prometheus/api/v1/query HTTP/1.1\r\n")
    assert b"authorization: Basic b3BzOnMzY3JldA==" in seen[0]
    assert reading.fault is Fault.UNREACHABLE
    assert "s3cret" not in reading.detail


def test_server_that_is_away_is_unreachable():
    """Nobody listens: the formula is unreachable, nothing is raised."""
    assert ask(f"http://127.0.0.1:{free_port()}", "1 + 1").fault is Fault.UNREACHABLE


@pytest.mark.parametrize(
    ("serve", "fault"),
    [
        (says("<html>login</html>"), Fault.UNREACHABLE),
        (says("[]"), Fault.UNREACHABLE),
        (says("null"), Fault.UNREACHABLE),
        (says('{"status": "success"}'), Fault.NOT_A_NUMBER),
        (says('{"status": "success", "data": {"resultType": "scalar", "result": [1, null]}}'), Fault.NOT_A_NUMBER),
        (
            says('{"status": "success", "data": {"resultType": "vector", "result": [{"histogram": [1, {}]}]}}'),
            Fault.NOT_A_NUMBER,
        ),
        (says('{"status": "error", "errorType": "timeout", "error": "too slow"}', "503 Busy"), Fault.UNREACHABLE),
        (says(" " * (MOST_BYTES + 1)), Fault.UNREACHABLE),
        (says("", "302 Found\r\nLocation: http://127.0.0.1:1/"), Fault.UNREACHABLE),
        (lambda connection: None, Fault.UNREACHABLE),
    ],
)
def test_servers_that_are_not_prometheus(serve: Callable[[socket.socket], None], fault: Fault):
    """A wrong address, a login page, an answer without end: each is a fault and never a number."""
    with answering(serve) as url:
        reading = ask(url, "1 + 1")
    assert (reading.fault, reading.value) == (fault, None)


PATCHED = """
import gevent.monkey
gevent.monkey.patch_all()
import sys, time
from gevent.threadpool import ThreadPool
from controller.engine.formula_desk import deadline
from controller.formulas.prometheus import Prometheus
source = Prometheus(sys.argv[1], 0.5, time.time, deadline)
print(ThreadPool(1).apply(lambda: source.evaluate("1 + 1")).fault)
"""
"""How the controller asks: patched, in a native thread."""


def test_dripping_server_is_cut_off_by_the_deadline():
    """A server that sends a byte now and then would hold an HTTP client for ever; in the controller the wait is bounded."""
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            while not ended.wait(0.05):
                connection.sendall(b"H")
        except OSError:
            ended.set()

    with answering(drip) as url:
        asked = subprocess.run([sys.executable, "-c", PATCHED, url], capture_output=True, text=True, timeout=60, check=False)
        assert ended.wait(30), "the connection is still held"
    assert asked.stdout.strip() == "unreachable", asked.stderr


def test_numbers_need_no_server():
    """Without a Prometheus a number is itself, and a query says what is missing."""
    constants = Constants(lambda: 5.0)
    assert constants.evaluate(2.5) == Reading(5.0, 2.5)
    assert constants.evaluate("up").fault is Fault.REFUSED
    assert "formula.prometheus_url" in constants.evaluate("up").detail
