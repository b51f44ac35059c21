"""A SavedModel behind REST, loaded and batched as by TensorFlow Serving, in a process of its own.

    python -m benchmarks.model_server REQUEST.json

`ServedProcess` starts it. The request has the model's name, folder and tensors, and the bounds of
batches. The process loads the model by TensorFlow's C++ loader, without its Python, says its port,
and serves until its input is closed; it then says how many batches it had of how many requests.
"""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cpp_loader import LoadedModel
from benchmarks.fake_server import FakeServer, Refusal

ROOT = Path(__file__).parents[1]


class Batcher:
    """Puts requests of a signature together, as TensorFlow Serving does.

    Args:
        run: Takes a dict of input name to list, of as many items as there are requests, and returns
            such a dict of outputs.
        most: The most requests of a batch (`max_batch_size`).
        wait: How long the first request waits for others, in seconds (`batch_timeout_micros`).
        threads: How many batches are run at once (`num_batch_threads`).

    Attributes:
        sizes: The number of requests of each batch so far.
    """

    def __init__(self, run, most, wait, threads):
        self._run, self._most, self._wait = run, most, wait
        self._queue, self._gathering = queue.SimpleQueue(), threading.Lock()
        self.sizes = []
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def __call__(self, inputs):
        """Answers a request, whose lists have one item each."""
        answer = Future()
        self._queue.put((inputs, answer))
        return answer.result()

    def _work(self):
        while True:
            with self._gathering:
                batch = self._gather()
            self.sizes.append(len(batch))
            requests, answers = zip(*batch, strict=True)
            merged = {name: [each[name][0] for each in requests] for name in requests[0]}
            try:
                outputs = self._run(merged)
            except RuntimeError as error:  # What fails one, fails all of a batch.
                for answer in answers:
                    answer.set_exception(error)
                continue
            for i, answer in enumerate(answers):
                answer.set_result({name: [values[i]] for name, values in outputs.items()})

    def _gather(self):
        batch = [self._queue.get()]
        end = time.monotonic() + self._wait
        with contextlib.suppress(queue.Empty):
            while len(batch) < self._most:
                batch.append(self._queue.get(timeout=max(0.0, end - time.monotonic())))
        return batch


class ServedProcess:
    """A process that serves a SavedModel; a context manager that is up within its block.

    Args:
        model: The SavedModel's folder.
        signatures: Its signatures, as from `read_signatures`.
        most, wait, threads: As for `Batcher`.

    Attributes:
        address: "host:port".
        pid: The process's number.
        sizes: After the block, the number of requests of each batch.
    """

    def __init__(self, model, signatures, most=4, wait=0.001, threads=2):
        self._request = {
            "library": find_library(),
            "model": str(model),
            "name": name_of(model),
            "signatures": signatures,
            "batches": {"most": most, "wait": wait, "threads": threads},
        }

    def __enter__(self):
        command = [sys.executable, "-m", "benchmarks.model_server", json.dumps(self._request)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.address = f"127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *error):
        said, _ = self._process.communicate()
        if not any(error):
            self.sizes = json.loads(said)


def find_library():
    """Finds the library of TensorFlow's C++ loader, without importing TensorFlow: its path."""
    return str(Path(find_spec("tensorflow").origin).with_name("libtensorflow_cc.so.2"))


def name_of(model):
    """The name of a model by its folder, .../NAME/VERSION."""
    return Path(model).resolve().parent.name


def read_signatures(model):
    """Reads a SavedModel's signatures: a dict of name to dicts of input and output tensors."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((Path(model) / "saved_model.pb").read_bytes())
    return {
        name: [
            {key: tensor.name for key, tensor in each.items()}
            for each in (signature.inputs, signature.outputs)
        ]
        for name, signature in saved.meta_graphs[0].signature_def.items()
    }


def serve(request):
    """Serves what a request names until the input is closed."""
    model = LoadedModel(request["library"], request["model"])

    def make_run(inputs, outputs):
        def run(values):
            feeds = {inputs[name]: column for name, column in values.items()}
            return dict(zip(outputs, model.run(feeds, list(outputs.values())), strict=True))

        return Batcher(run, **request["batches"])

    batchers = {name: make_run(*each) for name, each in request["signatures"].items()}

    def predict(signature, inputs):
        if signature not in batchers:
            message = f'Serving signature key "{signature}" not found.'
            raise Refusal("FAILED_PRECONDITION", message)
        try:
            return batchers[signature]({name: array.tolist() for name, array in inputs.items()})
        except RuntimeError as error:
            raise Refusal("INVALID_ARGUMENT", str(error)) from error

    with FakeServer(predict, "rest", request["name"]) as server:
        print(server.port, flush=True)
        sys.stdin.read()
    print(json.dumps([size for batcher in batchers.values() for size in batcher.sizes]))


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
