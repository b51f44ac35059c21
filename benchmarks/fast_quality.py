"""Compares how much of a style trained networks paint, beside style transfer by iterations.

    python -m benchmarks.fast_quality --model=medium --photo=photo.jpg --style=mosaic.jpg
    python -m benchmarks.fast_quality --model=adain --photo=a.jpg --photo=b.jpg --style=painting.jpg

A network is asked for the style that is called as the file is; AdaIN gets the file itself. "Left"
is how much of the way to the style a picture has not gone: the sum over VGG16's layers block1_conv1
to block4_conv1 of the squared distances of Gram matrices to the style's, each over the style's own
length, and all over that of the photo: 1 for the photo, 0 at the style. "Lost" is the squared
difference to the photo's features at block3_conv3, over their own length. Beside it, the same of
style transfer (preset gram) after 200 iterations, or other numbers of them, with the layers and
strengths that networks are trained by, at one size. Values are means over the photos, which no
network was trained on.
"""

from pathlib import Path

from benchmarks.measure import describe_machine, make_parser, markdown_table

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1")
CONTENT_LAYER = "block3_conv3"
STYLE_SIZE = 512


def main():
    """Runs the benchmark and prints its table."""
    options = parse_options()
    import numpy as np

    from kerasart import Stylizer, load_backbone, read_picture
    from kerasart.image.resizing import shrink

    evaluator = load_backbone("vgg16").cut([*LAYERS, CONTENT_LAYER])
    photos = [shrink(read_picture(path).image, options.size) for path in options.photo]
    styles = {path.stem: shrink(read_picture(path).image, STYLE_SIZE) for path in options.style}
    stylizers = {model: Stylizer(model) for model in options.model}
    rows = []
    for name, style in styles.items():
        painted = {
            model: [stylizer(photo, name if stylizer.styles else style) for photo in photos]
            for model, stylizer in stylizers.items()
            if not stylizer.styles or name in stylizer.styles
        }
        if options.iterations:
            slow = [paint_slowly(photo, style, options.iterations) for photo in photos]
            for count in options.iterations:
                painted[f"{count} iterations"] = [pictures[count] for pictures in slow]
        for painter, pictures in painted.items():
            pairs = zip(photos, pictures, strict=True)
            left, lost = np.mean([judge(evaluator, *pair, style) for pair in pairs], axis=0)
            rows.append([name, painter, f"{left:.3f}", f"{lost:.3f}"])
            print(*rows[-1], flush=True)
    table = markdown_table(["style", "painted by", "style left", "content lost"], rows)
    text = f"{len(photos)} photos of {options.size} pixels, on {describe_machine()}.\n\n{table}"
    print(f"\n{text}")
    if options.output:
        options.output.write_text(f"{text}\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.fast_quality", __doc__)
    parser.add_argument("--model", action="append", required=True, help="a trained network")
    parser.add_argument("--photo", action="append", type=Path, required=True, help="a photo")
    parser.add_argument("--style", action="append", type=Path, required=True, help="a style")
    parser.add_argument("--size", type=int, default=384, help="long side of the photos (384)")
    parser.add_argument(
        "--iterations",
        default="200",
        help="after how many to look: 20,200 (on a GPU tens of them); 0 for none (200)",
    )
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    counts = map(int, options.iterations.split(","))
    options.iterations = sorted(count for count in counts if count)
    return options


def paint_slowly(photo, style, counts):
    """Paints by style transfer, with what the preset `best` of fast style wants.

    Args:
        photo: float32 RGB (1, height, width, 3).
        style: The style's picture.
        counts: Numbers of iterations, ascending.

    Returns:
        Dict of each number to the picture after so many.
    """
    from kerasart import style_transfer
    from kerasart.settings.presets import find_preset, preset_settings

    wanted = preset_settings(find_preset("fast_style", "best"), "vgg16")
    names = ("content_layers", "style_layers", "content_strength", "smoothness")
    pictures = {}

    def keep(progress):
        if progress.step in counts:
            pictures[progress.step] = progress.picture()

    style_transfer(
        photo,
        [style],
        "gram",
        "vgg16",
        size=max(photo.shape[1:3]),
        smallest=max(photo.shape[1:3]),
        style_size=STYLE_SIZE / max(photo.shape[1:3]),
        steps=counts[-1],
        on_step=keep,
        **{name: wanted[name] for name in names},
    )
    return pictures


def judge(evaluator, photo, painted, style):
    """Measures what of the style is left to paint, and what of the content is lost.

    Args:
        look: A `Backbone` cut at the layers.
        photo: float32 RGB (1, height, width, 3).
        painted: The same, painted.
        style: The style's picture, of any size.

    Returns:
        Both, as floats.
    """
    import numpy as np

    from kerasart.objectives import Gram

    wanted, of_photo, of_painted = ({**evaluator(np.asarray(p))} for p in (style, photo, painted))
    far = {"photo": 0.0, "painted": 0.0}
    for layer in LAYERS:
        term = Gram(layer)
        goal = term.mean(wanted[layer])
        for name, features in (("photo", of_photo), ("painted", of_painted)):
            distance = float(term.distance(term.mean(features[layer]), goal))
            far[name] += distance / float(np.mean(np.square(goal)))
    seen, meant = (np.asarray(each[CONTENT_LAYER]) for each in (of_painted, of_photo))
    return far["painted"] / far["photo"], np.mean((seen - meant) ** 2) / np.mean(meant**2)


if __name__ == "__main__":
    main()
