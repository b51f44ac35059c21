"""What every benchmark needs: times, memory, convolution rates, and the machine in words."""

import argparse
import importlib.metadata
import importlib.util
import math
import os
import platform
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

# (side, channels) of 3x3 convolutions that are large enough to show a machine's best rate.
LARGE_CONVOLUTIONS = ((128, 128), (96, 256), (64, 256), (64, 512), (32, 512), (32, 1024))


# With the C library's own settings each step's large tensors come from the system anew, which has
# to clear their pages. They must be set before the process starts.
TORCH_VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}


def make_parser(program, doc):
    """Makes a parser of a benchmark's command line.

    Args:
        program: Its module, as after `python -m`.
        doc: Its docstring, which `--help` prints as it stands.

    Returns:
        An `argparse.ArgumentParser`.
    """
    return argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_only(parser, known):
    """Adds `--only`: some of the things that are measured, a list; all of them by default."""

    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"must be some of {', '.join(known)}. Received: {name!r}"
                )
        return names

    parser.add_argument("--only", type=parse, default=list(known), help="some of them")


def call_in_new_process(function, *arguments):
    """Calls a function in a process of its own, where nothing is loaded or warm.

    Args:
        function: A function of a module.
        *arguments: Whatever can be pickled.

    Returns:
        What the function returns.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        return executor.submit(function, *arguments).result()


def has_fast_bfloat16():
    """Whether this machine is fast at bfloat16: where it is not, a rival would take minutes."""
    return call_in_new_process(_choose_precision) == "bfloat16"


def _choose_precision():
    # In its own process: what the package asks of TensorFlow would be asked for rivals, too.
    from kerasart.kernels.precision import choose_precision

    return choose_precision("auto")


def parse_size(text):
    """Reads "512x640" as (512, 640)."""
    height, width = map(int, text.split("x"))
    return height, width


@contextmanager
def environment(variables):
    """Sets environment variables, for the processes that are started meanwhile.

    Args:
        variables: Dict of name to value.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def peak_memory():
    """Measures the most memory that this process has held, in bytes."""
    if sys.platform == "linux":  # `getrusage` would count what the parent held at the start, too.
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def time_interleaved(calls, rounds, warmups=2):
    """Times calls in turns, so that what else the machine does disturbs all of them alike.

    Args:
        calls: Dict of name to a function without arguments that returns when its work is done.
        rounds: How often each is timed. Every second round goes in reverse order.
        warmups: How often each is called before.

    Returns:
        Dict of name to a list of seconds, one a round.
    """
    for call in calls.values():
        for _ in range(warmups):
            call()
    seconds = {name: [] for name in calls}
    for i in range(rounds):
        for name in list(calls)[:: -1 if i % 2 else 1]:
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def convolution_flops(graph):
    """Counts the floating-point operations of a graph's convolutions.

    Args:
        graph: A `tf.Graph` of static shapes.

    Returns:
        Multiplications and additions, of convolutions and of their gradients to their inputs.
    """
    flops = 0
    for operation in graph.get_operations():
        if operation.type == "Conv2D":
            kernel, positions = operation.inputs[1].shape, operation.outputs[0].shape[:3]
        elif operation.type == "Conv2DBackpropInput":
            kernel, positions = operation.inputs[1].shape, operation.inputs[2].shape[:3]
        else:
            continue
        flops += 2 * math.prod(kernel) * math.prod(positions)
    return flops


def fastest_convolution(dtype, repeats=3):
    """Finds at which plain convolution this machine is fastest: large, 3x3, forward.

    Args:
        dtype: "float32" or "bfloat16".
        repeats: How often each shape is timed; the fastest counts.

    Returns:
        A function that computes that convolution once, and its floating-point operations.
    """
    import tensorflow as tf

    @tf.function
    def convolve(features, kernel):
        return tf.reduce_max(tf.nn.conv2d(features, kernel, 1, "SAME"))

    calls, flops = {}, {}
    for side, channels in LARGE_CONVOLUTIONS:
        features = tf.cast(tf.random.normal([1, side, side, channels]), dtype)
        kernel = tf.cast(tf.random.normal([3, 3, channels, channels]), dtype)
        calls[side, channels] = lambda x=features, k=kernel: convolve(x, k).numpy()
        flops[side, channels] = 2 * 9 * channels**2 * side**2
    seconds = time_interleaved(calls, repeats)
    best = max(calls, key=lambda shape: flops[shape] / min(seconds[shape]))
    return calls[best], flops[best]


def describe_machine():
    """Says in a line what a benchmark ran on: processor, cores, GPU, versions."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    name, formats = _describe_processor()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras")]
    parts = [name, f"{_usable_cores()} cores", *formats, *gpus]
    return ", ".join([*parts, f"Python {platform.python_version()}", *versions])


def _describe_processor():
    """Returns the processor's name, and which bfloat16 instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = facts.get("flags", "").split()
    formats = [name for name in ("avx512_bf16", "amx_bf16") if name in flags]
    return facts.get("model name", platform.machine()), formats


def _usable_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def markdown_table(header, rows):
    """Formats a table.

    Args:
        header: The columns' names; the first two columns are text, the others numbers.
        rows: Lists of strings.

    Returns:
        Markdown, columns aligned.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rules = ["-" * width if i < 2 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]

    def format_row(row):
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    return "\n".join(map(format_row, [header, rules, *rows]))


class Worker:
    """A contestant in a process of its own, told over a pipe what to do.

    Args:
        make: Makes the contestant.
        *arguments: `make`'s.
        variables: Environment variables of the process.
    """

    def __init__(self, make, *arguments, variables=None):
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with environment(variables or {}):
            self._process = context.Process(target=_serve, args=(theirs, make, arguments))
            self._process.start()
        theirs.close()  # What ends the process then ends a call, too.

    def __call__(self, method, *arguments):
        """Calls a method of the contestant, or measures its "memory"."""
        self._pipe.send((method, arguments))
        return self._pipe.recv()

    def close(self):
        """Ends the process."""
        self._process.terminate()
        self._process.join()


def _serve(pipe, make, arguments):
    contestant = make(*arguments)
    while True:
        method, arguments = pipe.recv()
        call = peak_memory if method == "memory" else getattr(contestant, method)
        pipe.send(call(*arguments))


def has_torch():
    """Whether PyTorch is installed; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def describe_torch():
    """Says which PyTorch there is, after the machine."""
    if has_torch():
        return f", torch {importlib.metadata.version('torch')}"
    return "; PyTorch is not installed"
