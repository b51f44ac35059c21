"""The client, against a stand-in for TensorFlow Serving."""

import base64
import functools
import http.client
import io
import itertools
import json
import math
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from PIL import Image

from benchmarks.fake_server import FakeServer, Refusal
from kerasart.client import client as client_module
from kerasart.client import messages, transports
from kerasart.client.client import Client, ServerError, UnavailableError, in_parallel
from kerasart.client.transports import explain, shorten

PROTOCOLS = ("grpc", "rest")
SECONDS = 60  # For what takes a moment, on a machine that is busy with other things.

SENTENCE = r"[^\n]+ Received: [^\n]+"
# What TensorFlow says of an assertion that does not hold.
NOISE = (
    "assertion failed: [`names` must be of mosaic, rain. Received: cubism]\n"
    "\t [[{{function_node __inference_weigh_12}}{{node map/while/body/Assert}}]]"
)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


PHOTO = png(np.full((9, 11, 3), 128, np.uint8))
LARGE_PHOTO = png(np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(client_module.random, "uniform", lambda least, most: 0.04 * most)


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


@pytest.fixture
def serve(protocol):
    """Serves a function and gives a client of it."""

    class Both:
        def __init__(self, predict, **options):
            self.server = FakeServer(predict, protocol)
            self.options = options

        def __enter__(self):
            self.server.__enter__()
            self.client = Client(self.server.address, "medium", protocol, **self.options)
            return self.client

        def __exit__(self, *error):
            self.client.close()
            self.server.__exit__()

    return Both


def echo(signature, inputs):
    return answer(inputs["image_bytes"])


def answer(files, error=b""):
    return {"image_bytes": files, "error": np.array([error] * len(files), object)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- What goes there and back


@pytest.mark.parametrize("size", [0, 5, 8_000_000])
def test_files_come_back_as_they_went(serve, size):
    photo = np.random.default_rng(0).bytes(size) + b"\0"  # NumPy's own strings would lose the end.

    def predict(signature, inputs):
        return {"image_bytes": inputs["image_bytes"]}

    with serve(predict) as client:
        files = client.predict("serving_default", {"image_bytes": [photo, b"b"]})
    assert files.tolist() == [photo, b"b"]


def test_arrays_arrive_with_their_types(serve, protocol):
    got = {}

    def predict(signature, inputs):
        got.update(inputs, signature=signature)
        return {"image": inputs["image"]}

    image = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    options = {"strength": [0, 1], "steps": [3, 4], "format": ["png", "jpeg"]}
    with serve(predict) as client:
        answer = client.predict("pixels", {"image": image, **options})
    assert np.array_equal(answer, image)
    assert got["signature"] == "pixels"
    assert got["format"].tolist() == [b"png", b"jpeg"]
    assert np.array_equal(got["strength"], [0.0, 1.0])
    assert np.array_equal(got["steps"], [3, 4])
    if protocol == "grpc":
        types = {name: str(got[name].dtype) for name in ("image", "strength", "steps")}
        assert types == {"image": "uint8", "strength": "float32", "steps": "int32"}


def test_style_weights_come_from_names(serve):
    def predict(signature, inputs):
        assert (signature, inputs["names"].tolist()) == ("styles", [b"rain:0.5"])
        return {"style_weights": np.array([[0.0, 0.5]], np.float32)}

    with serve(predict) as client:
        weights = client.style_weights("rain:0.5")
    assert weights.dtype == np.float32
    assert weights.tolist() == [0.0, 0.5]


def test_style_weights_of_levels_come_in_one_request(serve):
    def predict(signature, inputs):
        assert signature == "styles"
        assert inputs["names"].tolist() == [b"rain", b"rain", b"ink:0.5,rain"]
        return {"style_weights": np.array([[0, 1], [0, 1], [0.5, 1]], np.float32)}

    with serve(predict) as client:
        weights = client.style_weights("coarse:rain,fine:ink:0.5+rain")
    assert weights.tolist() == [[0, 1], [0, 1], [0.5, 1]]


def test_weights_of_levels_go_to_a_signature_of_their_own(serve):
    asked = []

    def predict(signature, inputs):
        asked.append((signature, inputs["style_weights"].tolist()))
        return echo(signature, inputs)

    weights = [[0.0, 0.5], [1.0, 0.0], [0.25, 0.75]]
    with serve(predict) as client:
        client.paint(PHOTO, "png", style_weights=np.float32(weights), strength=0.5)
    assert asked == [("levels_or_error", [weights])]


def test_paint_takes_the_signature_that_has_its_options(serve):
    asked = []

    def predict(signature, inputs):
        asked.append((signature, {name: value.tolist() for name, value in inputs.items()}))
        return echo(signature, inputs)

    with serve(predict) as client:
        client.paint(PHOTO)
        client.paint(PHOTO, "png", style_weights=np.float32([0.0, 0.5]), strength=0.5)
    assert asked == [
        ("serving_default_or_error", {"image_bytes": [PHOTO]}),
        (
            "bytes_or_error",
            {
                "image_bytes": [PHOTO],
                "style_weights": [[0.0, 0.5]],
                "strength": [0.5],
                "format": [b"png"],
            },
        ),
    ]


def test_paint_gives_jpeg_also_where_the_signature_knows_only_png(serve):
    with serve(echo) as client:
        jpeg = client.paint(PHOTO, "jpeg")
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (11, 9))
        assert np.abs(np.asarray(picture).astype(int) - 128).max() <= 2


def test_a_version_can_be_named(protocol):
    with FakeServer(echo, protocol) as server:
        for version, is_there in ((3, True), (2, False)):
            with Client(server.address, "medium", protocol, version=version) as client:
                if is_there:
                    assert client.paint(PHOTO) == PHOTO
                else:
                    with pytest.raises(ServerError, match=r"Specific\(2\)"):
                        client.paint(PHOTO)


def test_a_refused_photo_is_an_error_of_its_own(serve):
    allowed = "`image_bytes` must be at least 5x5 pixels"
    sentence = f"{allowed}. Received: 4x9 pixels"
    with serve(lambda *_: answer(np.array([b""], object), sentence.encode())) as client:
        with pytest.raises(ValueError) as caught:
            client.paint(PHOTO)
    assert str(caught.value) == sentence and not isinstance(caught.value, ServerError)


@pytest.mark.parametrize("options", [{}, {"strength": 1.0}])
def test_models_of_before_are_asked_as_before(serve, options):
    asked = []

    def predict(signature, inputs):
        asked.append(signature)
        if signature.endswith("_or_error"):
            message = f'Serving signature key "{signature}" not found.'
            raise Refusal("FAILED_PRECONDITION", message)
        return {"image_bytes": inputs["image_bytes"]}

    with serve(predict) as client:
        assert [client.paint(PHOTO, **options) for _ in range(2)] == [PHOTO] * 2
    name = "bytes" if options else "serving_default"
    assert asked == [f"{name}_or_error", name, name]


# --- Many at once


def test_thirty_two_at_once(serve):
    together = threading.Barrier(32, timeout=SECONDS)

    def predict(signature, inputs):
        together.wait()
        return echo(signature, inputs)

    photos = [png(np.full((9, 11, 3), number, np.uint8)) for number in range(32)]
    with serve(predict) as client:
        done = dict(in_parallel(client.paint, photos, 32))
    assert {photo: call.result() for photo, call in done.items()} == {
        photo: photo for photo in photos
    }


def test_no_more_at_once_than_allowed(serve):
    lock, now, most, both = threading.Lock(), 0, 0, threading.Event()

    def predict(signature, inputs):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now > 1:
                both.set()
        assert both.wait(SECONDS)
        time.sleep(0.02)
        with lock:
            now -= 1
        return echo(signature, inputs)

    with serve(predict) as client:
        done = list(in_parallel(client.paint, [PHOTO] * 32, 5))
    assert len(done) == 32
    assert 2 <= most <= 5


def test_in_parallel_reads_no_further_than_it_needs():
    read = []

    def items():
        for number in range(100):
            read.append(number)
            yield number

    with closing(in_parallel(lambda number: number, items(), 3)) as done:
        next(done)
    assert len(read) == 3


def test_in_parallel_hands_out_errors():
    ((item, call),) = in_parallel(lambda number: 1 / number, [0], 2)
    assert item == 0
    assert isinstance(call.exception(), ZeroDivisionError)


# --- What goes wrong


def test_the_servers_own_sentence_is_the_error(serve):
    def predict(signature, inputs):
        raise Refusal("INVALID_ARGUMENT", NOISE)

    with serve(predict) as client, pytest.raises(ValueError) as caught:
        client.style_weights("cubism")
    assert str(caught.value) == "`names` must be of mosaic, rain. Received: cubism"


def test_an_unknown_model_is_named(protocol):
    with (
        FakeServer(echo, protocol) as server,
        Client(server.address, "large", protocol) as client,
        pytest.raises(ServerError, match=r"`model` must be one that .* serves. Received: 'large'"),
    ):
        client.paint(PHOTO)


def test_an_error_within_the_server_is_none_of_the_request(serve):
    def predict(signature, inputs):
        raise Refusal("INTERNAL", "out of luck")

    with serve(predict) as client, pytest.raises(ValueError, match="Received: .*out of luck"):
        client.paint(PHOTO)


def test_the_deadline_holds(serve):
    ended, held = [], threading.Event()

    def predict(signature, inputs):
        ended.append(held.wait(60))
        return echo(signature, inputs)

    start = time.monotonic()
    with serve(predict, timeout=0.3) as client:
        with pytest.raises(TimeoutError, match=r"`timeout` must .* Received: 0.3 s"):
            client.paint(PHOTO)
        assert time.monotonic() - start > 0.2 and not ended
        held.set()


def test_a_busy_server_is_asked_again(serve):
    tries = []

    def predict(signature, inputs):
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise Refusal("UNAVAILABLE", "The batch scheduling queue is full")
        return echo(signature, inputs)

    with serve(predict, retries=3) as client:
        assert client.paint(PHOTO) == PHOTO
    assert len(tries) == 4


def test_a_server_that_is_shut_down_is_asked_again(serve, protocol):
    tries = []

    def predict(signature, inputs):
        tries.append(0)
        if len(tries) == 1:
            raise Refusal("CANCELLED" if protocol == "grpc" else "UNAVAILABLE", "shutting down")
        return echo(signature, inputs)

    with serve(predict) as client:
        assert client.paint(PHOTO) == PHOTO


def test_it_is_asked_again_only_so_often(serve):
    tries = []

    def predict(signature, inputs):
        tries.append(0)
        raise Refusal("UNAVAILABLE", "The batch scheduling queue is full")

    with (
        serve(predict, retries=2) as client,
        pytest.raises(UnavailableError, match="Received: .* queue is full"),
    ):
        client.paint(PHOTO)
    assert len(tries) == 3


def test_what_is_wrong_is_asked_once(serve):
    tries = []

    def predict(signature, inputs):
        tries.append(0)
        raise Refusal("INVALID_ARGUMENT", "no")

    with serve(predict) as client, pytest.raises(ValueError, match="no. Received: INVALID"):
        client.paint(PHOTO)
    assert len(tries) == 1


def test_pauses_double_up_to_the_longest_and_differ(monkeypatch):
    monkeypatch.undo()
    pauses = []

    class Hasty(threading.Event):
        def wait(self, timeout=None):
            pauses.append(timeout)

    with monkeypatch.context() as patch:
        patch.setattr(client_module.threading, "Event", Hasty)
        client = Client(f"127.0.0.1:{free_port()}", "medium", "rest", retries=6)
    for _ in range(100):
        with pytest.raises(UnavailableError):
            client.paint(PHOTO)
    assert len(pauses) == 600
    for tries, most in enumerate([0.5, 1, 2, 4, 8, 8]):
        same = pauses[tries::6]
        assert len(set(same)) > 50
        assert most / 2 <= min(same) <= max(same) <= most


def test_no_server_is_one_sentence(protocol):
    address = f"127.0.0.1:{free_port()}"
    with (
        Client(address, "medium", protocol, retries=1) as client,
        pytest.raises(UnavailableError, match=f"`server` must run.* Received: {address}.*efused"),
    ):
        client.paint(PHOTO)


def test_a_server_that_dies_and_comes_back_is_found_again(protocol, monkeypatch):
    monkeypatch.setattr(client_module.random, "uniform", lambda least, most: 0.4 * most)
    with FakeServer(echo, protocol) as server:
        client = Client(server.address, "medium", protocol, retries=8)
        assert client.paint(PHOTO) == PHOTO
    with client:
        again = FakeServer(echo, protocol, port=server.port)
        timer = threading.Timer(0.5, again.__enter__)
        timer.start()
        assert client.paint(PHOTO) == PHOTO
        timer.join()
        again.__exit__()


def test_a_server_that_dies_while_it_paints_is_unavailable(protocol):
    begun, held = threading.Event(), threading.Event()

    def predict(signature, inputs):
        begun.set()
        held.wait(SECONDS)
        return echo(signature, inputs)

    server = FakeServer(predict, protocol)
    if protocol == "rest":
        # Its threads would end in peace; a socket that hangs up is what is left of a dead server.
        listener = socket.create_server(("127.0.0.1", 0))
        server.port = listener.getsockname()[1]

        def hang_up():
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()
            listener.close()

        threading.Thread(target=hang_up).start()
    else:
        server.__enter__()
        threading.Thread(target=lambda: begun.wait() and server.__exit__()).start()
    with (
        Client(server.address, "medium", protocol, retries=0) as client,
        pytest.raises(UnavailableError),
    ):
        client.paint(LARGE_PHOTO)
    held.set()


def test_closing_ends_what_is_under_way(serve):
    begun, held = threading.Event(), threading.Event()

    def predict(signature, inputs):
        begun.set()
        held.wait(SECONDS)
        return echo(signature, inputs)

    with ThreadPoolExecutor(1) as pool, serve(predict) as client:
        call = pool.submit(client.paint, PHOTO)
        assert begun.wait(SECONDS)
        client.close()
        assert isinstance(call.exception(SECONDS), ConnectionError)
        held.set()


def test_closing_ends_a_request_that_is_connecting(monkeypatch):
    connect = http.client.HTTPConnection.connect

    def connect_and_close(connection):
        connect(connection)
        client.close()

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect_and_close)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        client = Client(address, "medium", "rest", timeout=SECONDS, retries=0)
        with pytest.raises(ConnectionError):
            client.paint(PHOTO)


