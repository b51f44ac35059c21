"""Draws three style pictures of the project's own, to train style networks on.

    python tools/draw_styles.py --output docs/styles

A mosaic, swirling brush strokes and ink hatching, each from its own seed. Takes half a minute on
one CPU core.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

SIZE = 768
SCALE = 2  # pictures are drawn this much larger and reduced, which smooths every edge
CANVAS = SIZE * SCALE
MOST_BYTES = 350_000
STYLES = Path(__file__).parents[1] / "docs" / "styles"

GROUT = (38, 30, 36)
ROW_WIDTH = 13 * SCALE
# From the edge of a band to its middle.
BANDS = (
    ((244, 222, 160), (20, 44, 122), (24, 70, 170), (34, 104, 200), (58, 150, 220)),
    ((232, 172, 36), (10, 116, 132), (16, 160, 168), (64, 200, 194), (160, 232, 214)),
    ((22, 36, 100), (206, 86, 40), (228, 118, 50), (240, 160, 70), (248, 200, 110)),
    ((250, 232, 180), (160, 28, 44), (196, 50, 46), (220, 92, 52), (238, 150, 60)),
    ((14, 92, 124), (238, 184, 44), (246, 204, 78), (250, 224, 130), (252, 240, 190)),
    ((240, 206, 120), (40, 30, 110), (66, 52, 160), (40, 110, 190), (60, 180, 200)),
)

COOL_TO_WARM = (
    (12, 18, 72),
    (22, 48, 140),
    (24, 96, 190),
    (30, 158, 190),
    (112, 208, 192),
    (252, 234, 160),
    (252, 190, 44),
    (240, 120, 28),
    (206, 44, 40),
    (160, 22, 54),
)
# Width, length, share of the canvas covered, in pixels of the picture.
BRUSHES = ((34, 130, 3.0), (22, 95, 2.4), (14, 60, 1.1))

PAPER = (246, 234, 208)
INDIGO = (18, 26, 74)
SANGUINE = (172, 56, 22)
# Angle to the field, darkness it starts at, spacing in pixels of the picture.
HATCHES = ((0.0, 0.02, 8.5), (1.15, 0.5, 8.5), (-0.8, 0.75, 8.0))


def main():
    """Writes mosaic.jpg, swirling_strokes.jpg and ink_hatching.jpg."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=STYLES, help="folder for the pictures")
    parser.add_argument("--seed", type=int, help="seed instead of each picture's own")
    parser.add_argument("--only", choices=PICTURES, help="draw this one alone")
    flags = parser.parse_args()
    flags.output.mkdir(parents=True, exist_ok=True)
    for name in [flags.only] if flags.only else PICTURES:
        draw, seed = PICTURES[name]
        picture = draw(np.random.default_rng(seed if flags.seed is None else flags.seed))
        write_jpeg(flags.output / f"{name}.jpg", picture)


def write_jpeg(path, picture):
    """Writes a picture at the best quality, from 90 down, that keeps it small."""
    for quality in range(90, 60, -2):
        picture.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break


