"""A stand-in for TensorFlow Serving: its gRPC and REST ways in, around any Python function.

It answers `PredictionService.Predict` and `/v1/models/NAME[/versions/N]:predict`, with the
original's status codes and forms of JSON. It is no test of what the original does besides.
"""

import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np

from kerasart.serving.messages import PredictRequest, PredictResponse, fill_tensor, read_tensor

_HTTP = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict")


class Refusal(Exception):  # noqa: N818
    """What a function raises to answer with a status other than OK."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class FakeServer:
    """A server of one model; a context manager that is up within its block.

    Args:
        predict: `predict(signature, inputs) -> outputs`: dicts of name to array, of which those of
            objects hold bytes. It may raise a `Refusal`.
        protocol: "grpc" or "rest".
        model: The model's name.
        version: Its version.
        port: The port, or 0 for a free one, which `address` then tells.
    """

    def __init__(self, predict, protocol, model="medium", version=3, port=0):
        self._predict, self._model, self._version = predict, model, version
        self._start = {"grpc": self._start_grpc, "rest": self._start_rest}[protocol]
        self.port = port

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._stop = self._start()
        return self

    def __exit__(self, *error):
        self._stop()

    def answer(self, model, version, signature, inputs):
        if model != self._model or version not in (None, self._version):
            which = "Latest" if version is None else f"Specific({version})"
            raise Refusal("NOT_FOUND", f"Servable not found for request: {which}({model})")
        return self._predict(signature or "serving_default", inputs)

    def _start_grpc(self):
        def predict(request, context):
            spec = request.model_spec
            version = spec.version.value if spec.HasField("version") else None
            inputs = {name: read_tensor(tensor) for name, tensor in request.inputs.items()}
            try:
                outputs = self.answer(spec.name, version, spec.signature_name, inputs)
            except Refusal as error:
                context.abort(getattr(grpc.StatusCode, error.code), str(error))
            response = PredictResponse()
            for name, array in outputs.items():
                fill_tensor(response.outputs[name], array)
            return response

        method = grpc.unary_unary_rpc_method_handler(
            predict,
            request_deserializer=PredictRequest.FromString,
            response_serializer=PredictResponse.SerializeToString,
        )
        unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        server = grpc.server(ThreadPoolExecutor(64), options=[*unlimited, ("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "tensorflow.serving.PredictionService", {"Predict": method}
                )
            ]
        )
        self.port = server.add_insecure_port(self.address)
        server.start()
        return lambda: server.stop(0).wait()

    def _start_rest(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, answer = 200, {"predictions": fake.answer_json(self.path, body)}
                except Refusal as error:
                    status, answer = _HTTP[error.code], {"error": str(error)}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # A client that goes away is none.

        server = Server(("127.0.0.1", self.port), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()

        def stop():
            server.shutdown()
            server.server_close()

        return stop

    def answer_json(self, path, body):
        model, version = _PATH.fullmatch(path).groups()
        request = json.loads(body)
        rows = request["instances"]
        inputs = {name: _column([row[name] for row in rows]) for name in rows[0]}
        version = version and int(version)
        outputs = self.answer(model, version, request["signature_name"], inputs)
        columns = [list(map(_to_json, array)) for array in outputs.values()]
        # As the original does: a single output comes without its name.
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(outputs, row, strict=True)) for row in zip(*columns, strict=True)]


def signatures_of(saved_model):
    """Makes a `predict` of a SavedModel's folder."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved_model))

    def predict(signature, inputs):
        function = loaded.signatures[signature]
        _, specs = function.structured_input_signature
        tensors = {
            name: tf.constant(value.tolist(), specs[name].dtype) for name, value in inputs.items()
        }
        try:
            return {name: value.numpy() for name, value in function(**tensors).items()}
        except tf.errors.InvalidArgumentError as error:
            raise Refusal("INVALID_ARGUMENT", error.message) from error

    return predict


def _column(values):
    if isinstance(values[0], dict):
        column = np.empty(len(values), object)
        column[:] = [base64.b64decode(value["b64"]) for value in values]
        return column
    return np.array(values)


def _to_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.tolist()
