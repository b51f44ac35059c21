"""Times many photos painted by workers of a Ray cluster, against plain processes.

    python -m benchmarks.scale
    python -m benchmarks.scale --quick
    python -m benchmarks.scale --count=400 --side=256 --workers=2 --rounds=4 --model=medium
    python -m benchmarks.scale --names=1000000

`stylize_many.py --workers=2` paints a folder of photos, crops of the bundled ones, and so do two
processes of `stylize.py`, half of them each; in turns, every second round in reverse order.
Pictures a second are those from the first file that is written to the last; seconds are those of
the whole commands, TensorFlow's and Ray's start included, which do not grow with the number of
photos. The ratios are medians of the rounds' ratios to the plain processes. Both must write the
same files. With --names nothing is painted: the driver plans a run of so many photos.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import (
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
    peak_memory,
)
from kerasart import write_picture
from kerasart.image.samples import SAMPLES, read_sample

SCRIPTS = Path(__file__).parents[1] / "scripts"
PLAIN, MANY = "plain processes", "stylize_many.py"


def main():
    """Measures, and prints the table."""
    options = parse_options()
    if options.names:
        seconds, memory = call_in_new_process(plan_names, options.names)
        print(f"{options.names} names: {seconds:.0f} s, {memory / 2**30:.2f} GiB more.")
        print(f"\nOn {describe_machine()}.")
        return
    measured = {PLAIN: [], MANY: []}
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        make_photos(folder, options)
        for number in range(options.rounds):
            for way in list(measured)[:: -1 if number % 2 else 1]:
                output = folder / f"{number} {way}"
                measured[way].append(time_run(way, folder, output, options))
                print(number, way, *measured[way][-1], file=sys.stderr, flush=True)
            compare(*(folder / f"{number} {way}" for way in measured))
    print_table(measured, options)


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.scale", __doc__)
    parser.add_argument("--count", type=int, default=400, help="photos (400)")
    parser.add_argument("--side", type=int, default=256, help="of the photos, in pixels (256)")
    parser.add_argument("--workers", type=int, default=2, help="processes of either kind (2)")
    parser.add_argument("--rounds", type=int, default=4, help="how often each is timed (4)")
    parser.add_argument("--model", default="medium", help="a network (medium)")
    parser.add_argument("--names", type=int, help="plan a run of so many photos, and no more")
    parser.add_argument("--quick", action="store_true", help="few small photos, one round")
    options = parser.parse_args()
    if options.quick:
        options.count, options.side, options.rounds = 4 * options.workers, 64, 1
    return options


class Names:
    """A store of photos of which nothing but names can be had.

    Args:
        count: How many there are.
    """

    def __init__(self, count):
        self._count = count

    def locate(self, other):
        """See `Store`."""

    def list(self):
        """See `Store`."""
        from kerasart.scale.stores import Entry

        for number in range(self._count):
            yield Entry(f"folder {number % 1000:03}/photo {number:09}.jpg", 10**6, number + 1)


def plan_names(count):
    """Plans to paint photos: returns the seconds that it takes, and the bytes of memory."""
    from kerasart.scale.painting import OnePass
    from kerasart.scale.plan import plan
    from kerasart.scale.stores import open_store

    with TemporaryDirectory() as folder:
        # What it needs besides is loaded before.
        plan(Names(1), open_store(folder), OnePass("small", "mosaic"))
        start, before = time.perf_counter(), peak_memory()
        work = plan(Names(count), open_store(folder), OnePass("small", "mosaic"))
        assert len(work.jobs) == count
        return time.perf_counter() - start, peak_memory() - before


def make_photos(folder, options):
    """Writes crops of the bundled photos, a subfolder for each plain process."""
    samples = [read_sample(name).image for name in SAMPLES]
    random = np.random.default_rng(0)
    for number in range(options.count):
        photo = samples[number % len(samples)]
        top, left = (random.integers(0, size - options.side + 1) for size in photo.shape[1:3])
        crop = photo[:, top : top + options.side, left : left + options.side]
        place = folder / "photos" / f"{number % options.workers}" / f"{number:04}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_picture(place, crop)


def time_run(way, folder, output, options):
    """Returns pictures a second, and the seconds of the whole."""
    paint = [f"--model={options.model}", "--quiet"]
    if way == MANY:
        arguments = [f"--input={folder / 'photos'}", f"--output={output}", *paint]
        commands = [["stylize_many.py", *arguments, f"--workers={options.workers}"]]
    else:
        commands = [
            ["stylize.py", f"--input={part}", f"--output={output / part.name}", *paint]
            for part in sorted((folder / "photos").iterdir())
        ]
    start = time.perf_counter()
    processes = [
        subprocess.Popen([sys.executable, SCRIPTS / name, *arguments], preexec_fn=give_way)
        for name, *arguments in commands
    ]
    if any([process.wait() for process in processes]):
        sys.exit(f"{way} failed")
    seconds = time.perf_counter() - start
    times = [path.stat().st_mtime for path in files_in(output).values()]
    return (len(times) - 1) / (max(times) - min(times)), seconds


def give_way():
    """Lets others go first, as Ray's workers do: else they would be slower where others compute."""
    os.nice(15)


def files_in(folder):
    """Returns the paintings in a folder, by their names."""
    return {path.relative_to(folder): path for path in folder.rglob("*.jpg")}


def compare(one, other):
    """Ends the program unless two folders hold the same files."""
    one, other = files_in(one), files_in(other)
    same = one.keys() == other.keys() and all(
        path.read_bytes() == other[name].read_bytes() for name, path in one.items()
    )
    if not same:
        sys.exit("the files differ")


def print_table(measured, options):
    """Prints each way's medians, and its ratios to the plain processes."""
    rows = []
    for way, rounds in measured.items():
        cells = [f"{options.workers}", way]
        for rates in zip(*rounds, strict=True):
            cells.append(f"{median(rates):.1f}")
        pairs = list(zip(rounds, measured[PLAIN], strict=True))
        for i in range(2):
            cells.insert(3 + 2 * i, f"{median(mine[i] / plain[i] for mine, plain in pairs):.2f}")
        rows.append(cells)
    print(markdown_table(["workers", "way", "pictures/s", "ratio", "seconds", "ratio"], rows))
    print(
        f"\n{options.count} photos of {options.side}x{options.side}, `{options.model}`, "
        f"{options.rounds} rounds, on {describe_machine()}."
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