@pytest.mark.parametrize(
    "server", ["localhost", "localhost:", ":80", "a:0", "a:65536", "http://a:1"]
)
def test_a_server_is_a_host_and_a_port(server, protocol):
    with pytest.raises(ValueError, match=f"`server` must be HOST:PORT.* Received: '{server}'"):
        Client(server, "medium", protocol)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, "5"])
def test_a_timeout_is_seconds(timeout):
    with pytest.raises(ValueError, match="`timeout` must be a finite number of seconds, more than"):
        Client("localhost:1", "medium", timeout=timeout)


def test_protocols_and_formats_are_these():
    with pytest.raises(ValueError, match="`protocol` must be grpc or rest. Received: 'soap'"):
        Client("localhost:1", "medium", "soap")
    with (
        Client(None, "medium", "rest") as client,
        pytest.raises(ValueError, match="`format` must be png or jpeg. Received: 'gif'"),
    ):
        client.paint(PHOTO, "gif")


def test_what_speaks_another_language_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            connection.recv(2**16)
            connection.sendall(b"\0\0\x04@\r\n\r\n")
            connection.close()

        threading.Thread(target=answer).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with (
            Client(address, "medium", "rest", retries=0) as client,
            pytest.raises(UnavailableError, match=f"Received: {address}: BadStatusLine$"),
        ):
            client.paint(PHOTO)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("FAILED_PRECONDITION", 'Serving signature key "styles" not found.'),
        ("INVALID_ARGUMENT", 'Serving signature name: "styles" not found in signature def'),
        ("INVALID_ARGUMENT", "input size does not match signature: 3!=4"),
    ],
)
def test_a_model_of_another_kind_is_none_of_the_picture(code, message):
    error = explain(code, message, "localhost:1", "medium", 1.0)
    assert isinstance(error, ServerError)
    assert str(error).startswith("`model` must be one that has what is asked for. Received: ")


