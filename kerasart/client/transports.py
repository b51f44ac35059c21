"""`GrpcTransport` and `RestTransport`: requests to TensorFlow Serving, and their errors."""

import base64
import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Mapping

import numpy as np

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
# More than any image: a PNG takes up to 3 bytes per pixel, and Pillow reads up to 179 megapixels.
MOST_BYTES = 2**29
_BLOCK = 2**20  # Bytes of a response to read at a time.
_MOST_LETTERS_READ, _MOST_LETTERS = 20_000, 500  # Of a server's error: parsed, and shown.
# In milliseconds. Short, since `Client` decides how long to wait before a retry.
_RECONNECT = {"initial": 100, "max": 1000}

_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Status codes that do not depend on the image, besides those that `explain` handles.
_ALWAYS = ("FAILED_PRECONDITION", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")


class ServerError(ConnectionError):
    """The server would reject every such request, whatever the image."""


class UnavailableError(ServerError):
    """The server does not respond or is not ready; a retry may succeed."""


class SignatureError(ServerError):
    """The model has no signature of that name."""


class GrpcTransport:
    """Sends requests by gRPC.

    Args:
        server: "host:port".
        model: The model's name.
        version: The model's version, or None for the latest.
        timeout: Timeout of a request in seconds.
    """

    def __init__(self, server: str, model: str, version: int | None, timeout: float):
        try:
            import grpc

            from kerasart.client import messages
        except ImportError as error:
            raise ImportError(
                'gRPC needs grpcio and protobuf, which `pip install "kerasart[serving]"` brings; '
                f"the protocol rest needs neither. Received: {error}"
            ) from error
        split_server(server)
        options = {f"grpc.{name}_reconnect_backoff_ms": ms for name, ms in _RECONNECT.items()}
        options["grpc.max_send_message_length"] = -1
        options["grpc.max_receive_message_length"] = MOST_BYTES
        options["grpc.enable_http_proxy"] = 0
        self._channel = grpc.insecure_channel(server, options=list(options.items()))
        self._call = self._channel.unary_unary(
            _PREDICT, request_serializer=messages.PredictRequest.SerializeToString
        )
        self._rpc_error = grpc.RpcError
        self._messages = messages
        self._server, self._model, self._version = server, model, version
        self._timeout = timeout

    def ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sends one request.

        Args:
            signature: The signature's name.
            inputs: Input name to array.

        Returns:
            Output name to array. A single output has the name "" where the server tells none.

        Raises:
            ServerError, TimeoutError, ValueError: As `explain` returns them.
        """
        request = self._messages.make_request(self._model, self._version, signature, inputs)
        try:
            answer = self._call(request, timeout=self._timeout)
        except self._rpc_error as error:
            raise self._explain(error.code().name, error.details() or "") from error
        try:
            return self._messages.read_response(answer)
        except ValueError as error:
            raise _no_answer(self._server, answer) from error

    def close(self) -> None:
        """Closes the connection, and cancels pending requests."""
        self._channel.close()

    def _explain(self, code, message):
        return explain(code, message, self._server, self._model, self._timeout)


class RestTransport:
    """Sends requests by REST, each over a new connection.

    Arguments and methods are those of `GrpcTransport`. Numbers are returned with 64 bits.
    """

    def __init__(self, server: str, model: str, version: int | None, timeout: float):
        self._host, self._port = split_server(server)
        versions = "" if version is None else f"/versions/{version}"
        self._path = f"/v1/models/{model}{versions}:predict"
        self._server, self._model, self._timeout = server, model, timeout
        self._open = set()
        self._is_closed = False

    def ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sends one request, as `GrpcTransport.ask`."""
        rows = zip(*inputs.values(), strict=True)
        instances = [
            {name: _to_json(value) for name, value in zip(inputs, row, strict=True)} for row in rows
        ]
        body = json.dumps({"signature_name": signature, "instances": instances})
        status, answer = self._post(body)
        if status != 200:
            raise self._explain(_CODES.get(status, f"HTTP {status}"), _error_in(answer))
        try:
            return _from_json(json.loads(answer)["predictions"])
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise _no_answer(self._server, answer) from error

    def close(self) -> None:
        """Cancels pending requests."""
        self._is_closed = True
        for connection in list(self._open):
            _shut_down(connection)

    def _post(self, body):
        start, timed_out = time.monotonic(), threading.Event()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.connect()
            # The connection's own timeout applies to each read, of which there can be many.
            with self._shutting_down(connection.sock, start + self._timeout, timed_out):
                connection.request("POST", self._path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = _read(response)
                if timed_out.is_set():  # The response may be incomplete.
                    raise TimeoutError
                return response.status, answer
        except (OSError, http.client.HTTPException) as error:
            if timed_out.is_set() or isinstance(error, TimeoutError):
                raise self._explain("DEADLINE_EXCEEDED", "") from error
            # The message of an HTTPException can be the malformed response itself.
            words = str(error) if isinstance(error, OSError) else type(error).__name__
            raise self._explain("UNAVAILABLE", words) from error
        finally:
            connection.close()

    @contextlib.contextmanager
    def _shutting_down(self, connection, deadline, timed_out):
        """Shuts a socket down when the transport is closed, or at a deadline, setting an event."""
        timer = threading.Timer(
            max(0.0, deadline - time.monotonic()),
            lambda: (timed_out.set(), _shut_down(connection)),
        )
        timer.daemon = True
        timer.start()
        self._open.add(connection)
        if self._is_closed:  # While this was connecting.
            _shut_down(connection)
        try:
            yield
        finally:
            timer.cancel()
            self._open.discard(connection)

    def _explain(self, code, message):
        return explain(code, message, self._server, self._model, self._timeout)


def split_server(server: str) -> tuple[str, int]:
    """Splits "host:port" into host and port.

    Raises:
        ValueError: If it does not have that form.
    """
    host, _, port = server.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(
            f"`server` must be HOST:PORT, with a port from 1 to 65535. Received: {server!r}"
        )
    return host.strip("[]"), int(port)


def explain(code: str, message: str, server: str, model: str, timeout: float) -> Exception:
    """Converts a server's status and message to an error of one sentence.

    Args:
        code: The name of gRPC's status code.
        message: The server's message.
        server: "host:port".
        model: The model's name.
        timeout: The request's timeout in seconds.

    Returns:
        An `UnavailableError`, a `ServerError`, a `TimeoutError`, or, if the request itself is to
        blame, a `ValueError`.
    """
    message = shorten(message)
    # A server that shuts down cancels pending requests.
    if code in ("UNAVAILABLE", "CANCELLED"):
        return UnavailableError(
            "`server` must run, be ready, and have the protocol's port, usually 8500 for grpc and "
            f"8501 for rest. Received: {server}: {message}"
        )
    if code == "DEADLINE_EXCEEDED":
        return TimeoutError(
            f"`timeout` must leave the server the time it needs. Received: {timeout:g} s, in which "
            f"{server} did not answer"
        )
    if re.search(r"\b(Serving|match|in) signature", message):
        kind = SignatureError if "Serving signature" in message else ServerError
        return kind(
            f"`model` must be one that has what is asked for. Received: {model!r}: {message}"
        )
    if code == "NOT_FOUND":
        return ServerError(
            f"`model` must be one that {server} serves. Received: {model!r}: {message}"
        )
    if code == "INVALID_ARGUMENT":
        return make_refusal(message)
    kind = ServerError if code in _ALWAYS else ValueError
    return kind(f"The server must answer without an error. Received: {code} of {server}: {message}")


def make_refusal(message: str) -> ValueError:
    """Converts what a model says of inputs that it refuses to an error of one sentence."""
    message = shorten(message)
    has_all = "Received:" in message
    return ValueError(message if has_all else f"{message.rstrip('.')}. Received: INVALID_ARGUMENT")


def shorten(message: str) -> str:
    """Strips node names, brackets and stack traces from a TensorFlow error."""
    message = message[:_MOST_LETTERS_READ].strip()
    message = re.sub(r"^Graph execution error:.*<stack traces[^>]*>", "", message, flags=re.DOTALL)
    message = re.sub(r"^\d+ root error\(s\) found\.\s*\(0\) [\w ]+: ", "", message.strip())
    message = re.split(r"\n\s{0,9}\(1\) |\n\s{0,9}\[\[|\[\[\{\{", message)[0].strip()
    message = re.sub(r"\{\{(function_)?node [^}]*\}\}\s*", "", message)
    asserted = re.search(r"assertion failed: \[(.*)\]$", message, re.DOTALL)
    if asserted:
        message = asserted[1].replace("] [", " ")
    # Control characters could manipulate the terminal.
    message = "".join(letter if letter.isprintable() else " " for letter in message)
    message = " ".join(message.split())
    return message if len(message) <= _MOST_LETTERS else f"{message[:_MOST_LETTERS]}..."


def _shut_down(connection):
    with contextlib.suppress(OSError):  # It may be closed already.
        connection.shutdown(socket.SHUT_RDWR)


def _read(response):
    """Reads a response's body, up to `MOST_BYTES`."""
    blocks, size = [], 0
    while block := response.read(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES:
            raise ValueError(
                f"The server's answer must have at most {MOST_BYTES} bytes. Received: more"
            )
    if response.length:  # Fewer bytes than Content-Length.
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(blocks)


def _no_answer(server, answer):
    start = answer[:100].decode(errors="replace")
    return ServerError(
        "`server` must be TensorFlow Serving's, whose answers have numbers, files or sentences. "
        f"Received: {start!r} from {server}"
    )


def _to_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if value.dtype == object:
        return [_to_json(each) for each in value]
    return value.tolist()


def _from_json(rows):
    """Makes arrays from rows of one output, or of several by name."""
    if rows and isinstance(rows[0], dict) and "b64" not in rows[0]:
        return {name: _read_column([row[name] for row in rows]) for name in rows[0]}
    return {"": _read_column(rows)}


def _read_column(rows):
    """Makes an array from numbers, strings, or bytes in base64: {"b64": ...}."""
    if all(isinstance(row, dict | str) for row in rows):
        values = np.empty(len(rows), object)
        values[:] = [
            row.encode() if isinstance(row, str) else base64.b64decode(row["b64"], validate=True)
            for row in rows
        ]
        return values
    values = np.array(rows)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"predictions of type {values.dtype}")
    return values


def _error_in(answer):
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return answer[:100].decode(errors="replace")
