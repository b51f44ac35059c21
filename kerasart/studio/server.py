"""`StudioServer`: the studio over HTTP, for one user, on this machine."""

import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kerasart
from kerasart.studio.choices import describe_choices, page_files
from kerasart.studio.gallery import Gallery
from kerasart.studio.gate import Gate
from kerasart.studio.handler import MAX_BYTES, MAX_FILM, Handler
from kerasart.studio.jobs import Jobs
from kerasart.studio.sources import Sources

_log = logging.getLogger("kerasart")

_MOST_CONNECTIONS = 64


class StudioServer(ThreadingHTTPServer):
    """The server of a studio.

    Python's own server "only implements basic security checks": it is for one user on this
    machine. `Gate` decides what is answered at all; connections that do not come to that in time
    are closed, the one that waits longest first where there are too many.

    Args:
        folder: Where pictures are written.
        host: The address to listen at.
        port: The port; 0 for a free one.
        max_pixels: The most pixels of a picture.
        prepare: See `Jobs`.

    Attributes:
        header_seconds: For a request's first lines, the wait for it included.
        body_seconds: For what comes after them.
    """

    header_seconds, body_seconds = 15.0, 120.0
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        max_pixels: int = 30_000_000,
        prepare: Callable[[], object] = lambda: kerasart.Dreamer,
    ):
        self._deadlines: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)
        self.gate = Gate(self.server_address[1], secrets.token_urlsafe(24), host)
        self.sources = Sources(folder / "sources", max_pixels)
        self.gallery = Gallery(folder, max_pixels)
        self.jobs = Jobs(folder, folder / ".unfinished", self.sources, prepare)
        self.pages = page_files()
        self.choices = describe_choices(MAX_BYTES, MAX_FILM, max_pixels)
        self.trying = threading.Lock()

    @property
    def url(self) -> str:
        """The address to open, with the key."""
        return f"http://{self.gate.hosts[0]}/?key={self.gate.key}"

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening; what was being made goes on in the next studio."""
        self.server_close()
        self.jobs.close()
        self.sources.close()

    def allow(self, connection: socket.socket, seconds: float) -> None:
        """Gives a connection so many seconds from now."""
        with self._lock:
            if connection in self._deadlines:
                self._deadlines[connection] = time.monotonic() + seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._deadlines) >= _MOST_CONNECTIONS:
                # Those that have shown the key have longer.
                oldest = min(self._deadlines, key=lambda each: self._deadlines[each])
                del self._deadlines[oldest]
                _hang_up(oldest)
            self._deadlines[request] = time.monotonic() + self.header_seconds
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        now = time.monotonic()
        with self._lock:
            for connection, deadline in self._deadlines.items():
                if now > deadline:
                    _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):  # Tabs that are closed are nobody's fault.
            _log.exception("The studio failed to answer.")


def _hang_up(connection):
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
