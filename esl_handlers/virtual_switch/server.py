"""Accepts ESL connections for one core, and takes them all down when the switch restarts."""

from __future__ import annotations

import gevent
from gevent.event import Event
from gevent.server import StreamServer
from gevent.socket import socket

from esl_handlers.virtual_switch.connection import Connection
from esl_handlers.virtual_switch.core import Core
from esl_handlers.virtual_switch.faults import Faults

BACKLOG = 5
"""FreeSWITCH's own: a crowd that connects at once may have to try again."""


class Server:
    """Listens at once. event_queue: events a listener may be behind. thawed: cleared while a stuck listener blocks all."""

    def __init__(
        self, core: Core, faults: Faults, host: str, port: int, password: str = "ClueCon", event_queue: int = 100_000
    ) -> None:
        self.core = core
        self.faults = faults
        self.password = password
        self.event_queue = event_queue
        self.connections: set[Connection] = set()
        self.thawed = Event()
        self.thawed.set()
        self._host = host
        self.port = port
        self._listener = self._listen()

    def _listen(self) -> StreamServer:
        server = StreamServer((self._host, self.port), self._accept, backlog=BACKLOG)
        server.start()
        self.port = server.socket.getsockname()[1]
        return server

    def _accept(self, sock: socket, address: object) -> None:
        connection = Connection(self, sock)
        self.connections.add(connection)
        try:
            connection.serve()
        finally:
            self.connections.discard(connection)

    def restart(self, away_seconds: float) -> None:
        """The switch dies with all its calls and connections, and comes back as another core."""
        self._listener.stop(timeout=0)
        for connection in list(self.connections):
            connection.drop("rst")
        self.core.restart()
        gevent.sleep(away_seconds)
        self._listener = self._listen()

    def stop(self) -> None:
        """No more connections; those that are there end."""
        self._listener.stop(timeout=0)
        for connection in list(self.connections):
            connection.drop("close")
