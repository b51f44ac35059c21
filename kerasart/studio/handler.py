"""`Handler`: what the studio's page may ask for, over HTTP, and how it is answered."""

from __future__ import annotations

import json
import logging
import math
import re
import shlex
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from kerasart.studio.jobs import BusyError
from kerasart.studio.paintings import OnePass
from kerasart.studio.previews import encode_preview
from kerasart.studio.recipes import read_recipe
from kerasart.studio.sentences import explain
from kerasart.untrusted import parse_json

if TYPE_CHECKING:
    from kerasart.studio.server import StudioServer

_log = logging.getLogger("kerasart")

MAX_BYTES = 40 * 2**20  # Of a picture.
MAX_FILM = 400 * 2**20
_MAX_JSON = 2**16
_EVENT_SECONDS = 0.1  # The least time between two events.

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})", re.ASCII)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _RefusedError(Exception):
    """A request that is answered by a status and a sentence."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of a connection: refuses what the `Gate` refuses, and finds its way."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "kerasart", ""
    server: StudioServer

    def handle_one_request(self) -> None:
        self.server.allow(self.connection, self.server.header_seconds)
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        # What is refused is refused before the body is sent.
        return self._guard(self._check_request) and super().handle_expect_100()

    def do_GET(self) -> None:  # noqa: N802
        self._guard(self._get)

    def do_POST(self) -> None:  # noqa: N802
        self._guard(self._post)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug("studio: %s", format % args)

    def _guard(self, act):
        """Answers a request; returns whether it was not refused."""
        try:
            act()
            return True
        except _RefusedError as error:
            # What is left of the body would be read as the next request.
            self.close_connection = True
            self._send_json({"error": str(error)}, error.status)
        return False

    def _check_request(self):
        """Lets in who may ask, and what is not too much; returns the path."""
        if len(self.path) > 2048:
            raise _RefusedError(HTTPStatus.URI_TOO_LONG, "The address is too long.")
        parts = urlsplit(self.path)
        key = ""
        if self.command == "GET" and parts.path == "/":
            key = parse_qs(parts.query).get("key", [""])[0]
        why = self.server.gate.refuse(self.command, self.headers.items(), key)
        if why:
            raise _RefusedError(HTTPStatus.FORBIDDEN, why)
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) > 1:
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "The length must be told first.")
        if self.command == "POST":
            most = {"/sources": MAX_BYTES, "/films": MAX_FILM}.get(parts.path, _MAX_JSON)
            length = lengths[0] if lengths else ""
            if not (length.isascii() and length.isdecimal()):
                raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "The length must be told first.")
            if len(length) > 12 or int(length) > most:
                what = f"At most {most // 2**20 or most} {'MB' if most >= 2**20 else 'bytes'}"
                raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} can be sent.")
        elif lengths and lengths[0] != "0":
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "A GET has no body.")
        self.server.allow(self.connection, self.server.body_seconds)
        return parts.path, key

    def _get(self):
        path, key = self._check_request()
        if key:
            self._send_cookie(key)
            return
        name = "index.html" if path == "/" else path[1:]
        match path[1:].split("/"):
            case ["choices"]:
                self._send_json(self.server.choices)
            case ["events"]:
                self._send_events()
            case ["works"]:
                self._send_json(self.server.gallery.list())
            case ["works", name] if work := self.server.gallery.find(unquote(name)):
                self._send_work(work)
            case ["works", name, "small"] if work := self.server.gallery.find(unquote(name)):
                self._send(self._try(lambda: self.server.gallery.small(work)), "image/jpeg")
            case ["sources", name]:
                picture = self._try(lambda: self.server.sources.read(name))
                self._send(encode_preview(picture.image, alpha=picture.alpha), "image/jpeg")
            case ["sources", name, "about"]:
                self._send_json(self._try(lambda: self.server.sources.describe(name))._asdict())
            case ["jobs", number, "preview"] if number.isascii() and number.isdecimal():
                jpeg = self.server.jobs.preview(int(number[:9]))
                if not jpeg:
                    raise _RefusedError(HTTPStatus.NOT_FOUND, "There is no preview yet.")
                self._send(jpeg, "image/jpeg")
            case _ if name in self.server.pages:
                self._send(self.server.pages[name], _TYPES[Path(name).suffix])
            case _:
                raise _RefusedError(HTTPStatus.NOT_FOUND, "There is nothing of this name.")

    def _post(self):
        path, _ = self._check_request()
        match path[1:].split("/"):
            case ["sources"]:
                self._take_source()
            case ["films"]:
                self._take_source(is_film=True)
            case ["jobs"]:
                given = self._read_json()
                sheet = given.pop("sheet", "")
                if not (isinstance(sheet, str) and len(sheet) <= 20):
                    raise _RefusedError(HTTPStatus.BAD_REQUEST, "A sheet has a short name.")
                job = self._try(lambda: self.server.jobs.add(read_recipe(given), sheet))
                self._send_json({"number": job.number}, HTTPStatus.CREATED)
            case ["jobs", number, "stop"] if number.isascii() and number.isdecimal():
                self._read_json()
                self._send_json({"stopped": self.server.jobs.stop(int(number[:9]))})
            case ["jobs", number, "go_on"] if number.isascii() and number.isdecimal():
                self._read_json()
                self._send_json({"goes_on": self.server.jobs.go_on(int(number[:9]))})
            case ["command"]:
                given = self._read_json()
                words = self._try(lambda: read_recipe(given).command(self.server.sources))
                self._send_json({"command": shlex.join(words)})
            case ["try"]:
                self._try_out()
            case _:
                raise _RefusedError(HTTPStatus.NOT_FOUND, "There is nothing of this name.")

    def _send_work(self, work):
        """Sends a file, or the part of it that a player asks for."""
        size, kind = work.stat().st_size, _TYPES[work.suffix]
        start, stop, status = 0, size, HTTPStatus.OK
        if asked := _RANGE.fullmatch(self.headers.get("Range", "")):
            first, last = int(asked[1]), int(asked[2] or size)
            if first <= last and first < size:
                start, stop, status = first, min(size, last + 1), HTTPStatus.PARTIAL_CONTENT
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        if status is HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        with open(work, "rb") as file:
            file.seek(start)
            while start < stop and (data := file.read(min(2**18, stop - start))):
                self.wfile.write(data)
                start += len(data)

    def _send_cookie(self, key):
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        cookie = f"{self.server.gate.cookie}={self.server.gate.key}"
        self.send_header("Set-Cookie", f"{cookie}; HttpOnly; SameSite=Strict; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_events(self):
        """Tells of all jobs whenever something has changed, until the page is closed."""
        self.server.allow(self.connection, math.inf)
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        version = -1
        while True:
            told = self.server.jobs.describe(version)
            if told:
                version = told["version"]
                self.wfile.write(f"data: {json.dumps(told)}\n\n".encode())
            else:
                self.wfile.write(b": still here\n\n")  # Fails once the page is closed.
            time.sleep(_EVENT_SECONDS)

    def _take_source(self, is_film=False):
        length, add = int(self.headers["Content-Length"]), self.server.sources.add
        source = self._try(lambda: add(self.rfile.read, length, is_film))
        self._send_json(source._asdict(), HTTPStatus.CREATED)

    def _try_out(self):
        """Paints in one pass at a small size, at once: while a slider moves."""
        given = self._read_json()
        recipe = self._try(lambda: read_recipe(given))
        if not isinstance(recipe, OnePass):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "Only one pass is fast enough to try.")
        with self.server.trying:
            plan = self._try(lambda: recipe.for_trial().plan(self.server.sources))
            result = self._try(plan.make)
        self._send(encode_preview(result.image, alpha=plan.photo.alpha), "image/jpeg")

    def _read_json(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            given = parse_json(data)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "The request must be a JSON object.")
        return given

    def _try(self, act):
        """Turns errors that tell what is wrong into an answer."""
        try:
            return act()
        except BusyError as error:
            raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, str(error)) from error
        except ConnectionError:
            raise  # There is nobody to be told.
        except (ValueError, MemoryError, ImportError, OSError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, explain(error)) from error

    def _send_json(self, value, status=HTTPStatus.OK):
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, body, kind, status=HTTPStatus.OK):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
