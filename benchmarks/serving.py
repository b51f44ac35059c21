"""Loads a served model with requests: how many a second, and how long each waits.

    python -m benchmarks.serving --model=saved_models/medium/1
    python -m benchmarks.serving --server=localhost:8500 --name=medium
    python -m benchmarks.serving --model=saved_models/medium/1 --size=720x1280 --seconds=20

Without --server, the SavedModel is loaded into this process and asked by as many threads as there
are requests at once, which leaves out the network and gRPC. Each request is a JPEG of the size
asked for, and its answer a PNG. "Batches of 4" are 4 of them in one request: what a server's
batching makes of them; its rate counts pictures. The 50th and 99th percentiles are of the seconds
from a request to its answer.
"""

import argparse
import io
import threading
import time
from pathlib import Path

from benchmarks.measure import call_in_new_process, describe_machine, markdown_table

CONCURRENCIES = (1, 2, 4, 8)
BATCH = 4


def main():
    """Runs the benchmark and prints its table."""
    options = parse_options()
    ask = ask_server(options) if options.server else ask_model(options.model)
    data = random_jpeg(options.size)
    rows = []
    for concurrency in CONCURRENCIES:
        rows.append([str(concurrency), "1", *measure(ask, [data], concurrency, options.seconds)])
    rows.append(["1", str(BATCH), *measure(ask, [data] * BATCH, 1, options.seconds)])
    height, width = options.size
    header = ["at once", "pictures in each", "pictures/s", "50th %, s", "99th %, s"]
    machine = call_in_new_process(describe_machine)
    text = f"{options.server or options.model}, {height}x{width}, on {machine}.\n\n"
    text += markdown_table(header, rows)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n")


def parse_options():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, help="a SavedModel's folder, with its version")
    parser.add_argument("--server", help="host:port of a server, by gRPC, in its place")
    parser.add_argument("--name", default="medium", help="the model's name on the server")
    parser.add_argument("--size", default="512x512", help="height x width of the pictures")
    parser.add_argument("--seconds", type=float, default=10, help="how long each row is measured")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    if bool(options.model) == bool(options.server):
        parser.error("one of --model and --server must be given")
    options.size = tuple(map(int, options.size.split("x")))
    return options


def ask_model(path):
    """Loads a SavedModel; returns what asks it to paint files."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def ask(files):
        # `loaded` is named so that it lives as long as this.
        return loaded and serve(image_bytes=tf.constant(files))["image_bytes"].numpy()

    return ask


def ask_server(options):
    """Connects to a server; returns what asks it to paint files."""
    import numpy as np

    from kerasart.serving.transports import GrpcTransport

    transport = GrpcTransport(options.server, options.name, None, 60.0)
    return lambda files: transport.ask("serving_default", {"image_bytes": np.array(files, object)})


def measure(ask, files, concurrency, seconds):
    """Asks from several threads for a while.

    Returns:
        Pictures a second, and the 50th and 99th percentile of seconds a request, as text.
    """
    import numpy as np

    ask(files)
    waited, lock = [], threading.Lock()
    end = time.perf_counter() + seconds

    def go_on():
        while (start := time.perf_counter()) < end:
            ask(files)
            with lock:
                waited.append(time.perf_counter() - start)

    start = time.perf_counter()
    threads = [threading.Thread(target=go_on) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(waited) * len(files) / (time.perf_counter() - start)
    return [f"{rate:.2f}", *(f"{np.percentile(waited, rank):.3f}" for rank in (50, 99))]


def random_jpeg(size):
    """Makes a JPEG of smooth noise, always the same."""
    import numpy as np
    from PIL import Image

    height, width = size
    small = np.random.default_rng(0).integers(0, 256, (height // 16 + 1, width // 16 + 1, 3))
    picture = Image.fromarray(small.astype(np.uint8)).resize((width, height), Image.BICUBIC)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    main()