def test_without_grpc_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(ImportError, match=r'pip install "kerasart\[serving\]".*Received: '):
        Client("localhost:1", "medium", "grpc")


@pytest.mark.parametrize("data", [b"<html>", b"[]", b"{}", b'{"predictions": [{"a": [[1], 2]}]}'])
def test_another_kind_of_web_server_is_told_apart(data):
    with answering("rest") as (address, told), Client(address, "medium", "rest") as client:
        told.data = data
        with pytest.raises(ServerError, match="`server` must be TensorFlow Serving's"):
            client.paint(PHOTO)
        told.status, told.data = 418, b"short and stout"
        with pytest.raises(ValueError, match=f"Received: HTTP 418 of {address}: short and stout"):
            client.paint(PHOTO)


@pytest.mark.parametrize(
    ("message", "short"),
    [
        (NOISE, "`names` must be of mosaic, rain. Received: cubism"),
        ("2 root error(s) found.\n  (0) INVALID_ARGUMENT: a b\n\t [[{{node x}}]]\n"
         "\t [[y/_7]]\n  (1) INVALID_ARGUMENT: a b\n\t [[{{node x}}]]\n0 successful.", "a b"),
        ("{{function_node __wrapped__Assert}} assertion failed: [a] [b]", "a b"),
        ("Graph execution error:\n\nDetected at\n\nassertion failed: [a]\n\t [[{{node A}}]]", "a"),
        ("Graph execution error:\n\nDetected at node a defined at (most recent call last):\n"
         "<stack traces unavailable>\nno JPEG.\n\t [[{{node a}}]]", "no JPEG."),
        ("a\n\t [[map/while/Assert]]", "a"),
        ("plain [1, 2]", "plain [1, 2]"),
        ("", ""),
    ],
)  # fmt: skip
def test_messages_are_cut_to_what_a_person_needs(message, short):
    assert shorten(message) == short


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "INTERNAL", "UNAVAILABLE", "NOT_FOUND",
                                  "DEADLINE_EXCEEDED", "UNIMPLEMENTED"])  # fmt: skip
