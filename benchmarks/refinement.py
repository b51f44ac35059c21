"""Measures what further steps make of a picture that a network painted in one pass.

    python -m benchmarks.refinement --photo=photo.jpg --style=painting.jpg
    python -m benchmarks.refinement --photo=a.jpg --style=b.jpg --photo=c.jpg --style=d.jpg

Two tables, in markdown, with a row for each pair of photo and style, a column for the picture of
one pass itself, and one for each number of further steps.

- refine: how many steps from the photo have a loss as low as so many from the picture of one pass.
  It is the loss of the preset best, of the picture as it is moved, without its running mean.
- fit_manner: how much of the style is left, as in `benchmarks.fast_quality`: 1 for the photo, 0 at
  the style. The layers are also those that are fitted by, which flatters.
"""

from pathlib import Path

import numpy as np

from benchmarks.fast_quality import CONTENT_LAYER, LAYERS, STYLE_SIZE, judge
from benchmarks.measure import describe_machine, make_parser, markdown_table
from kerasart import fit_manner, load_backbone, read_picture, refine, style_transfer, stylize
from kerasart.image.resizing import shrink

FARTHER = 3  # Steps from the photo, over those from the picture of one pass: where to give up.


def main():
    """Runs the benchmark and prints its tables."""
    options = parse_options()
    rows = {measure: [] for measure in (count_steps, measure_fit)}
    for paths in zip(options.photo, options.style, strict=True):
        photo, style = (read_picture(path).image for path in paths)
        for measure in rows:
            cells = measure(shrink(photo, options.size), style, options)
            rows[measure].append([*(path.stem for path in paths), *cells])
            print(measure.__name__, *rows[measure][-1], flush=True)
    further = [f"{count} steps" for count in options.steps[1:]]
    header = ["photo", "style", "one pass", *further]
    refined, fitted = (markdown_table(header, each) for each in rows.values())
    text = f"Photos of {options.size} pixels, `{options.model}`, on {describe_machine()}."
    text += f"\n\nrefine, as many steps from the photo:\n\n{refined}"
    text += f"\n\nfit_manner, style left:\n\n{fitted}"
    print(f"\n{text}")
    if options.output:
        options.output.write_text(f"{text}\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.refinement", __doc__)
    parser.add_argument("--photo", action="append", type=Path, required=True, help="a photo")
    parser.add_argument("--style", action="append", type=Path, required=True, help="its style")
    parser.add_argument("--model", default="any_style", help="a network (any_style)")
    parser.add_argument("--size", type=int, default=256, help="long side of the photos (256)")
    parser.add_argument("--steps", default="10,25,50", help="after how many to look (10,25,50)")
    parser.add_argument("--output", type=Path, help="a file for the tables, in markdown")
    options = parser.parse_args()
    if len(options.photo) != len(options.style):
        parser.error("--photo and --style must come in pairs")
    options.steps = [0, *sorted(map(int, options.steps.split(",")))]
    return options


def count_steps(photo, style, options):
    """Counts the steps from the photo that are worth so many from the picture of one pass."""
    most = options.steps[-1]
    # The loss of a step is that of the picture before it.
    refined = losses(refine(photo, style, most + 1, options.model))
    size = max(photo.shape[1:3])
    steps = FARTHER * most + 1
    direct = losses(style_transfer(photo, [style], size=size, smallest=size, steps=steps))
    return [find_step(direct, refined[count]) for count in options.steps]


def losses(result):
    """Returns the loss of each step of a `Result`, all terms together."""
    return np.sum(list(result.history.values()), axis=0)


def find_step(losses, goal):
    """Finds after how many steps a loss is as low as the goal, as a cell."""
    reached = np.asarray(losses) <= goal
    return str(reached.argmax()) if reached.any() else f"over {len(losses) - 1}"


def measure_fit(photo, style, options):
    """Measures what of the style is left by the encoder's codes, and after so many steps."""
    evaluator = load_backbone("vgg16").cut([*LAYERS, CONTENT_LAYER])
    pictures = [stylize(photo, style, options.model)]

    def keep(progress):
        if progress.step in options.steps:
            pictures.append(progress.picture())

    fit_manner(photo, style, options.steps[-1], options.model, on_step=keep)
    seen = shrink(style, STYLE_SIZE)
    return [f"{judge(evaluator, photo, picture, seen)[0]:.3f}" for picture in pictures]


if __name__ == "__main__":
    main()
