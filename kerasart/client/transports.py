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
# More than any image: a PNG takes up to 3 bytes a pixel, and Pillow reads up to 179 megapixels.
MOST_BYTES = 2**29
_BLOCK = 2**20  # Bytes of an answer read at once.
_MOST_LETTERS_READ, _MOST_LETTERS = 20_000, 500  # Of a server's error: parsed, and shown.
# Short, since `Client` decides how long to wait between tries.
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
# Errors that do not depend on the image, besides those that `explain` names.
_ALWAYS = ("FAILED_PRECONDITION", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")


class ServerError(ConnectionError):
    """The server would refuse every such request, whatever the image."""


class UnavailableError(ServerError):
    """The server does not answer, or is not ready: a retry may succeed."""


class GrpcTransport:
    """Sends requests by gRPC.

    Args:
        server: "host:port".
        model: The model's name.
        version: Its version, or None for the latest.
        timeout: Seconds that a request may take.
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

    def ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Sends one request.

        Args:
            signature: The signature's name.
            inputs: Input name to array.

        Returns:
            The array of the signature's only output.

        Raises:
            ServerError, TimeoutError, ValueError: See `explain`.
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
        """Closes the connection, and ends pending requests."""
        self._channel.close()

    def _explain(self, code, message):
        return explain(code, message, self._server, self._model, self._timeout)


class RestTransport:
    """Sends requests by REST, each by a connection of its own.

    Arguments and methods are those of `GrpcTransport`. Numbers come back with 64 bits.
    """

    def __init__(self, server: str, model: str, version: int | None, timeout: float):
        self._host, self._port = split_server(server)
        versions = "" if version is None else f"/versions/{version}"
        self._path = f"/v1/models/{model}{versions}:predict"
        self._server, self._model, self._timeout = server, model, timeout
        self._open = set()

    def ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Sends one request, as `GrpcTransport.ask` does."""
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
        """Ends pending requests."""
        for connected in list(self._open):
            _hang_up(connected)

    def _post(self, body):
        start, late = time.monotonic(), threading.Event()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.connect()
            # The connection's own timeout is for each read, of which there can be many.
            with self._hanging_up(connection.sock, start + self._timeout, late):
                connection.request("POST", self._path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = _read(response)
                if late.is_set():  # It may have been cut off.
                    raise TimeoutError
                return response.status, answer
        except (OSError, http.client.HTTPException) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise self._explain("DEADLINE_EXCEEDED", "") from error
            # The message of a malformed answer is its bytes.
            words = str(error) if isinstance(error, OSError) else type(error).__name__
            raise self._explain("UNAVAILABLE", words) from error
        finally:
            connection.close()

    @contextlib.contextmanager
    def _hanging_up(self, connected, deadline, late):
        """Shuts a socket down at a deadline, and sets an event; or when the transport is closed."""
        watch = threading.Timer(
            max(0.0, deadline - time.monotonic()), lambda: (late.set(), _hang_up(connected))
        )
        watch.daemon = True
        watch.start()
        self._open.add(connected)
        try:
            yield
        finally:
            watch.cancel()
            self._open.discard(connected)

    def _explain(self, code, message):
        return explain(code, message, self._server, self._model, self._timeout)


def split_server(server: str) -> tuple[str, int]:
    """Splits "host:port" into host and port.

    Raises:
        ValueError: If it is not of that form.
    """
    host, _, port = server.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(
            f"`server` must be HOST:PORT, with a port from 1 to 65535. Received: {server!r}"
        )
    return host.strip("[]"), int(port)


def explain(code: str, message: str, server: str, model: str, timeout: float) -> Exception:
    """Makes an error of one sentence from a server's status and message.

    Args:
        code: The name of gRPC's status code.
        message: The server's message.
        server: "host:port".
        model: The model's name.
        timeout: Seconds that the request had.

    Returns:
        A `ValueError` if the request is to blame, a `TimeoutError`, a `ServerError`, or an
        `UnavailableError`.
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
        return ServerError(
            f"`model` must be one that has what is asked for. Received: {model!r}: {message}"
        )
    if code == "NOT_FOUND":
        return ServerError(
            f"`model` must be one that {server} serves. Received: {model!r}: {message}"
        )
    if code == "INVALID_ARGUMENT":
        return ValueError(
            message if "Received:" in message else f"{message.rstrip('.')}. Received: {code}"
        )
    kind = ServerError if code in _ALWAYS else ValueError
    return kind(f"The server must answer without an error. Received: {code} of {server}: {message}")


def shorten(message: str) -> str:
    """Strips a TensorFlow error of its nodes, brackets and stack traces."""
    message = message[:_MOST_LETTERS_READ].strip()
    message = re.sub(r"^Graph execution error:.*<stack traces[^>]*>", "", message, flags=re.DOTALL)
    message = re.sub(r"^\d+ root error\(s\) found\.\s*\(0\) [\w ]+: ", "", message.strip())
    message = re.split(r"\n\s{0,9}\(1\) |\n\s{0,9}\[\[|\[\[\{\{", message)[0].strip()
    message = re.sub(r"\{\{(function_)?node [^}]*\}\}\s*", "", message)
    asserted = re.search(r"assertion failed: \[(.*)\]$", message, re.DOTALL)
    if asserted:
        message = asserted[1].replace("] [", " ")
    # Control characters would act on a terminal.
    message = "".join(letter if letter.isprintable() else " " for letter in message)
    message = " ".join(message.split())
    return message if len(message) <= _MOST_LETTERS else f"{message[:_MOST_LETTERS]}..."


def _hang_up(connected):
    with contextlib.suppress(OSError):  # It may be closed by now.
        connected.shutdown(socket.SHUT_RDWR)


def _read(response):
    """Reads an answer's body, up to `MOST_BYTES`."""
    blocks, size = [], 0
    while block := response.read(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES:
            raise ValueError(
                f"The server's answer must have at most {MOST_BYTES} bytes. Received: more"
            )
    if response.length:  # Bytes that were announced, and did not come.
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(blocks)


def _no_answer(server, answer):
    start = answer[:100].decode(errors="replace")
    return ServerError(
        "`server` must be TensorFlow Serving's, whose answers have numbers or files of one output. "
        f"Received: {start!r} from {server}"
    )


def _to_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.tolist()


def _from_json(rows):
    """Makes an array from rows of numbers, or of bytes as {"b64": ...}."""
    if all(isinstance(row, dict) for row in rows):
        values = np.empty(len(rows), object)
        values[:] = [base64.b64decode(row["b64"], validate=True) for row in rows]
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
