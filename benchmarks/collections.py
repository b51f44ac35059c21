"""Measures how well a network paints in the manner of collections of paintings.

    python -m benchmarks.collections --photos=DIR --learned=DIR --paintings=DIR
    python -m benchmarks.collections --photos=DIR --learned=DIR --paintings=DIR --sheet=sheet.png

Photos and paintings must be some that the network has not learned from; --learned has the paintings
that it has. Both folders have one for each style of the network, called as it is
(`tools/make_collections.py` makes them). The rows of each collection: the photos as they are, the
learned paintings, what the network makes of the photos, and what networks of any style do, shown
one of the learned paintings with each photo. The columns:

- "Deep KID" and "style KID": the kernel distance (`kid`) to the held-out paintings, as per cent of
  the photos' own: 0 for pictures that cannot be told from them. "Deep" is of the means of VGG16's
  block5_conv3: what is seen; "style" of means and deviations of four layers, each standardised. The
  error after ± is the deviation over random halves of all pictures: about the standard error of
  the whole, and more than that for few pictures.
- "Content": the squared difference to the photo's features at block4_conv1, over their own length.
- "Light", "hues" and "block1": how much pictures differ from each other in mean brightness, in mean
  hue, and in the channels' means at block1_conv2, over how much the collection's paintings do. Far
  below 1, a network paints all photos alike.
- "Copied": how far a picture is from the nearest learned painting, over how far it is from the
  nearest held-out one, in the deep features. There may be more learned ones: that of the photos is
  what it comes to by chance, and a network that copies what it learned from has less.
- "Flicker": as in `benchmarks.any_style`. That of `medium`, a mean over its styles, stands below.

The sheet has a row for each photo; beside each painting are the two nearest learned ones.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.any_style import prepare_flicker
from benchmarks.measure import describe_machine, make_parser, markdown_table
from kerasart import Stylizer, load_backbone, read_picture, write_picture
from kerasart.image.colour import luminance
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.photos import find_photos
from kerasart.image.resizing import fill_size

STYLE_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv1")
CONTENT_LAYER, DEEP_LAYER = "block4_conv1", "block5_conv3"
RIVALS = ("any_style", "adain")
HALVES = 100  # Random ones, for errors.
SHOWN, NEAREST = 6, 2  # Photos on the sheet, and paintings beside each.


class Seen(NamedTuple):
    """What is seen in some pictures, an array each, with a row for each picture."""

    style: np.ndarray
    deep: np.ndarray
    content: np.ndarray
    light: np.ndarray
    hues: np.ndarray
    block1: np.ndarray


def main():
    """Runs the benchmark, prints its table, and writes its sheet."""
    options = parse_options()
    look = load_backbone("vgg16", "bundled").cut([*STYLE_LAYERS, DEEP_LAYER])
    painters = {model: Stylizer(model) for model in (options.model, *RIVALS)}
    flicker = prepare_flicker(options.frames) if options.frames else lambda paint: float("nan")
    photos = read_squares(options.photos, options)
    seen_photos = see(look, photos)
    rows, columns = [], [photos]
    for name in painters[options.model].styles:
        learned, held_out = (
            read_squares(folder / name, options) for folder in (options.learned, options.paintings)
        )
        measure = Measure(seen_photos, see(look, learned), see(look, held_out))
        add(rows, [name, "the photos", *measure(seen_photos)])
        add(rows, [name, "learned paintings", *measure(measure.learned, are_painted=False)])
        shown = np.random.default_rng(0).integers(len(learned), size=len(photos))
        for model, paint in painters.items():
            styles = [learned[i] for i in shown] if model in RIVALS else [name] * len(photos)
            painted = list(map(paint, photos, styles))
            cells = measure(seen := see(look, painted), flicker(partial(paint, style=styles[0])))
            add(rows, [name, model, *cells])
            if model == options.model:
                nearest = measure.find_nearest(seen)
                columns += [painted, *([learned[i] for i in each] for each in nearest.T)]
    header = ["collection", "pictures", "deep KID", "style KID", "content", "light", "hues"]
    text = (
        f"{len(photos)} photos of {options.size} pixels, on {describe_machine()}.\n\n"
        f"{markdown_table([*header, 'block1', 'copied', 'flicker'], rows)}"
    )
    if options.frames:
        text += f"\n\nFlicker of `medium`: {measure_medium(flicker):.1f}."
    print(f"\n{text}")
    if options.output:
        options.output.write_text(f"{text}\n")
    if options.sheet:
        write_picture(
            options.sheet, lay_out(columns, painters[options.model].styles), taken="replace"
        )


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.collections", __doc__)
    parser.add_argument("--model", default="collections", help="a network (collections)")
    parser.add_argument("--photos", type=Path, required=True, help="a folder")
    parser.add_argument("--learned", type=Path, required=True, help="a folder of folders")
    parser.add_argument("--paintings", type=Path, required=True, help="the same, held out")
    parser.add_argument("--size", type=int, default=160, help="side of all pictures (160)")
    parser.add_argument("--most", type=int, default=96, help="of a folder's pictures (96)")
    parser.add_argument("--frames", type=int, default=8, help="of a film; 0 for none (8)")
    parser.add_argument("--sheet", type=Path, help="a file for the pictures")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    return parser.parse_args()


def read_squares(folder, options):
    """Reads pictures of a folder, at most so many, drawn at random, as squares."""
    paths = find_photos(folder)
    drawn = np.random.default_rng(0).permutation(len(paths))[: options.most]
    size = options.size, options.size
    return [fill_size(read_picture(paths[i]).image, size) for i in drawn]


def see(look, pictures):
    """Looks at pictures, one by one."""
    return Seen(*map(np.array, zip(*(_see(look(each), each) for each in pictures), strict=True)))


def _see(features, picture):
    maps = {layer: np.asarray(each)[0] for layer, each in features.items()}
    means, deviations = (
        {layer: reduce(each, axis=(0, 1)) for layer, each in maps.items()}
        for reduce in (np.mean, np.std)
    )
    red, green, blue = picture.mean(axis=(0, 1, 2))
    return (
        np.concatenate([each[layer] for layer in STYLE_LAYERS for each in (means, deviations)]),
        means[DEEP_LAYER],
        maps[CONTENT_LAYER],
        luminance(picture).mean(keepdims=True)[0, 0],
        (red - green, (red + green) / 2 - blue),  # Opponent colours: 0 for what is grey.
        means[STYLE_LAYERS[0]],
    )


def add(rows, row):
    """Adds a row, and prints it: the table comes late."""
    rows.append(row)
    print(*row, flush=True)


class Measure:
    """Measures pictures that are painted of photos against a collection.

    Args:
        photos, learned, held_out: What is `Seen` in them.
    """

    def __init__(self, photos, learned, held_out):
        self._photos, self._held_out, self.learned = photos, held_out, learned
        self._scale = {}
        for name in ("style", "deep"):
            both = np.concatenate([getattr(photos, name), getattr(held_out, name)])
            deviation = both.std(axis=0)
            least = deviation.mean() / 10  # Some channels hardly ever see anything.
            self._scale[name] = both.mean(axis=0), np.maximum(deviation, least)

    def __call__(self, seen, flicker=float("nan"), are_painted=True):
        """Returns the cells of a row."""
        distances = [self._compare(seen, name) for name in ("deep", "style")]
        spreads = [self._spread(seen, name) for name in ("light", "hues", "block1")]
        content = copied = np.nan
        if are_painted:
            lost, whole = (seen.content - self._photos.content) ** 2, self._photos.content**2
            content = np.mean(lost.sum(axis=(1, 2, 3)) / whole.sum(axis=(1, 2, 3)))
            learned, held_out = (
                self._distances(seen, each).min(axis=1) for each in (self.learned, self._held_out)
            )
            copied = np.mean(learned) / np.mean(held_out)
        cells = [f"{each:.2f}" for each in (content, *spreads, copied)]
        cells = [*(f"{mean:.0f}% ± {error:.0f}" for mean, error in distances), *cells]
        return ["-" if cell == "nan" else cell for cell in (*cells, f"{flicker:.1f}")]

    def find_nearest(self, seen):
        """Numbers the learned paintings that are nearest to each picture: (pictures, nearest)."""
        return np.argsort(self._distances(seen, self.learned), axis=1)[:, :NEAREST]

    def _compare(self, seen, name):
        """Returns the kernel distance as per cent of the photos' own, and its error."""
        sets = [self._scaled(each, name) for each in (seen, self._photos, self._held_out)]
        rng, parts = np.random.default_rng(0), []
        for _ in range(HALVES):
            # Of each number of pictures one half: paintings of photos go with those.
            halves = {len(each): rng.permutation(len(each))[: len(each) // 2] for each in sets}
            parts.append(_percent(*(each[halves[len(each)]] for each in sets)))
        return _percent(*sets), np.std(parts)

    def _scaled(self, seen, name):
        mean, deviation = self._scale[name]
        return (getattr(seen, name) - mean) / deviation

    def _spread(self, seen, name):
        """Returns how much pictures differ, over how much the collection's do."""
        collection = np.concatenate([getattr(self.learned, name), getattr(self._held_out, name)])
        spreads = [np.sqrt(each.var(axis=0).mean()) for each in (getattr(seen, name), collection)]
        return spreads[0] / spreads[1]

    def _distances(self, seen, others):
        """Returns the distances of deep features: (pictures, others)."""
        from scipy.spatial.distance import cdist

        return cdist(self._scaled(seen, "deep"), self._scaled(others, "deep"))


def _percent(pictures, photos, paintings):
    return 100 * kid(pictures, paintings) / kid(photos, paintings)


def kid(first, second):
    """Computes the kernel distance of two samples: the unbiased squared maximum mean discrepancy.

    Its kernel is (x·y / dimensions + 1)³. It is 0 on average for samples of one law, however small
    they are, and may be below 0.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs" (arXiv 1801.01401, equation 4).

    Args:
        first, second: (samples, dimensions), at least two samples each.

    Returns:
        A float.
    """

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    def mean_of_pairs(x):
        values, count = kernel(x, x), len(x)
        return (values.sum() - np.trace(values)) / (count * (count - 1))

    first, second = np.float64(first), np.float64(second)
    return mean_of_pairs(first) + mean_of_pairs(second) - 2 * kernel(first, second).mean()


def measure_medium(flicker):
    """Measures the flicker of `medium`, a mean over its styles."""
    medium = Stylizer("medium")
    return np.mean([flicker(partial(medium, style=style)) for style in medium.styles])


def lay_out(columns, styles):
    """Lays out the first few photos: a row each, and a list of pictures for each column."""
    labels = ["photo"]
    for style in styles:
        labels += [style, *["nearest learned"] * NEAREST]
    images = [picture for row in zip(*columns, strict=True) for picture in row]
    shown = min(len(columns[0]), SHOWN)
    images = images[: shown * len(columns)]
    return contact_sheet(images, labels * shown, columns=len(columns), cell=160)


if __name__ == "__main__":
    main()
