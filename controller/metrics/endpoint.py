"""``GET /metrics`` from a thread of the operating system: rendering takes tens of milliseconds, which the loop does not have.

In the patched controller this thread gets a gevent hub of its own, so the standard library's server works as it is and
never touches the loop that carries the calls; a scrape is answered even while that loop stands still.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer

import structlog

from controller.errors import Refused
from controller.native import new_lock, start_thread

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
CLIENT_SECONDS = 5.0
"""A client that is slower is hung up on: one is served at a time."""
POLL_SECONDS = 0.5
"""How soon a stop is noticed."""

log = structlog.get_logger("metrics")


class MetricsEndpoint:
    """render: makes the text, called in the endpoint's thread. port: 0 = any free one."""

    def __init__(self, render: Callable[[], bytes], host: str, port: int) -> None:
        self._render = render
        self._address = (host, port)
        self._bound: tuple[str, int] | OSError | None = None
        self._ready = new_lock()
        self._ready.acquire()
        self._stopping = False

    def start(self) -> tuple[str, int]:
        """Listen; the address in use. Refused when there is no listening there, as when the port is taken."""
        start_thread(self._serve)
        self._ready.acquire()
        if isinstance(self._bound, OSError):
            host, port = self._address
            raise Refused(
                f"metrics.port: cannot listen on {host}:{port}: {self._bound.strerror}; choose another, or 0 for no metrics"
            ) from self._bound
        assert self._bound is not None
        return self._bound

    def stop(self) -> None:
        """Hang up; within half a second."""
        self._stopping = True

    def _serve(self) -> None:
        try:
            server = _Server(self._address, _handler(self._render))
        except OSError as error:
            self._bound = error
            self._ready.release()
            return
        with server:
            host, port = server.server_address[:2]
            self._bound = (str(host), int(port))
            self._ready.release()
            server.timeout = POLL_SECONDS
            while not self._stopping:
                server.handle_request()


class _Server(TCPServer):
    # http.server's own class asks DNS for the host's name on the way, which can take seconds
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("scrape broken off", client=str(client_address), exc_info=True)


def _handler(render: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:
            if self.path.split("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = render()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            log.debug("scrape", request=format % args)

    return Handler