def test_every_error_ends_with_what_was_received(code):
    error = explain(code, "words", "localhost:1", "medium", 1.0)
    assert re.fullmatch(SENTENCE, str(error))


def test_a_server_cannot_write_to_the_terminal_what_it_likes(serve):
    def predict(signature, inputs):
        raise Refusal("INVALID_ARGUMENT", "\x1b[2J\x1b]0;mine\x07\u202eno\r\x9b31m" + "a" * 5000)

    with serve(predict) as client, pytest.raises(ValueError) as caught:
        client.paint(PHOTO)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    assert "no 31maaa" in str(caught.value)


@pytest.mark.parametrize("part", ["\n", "{{node ", "assertion failed: [", "[[{{", "\n (1"])
def test_long_errors_take_no_time(part):
    start = time.thread_time()
    assert len(shorten("2 root error(s) found." + part * 10**6)) < 1000
    assert time.thread_time() - start < 3


# --- Answers that are no paintings


def jpeg(data):
    file = io.BytesIO()
    Image.open(io.BytesIO(data)).save(file, "JPEG")
    return file.getvalue()


def bomb(data):
    """Says that it has four thousand million pixels."""
    return data[:16] + (2**16).to_bytes(4, "big") * 2 + data[24:]


@pytest.mark.parametrize(
    ("file", "received"),
    [
        (b"", "something else"),
        (b"<html>\x1b[2J</html>", "something else"),
        (PHOTO[:-20], "bytes, which are damaged or incomplete"),
        (jpeg(PHOTO), "a JPEG file of 11x9 pixels"),
        (png(np.zeros((9, 12, 3), np.uint8)), "a PNG file of 12x9 pixels"),
        (bomb(PHOTO), "something else|a PNG file of 65536x65536 pixels"),
    ],
    ids=["empty", "html", "half", "jpeg", "size", "bomb"],
)
def test_what_is_not_the_painting_is_refused(serve, file, received):
    with serve(lambda *_: answer(np.array([file], object))) as client:
        for options in ({}, {"strength": 1.0}):
            with pytest.raises(ValueError, match=f"a png file of 11x9 pixels. .*: .*({received})"):
                client.paint(PHOTO, **options)


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("kind", [bytes, float])
def test_as_many_come_back_as_were_asked_for(serve, count, kind):
    files = np.array([PHOTO] * count, object) if kind is bytes else np.ones([count, 2])
    with serve(lambda *_: answer(files)) as client:
        with pytest.raises(ServerError, match="for as many as were asked for, 1. Rec"):
            client.paint(PHOTO)


