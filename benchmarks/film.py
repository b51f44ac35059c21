"""Measures how steady painted films are, beside frames painted one by one and the anchors' ways.

    python -m benchmarks.film
    python -m benchmarks.film --clip=bikes.mp4:190:24 --clip=bunny.mp4:40:24 --style=mosaic
    python -m benchmarks.film --only=one_pass --clip=bikes.mp4:190:24 --model=mine
    python -m benchmarks.film --only=one_pass --judge=farneback

Tables, in markdown. "Error" is the warping error of Lai et al. 2018: the mean squared difference
between a frame and the one before, warped along the film's own optical flow, over what both show;
"of the film" is that over the film's own. A blurred film has a small one too: so each row says how
sharp it is (the mean squared difference of neighbouring pixels), or how much style is left to
paint, against frames painted one by one. "Long" is the error over 8 frames. Seconds are of the
processor, a frame, with motion and without reading and writing.

- one pass: `medium`, or other networks; "blend" is of halves without motion.
- painting: frame by frame with twice the steps; from the warped frame before with a new optimizer
  (as artistic-videos does) and the same temporal term; and ours.
- dream, by the default preset or another (--preset): frame by frame; the frame before blended in by
  halves (as DeepDreamVideo does); the dream before carried, with a new optimizer; and ours.
  "Strength" is the mean squared difference to the film at the end over that at the start.

The flow that the error is measured along is the one that films are blended along, which flatters
them: --judge=farneback takes another, that of Farneback 2003.

A clip is FILE:FIRST:COUNT, read at --size. Without one it is a pan over a bundled photo.
"""

import argparse
import itertools
import time
from functools import partial

import numpy as np

from benchmarks.fast_quality import CONTENT_LAYER, LAYERS, judge
from benchmarks.measure import add_only, describe_machine, make_parser, markdown_table
from kerasart.film import Film
from kerasart.film.flow import find_flow
from kerasart.film.motion import MotionTracker
from kerasart.film.steadiness import sharpness, warping_error
from kerasart.image.arrays import fit_size
from kerasart.image.samples import read_sample

LONG = 8
STEPS = 20  # Of a painting, a frame.


def main():
    """Measures, and prints the tables."""
    options = parse_options()
    for what in options.only:
        measure, header = TABLES[what]
        rows = []
        for name, frames in options.clips.items():
            flows = {gap: find_flows(frames, gap, JUDGES[options.judge]) for gap in (1, LONG)}
            for row in measure(frames, flows, options):
                rows.append([name, *row])
                print(*rows[-1], flush=True)
        print(f"\n{what.replace('_', ' ')}:\n\n{markdown_table(['clip', *header], rows)}\n")
    print(f"Clips of {options.size} pixels, flow by {options.judge}, on {describe_machine()}.")


def parse_options():
    """Reads the command line, and the clips."""
    parser = make_parser("benchmarks.film", __doc__)
    parser.add_argument("--clip", action="append", default=[], type=parse_clip, help="a film")
    parser.add_argument("--style", default="mosaic", help="a style of the networks (mosaic)")
    parser.add_argument("--model", action="append", help="a network (medium)")
    parser.add_argument("--preset", help="of the dream (the default)")
    parser.add_argument("--size", type=int, default=320, help="long side of the frames (320)")
    parser.add_argument("--judge", choices=JUDGES, default="dis", help="the error's flow (dis)")
    parser.add_argument("--quick", action="store_true", help="4 frames of each clip")
    add_only(parser, TABLES)
    options = parser.parse_args()
    options.model = options.model or ["medium"]
    options.clips = {
        name: read_clip(path, first, count, options.size)
        for name, path, first, count in options.clip
    } or {"pan": pan(24)}
    if options.quick:
        options.clips = {name: frames[:4] for name, frames in options.clips.items()}
    return options


def parse_clip(text):
    """Reads FILE:FIRST:COUNT; returns a name, the file, and both numbers."""
    try:
        path, first, count = text.rsplit(":", 2)
        return f"{path.rsplit('/')[-1]} {first}", path, int(first), int(count)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be FILE:FIRST:COUNT. Received: {text!r}") from None


def read_clip(path, first, count, size):
    """Reads frames of a film, reduced to a long side."""
    import cv2

    frames = [frame.image for frame in itertools.islice(Film(path).frames(first), count)]
    height, width = fit_size(frames[0].shape[1:3], size)
    reduced = (
        cv2.resize(each[0], (width, height), interpolation=cv2.INTER_AREA) for each in frames
    )
    return [each[np.newaxis] for each in reduced]


def pan(count):
    """Moves a view over a bundled photo, by 1.7 and 0.6 pixels a frame."""
    import cv2

    photo, frames = read_sample("coffee").image[0], []
    for number in range(count):
        matrix = np.array([[1, 0, -40 - 1.7 * number], [0, 1, -20 - 0.6 * number]])
        frame = cv2.warpAffine(photo, matrix, (320, 240), flags=cv2.INTER_LANCZOS4)
        frames.append(np.clip(frame, 0, 1)[np.newaxis])
    return frames


def farneback(now, before):
    """Flow by polynomial expansion, as of `find_flow`: a judge that no film was blended by."""
    import cv2

    greys = [np.uint8(np.rint(each[0].mean(axis=-1) * 255)) for each in (now, before)]
    return cv2.calcOpticalFlowFarneback(*greys, None, 0.5, 5, 15, 3, 5, 1.2, 0)


