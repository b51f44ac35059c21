"""Measures the memory that a process holds after many calls, each of which should give its back.

    python -m benchmarks.memory
    python -m benchmarks.memory --quick

A table, in markdown. Each row is a process of its own, which makes the same call again and again,
with random pictures of one size, of changing sizes, or with a setting that changes each time, so
that nothing is used again. Resident memory is read after the tenth call, when all that is kept for
the next is there, and after the last.
"""

import os

import numpy as np

from benchmarks.measure import (
    add_only,
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
)

SIDE = 96
# What changes from call to call: a picture's side, in pixels, or the weight of a setting.
CHANGES = {"nothing": (0, 0.0), "sizes": (8, 0.0), "settings": (0, 0.001)}
_LENGTH = 7  # After so many calls it begins anew.


def dream(photo, style, more):
    """Dreams for two steps."""
    from kerasart import deep_dream

    deep_dream(photo, octaves=1, steps=2, step_size=0.01 + more)


def paint(photo, style, more):
    """Paints for two steps."""
    from kerasart import style_transfer

    style_transfer(photo, style, size=max(photo.shape), steps=2, learning_rate=0.03 + more)


def paint_in_one_pass(photo, style, more):
    """Makes a network ready, and paints once."""
    from kerasart import Stylizer

    Stylizer("medium")(photo, strength=1.0 - more)


def dream_and_paint(photo, style, more):
    """Dreams and paints, two steps of both."""
    from kerasart import dream_style

    of_dream = {"octaves": 1, "steps": 2, "step_size": 0.01 + more}
    dream_style(photo, style, of_dream, size=max(photo.shape), steps=2, learning_rate=0.03 + more)


CALLS = {
    "deep_dream": dream,
    "style_transfer": paint,
    "Stylizer": paint_in_one_pass,
    "dream_style": dream_and_paint,
}


def main():
    """Measures, and prints the table."""
    options = parse_options()
    rows = []
    for name in options.only:
        for change in CHANGES:
            held = call_in_new_process(measure, name, change, options.calls)
            early = held[min(9, len(held) - 1)]
            cells = [held[0], early, held[-1], held[-1] - early]
            rows.append([f"`{name}`", change, *(f"{cell / 2**20:.0f}" for cell in cells)])
    header = ["calls of", "what changes", "MB after 1", "after 10", f"after {options.calls}"]
    print(markdown_table([*header, "more"], rows))
    print(f"\n{options.calls} calls each, of pictures of about {SIDE} pixels, two steps each.")
    print(describe_machine())


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.memory", __doc__)
    parser.add_argument("--quick", action="store_true", help="a few calls, to see whether it runs")
    parser.add_argument("--calls", type=int, help="of each kind (50; with --quick 3)")
    add_only(parser, CALLS)
    options = parser.parse_args()
    options.calls = options.calls or (3 if options.quick else 50)
    return options


def measure(name, change, calls):
    """Calls a function again and again.

    Args:
        name: One of `CALLS`.
        change: One of `CHANGES`.
        calls: How often.

    Returns:
        A list of the bytes that the process held after each call.
    """
    pixels, more = CHANGES[change]
    generator = np.random.default_rng(0)
    held = []
    for i in range(calls):
        side = SIDE + pixels * (i % _LENGTH)
        photo = generator.random((side, side + 16, 3), np.float32)
        style = generator.random((SIDE, SIDE, 3), np.float32)
        CALLS[name](photo, style, more * (i % _LENGTH))
        held.append(resident_memory())
    return held


def resident_memory():
    """Reads the bytes of memory that this process holds now; Linux tells."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