def test_numbers_are_no_painting(serve):
    with serve(lambda *_: answer(np.ones([1, 9, 11, 3], np.float32))) as client:
        with pytest.raises(ValueError, match="a png file of 11x9 pixels. Received: something else"):
            client.paint(PHOTO)


@pytest.mark.parametrize("weights", [[b"mosaic"], [1.0], [[np.nan, 1.0]]])
def test_what_are_no_weights_is_refused(serve, weights):
    array = np.array(weights, object if weights == [b"mosaic"] else np.float32)
    with serve(lambda *_: {"style_weights": array}) as client:
        with pytest.raises(ServerError, match="must be finite weights, one .* Received: an array"):
            client.style_weights("rain")


def test_what_is_no_photo_is_not_sent():
    with (
        Client("localhost:1", "medium", "rest") as client,
        pytest.raises(ValueError, match="`photo` must be a JPEG or PNG file. Received: 5 bytes"),
    ):
        client.paint(b"hello")


@pytest.mark.parametrize(
    "outputs",
    [
        {"image_bytes": np.array([PHOTO], object)},
        {"image_bytes": np.array([PHOTO], object), "error": np.ones(1)},
        {"image_bytes": np.array([PHOTO], object), "other": np.array([b""], object)},
    ],
)
def test_answers_must_tell_of_errors(serve, outputs):
    with serve(lambda *_: outputs) as client:
        with pytest.raises(ServerError, match="the outputs image_bytes and error.* Received: "):
            client.paint(PHOTO)


