"""Times DeepDream against the Keras example's, on the same network with the same weights.

    python -m benchmarks.deep_dream
    python -m benchmarks.deep_dream --quick
    python -m benchmarks.deep_dream --sizes=512x512,640x960 --rounds=30 --dream_runs=3

Two tables, in markdown. The first times a step, all contestants in turns in one process; its ratio
is the median of the rounds' ratios, its GFLOP/s count convolutions forward and back to the picture,
and its share is of the rate at which this machine computes, in the same rounds and number format,
the plain 3x3 convolution that it is fastest at. The second times whole dreams, each in a process of
its own, from the start of the process to the picture: "compute" is what the steps take once they
run smoothly, and "start" is all else: import, build, loading of weights, traces. Weights are
random, since speed does not depend on them.
"""

import math
import os
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.measure import (
    call_in_new_process,
    convolution_flops,
    describe_machine,
    fastest_convolution,
    make_parser,
    markdown_table,
    parse_size,
    peak_memory,
    time_interleaved,
)

EXAMPLE = "Keras example"
CONTESTANTS = {EXAMPLE: None, "kerasart float32": "float32", "kerasart auto": "auto"}
OCTAVES, STEP_SIZE = 3, 0.01


def main():
    """Runs the benchmark and prints its tables."""
    options = parse_options()
    # TensorFlow stays out of this process: a child's peak memory would include its parent's.
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "random.weights.h5")
        machine, rates, rows = call_in_new_process(time_steps, options, weights)
        print(f"{options.backbone}, {options.layers}, on {machine}.")
        for dtype, rate in rates.items():
            print(f"The fastest convolution in {dtype}: {rate / 1e9:.0f} GFLOP/s.")
        print()
        header = ["height x width", "step of", "seconds", "ratio", "GFLOP/s", "of the fastest"]
        print(markdown_table(header, rows), end="\n\n", flush=True)
        if options.dream_runs:
            print(markdown_table(*compare_dreams(options, weights)))


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.deep_dream", __doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, and few steps in a dream")
    parser.add_argument("--sizes", default="512x512,640x960", help="of a step, height x width")
    parser.add_argument("--rounds", type=int, help="each contestant's timed steps (30)")
    parser.add_argument("--dream_size", default="640x960", help="of a dream, height x width")
    parser.add_argument("--dream_steps", type=int, help="steps in each of the 3 octaves (20)")
    parser.add_argument("--dream_runs", type=int, help="dreams of each contestant (3)")
    parser.add_argument("--backbone", default="inception_v3", help="the network")
    parser.add_argument("--layers", help="layers to raise (the Keras example's)")
    options = parser.parse_args()
    for name, usual, quick in (("rounds", 30, 5), ("dream_steps", 20, 4), ("dream_runs", 3, 1)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    options.sizes = [parse_size(size) for size in options.sizes.split(",")]
    options.dream_size = parse_size(options.dream_size)
    options.layers = options.layers or "mixed4:1.0,mixed5:1.5,mixed6:2.0,mixed7:2.5"
    return options


def time_steps(options, weights):
    """Times steps at every size.

    Args:
        options: The command line.
        weights: Path at which the random weights are written.

    Returns:
        The machine in words, a dict of precision to the best convolution rate, and the table.
    """
    import keras

    from kerasart.backbones import load_backbone
    from kerasart.backbones.architectures import find_architecture
    from kerasart.settings.checks import parse_layers
    from references.keras_deep_dream import KerasDeepDream

    keras.utils.set_random_seed(0)
    model = find_architecture(options.backbone).build(None)
    model.save_weights(weights)
    example = KerasDeepDream(model, parse_layers(options.layers))
    backbone = load_backbone(options.backbone, weights)
    descents = {
        name: make_descent(backbone, options.layers, precision)
        for name, precision in CONTESTANTS.items()
        if precision
    }
    precisions = {name: descent.backbone.precision for name, descent in descents.items()}
    precisions[EXAMPLE] = "float32"
    convolutions = {dtype: fastest_convolution(dtype) for dtype in sorted({*precisions.values()})}
    rates = dict.fromkeys(convolutions, 0.0)
    rows = []
    for size in options.sizes:
        photo = random_photo(size)
        flops, call_example = prepare_example(example, photo)
        calls = {name: partial(descent.run, photo, 1) for name, descent in descents.items()}
        calls = {EXAMPLE: call_example, **calls}
        calls |= {dtype: convolve for dtype, (convolve, _) in convolutions.items()}
        seconds = time_interleaved(calls, options.rounds)
        for dtype, (_, work) in convolutions.items():
            rates[dtype] = max(rates[dtype], work / min(seconds[dtype]))
        for name in CONTESTANTS:
            dtype = precisions[name]
            relative_flops = flops / convolutions[dtype][1]
            row = format_step(
                seconds[name], seconds[EXAMPLE], flops, seconds[dtype], relative_flops
            )
            rows.append([f"{size[0]}x{size[1]}", name, *row])
    return describe_machine(), rates, rows


def format_step(seconds, example_seconds, flops, convolution_seconds, relative_flops):
    """Formats a contestant's columns of the first table; `relative_flops` to the convolution's."""
    return [
        f"{median(seconds):.3f}",
        f"{median_ratio(example_seconds, seconds):.2f}",
        f"{flops / median(seconds) / 1e9:.0f}",
        # Of the same round, when the machine was as busy with other things.
        f"{relative_flops * median_ratio(convolution_seconds, seconds):.0%}",
    ]


def prepare_example(example, photo):
    """Returns the operations of the example's step on a photo, and a call that takes the step."""
    import tensorflow as tf

    image = tf.constant(photo * 2.0 - 1.0)
    graph = example.step.get_concrete_function(image, STEP_SIZE).graph
    return convolution_flops(graph), lambda: float(example.step(image, STEP_SIZE)[0])


def make_descent(backbone, layers, precision):
    """Makes our own step, with the settings of the Keras example."""
    from kerasart.objectives import dream_objective
    from kerasart.optimization import Descent, NormalizedGradient
    from kerasart.settings.choices import choose_dream_settings
    from kerasart.settings.presets import find_preset

    preset = find_preset("deep_dream", "keras_example")
    settings = choose_dream_settings(preset, backbone, {"layers": layers})
    objective = dream_objective(settings, backbone)
    return Descent(
        backbone.cut(objective.layers, precision),
        objective,
        NormalizedGradient(settings.step_size, settings.norm),
        clip=settings.clip,
    )


def compare_dreams(options, weights):
    """Times whole dreams in turns.

    Args:
        options: The command line.
        weights: Path of the weights.

    Returns:
        The header and the rows of the table.
    """
    dreams = {name: [] for name in CONTESTANTS}
    for _ in range(options.dream_runs):
        for name, precision in CONTESTANTS.items():
            arguments = (time.time(), options, precision, weights)
            dreams[name].append(call_in_new_process(time_dream, *arguments))
    totals = {name: [total for total, _, _ in runs] for name, runs in dreams.items()}
    rows = []
    for name, runs in dreams.items():
        compute = median(compute for _, compute, _ in runs)
        start = median(total - compute for total, compute, _ in runs)
        memory = median(memory for _, _, memory in runs)
        rows.append(
            [
                f"{options.dream_size[0]}x{options.dream_size[1]}",
                name,
                f"{median(totals[name]):.1f}",
                f"{median_ratio(totals[EXAMPLE], totals[name]):.2f}",
                f"{compute:.1f}",
                f"{start:.1f}",
                f"{memory / 2**30:.2f}",
            ]
        )
    dream = f"dream of {OCTAVES} x {options.dream_steps} steps by"
    header = ["height x width", dream, "seconds", "ratio", "compute", "start", "peak GiB"]
    return header, rows


def time_dream(start, options, precision, weights):
    """Dreams once, and tells what it took.

    Args:
        start: The time at which this process was started.
        options: The command line.
        precision: That of ours; None for the Keras example.
        weights: Path of the weights.

    Returns:
        Seconds to the picture, seconds that the steps computed, peak memory in bytes.
    """
    photo = random_photo(options.dream_size)
    stamps = [[] for _ in range(OCTAVES)]
    if precision:
        dream_ours(photo, options, precision, weights, stamps)
    else:
        dream_example(photo, options, weights, stamps)
    return time.time() - start, compute_seconds(stamps, options.dream_steps), peak_memory()


def dream_ours(photo, options, precision, weights, stamps):
    """Dreams with kerasart; `stamps` gets (step, time) for each octave."""
    from kerasart import deep_dream

    def stamp(progress):
        octave, step = divmod(progress.step - 1, options.dream_steps)
        stamps[octave].append((step, time.perf_counter()))

    deep_dream(
        photo,
        "keras_example",
        options.backbone,
        weights,
        precision=precision,
        on_step=stamp,
        layers=options.layers,
        steps=options.dream_steps,
        max_loss=math.inf,
    )


def dream_example(photo, options, weights, stamps):
    """Dreams with the Keras example; `stamps` gets (step, time) for each octave."""
    from kerasart.backbones.architectures import find_architecture
    from kerasart.settings.checks import parse_layers
    from references.keras_deep_dream import KerasDeepDream

    model = find_architecture(options.backbone).build(None)
    model.load_weights(weights)
    KerasDeepDream(model, parse_layers(options.layers)).dream(
        photo,
        OCTAVES,
        steps=options.dream_steps,
        step_size=STEP_SIZE,
        max_loss=math.inf,
        on_step=lambda octave: stamps[octave].append((len(stamps[octave]), time.perf_counter())),
    )


def compute_seconds(stamps, steps):
    """Adds up what an octave's steps take at the median of its steps after the first.

    Args:
        stamps: For each octave, a list of (step, time at which it was done).
        steps: How many steps an octave has.

    Returns:
        Seconds; not a number if an octave was one call.
    """
    total = 0.0
    for octave in stamps:
        gaps = [(t1 - t0) / (i1 - i0) for (i0, t0), (i1, t1) in pairwise(octave)]
        total += steps * median(gaps) if gaps else math.nan
    return total


def random_photo(size):
    """Makes a picture of noise in [0, 1]."""
    import numpy as np

    return np.random.default_rng(0).random((1, *size, 3), np.float32)


def median_ratio(seconds, others):
    """Finds how many times as long the first take, as the median over pairs."""
    return median(a / b for a, b in zip(seconds, others, strict=True))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
