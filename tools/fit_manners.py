"""Fits the random manners of a `MannerNet` to paintings, once, for the maintainers.

    python tools/fit_manners.py FOLDER

computes the style codes of the paintings in FOLDER, and writes their mean and the root of their
covariance into `saved_models/any_style/model.keras`. It prints how far the normal distribution of
these is from codes of a quarter of the paintings, which were kept back: the energy distance
(Szekely and Rizzo 2013, "Energy statistics") of codes over their deviations; and below it that of
the other three quarters, which is about 0, and how far apart codes are in the mean.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kerasart.image import read_picture
from kerasart.image.photos import find_photos
from kerasart.image.resizing import shrink
from kerasart.networks import load_network, save_network

TARGET = Path(__file__).parents[1] / "saved_models" / "any_style" / "model.keras"


def main(folder):
    """Writes the network, and prints the distances."""
    network = load_network(TARGET)
    encode = tf.function(network.encode_style, autograph=False, reduce_retracing=True)
    codes = [
        encode(tf.constant(shrink(read_picture(path).image, network.style_size)))[0, 0, 1:]
        for path in tqdm(find_photos(folder, "folder"))
    ]
    codes = np.random.default_rng(0).permutation(np.asarray(codes, np.float64))
    kept_back, others = np.split(codes, [len(codes) // 4])
    z = np.random.default_rng(1).normal(size=others.shape).astype(np.float32)
    drawn = network.with_manners(others).map(z)[:, 0, 1:]
    drawn, others, kept_back = (
        np.asarray(each) / others.std(0) for each in (drawn, others, kept_back)
    )
    print(f"normal distribution: {energy_distance(drawn, kept_back):.3f}")
    print(f"paintings: {energy_distance(others, kept_back):.3f}")
    print(f"two paintings are apart: {distances(others, kept_back).mean():.1f}")
    save_network(network.with_manners(codes), TARGET)


def distances(a, b):
    """The distance of each point of one sample from each of another."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def energy_distance(a, b):
    """Twice the mean distance between points of two samples, less those within each."""
    within = (distances(each, each).sum() / (len(each) * (len(each) - 1)) for each in (a, b))
    return 2 * distances(a, b).mean() - sum(within)


if __name__ == "__main__":
    main(sys.argv[1])