def draw_mosaic(rng):
    """Lays tesserae in rows that follow the borders of flowing bands."""
    band = draw_bands(rng)
    depth = ndimage.distance_transform_edt(~find_borders(band))
    depth = np.maximum(depth + 1.2 * SCALE * smooth_noise(rng, 7), 0)
    row = (depth // ROW_WIDTH).astype(int)
    stone = cut_stones(rng, band * 100 + row, depth % ROW_WIDTH)
    colour = colour_stones(rng, stone, band, row)
    return reduce(set_in_grout(rng, stone, colour))


def draw_bands(rng):
    """Numbers the bands: level sets of a warped noise, with round medallions among them."""
    y, x = pixel_grid()
    noise = smooth_noise(rng, 95) + 0.25 * smooth_noise(rng, 40)
    band = np.floor(1.9 * noise + 0.0022 * (x + 0.6 * y)).astype(int) + 20
    for number, (cy, cx, radius) in enumerate(scatter_discs(rng, 7, (52, 92))):
        band[np.hypot(y - cy, x - cx) < radius] = 40 + number
    return band


def scatter_discs(rng, count, radii):
    """Places discs that keep clear of one another, as rows of y, x and radius."""
    discs = []
    for _ in range(4000):
        disc = np.array([*rng.uniform(0, SIZE, 2), rng.uniform(*radii)])
        if all(np.hypot(*(disc - d)[:2]) > disc[2] + d[2] + 50 for d in discs):
            discs.append(disc)
        if len(discs) == count:
            break
    return discs


def cut_stones(rng, row, across):
    """Cuts each row into stones, and joins splinters to a neighbour."""
    training_run, count = ndimage.label(~find_borders(row))
    training_run = fill_from_nearest(training_run, training_run == 0)
    points = np.argwhere(np.ones((CANVAS // 4, CANVAS // 4))) * 4
    key = training_run[tuple(points.T)]
    middle = np.abs(across[tuple(points.T)] / ROW_WIDTH - 0.5) < 0.25
    seeds = sow_seeds(rng, points, key, middle)
    for _ in range(10):
        owner = nearest_seed(seeds, points, key)
        size = np.maximum(np.bincount(owner, minlength=len(seeds)), 1)
        for axis in range(2):
            total = np.bincount(owner, points[:, axis], len(seeds))
            seeds[:, axis] = np.where(size > 1, total / size, seeds[:, axis])
    every = np.indices(training_run.shape).reshape(2, -1).T
    wobble = 1.1 * SCALE * np.stack([smooth_noise(rng, 3).ravel() for _ in range(2)], axis=1)
    stone = nearest_seed(seeds, every + wobble, training_run.ravel()).reshape(training_run.shape)
    edge = ndimage.distance_transform_edt(~find_borders(stone))
    thickness = ndimage.maximum(edge, stone, np.arange(len(seeds)))
    return fill_from_nearest(stone, thickness[stone] < 0.26 * ROW_WIDTH)


def sow_seeds(rng, points, key, middle):
    """Draws one seed per stone's area in every course, on its middle line where it has one."""
    chance = np.where(middle, 1.0, 0.02)
    area = np.bincount(key)
    wanted = np.maximum(area * 16 / (1.2 * ROW_WIDTH**2), 1).round().astype(int)
    order = np.lexsort((rng.exponential(size=len(key)) / chance, key))
    rank = np.arange(len(key)) - np.searchsorted(key[order], key[order])
    chosen = order[rank < wanted[key[order]]]
    return np.column_stack([points[chosen], key[chosen]]).astype(float)


def nearest_seed(seeds, points, key):
    """Finds each point's nearest seed of its own course."""
    apart = np.array([1, 1, 10 * CANVAS])
    tree = cKDTree(seeds * apart)
    return tree.query(np.column_stack([points, key]) * apart)[1]


def colour_stones(rng, stone, band, row):
    """Gives each stone its band's colour at its row, a little off as stones are."""
    count = stone.max() + 1
    first = np.zeros(count, int)
    first[stone.ravel()] = np.arange(stone.size)
    palette = np.array(BANDS, float)
    depth = row.ravel()[first] + rng.choice([-1, 0, 1], count, p=[0.06, 0.82, 0.12])
    depth = np.where(row.ravel()[first] == 0, 0, np.clip(depth, 1, palette.shape[1] - 1))
    colour = palette[band.ravel()[first] % len(palette), depth]
    colour = colour * rng.normal(1, 0.13, (count, 1)) + rng.normal(0, 9, (count, 3))
    return np.clip(colour, 0, 255)


def set_in_grout(rng, stone, colour):
    """Rounds the stones' edges, tilts each to the light and fills the gaps with grout."""
    edge = ndimage.distance_transform_edt(~find_borders(stone)) / SCALE
    edge = ndimage.gaussian_filter(edge, SCALE) + 0.35 * smooth_noise(rng, 2)
    cover = np.clip((edge - 1.0) / 0.7, 0, 1)[..., None]
    height = 4.2 * (1 - np.exp(-np.maximum(edge - 1, 0) / 2.4)) + 0.15 * smooth_noise(rng, 1.5)
    tilt = rng.normal(0, 0.12, (len(colour), 2))[stone]
    light = light_relief(height, tilt)[..., None]
    veins = 1 + 0.07 * smooth_noise(rng, 2.5)[..., None]
    grout = np.array(GROUT) * (1 + 0.2 * smooth_noise(rng, 1)[..., None])
    lit = 1.1 * colour[stone] * veins * light + 110 * np.maximum(light - 1.18, 0)
    return cover * lit + (1 - cover) * grout


def draw_swirling_strokes(rng):
    """Paints thick strokes along a swirling field, big to small, and lights their relief."""
    vortices = scatter_vortices(rng)
    field = swirl(rng, vortices)
    warmth = colour_swirls(rng, vortices, field)
    paint = Image.fromarray(warm_colour(warmth).astype(np.uint8))
    relief = Image.new("L", (CANVAS, CANVAS), 60)
    for brush in BRUSHES:
        paint_layer(rng, paint, relief, brush, field, warmth)
    height = ndimage.gaussian_filter(np.asarray(relief, float), 0.8) / 32
    light = light_relief(height)[..., None]
    return reduce(np.asarray(paint, float) * light + 120 * np.maximum(light - 1.15, 0))


def scatter_vortices(rng):
    """Places vortices, as y, x, radius and sense of turning."""
    discs = scatter_discs(rng, 8, (60, 120))
    return [(*disc, 1 if number % 2 else -1) for number, disc in enumerate(discs)]


def swirl(rng, vortices):
    """Returns the unit field (y, x) of a curl noise with vortices in it."""
    y, x = pixel_grid()
    stream = 0.6 * smooth_noise(rng, 110)
    for cy, cx, radius, sense in vortices:
        stream += sense * 3 * np.exp(-np.hypot(y - cy, x - cx) / radius)
    dy, dx = np.gradient(ndimage.gaussian_filter(stream, 6 * SCALE))
    return np.stack([dx, -dy]) / np.maximum(np.hypot(dy, dx), 1e-9)


def colour_swirls(rng, vortices, field):
    """Returns the warmth in 0 to 1: glowing vortices with rings, in a cool flow."""
    y, x = pixel_grid()
    warmth = 0.27 + 0.19 * smear_along(field, smooth_noise(rng, 14))
    for cy, cx, radius, _ in vortices:
        distance = np.hypot(y - cy, x - cx) / radius
        glow = np.exp(-((distance / 0.85) ** 2))
        warmth += glow * (0.52 + 0.17 * np.cos(2 * np.pi * distance * 1.9))
    return warmth


def smear_along(field, noise, steps=24):
    """Averages noise along the field's lines, and returns it at unit deviation."""
    total = np.zeros_like(noise)
    for sense in (-1, 1):
        place = np.indices(noise.shape).astype(float)
        for _ in range(steps):
            index = tuple(np.clip(place, 0, CANVAS - 1).astype(int))
            total += noise[index]
            place += sense * 3 * SCALE * field[(slice(None), *index)]
    return total / total.std()


def paint_layer(rng, paint, relief, brush, field, warmth):
    """Covers the canvas with strokes of one brush."""
    width, length, cover = brush
    count = int(cover * SIZE**2 / (width * length))
    middles = scatter_evenly(rng, count)
    lengths = length * SCALE * rng.uniform(0.7, 1.3, len(middles))
    paths = trace(field, trace(field, middles, -lengths / 2)[:, -1], lengths)
    tones = sample(warmth, middles) + rng.normal(0, 0.06, len(paths))
    tones = np.where(rng.random(len(paths)) < 0.03, 0.95 - tones, tones)
    brushes = ImageDraw.Draw(paint), ImageDraw.Draw(relief)
    for path, tone in zip(paths, tones, strict=True):
        paint_stroke(rng, *brushes, path, width * SCALE * rng.uniform(0.8, 1.15), tone)


def scatter_evenly(rng, count):
    """Places about so many points, one in each cell of a grid, in random order."""
    side = int(np.sqrt(count)) + 1
    cells = np.indices((side, side)).reshape(2, -1).T
    return rng.permutation((cells + rng.random(cells.shape)) * CANVAS / side)


def paint_stroke(rng, paint, relief, path, width, tone):
    """Draws one stroke bristle by bristle: each has its colour, its height and its ragged ends."""
    count = int(width / (1.1 * SCALE))
    normal = normals(path)
    wave = ndimage.gaussian_filter1d(rng.normal(size=count), 1.3)
    ragged = ndimage.gaussian_filter1d(rng.normal(size=(2, count)), 0.8)
    base = rng.uniform(60, 140)
    for bristle, offset in enumerate(np.linspace(-1, 1, count)):
        round_end = 4 * (1 - np.sqrt(1 - 0.98 * offset**2))
        first, last = np.clip(round_end + 1.2 + 1.6 * ragged[:, bristle], 0, 8).astype(int)
        line = (path + normal * offset * width / 2)[first : len(path) - last, ::-1]
        line = [tuple(point) for point in line]
        colour = warm_colour(tone + 0.04 * wave[bristle]) * (1 + 0.12 * wave[bristle])
        height = base + 34 * wave[bristle] + 38 * abs(offset) ** 3
        thick = int(1.7 * SCALE)
        paint.line(line, tuple(int(c) for c in np.clip(colour, 0, 255)), thick)
        relief.line(line, int(np.clip(height, 0, 255)), thick)


def warm_colour(tone):
    """Looks tones up between cool (0) and warm (1)."""
    at = np.linspace(0, 1, len(COOL_TO_WARM))
    channels = np.transpose(COOL_TO_WARM)
    return np.stack([np.interp(tone, at, channel) for channel in channels], axis=-1)


def draw_ink_hatching(rng):
    """Hatches overlapping folds across their width, crossed in the shadow under each edge."""
    fold, rise, angle = lay_folds(rng)
    darkness = np.clip(1.1 * (1 - rise) ** 1.15 + 0.07 * smooth_noise(rng, 45), 0, 1)
    ink = Image.new("RGB", (CANVAS, CANVAS), PAPER)
    draw = ImageDraw.Draw(ink)
    for turn, threshold, spacing in HATCHES:
        field = np.stack([np.sin(angle + turn), np.cos(angle + turn)])
        part = np.where(darkness > threshold, fold, 0)
        for path in space_lines(rng, field, part, spacing * SCALE):
            y, x = path[len(path) // 2].astype(int)
            colour = SANGUINE if fold[y, x] % 2 and turn == 0 else INDIGO
            draw_hatch(rng, draw, path, darkness, threshold, spacing * SCALE, colour)
    ink.paste(INDIGO, mask=outline_folds(rng, fold))
    stain = 1 + 0.012 * smooth_noise(rng, 30)[..., None]
    return reduce(np.asarray(ink, float) * stain)


def outline_folds(rng, fold):
    """Returns the mask of a pen line of uneven width along the folds' edges."""
    distance = ndimage.distance_transform_edt(~find_borders(fold)) / SCALE
    return Image.fromarray(distance < 1.2 + 0.4 * smooth_noise(rng, 20))


def lay_folds(rng):
    """Returns each pixel's fold from 1 up, its rise from 0 to 1 in it, and the angle across it."""
    y, x = pixel_grid()
    phase = (0.5 * x + y) / 135 + 1.0 * smooth_noise(rng, 85) + 0.12 * smooth_noise(rng, 30)
    phase -= np.floor(phase.min())
    fold = np.floor(phase).astype(int)
    rise = phase - fold
    dy, dx = np.gradient(ndimage.gaussian_filter(phase, 7 * SCALE))
    bulge = 1.3 * (rise - 0.5)
    return fold + 1, rise, np.arctan2(dy, dx) + 0.35 + bulge


def space_lines(rng, field, part, spacing):
    """Traces lines, each inside one part (0 is none), that keep about a spacing between them."""
    taken = np.zeros((CANVAS // SCALE + 1,) * 2, bool)
    reach = int(0.8 * spacing / SCALE)
    near = np.argwhere(np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach) - reach
    grid = int(spacing / 2)
    queue = [tuple(p * grid) for p in rng.permutation(np.argwhere(part[::grid, ::grid]))]
    lines = []
    while queue:
        start = np.array(queue.pop(), float)
        line = grow_line(field, part, taken, start, 2.0 * SCALE, rng.integers(25, 60))
        if len(line) < 8:
            continue
        lines.append(line)
        dots = (line / SCALE).astype(int)[:, None] + near
        taken[tuple(np.clip(dots, 0, len(taken) - 1).reshape(-1, 2).T)] = True
        side = spacing * normals(line)[::5]
        queue += [tuple(p) for p in np.concatenate([line[::5] - side, line[::5] + side])]
    return lines


def grow_line(field, part, taken, start, step, most):
    """Follows the field both ways from a start until it nears a line or leaves its part."""
    halves = []
    for sense in (-1, 1):
        half, place, heading, home = [], start, None, None
        while len(half) < most // 2 and place.min() >= 0 and place.max() < CANVAS:
            y, x = int(place[0]), int(place[1])
            home = home or part[y, x]
            if not home or part[y, x] != home or taken[y // SCALE, x // SCALE]:
                break
            half.append(place)
            ahead = field[:, y, x]
            if (sense < 0) if heading is None else (ahead @ heading < 0):
                ahead = -ahead
            heading, place = ahead, place + step * ahead
        halves.append(half)
    return np.array(halves[0][:0:-1] + halves[1])


def draw_hatch(rng, draw, path, darkness, threshold, spacing, colour):
    """Draws one pen line, swelling with the darkness and thin at its ends."""
    dark = (sample(darkness, path) - threshold) / (1 - threshold)
    ends = 1 - 0.8 * np.abs(np.linspace(-1, 1, len(path))) ** 10
    width = spacing * ends * np.clip(0.14 + 0.72 * dark, 0.14, 0.86) * rng.uniform(0.85, 1.15)
    path = path + ndimage.gaussian_filter1d(rng.normal(0, 1, path.shape), 3, axis=0)
    side = normals(path) * width[:, None] / 2
    outline = np.concatenate([path + side, (path - side)[::-1]])[:, ::-1]
    shade = rng.uniform(0.85, 1.2)
    draw.polygon([tuple(p) for p in outline], fill=tuple(int(c * shade) for c in colour))


def trace(field, starts, lengths, steps=26):
    """Follows the field from every start, and returns paths of y, x."""
    paths = [starts]
    for _ in range(steps):
        heading = np.stack([sample(part, paths[-1]) for part in field], axis=1)
        paths.append(paths[-1] + heading * (lengths / steps)[:, None])
    return np.stack(paths, axis=1)


def sample(image, points):
    """Reads an image at points of y, x."""
    return ndimage.map_coordinates(image, points.T, order=1, mode="nearest")


def normals(path):
    """Returns the unit normals of a path."""
    dy, dx = np.gradient(path, axis=0).T
    return np.stack([dx, -dy], axis=1) / np.maximum(np.hypot(dy, dx), 1e-9)[:, None]


def light_relief(height, tilt=0.0):
    """Returns the light on a height map from the upper left, 1 where it lies flat."""
    slope = np.stack(np.gradient(height), axis=-1) * SCALE / 2 + tilt
    light = (1 - slope[..., 0] * 0.75 - slope[..., 1] * 0.55) / np.sqrt(1 + (slope**2).sum(-1))
    return np.clip(1 + 0.55 * (light - 1), 0.3, 1.7)


def smooth_noise(rng, radius):
    """Returns noise over the canvas of zero mean and unit deviation, smooth at the radius."""
    step = max(int(radius * SCALE / 4), 1)
    small = rng.normal(size=(CANVAS // step + 8,) * 2)
    small = ndimage.gaussian_filter(small, radius * SCALE / step)
    noise = small if step == 1 else ndimage.zoom(small, step, order=3)
    noise = noise[3 * step :, 3 * step :][:CANVAS, :CANVAS]
    return (noise - noise.mean()) / noise.std()


def find_borders(labels):
    """Marks the pixels whose right or lower neighbour has another label."""
    borders = np.zeros(labels.shape, bool)
    borders[:-1] |= labels[1:] != labels[:-1]
    borders[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    return borders


def fill_from_nearest(labels, missing):
    """Gives the missing pixels the label of the nearest pixel that has one."""
    nearest = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return labels[tuple(nearest)]


def pixel_grid():
    """Returns the canvas's y and x in pixels of the picture."""
    return np.indices((CANVAS, CANVAS)) / SCALE


def reduce(canvas):
    """Rounds the canvas to a picture of its final size."""
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


PICTURES = {
    "mosaic": (draw_mosaic, 7),
    "swirling_strokes": (draw_swirling_strokes, 8),
    "ink_hatching": (draw_ink_hatching, 10),
}


if __name__ == "__main__":
    main()
