"""Measures what a film painted in one pass costs: seconds, memory; and which cuts are found.

    python -m benchmarks.film_cost
    python -m benchmarks.film_cost --only=seconds,cuts --film=bigbuckbunny.mp4 --film=bikes.mp4
    python -m benchmarks.film_cost --only=memory --size=360x640 --model_frames=3000
    python -m benchmarks.film_cost --quick

Tables, in markdown.

- seconds: of the processor, a frame, in each stage of `paint_film` by itself, and of `paint_film`
  from file to file. "Motion" is what the `MotionTracker` takes, in the four parts below it. The
  first --frames frames of each film count.
- memory: the most that a process held that painted a film, and how much more it was of a longer
  film; with the network, and of --long frames without it, which else would take hours.
- cuts: the frames with which shots begin, and the difference that motion leaves between two frames:
  the least at a cut, and the greatest elsewhere.

Without --film, seconds and cuts are those of the film that memory is measured with: a pan to and
fro over a bundled photo.
"""

import itertools
import os
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import (
    add_only,
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
    parse_size,
    peak_memory,
)
from kerasart.film import Film, FilmWriter
from kerasart.film.flow import find_flow, find_trust
from kerasart.film.motion import MotionTracker, dominant_shift, is_cut, unexplained_difference

SIZE = 720, 1280
RATE = 25
_STEP = 2  # Pixels by which the pan goes on from frame to frame.
_TURN = 60  # Frames after which it turns back.


def main():
    """Measures, and prints the tables."""
    options = parse_options()
    with TemporaryDirectory() as folder:
        options.folder = Path(folder)
        for what in options.only:
            measure, header = TABLES[what]
            rows = []
            for row in measure(options):
                rows.append(row)
                print(*row, flush=True)
            print(f"\n{what}:\n\n{markdown_table(header, rows)}\n")
    print(f"`{options.model}`, on {describe_machine()}.")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.film_cost", __doc__)
    parser.add_argument("--film", action="append", type=Path, help="a film, or several")
    parser.add_argument("--model", default="medium", help="a network (medium)")
    parser.add_argument("--frames", type=int, default=48, help="that are timed (48)")
    parser.add_argument("--size", type=parse_size, default=SIZE, help="HEIGHTxWIDTH (720x1280)")
    parser.add_argument("--long", type=int, default=3000, help="frames of the longest film (3000)")
    parser.add_argument("--model_frames", type=int, default=300, help="with the network (300)")
    parser.add_argument("--quick", action="store_true", help="small and short films")
    add_only(parser, TABLES)
    options = parser.parse_args()
    options.least = 100
    if options.quick:
        options.size, options.frames = (48, 64), 3
        options.least, options.model_frames, options.long = 2, 3, 4
    return options


def films(options):
    """Yields the films that are asked for, or makes one: name and path."""
    for path in options.film or []:
        yield path.name, path
    if not options.film:
        yield "pan", make_film(options.folder, options.size, options.frames)