# --- Servers that do not come to an end

HEAD = b"HTTP/1.1 200 OK\r\n"


def drip(letter):
    while True:
        yield letter
        time.sleep(0.05)


def flood(head):
    yield head
    while True:
        yield b" " * 2**20


@contextmanager
def answering(protocol):
    """A server that answers all with the same bytes; gives its address, and what tells it them."""
    told = SimpleNamespace(status=200, data=b"")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.data)))
            self.end_headers()
            self.wfile.write(told.data)

        def log_message(self, *_):
            pass

    if protocol == "rest":
        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
            yield f"127.0.0.1:{server.server_port}", told
            server.shutdown()
        return
    method = grpc.unary_unary_rpc_method_handler(lambda request, context: told.data)
    service = "tensorflow.serving.PredictionService"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {"Predict": method})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", told
    server.stop(0).wait()


@contextmanager
def speak(parts):
    """A server that sends what it likes, bit by bit; gives its address."""
    ended = threading.Event()

    def answer():
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(2**16)
            for part in parts:
                if ended.is_set():
                    break
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(2**16):
                pass  # Closed with bytes unread, it would be reset.

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        thread.join(SECONDS)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        HEAD + b"A: ",
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 9999\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["status", "headers", "body", "length", "chunks"],
)
def test_a_server_that_drips_is_left_at_the_deadline(head):
    parts = itertools.chain([head], drip(b"1"))
    with speak(parts) as address:
        start = time.monotonic()
        with (
            Client(address, "medium", "rest", timeout=0.4, retries=0) as client,
            pytest.raises(TimeoutError, match="`timeout` must .* Received: 0.4 s"),
        ):
            client.paint(PHOTO)
        assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"])
