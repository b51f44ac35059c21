"""Measures how far tiles of a deep network are from the whole picture.

    python -m benchmarks.deviation
    python -m benchmarks.deviation --backbone=inception_v3 --layers=mixed5 --layers=mixed4,mixed6

Tiles see 128 pixels beyond their own at most. Networks whose layers see farther miss something at
the tiles' edges. Here the loss and the gradient of dreams (the mean square of layers' features) at
the bundled photo of a cup, enlarged, are taken in tiles and whole, in float32, with random weights
where there are no others. Differences are relative: of the losses the worst, of the gradient its
length.
"""

from pathlib import Path

from benchmarks.measure import make_parser, markdown_table

LAYERS = ["mixed3", "mixed5", "mixed7", "mixed4,mixed5,mixed6,mixed7", "mixed10"]


def main():
    """Runs the benchmark and prints its table."""
    options = parse_options()
    from kerasart import load_backbone
    from kerasart.image.arrays import fit_size
    from kerasart.image.resizing import resize
    from kerasart.image.samples import read_sample

    backbone = load_backbone(options.backbone, options.weights)
    photo = read_sample("coffee").image
    photo = resize(photo, fit_size(photo.shape[1:3], options.size), antialias=True)
    rows = [measure(backbone, names.split(","), photo, options.tile) for names in options.layers]
    header = ["layers", "sees beyond its own", "tiles", "loss", "gradient", "cosine"]
    height, width = photo.shape[1:3]
    text = (
        f"{backbone.name} ({backbone.weights} weights), {width}x{height} pixels, tiles of at most "
        f"{options.tile}.\n\n{markdown_table(header, rows)}"
    )
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.deviation", __doc__)
    parser.add_argument("--backbone", default="inception_v3", help="the network (inception_v3)")
    parser.add_argument("--weights", default="random", help="its weights (random)")
    parser.add_argument("--layers", action="append", help="layers of one dream; may be repeated")
    parser.add_argument("--size", type=int, default=1365, help="long side of the photo (1365)")
    parser.add_argument("--tile", type=int, default=768, help="side of the tiles (768)")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    options.layers = options.layers or LAYERS
    return options


def measure(backbone, layers, photo, side):
    """Compares a dream's gradient in tiles with the whole picture's: a row."""
    import numpy as np
    import tensorflow as tf

    from kerasart.objectives import Activation, Objective, Target
    from kerasart.optimization import Evaluator

    objective = Objective([Activation(layer) for layer in layers])
    cut = backbone.cut(layers)
    image, targets = tf.convert_to_tensor(photo), [Target()] * len(layers)
    with tf.GradientTape() as tape:
        tape.watch(image)
        whole = objective(cut(image), targets)
    gradient = tape.gradient(whole, image).numpy().ravel().astype(np.float64)
    evaluator = Evaluator(cut, objective, side)
    losses, gradients = evaluator.differentiate(image, targets, objective.weights)
    tiled = gradients["view"].numpy().ravel().astype(np.float64)
    length = np.linalg.norm(gradient)
    numbers = [
        np.max(np.abs(losses / whole.numpy() - 1)),
        np.linalg.norm(tiled - gradient) / length,
        tiled @ gradient / length / np.linalg.norm(tiled),
    ]
    count = len(evaluator.tiles(image.shape[1:3]))
    shares = [f"{number:.1e}" for number in numbers[:2]]
    return [", ".join(layers), str(cut.reach), str(count), *shares, f"{numbers[2]:.4f}"]


if __name__ == "__main__":
    main()
