"""`Client`: requests to the models that kerasart exports for TensorFlow Serving."""

import io
import logging
import math
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, Self

import numpy as np
from PIL import ExifTags, Image

from kerasart.client.transports import (
    GrpcTransport,
    RestTransport,
    ServerError,
    SignatureError,
    UnavailableError,
    make_refusal,
)
from kerasart.image.encoding import encode
from kerasart.image.formats import pillow_setting
from kerasart.levels import fill_levels, split_levels

__all__ = ["FORMATS", "Client", "ServerError", "UnavailableError", "in_parallel"]

_log = logging.getLogger("kerasart")

FORMATS = ("png", "jpeg")

_TRANSPORTS: dict[str, type[GrpcTransport | RestTransport]] = {
    "grpc": GrpcTransport,
    "rest": RestTransport,
}
_PORTS = {"grpc": 8500, "rest": 8501}

# Seconds before the first retry, doubled with each further one up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0

_QUALITY = 95

# Inputs that are int32; numbers in all others become float32, since gRPC does not convert them.
_INTEGERS = ("steps", "octaves")


class Client:
    """A thread-safe client of one model on a server.

        with Client("localhost:8500", "medium") as client:
            weights = client.style_weights("mosaic:0.6,ink_hatching:0.4")
            painting = client.paint(photo, "jpeg", style_weights=weights, strength=0.8)

    While the server is unavailable, requests are retried with exponential backoff. Proxies are not
    used.

    Args:
        server: "host:port", or None for TensorFlow Serving's default port on this machine.
        model: The model's name on the server.
        protocol: "grpc" or "rest".
        version: The model's version, or None for the latest.
        timeout: Timeout of each try in seconds.
        retries: The most retries of a request.

    Raises:
        ImportError: If the protocol is gRPC and it is not installed.
        ValueError: If `server`, `protocol` or `timeout` is not allowed.
    """

    def __init__(
        self,
        server: str | None,
        model: str,
        protocol: str = "grpc",
        version: int | None = None,
        timeout: float = 60.0,
        retries: int = 5,
    ):
        if protocol not in _TRANSPORTS:
            raise ValueError(f"`protocol` must be grpc or rest. Received: {protocol!r}")
        if not isinstance(timeout, float | int) or not 0 < timeout < math.inf:
            raise ValueError(
                f"`timeout` must be a finite number of seconds, more than 0. Received: {timeout!r}"
            )
        server = server or f"localhost:{_PORTS[protocol]}"
        self._transport = _TRANSPORTS[protocol](server, model, version, timeout)
        self._retries = retries
        self._closed = threading.Event()
        self._returns_errors = True  # Until the model turns out to have no such signature.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; pending requests raise a `ConnectionError`."""
        self._closed.set()
        self._transport.close()

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> np.ndarray:
        """Calls a signature of the model.

        Args:
            signature: The signature's name.
            inputs: Input name to a batch: an array, or a list of numbers, strings or bytes.

        Returns:
            The signature's only output, an array with a batch dimension; files are `bytes`.

        Raises:
            UnavailableError: If the server does not respond or is not ready, after all retries.
            ServerError: If there is no such model or signature, or the response is malformed.
            TimeoutError: If the request timed out.
            ValueError: If the server rejects the inputs, with its message, or fails on them.
        """
        outputs = self._ask(signature, inputs)
        if len(outputs) != 1:
            raise ServerError(f"The server's answer must have one output. Received: {len(outputs)}")
        (output,) = outputs.values()
        return output

    def _ask(self, signature, inputs):
        """Calls a signature; returns its outputs by name."""
        inputs = {name: _as_batch(name, batch) for name, batch in inputs.items()}
        size = min(map(len, inputs.values()))
        tries = 0
        while not self._closed.is_set():
            try:
                outputs = self._transport.ask(signature, inputs)
                for answer in outputs.values():
                    if answer.shape[:1] != (size,):
                        raise ServerError(
                            f"The server's answer must be for as many as were asked for, {size}. "
                            f"Received: an array of shape {answer.shape}"
                        )
                return outputs
            except UnavailableError as error:
                if tries == self._retries:
                    raise
                _log.info("retries, since %s", error)
            self._closed.wait(_pause(tries))
            tries += 1
        raise ServerError("`client` must be open. Received: one that was closed")

    def style_weights(self, style: str) -> np.ndarray:
        """Converts style names to the style weights of a model with several styles.

        Args:
            style: For example "mosaic", "mosaic:0.6,ink_hatching:0.4", or with levels
                "coarse:mosaic,fine:starry_night" (see `kerasart.levels.split_levels`).

        Returns:
            float32 (number of styles,); with levels (levels, number of styles).

        Raises:
            ValueError: If the model does not know a name; the message lists the known ones.
            ServerError, TimeoutError: As for `predict`.
        """
        levels = split_levels(style)
        names = list(fill_levels(levels).values()) if levels else [style]
        weights = self.predict("styles", {"names": names})
        if weights.ndim != 2 or weights.dtype.kind != "f" or not np.isfinite(weights).all():
            raise ServerError(
                "The server's answer must be finite weights, one for each style. "
                f"Received: an array of shape {weights.shape} and type {weights.dtype}"
            )
        weights = weights.astype(np.float32)
        return weights if levels else weights[0]

    def paint(self, photo: bytes, format: str = "png", **options: Any) -> bytes:
        """Stylizes a photo.

        It asks for errors as an output where the model has such a signature, so that a photo that
        is refused does not fail those that the server has put into the same batch.

        Args:
            photo: A JPEG or PNG file.
            format: The result's format, "png" or "jpeg".
            **options: The other inputs of the model's signature `bytes`, without a batch dimension:
                `style_weights` and `strength`; `style_bytes` and `strength`; or `steps`,
                `step_size` and `octaves`. All of them; or none, for the model's defaults. Weights
                with levels, or a list of a file for each, go to the signature `levels`.

        Returns:
            An image file of the photo's size, checked to be complete.

        Raises:
            ValueError: If the server's response is not such a file, or it rejects the inputs.
            ServerError, TimeoutError: As for `predict`.
        """
        if format not in FORMATS:
            raise ValueError(f"`format` must be png or jpeg. Received: {format!r}")
        size = _size(photo)
        if not options:
            painting = self._paint("serving_default", {"image_bytes": photo})
            picture = _decode(painting, "png", size)
            return painting if format == "png" else _to_jpeg(picture)
        inputs = {"image_bytes": photo, **options, "format": format}
        has_levels = np.ndim(options.get("style_weights", 0)) == 2 or isinstance(
            options.get("style_bytes"), list | tuple
        )
        signature = "levels" if has_levels else "bytes"
        painting = self._paint(signature, inputs)
        _decode(painting, format, size)
        return painting

    def _paint(self, signature, inputs):
        """Asks for one file, which must not fail the others of its batch on the server."""
        inputs = {name: [value] for name, value in inputs.items()}
        if self._returns_errors:
            try:
                outputs = self._ask(f"{signature}_or_error", inputs)
            except SignatureError:  # The model was exported by an earlier kerasart.
                self._returns_errors = False
            else:
                return _file_of(outputs)
        return self.predict(signature, inputs)[0]


