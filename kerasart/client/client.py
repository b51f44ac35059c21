"""A client of the models that kerasart exports for TensorFlow Serving; it needs no TensorFlow."""

import io
import logging
import random
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice

import numpy as np
from PIL import ExifTags, Image

from kerasart.client.transports import GrpcTransport, RestTransport, ServerError, UnavailableError
from kerasart.image.encoding import encode
from kerasart.image.formats import pillow_setting

__all__ = ["FORMATS", "Client", "ServerError", "UnavailableError", "in_parallel"]

_log = logging.getLogger("kerasart")

FORMATS = ("png", "jpeg")

_TRANSPORTS = {"grpc": GrpcTransport, "rest": RestTransport}
_PORTS = {"grpc": 8500, "rest": 8501}

# Seconds before the second try; before each later one twice as many, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0

_QUALITY = 95

# Options that are whole numbers; 1 as the value of any other is a float, since a server by gRPC
# takes nothing else for it.
_WHOLE = ("steps", "octaves")


class Client:
    """A model on a server, that several threads may ask at once.

        with Client("localhost:8500", "medium") as client:
            weights = client.style_weights("mosaic:0.6,ink_hatching:0.4")
            painting = client.paint(photo, "jpeg", style_weights=weights, strength=0.8)

    A request is repeated, after a pause that grows, while the server is not available. Proxies are
    not used.

    Args:
        server: "host:port", or None for TensorFlow Serving's own port on this machine.
        model: The model's name on the server.
        protocol: "grpc" or "rest".
        version: The model's version, or None for the latest.
        timeout: Seconds that each request may take.
        retries: How often to repeat a request.

    Raises:
        ImportError: If gRPC is not installed and it is wanted.
        ValueError: If `server` or `protocol` is not allowed.
    """

    def __init__(self, server, model, protocol="grpc", version=None, timeout=60.0, retries=5):
        if protocol not in _TRANSPORTS:
            raise ValueError(f"`protocol` must be grpc or rest. Received: {protocol!r}")
        server = server or f"localhost:{_PORTS[protocol]}"
        self._transport = _TRANSPORTS[protocol](server, model, version, timeout)
        self._retries = retries
        self._closed = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Ends all requests that are under way, with a `ConnectionError`."""
        self._closed.set()
        self._transport.close()

    def predict(self, signature, inputs):
        """Asks the model.

        Args:
            signature: The signature's name.
            inputs: Dict of input name to a batch: an array, or a list of numbers, strings or bytes.

        Returns:
            The array of the signature's only output, with a batch dimension. Of files it has
            `bytes`.

        Raises:
            UnavailableError: If the server does not answer or is not ready, at the last try too.
            ServerError: If there is no such model or signature, or the answer is none.
            TimeoutError: If the answer took too long.
            ValueError: If the server refused the inputs, with its own sentence, or failed at them.
        """
        inputs = {name: _as_batch(name, batch) for name, batch in inputs.items()}
        size = min(map(len, inputs.values()))
        tries = 0
        while not self._closed.is_set():
            try:
                answer = self._transport.ask(signature, inputs)
                if answer.shape[:1] != (size,):
                    raise ServerError(
                        f"The server's answer must be for as many as were asked for, {size}. "
                        f"Received: an array of shape {answer.shape}"
                    )
                return answer
            except UnavailableError as error:
                if tries == self._retries:
                    raise
                _log.info("asks again, since %s", error)
            self._closed.wait(_pause(tries))
            tries += 1
        raise ServerError("`client` must be open. Received: one that was closed")

    def style_weights(self, style):
        """Turns names of a few-styles model into weights.

        Args:
            style: Such as "mosaic", or "mosaic:0.6,ink_hatching:0.4".

        Returns:
            float32 (number of styles,).

        Raises:
            ValueError: If the model does not know a name; the message lists those that it knows.
                Also as `predict` raises it.
        """
        weights = self.predict("styles", {"names": [style]})
        if weights.ndim != 2 or weights.dtype.kind != "f" or not np.isfinite(weights).all():
            raise ServerError(
                "The server's answer must be finite weights, one for each style. "
                f"Received: an array of shape {weights.shape} and type {weights.dtype}"
            )
        return weights[0].astype(np.float32)

    def paint(self, photo, format="png", **options):
        """Paints a photo.

        Args:
            photo: The bytes of a file, JPEG or PNG.
            format: "png" or "jpeg", of the painting.
            **options: All that the model's signature `bytes` has, without a batch dimension:
                `style_weights` and `strength`; `style_bytes` and `strength`; or `steps`,
                `step_size` and `octaves`. Without any, the model's own are used.

        Returns:
            The bytes of a file, whole, and of the photo's size.

        Raises:
            ValueError: If the server's answer is no such file. Also as `predict` raises it, and
                whatever else it raises.
        """
        if format not in FORMATS:
            raise ValueError(f"`format` must be png or jpeg. Received: {format!r}")
        size = _size(photo)
        if not options:
            painting = self.predict("serving_default", {"image_bytes": [photo]})[0]
            picture = _decode(painting, "png", size)
            return painting if format == "png" else _to_jpeg(picture)
        inputs = {"image_bytes": photo, **options, "format": format}
        painting = self.predict("bytes", {name: [value] for name, value in inputs.items()})[0]
        _decode(painting, format, size)
        return painting


def in_parallel(function, items, most):
    """Calls a function of each item in threads, with at most so many calls at once.

    Closing the generator leaves calls that have begun to end by themselves; others do not begin.

    Args:
        function: Called with an item.
        items: An iterable, which is read no further than is needed.
        most: The most calls at once.

    Yields:
        An item and its `concurrent.futures.Future`, which is done, as they become done.
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
    """Seconds to wait, by chance shorter, so that clients do not come back all at once."""
    return min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def _as_batch(name, values):
    """Makes an array of one of the types that the signatures have."""
    if isinstance(values[0], str | bytes):
        batch = np.empty(len(values), object)
        batch[:] = [value.encode() if isinstance(value, str) else value for value in values]
        return batch
    batch = np.asarray(values)
    types = {"f": np.float32, "i": np.int32 if name in _WHOLE else np.float32}
    return batch.astype(types.get(batch.dtype.kind, batch.dtype), copy=False)


def _size(photo):
    """Reads (width, height) of a photo held upright."""
    try:
        picture = _open(photo)
        lies = picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    except Exception as error:  # Whatever Pillow meets in damaged data.
        raise ValueError(
            f"`photo` must be a JPEG or PNG file. Received: {len(photo)} bytes of another kind"
        ) from error
    return picture.size[::-1] if lies else picture.size


def _decode(painting, format, size):
    """Decodes what a server calls a painting, as a `PIL.Image.Image`."""
    received = "what is none"
    try:
        picture = _open(painting)
        received = f"a {picture.format} file of {picture.size[0]}x{picture.size[1]} pixels"
        if (picture.format, picture.size) == (format.upper(), size):
            received = f"{len(painting)} bytes, which are damaged or not all"
            picture.verify()  # To the end, beyond the last pixel; then it has to be opened anew.
            picture = _open(painting)
            picture.load()
            return picture
    except Exception:  # Likewise; or the answer is numbers.
        pass
    raise ValueError(
        f"The server's answer must be a {format} file of {size[0]}x{size[1]} pixels. "
        f"Received: {received}"
    )


def _open(data):
    # Its size is looked at before its pixels.
    with pillow_setting(Image, "MAX_IMAGE_PIXELS", None):
        return Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])


def _to_jpeg(picture):
    return encode(np.asarray(picture.convert("RGB")), "JPEG", {}, _QUALITY)
