"""Loads a served model with requests: how many a second, and how long each waits.

    python -m benchmarks.serving --model=saved_models/medium/1
    python -m benchmarks.serving --server=localhost:8500 --name=medium
    python -m benchmarks.serving --model=saved_models/medium/1 --size=720x1280 --seconds=20
    python -m benchmarks.serving --model=saved_models/medium/1 --loader=cpp --size=128x128

Without --server, the SavedModel is loaded into this process and asked by as many threads as there
are requests at once, which leaves out the network and gRPC; by TensorFlow's Python, or with
--loader=cpp as TensorFlow Serving does it, without Python. Each request has JPEGs of the size asked
for, and its answer PNGs: one, or several, which is what a server's batching makes of requests that
come one by one. Rows are measured in turns, so that what else the machine does disturbs all alike.
The 50th and 99th percentiles are of the seconds from a request to its answer; "of the processor" is
the time that all cores spent on a picture, of this process alone.
"""

import io
import threading
import time
from pathlib import Path

from benchmarks.cpp_loader import LoadedModel
from benchmarks.measure import (
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
    parse_size,
)
from benchmarks.model_server import find_library, read_signatures

# Requests at once, and pictures in each.
LOADS = ((1, 1), (2, 1), (4, 1), (8, 1), (1, 2), (1, 4), (2, 4), (1, 8))


def main():
    """Runs the benchmark and prints its table."""
    options = parse_options()
    loaders = {"python": ask_model, "cpp": ask_model_by_cpp}
    ask = ask_server(options) if options.server else loaders[options.loader](options.model)
    photo = random_jpeg(options.size)
    measured = measure(ask, photo, options.rounds, options.seconds)
    height, width = options.size
    machine = call_in_new_process(describe_machine)
    text = f"{options.server or options.model}, {height}x{width}, on {machine}.\n\n"
    text += format_table(*measured)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.serving", __doc__)
    parser.add_argument("--model", type=Path, help="a SavedModel's folder, with its version")
    parser.add_argument(
        "--loader", choices=("python", "cpp"), default="python", help="what loads --model"
    )
    parser.add_argument("--server", help="host:port of a server, by gRPC, in its place")
    parser.add_argument("--name", default="medium", help="the model's name on the server")
    parser.add_argument("--size", default="512x512", help="height x width of the pictures")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--seconds", type=float, default=8, help="how long, each time")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    if bool(options.model) == bool(options.server):
        parser.error("one of --model and --server must be given")
    options.size = parse_size(options.size)
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


def ask_model_by_cpp(path):
    """Loads a SavedModel without TensorFlow's Python; returns what asks it to paint files."""
    inputs, outputs = call_in_new_process(read_signatures, path)["serving_default"]
    model = LoadedModel(find_library(), path)
    return lambda files: model.run({inputs["image_bytes"]: files}, [outputs["image_bytes"]])[0]


def ask_server(options):
    """Connects to a server; returns what asks it to paint files."""
    import numpy as np

    from kerasart.client.transports import GrpcTransport

    transport = GrpcTransport(options.server, options.name, None, 60.0)

    def ask(files):
        (painted,) = transport.ask(
            "serving_default", {"image_bytes": np.array(files, object)}
        ).values()
        return painted

    return ask


def measure(ask, photo, rounds, seconds):
    """Loads the model in all ways in turns.

    Args:
        ask: Asks for a list of files to be painted.
        photo: The file that each request has.
        rounds: How often each way has its turn.
        seconds: How long a turn is; what has been asked by then is waited for.

    Returns:
        Three dicts of `LOADS`: the seconds that each request waited, those of all turns, and those
        of the processor's cores.
    """
    waited = {load: [] for load in LOADS}
    spent, used = dict.fromkeys(LOADS, 0.0), dict.fromkeys(LOADS, 0.0)
    for _, pictures in LOADS:
        ask([photo] * pictures)
    for _ in range(rounds):
        for at_once, pictures in LOADS:
            start, start_of_cores = time.perf_counter(), time.process_time()
            waited[at_once, pictures] += ask_for_a_while(ask, [photo] * pictures, at_once, seconds)
            spent[at_once, pictures] += time.perf_counter() - start
            used[at_once, pictures] += time.process_time() - start_of_cores
    return waited, spent, used


def ask_for_a_while(ask, files, at_once, seconds):
    """Asks from several threads.

    Returns:
        The seconds that each request waited.
    """
    waited = []
    end = time.perf_counter() + seconds

    def go_on():
        while (start := time.perf_counter()) < end:
            ask(files)
            waited.append(time.perf_counter() - start)

    threads = [threading.Thread(target=go_on) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waited


def format_table(waited, spent, used):
    """Makes the table of what `measure` found."""
    import numpy as np

    pictures = {load: len(waited[load]) * load[1] for load in LOADS}
    rates = {load: pictures[load] / spent[load] for load in LOADS}
    rows = [
        [
            *map(str, load),
            f"{rates[load]:.2f}",
            f"{rates[load] / rates[1, 1]:.2f}",
            f"{used[load] / pictures[load]:.3f}",
            *(f"{np.percentile(waited[load], rank):.3f}" for rank in (50, 99)),
            str(len(waited[load])),
        ]
        for load in LOADS
    ]
    header = ["at once", "pictures in each", "pictures/s", "ratio", "of the processor, s"]
    return markdown_table([*header, "50th %, s", "99th %, s", "requests"], rows)


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