def make_film(folder, size, count):
    """Makes a film that pans to and fro over a bundled photo; returns its path."""
    from kerasart import write_animation, write_picture
    from kerasart.image.resizing import resize
    from kerasart.image.samples import read_sample

    path = folder / f"{count}.mp4"
    if path.exists():
        return path
    (height, width), far = size, _STEP * _TURN
    photo = resize(read_sample("coffee").image, (height + far, width + far), True)
    stills = [
        write_picture(folder / f"{at}.png", photo[:, at // 2 :, at:][:, :height, :width])
        for at in range(0, min(far, _STEP * count), _STEP)
    ]
    turns = -(-count // (2 * _TURN))
    return write_animation(path, ([*stills, *stills[::-1]] * turns)[:count], fps=RATE)


def first_frames(path, count):
    """The first frames of a film, as a `Film`."""
    return Film(path, stop=float(count / Film(path).rate))


def measure_seconds(options):
    """Yields the rows of each film: what a frame takes of the processor's time."""
    for name, path in films(options):
        for stage, seconds in time_stages(path, options).items():
            yield [name, stage, f"{seconds:.3f}"]


def time_stages(path, options):
    """Times what `paint_film` does, and then `paint_film`: dict of stage to seconds a frame."""
    from kerasart import FilmStylizer, Stylizer, paint_film

    film = first_frames(path, options.frames)
    stylizer = Stylizer(options.model)
    painter = FilmStylizer(stylizer)
    paint_film(first_frames(path, 3), options.folder / "warm.mp4", painter)  # It is compiled.
    seconds = Counter()

    @contextmanager
    def clock(stage):
        start = time.process_time()
        yield
        seconds[stage] += time.process_time() - start

    given = painted_by_hand()
    blend = FilmStylizer(given)
    tracker, writer = MotionTracker(), FilmWriter(options.folder / "stages.mp4", film)
    before, state, frames = None, None, film.frames()
    for number in itertools.count():
        with clock("decode"):
            frame = next(frames, None)
        if frame is None:
            break
        with clock("motion"):
            if before is not None and is_cut(frame.image, before.image):
                tracker.restart()
            motion = tracker(frame.image)
        if motion is not None:
            pair = frame.image, before.image
            with clock("flow, both ways"):
                flows = find_flow(*pair), find_flow(*pair[::-1])
            with clock("trust"):
                trust = find_trust(*flows, *pair)
            with clock("dominant shift"):
                dominant_shift(*pair, flows[0], trust)
            with clock("cuts"):
                is_cut(*pair)
        with clock("network"):
            given.painted = stylizer(frame.image, place=(0.3 * number, 0.6 * number))
        with clock("blend"):
            painted, state = blend(frame.image, motion, state)
        with clock("encode"):
            writer.write(frame, painted)
        before = frame
    with clock("encode"):
        writer.finish()
    with clock("`paint_film`"):
        paint_film(film, options.folder / "whole.mp4", painter)
    besides = ("decode", "motion", "blend", "encode")
    seconds["besides the network"] = sum(seconds[stage] for stage in besides)
    return {stage: seconds[stage] / number for stage in STAGES}


def painted_by_hand():
    """A `Stylizer` that gives `painted`, or without it the photo, and takes no time."""
    from kerasart import Stylizer

    class Given(Stylizer):
        painted = None

        def __init__(self):
            pass

        def __call__(self, image, *arguments, **options):
            return image if self.painted is None else self.painted

    return Given()


def measure_memory(options):
    """Yields the rows of films of several lengths: the most memory that painting them took."""
    longest = {options.model: options.model_frames, None: options.long}
    path = call_in_new_process(make_film, options.folder, options.size, max(longest.values()))
    for model, most in longest.items():
        least = None
        for count in (options.least, most):
            peak = call_in_new_process(peak_of, path, count, model) / 2**20
            least = least or peak
            painter = f"`{model}`" if model else "without a network"
            yield [painter, str(count), f"{peak:.0f}", f"{peak - least:+.0f}"]


def peak_of(path, count, model):
    """Paints the first frames of a film; returns the most memory held, in bytes."""
    from kerasart import FilmStylizer, paint_film

    painter = FilmStylizer(model or painted_by_hand())
    paint_film(first_frames(path, count), path.with_name("painted.mp4"), painter)
    return peak_memory()


def measure_cuts(options):
    """Yields a row for each film: the frames with which shots begin, by the tracker's rule."""
    for name, path in films(options):
        differences = {True: [], False: [0.0]}
        cuts = []
        for before, now in itertools.pairwise(Film(path)):
            pair = now.image, before.image
            cut = is_cut(*pair)
            differences[cut].append(unexplained_difference(*pair))
            if cut:
                cuts.append(str(now.number))
        least = f"{min(differences[True]):.3f}" if cuts else ""
        listed = ", ".join(cuts) or "none"
        yield [name, listed, str(now.number + 1), least, f"{max(differences[False]):.3f}"]


STAGES = (
    *("decode", "motion", "flow, both ways", "trust", "dominant shift", "cuts", "blend", "encode"),
    *("besides the network", "network", "`paint_film`"),
)
TABLES = {
    "seconds": (measure_seconds, ["film", "stage", "seconds"]),
    "memory": (measure_memory, ["painter", "frames", "MB", "more"]),
    "cuts": (measure_cuts, ["film", "cuts at", "frames", "least at a cut", "most elsewhere"]),
}


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
