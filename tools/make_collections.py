"""Makes collections, for `--collection`, of a folder of paintings of all manners.

    python tools/make_collections.py PAINTINGS FOLDER
    python tools/make_collections.py PAINTINGS FOLDER --name=vivid:0 --name=pop:4

Clusters of paintings that look alike: k-means of the means and deviations of VGG16's features. The
first command writes FOLDER/clusters.jpg, a sheet to look at: each cluster from the painting nearest
to its centre to the farthest. The second also copies the clusters that have a name to
FOLDER/learned/NAME and, a quarter of them, to FOLDER/held_out/NAME, for
`python -m benchmarks.collections`. The outermost twelfth of a cluster is left out. The same
paintings give the same files.

The four collections of saved_models/collections are of PACS's `art_painting` (Li et al. 2017, arXiv
1710.03077), with --name=vivid:0 --name=pop:4 --name=watercolour:5 --name=old_masters:2.
"""

import argparse
import random
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.cluster.vq import kmeans2, vq

from kerasart import load_backbone, write_picture
from kerasart.image.arrays import as_image
from kerasart.image.contact_sheet import contact_table
from kerasart.image.photos import find_photos

LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3")
SIZE = 128  # Paintings are looked at as squares of this side.
CLUSTERS = 8
STARTS, ITERATIONS = 10, 60  # Of k-means; the best start counts.
KEPT = 0.92  # Of a cluster, those nearest to its centre.
HELD_OUT = 4  # One of so many.
SHOWN = 12  # Paintings of a cluster on the sheet.


def main():
    """Writes the sheet, and the collections that have names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paintings", type=Path, help="a folder of paintings")
    parser.add_argument("folder", type=Path, help="the folder to write")
    parser.add_argument("--name", action="append", default=[], help="NAME:NUMBER of a cluster")
    options = parser.parse_args()
    paths = find_photos(options.paintings, "paintings")
    clusters = [[paths[i] for i in cluster] for cluster in find_clusters(describe(paths))]
    options.folder.mkdir(parents=True, exist_ok=True)
    write_picture(options.folder / "clusters.jpg", lay_out(clusters), taken="replace")
    for text in options.name:
        name, number = text.split(":")
        for part, members in split(clusters[int(number)], name).items():
            target = options.folder / part / name
            target.mkdir(parents=True)
            for path in members:
                shutil.copyfile(path, target / path.name)
            print(f"{target}: {len(members)} paintings")


def describe(paths):
    """Describes each painting by features that all have mean 0, and layers the same variance."""
    look = load_backbone("vgg16", "bundled").cut(LAYERS)
    rows = {layer: [] for layer in LAYERS}
    for path in paths:
        square = Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        for layer, features in look(as_image(np.asarray(square))).items():
            maps = features.numpy()
            rows[layer].append(np.concatenate([maps.mean((0, 1, 2)), maps.std((0, 1, 2))]))
    moments = [np.array(each) for each in rows.values()]
    scaled = [(each - each.mean(0)) / (each.std(0) + 1e-6) for each in moments]
    return np.concatenate([each / np.sqrt(each.shape[1]) for each in scaled], axis=1)


def find_clusters(points):
    """Lists the clusters: the numbers of their points, from the nearest to the centre on."""
    rng, best = np.random.default_rng(0), None
    for _ in range(STARTS):
        start = points[rng.choice(len(points), CLUSTERS, replace=False)]
        centres, _ = kmeans2(points, start, ITERATIONS, minit="matrix", missing="raise")
        cluster, distance = vq(points, centres)
        if best is None or (distance**2).sum() < (best[1] ** 2).sum():
            best = cluster, distance
    cluster, distance = best
    order = np.argsort(distance)
    return [order[cluster[order] == number] for number in range(CLUSTERS)]


def split(cluster, name):
    """Leaves out those farthest from the centre, and holds out some of the others."""
    members = sorted(cluster[: int(KEPT * len(cluster))])
    random.Random(name).shuffle(members)
    count = len(members) // HELD_OUT
    return {"held_out": members[:count], "learned": members[count:]}


def lay_out(clusters):
    """Lays out a few paintings of each cluster in a row."""
    places = np.linspace(0, 1, SHOWN)
    shown = [
        np.asarray(Image.open(cluster[int(place * (len(cluster) - 1))]).convert("RGB"))
        for cluster in clusters
        for place in places
    ]
    rows = [f"{number}: {len(cluster)} paintings" for number, cluster in enumerate(clusters)]
    return contact_table(shown, rows, [f"{place:.0%}" for place in places], cell=160)


if __name__ == "__main__":
    main()