JUDGES = {"dis": find_flow, "farneback": farneback}


def find_flows(frames, gap, find=find_flow):
    """Finds flow both ways between frames that are so many apart: pairs."""
    pairs = zip(frames[gap:], frames, strict=False)
    return [(find(now, before), find(before, now)) for now, before in pairs]


def error(frames, flows, gap):
    """Returns the mean warping error of frames that are so many apart; nan if there are none."""
    triples = zip(frames[gap:], frames, flows[gap], strict=False)
    errors = [warping_error(now, before, *flow) for now, before, flow in triples]
    return float(np.mean(errors)) if errors else float("nan")


def paint_all(painter, frames):
    """Paints frames in turn; returns them, and the seconds of the processor for each."""
    tracker, state, painted = MotionTracker(), None, []
    start = time.process_time()
    for frame in frames:
        image, state = painter(frame, tracker(frame), state)
        painted.append(image)
    return painted, (time.process_time() - start) / len(frames)


def one_by_one(paint):
    """A painter that paints each frame by itself, without looking at its motion."""
    return lambda frame, motion, state: (paint(frame), {})


def blended(paint, share=0.5):
    """A painter that blends the painted frame before into each, where it lies."""

    def painter(frame, motion, state):
        painted = paint(frame)
        if state:
            painted = share * state["painted"] + (1 - share) * painted
        return painted, {"painted": painted}

    return painter


def fed_back(paint, share=0.5):
    """A painter that paints each frame blended with the painted frame before."""

    def painter(frame, motion, state):
        start = share * state["painted"] + (1 - share) * frame if state else frame
        painted = paint(start)
        return painted, {"painted": painted}

    return painter


def restarted(paint):
    """A painter that carries what another does, but not the optimizer's memory."""

    def painter(frame, motion, state):
        forgotten = {n: 0 * each for n, each in (state or {}).items() if n.startswith("memory")}
        return paint(frame, motion, state and state | forgotten)

    return painter


def measure_one_pass(frames, flows, options):
    """Yields the rows of networks that paint in one pass."""
    from kerasart import FilmStylizer, Stylizer

    own, base = error(frames, flows, 1), None
    for model in options.model:
        paint = partial(Stylizer(model), style=options.style)
        ways = {"frame by frame": one_by_one(paint), "blend": blended(paint)}
        for steadiness in (0.5, 0.7, 0.8):
            ways[f"steadiness {steadiness}"] = FilmStylizer(model, options.style, steadiness)
        for way, painter in ways.items():
            painted, seconds = paint_all(painter, frames)
            here = error(painted, flows, 1), error(painted, flows, LONG)
            sharp = np.mean([sharpness(each) for each in painted])
            base = base or (*here, sharp)
            ratios = [here[0] / base[0], here[1] / base[1], sharp / base[2]]
            cells = (f"{each:.2f}" for each in (here[0] / own, *ratios, seconds))
            yield [model, way, f"{here[0]:.1e}", *cells]


def measure_painting(frames, flows, options):
    """Yields the rows of paintings by optimisation."""
    from kerasart import FilmStyleTransfer, load_backbone, style_transfer

    style = read_sample("cat").image
    settings = {"preset": "gram", "backbone": "vgg16", "size": options.size}
    evaluator = load_backbone("vgg16").cut([*LAYERS, CONTENT_LAYER])
    whole = partial(style_transfer, styles=style, steps=2 * STEPS, **settings)
    ways = {
        f"frame by frame, {2 * STEPS} steps": one_by_one(lambda frame: whole(frame).image),
        f"warped, new optimizer, {STEPS} steps": restarted(
            FilmStyleTransfer(style, film_steps=STEPS, **settings)
        ),
        f"ours, {STEPS} steps": FilmStyleTransfer(style, film_steps=STEPS, **settings),
    }
    own, base = error(frames, flows, 1), None
    for way, painter in ways.items():
        painted, seconds = paint_all(painter, frames)
        pairs = zip(frames, painted, strict=True)
        left = np.mean([judge(evaluator, *pair, style)[0] for pair in pairs])
        base = base or left
        here = error(painted, flows, 1)
        cells = (f"{each:.2f}" for each in (here / own, left / base, seconds))
        yield [way, f"{here:.1e}", *cells]


def measure_dream(frames, flows, options):
    """Yields the rows of dreams."""
    from kerasart import Dreamer, FilmDreamer

    dreamer = Dreamer(options.preset)

    def paint(frame):
        return dreamer.dream(frame).image

    ways = {
        "frame by frame": one_by_one(paint),
        "fed back by halves": fed_back(paint),
        "carried, new optimizer": restarted(FilmDreamer(dreamer)),
        "ours": FilmDreamer(dreamer),
    }
    own = error(frames, flows, 1)
    for way, painter in ways.items():
        painted, seconds = paint_all(painter, frames)
        first, last = (np.mean((painted[i] - frames[i]) ** 2) for i in (0, -1))
        here = error(painted, flows, 1)
        cells = (f"{each:.2f}" for each in (here / own, last / first, seconds))
        yield [way, f"{here:.1e}", *cells]


TABLES = {
    "one_pass": (
        measure_one_pass,
        ["network", "way", "error", "of the film", "ratio", "long", "sharp", "seconds"],
    ),
    "painting": (measure_painting, ["way", "error", "of the film", "style left", "seconds"]),
    "dream": (measure_dream, ["way", "error", "of the film", "strength", "seconds"]),
}


if __name__ == "__main__":
    main()