def in_parallel(
    function: Callable[[Any], Any], items: Iterable[Any], most: int
) -> Iterator[tuple[Any, Future]]:
    """Calls a function on each item in a thread pool.

    Closing the generator cancels pending calls, without waiting for the running ones.

    Args:
        function: Called with an item.
        items: The items, consumed lazily.
        most: The most concurrent calls.

    Yields:
        An item and its completed future, in the order of completion.
    """
    pool = ThreadPoolExecutor(most)
    items, calls = iter(items), {}
    try:
        while True:
            for item in islice(items, most - len(calls)):
                calls[pool.submit(function, item)] = item
            if not calls:
                return
            for call in wait(calls, return_when=FIRST_COMPLETED).done:
                yield calls.pop(call), call
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pause(tries):
    """Returns seconds to wait, with jitter, so that clients do not retry in step."""
    return min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def _as_batch(name, values):
    """Converts a batch to an array of the type that the signatures expect."""
    if isinstance(values[0], str | bytes):
        values = [value.encode() if isinstance(value, str) else value for value in values]
        return np.array(values, object)
    if isinstance(values[0], list | tuple) and isinstance(values[0][0], bytes):
        return np.array(values, object)  # A file for each level.
    batch = np.asarray(values)
    types = {"f": np.float32, "i": np.int32 if name in _INTEGERS else np.float32}
    return batch.astype(types.get(batch.dtype.kind, batch.dtype), copy=False)


def _file_of(outputs):
    """Returns the file of a signature that returns errors, or raises the error."""
    if set(outputs) != {"image_bytes", "error"} or not isinstance(outputs["error"][0], bytes):
        raise ServerError(
            "The server's answer must have the outputs image_bytes and error, both of strings. "
            "Received: others"
        )
    if error := outputs["error"][0]:
        raise make_refusal(error.decode(errors="replace"))
    return outputs["image_bytes"][0]


def _size(photo):
    """Reads the (width, height) of a photo after applying its EXIF orientation."""
    try:
        picture = _open(photo)
        is_transposed = picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    except Exception as error:  # Damaged data may raise anything.
        raise ValueError(
            f"`photo` must be a JPEG or PNG file. Received: {len(photo)} bytes of another kind"
        ) from error
    return picture.size[::-1] if is_transposed else picture.size


def _decode(painting, format, size):
    """Decodes a server's response, and checks its format, size and completeness."""
    received = "something else"
    try:
        picture = _open(painting)
        received = f"a {picture.format} file of {picture.size[0]}x{picture.size[1]} pixels"
        if (picture.format, picture.size) == (format.upper(), size):
            received = f"{len(painting)} bytes, which are damaged or incomplete"
            picture.verify()  # Reads to the end of the file, which must then be reopened.
            picture = _open(painting)
            picture.load()
            return picture
    except Exception:  # Damaged data, or numbers instead of bytes.
        pass
    raise ValueError(
        f"The server's answer must be a {format} file of {size[0]}x{size[1]} pixels. "
        f"Received: {received}"
    )


def _open(data):
    # Without Pillow's limit, since callers check the size before they decode the pixels.
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None):
        return Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])


def _to_jpeg(picture):
    return encode(np.asarray(picture.convert("RGB")), "JPEG", {}, _QUALITY)
