"""Times what comes before the first step, from the start of the process.

    python -m benchmarks.start
    python -m benchmarks.start --runs=5

A table, in markdown: for the default dream, the default painting and one pass of the default
network, what each stage takes, in seconds and in seconds of the processor, as medians over
processes of their own, which import TensorFlow as the scripts do. "more" is all of it, less what a
process takes that imports TensorFlow and nothing else, and less one more step, or painting, which
the first one is not the start of.
"""

import os
import time
from contextlib import suppress
from functools import partial
from statistics import median

import numpy as np

from benchmarks.measure import (
    add_only,
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
)
from kerasart.startup import import_tensorflow

APPLICATIONS = ("deep_dream", "style_transfer", "Stylizer")
ALONE = "TensorFlow alone"


class Enough(Exception):  # noqa: N818
    """The steps that are timed are taken."""


class Clock:
    """Times stages, each from the end of the one before.

    Args:
        start: The time at which the process was started.

    Attributes:
        stages: Dict of name to seconds, and seconds of the processor.
    """

    def __init__(self, start):
        self.stages = {}
        self._last = start, 0.0

    def stamp(self, name):
        """Ends a stage."""
        now = time.time(), time.process_time()
        self.stages[name] = tuple(b - a for a, b in zip(self._last, now, strict=True))
        self._last = now


def main():
    """Measures, and prints the table."""
    options = parse_options()
    # In turn, so that all meet the machine at its slow and its quick times.
    runs = [
        {
            name: call_in_new_process(function, time.time())
            for name, function in [
                (ALONE, import_alone),
                *((name, partial(start, name, options.size)) for name in options.only),
            ]
        }
        for _ in range(options.runs)
    ]
    medians = {
        name: {
            stage: [median(run[name][stage][i] for run in runs) for i in range(2)]
            for stage in runs[0][name]
        }
        for name in runs[0]
    }
    (alone,) = medians[ALONE].values()
    for name in options.only:
        *stages, again = medians[name].values()
        medians[name]["more"] = [
            sum(stage[i] for stage in stages) - again[i] - alone[i] for i in range(2)
        ]
    rows = [
        [name if name == ALONE else f"`{name}`", stage, *(f"{seconds:.2f}" for seconds in pair)]
        for name, stages in medians.items()
        for stage, pair in stages.items()
    ]
    print(markdown_table(["start of", "stage", "seconds", "of the processor"], rows))
    print(f"\nOn a picture of {options.size} pixels, medians of {options.runs} processes.")
    print(describe_machine())


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.start", __doc__)
    parser.add_argument("--quick", action="store_true", help="one run, of a small picture")
    parser.add_argument("--runs", type=int, help="processes for each (3; with --quick 1)")
    parser.add_argument("--size", type=int, help="side of the picture (480; with --quick 128)")
    add_only(parser, APPLICATIONS)
    options = parser.parse_args()
    options.runs = options.runs or (1 if options.quick else 3)
    options.size = options.size or (128 if options.quick else 480)
    return options


def import_alone(begun):
    """Imports TensorFlow, and with it Keras, as whoever uses no more does; as `start`."""
    clock = Clock(begun)
    import tensorflow  # noqa: F401 (for its time)

    clock.stamp("import")
    return clock.stages


def start(name, size, begun):
    """Starts an application up to its second step.

    Args:
        name: One of `APPLICATIONS`.
        size: Side of the picture.
        begun: The time at which this process was started.

    Returns:
        Dict of stage to seconds, and seconds of the processor; the last is another step.
    """
    clock = Clock(begun)
    photo, style = np.random.default_rng(0).random((2, size, size, 3), np.float32)
    import kerasart

    clock.stamp("Python and kerasart")
    import_tensorflow()
    clock.stamp("TensorFlow and Keras")
    if name == "Stylizer":
        stylizer = kerasart.Stylizer()
        clock.stamp("network")
        for stage in ("first painting", "another painting"):
            stylizer(photo)
            clock.stamp(stage)
        return clock.stages

    stages = ["first step", "another step"]

    def on_step(progress):
        clock.stamp(stages.pop(0))
        if not stages:
            raise Enough

    with suppress(Enough):
        if name == "deep_dream":
            dreamer = kerasart.Dreamer()
            clock.stamp("network")
            dreamer.dream(photo, on_step=on_step)
        else:
            # What is loaded once is not loaded again.
            from kerasart.backbones import load_backbone

            load_backbone("vgg16")
            clock.stamp("network")
            kerasart.style_transfer(photo, style, on_step=on_step)
    return clock.stages


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
