"""A stand-in for TensorFlow Serving: its gRPC and REST ways in, around a Python function.

It answers `PredictionService.Predict`, by the stubs of tensorflow-serving-api, and
`/v1/models/NAME[/versions/N]:predict`, with the original's status codes and forms of JSON. The
function may be a SavedModel's. It is no test of what the original does besides.
"""

import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

_HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
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
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        fake = self

        class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
            def Predict(self, request, context):  # noqa: N802
                spec = request.model_spec
                version = spec.version.value if spec.HasField("version") else None
                inputs = {name: tf.make_ndarray(each) for name, each in request.inputs.items()}
                try:
                    outputs = fake.answer(spec.name, version, spec.signature_name, inputs)
                except Refusal as error:
                    context.abort(getattr(grpc.StatusCode, error.code), str(error))
                response = predict_pb2.PredictResponse()
                for name, array in outputs.items():
                    response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
                return response

        unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        server = grpc.server(ThreadPoolExecutor(64), options=[*unlimited, ("grpc.so_reuseport", 0)])
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
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
        outputs = self.answer(model, version, request.get("signature_name"), inputs)
        columns = [[_to_json(value, name) for value in outputs[name]] for name in outputs]
        # As the original does: a single output comes without its name.
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(outputs, row, strict=True)) for row in zip(*columns, strict=True)]


def signatures_of(saved_model):
    """Makes a `predict` of a SavedModel's folder."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved_model))

    def predict(signature, inputs):
        if signature not in loaded.signatures:
            raise Refusal("FAILED_PRECONDITION", f'Serving signature key "{signature}" not found.')
        function = loaded.signatures[signature]
        _, specs = function.structured_input_signature
        if set(inputs) != set(specs):
            raise Refusal(
                "INVALID_ARGUMENT",
                f"input size does not match signature. Sent: {{{','.join(inputs)}}}. "
                f"Required: {{{','.join(specs)}}}.",
            )
        try:
            tensors = {
                name: tf.constant(_values(value, specs[name].dtype.as_numpy_dtype))
                for name, value in inputs.items()
            }
            return {name: value.numpy() for name, value in function(**tensors).items()}
        except tf.errors.InvalidArgumentError as error:
            raise Refusal("INVALID_ARGUMENT", error.message) from error

    return predict


def _values(array, dtype):
    if array.dtype in (np.int64, np.float64):  # JSON's numbers, which the original casts.
        array = array.astype(dtype)
    return array.tolist() if array.dtype == object else array


def _column(values):
    if isinstance(values[0], dict):
        return np.array([base64.b64decode(value["b64"]) for value in values], object)
    if isinstance(values[0], list) and isinstance(values[0][0], dict):
        return np.array([_column(row) for row in values], object)
    return np.array(values)


def _to_json(value, name):
    if not isinstance(value, bytes):
        return value.tolist()
    # As the original does: by its name it knows what is no text.
    return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()