def test_an_endless_answer_is_cut(head, monkeypatch):
    monkeypatch.setattr(transports, "MOST_BYTES", 3 * 2**20)
    parts = flood(HEAD + head + b"\r\n" + b"FFFFFFFFF\r\n" * bool(head))
    with (
        speak(parts) as address,
        Client(address, "medium", "rest", retries=0) as client,
        pytest.raises(ValueError, match=f"at most {3 * 2**20} bytes. Received: more"),
    ):
        client.paint(PHOTO)


def test_an_answer_that_is_too_large_for_grpc(monkeypatch):
    monkeypatch.setattr(transports, "MOST_BYTES", 2**20)
    with (
        FakeServer(echo, "grpc") as server,
        Client(server.address, "medium", "grpc") as client,
        pytest.raises(ValueError, match="Received: RESOURCE_EXHAUSTED of .* larger than max"),
    ):
        client.paint(LARGE_PHOTO)


def test_an_answer_that_breaks_off_is_asked_for_again():
    with (
        speak([HEAD + b"Content-Length: 99\r\n\r\n{"]) as address,
        Client(address, "medium", "rest", retries=0) as client,
        pytest.raises(UnavailableError, match="IncompleteRead"),
    ):
        client.paint(PHOTO)


# --- Answers that went wrong on their way


def mutate(data, generator):
    """Changes a few bytes, or takes some out, or repeats or exchanges some."""
    data = bytearray(data)
    for _ in range(generator.integers(1, 5)):
        start, size = generator.integers(len(data)), generator.integers(1, 9)
        part = slice(start, start + size)
        match generator.integers(4):
            case 0:
                data[part] = generator.bytes(len(data[part]))
            case 1:
                del data[part]
            case 2:
                data[part] = data[part] * int(generator.integers(2, 40))
            case 3:
                data[start] ^= 1 << generator.integers(8)
        if not data:
            break
    return bytes(data)


def answer_of(protocol, painting):
    if protocol == "rest":
        row = {"image_bytes": {"b64": base64.b64encode(painting).decode()}, "error": ""}
        return json.dumps({"predictions": [row]}).encode()
    response = messages.PredictResponse()
    for name, value in (("image_bytes", painting), ("error", b"")):
        messages.fill_tensor(response.outputs[name], np.array([value], object))
    return response.SerializeToString()


@pytest.fixture
def told_client(protocol):
    with (
        answering(protocol) as (address, told),
        Client(address, "medium", protocol, retries=0) as client,
    ):
        yield client, told


@pytest.mark.parametrize("signature", ["files", "weights"])
def test_mutated_answers_are_refused_in_a_sentence(protocol, signature, told_client):
    generator = np.random.default_rng(0)
    client, told = told_client
    if signature == "files":
        whole = answer_of(protocol, PHOTO)
        ask = functools.partial(client.paint, PHOTO, strength=1.0)
    else:
        ask = functools.partial(client.style_weights, "rain")
        response = messages.PredictResponse()
        messages.fill_tensor(response.outputs["style_weights"], np.float32([[0.25, 0.5]]))
        whole = response.SerializeToString()
        if protocol == "rest":
            whole = json.dumps({"predictions": [[0.25, 0.5]]}).encode()

    refused = 0
    for _ in range(1000):
        told.data = answer = mutate(whole, generator)
        if protocol == "rest":
            told.status = int(generator.choice([200, 200, 200, 400, 500]))
        try:
            result = ask()
        except (ValueError, ServerError) as error:
            assert re.fullmatch(SENTENCE, str(error)), answer
            assert str(error).isprintable() and len(str(error)) < 1000
            refused += 1
        else:
            if signature == "files":
                with Image.open(io.BytesIO(result)) as picture:
                    picture.load()
                    assert (picture.format, picture.size) == ("PNG", (11, 9))
            else:
                assert result.ndim == 1 and np.isfinite(result).all()
    assert refused > 500
