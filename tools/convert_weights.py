"""Converts the bundled networks' weights to package data, once, for the maintainers.

    python tools/convert_weights.py WEIGHTS_FOLDER

reads `vgg16_imagenet_notop.npz`, `squeezenet1_1_imagenet.npz` and
`inception_v3_imagenet_to_mixed5.npz` (float32 arrays named LAYER/VARIABLE) and
`imagenet_labels.json`, and writes them to `kerasart/backbones/data/`. The first two become float16,
which halves the download and moves no feature by more than about one part in a thousand.
InceptionV3's kernels, which have at most 256 different values each, become 8-bit indices into a
table of these, and all else stays float32: exactly the same. NOTICE says whose work the networks
are.
"""

import json
import sys
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "kerasart" / "backbones" / "data"
HALVED = {"vgg16_imagenet_notop.npz": "vgg16.npz", "squeezenet1_1_imagenet.npz": "squeezenet.npz"}
INDEXED = {"inception_v3_imagenet_to_mixed5.npz": "inception_v3.npz"}


def main(folder):
    """Writes the package data from the files in `folder`."""
    for source, target in HALVED.items():
        np.savez(DATA / target, **halve(_read(Path(folder) / source)))
    for source, target in INDEXED.items():
        np.savez(DATA / target, **index(_read(Path(folder) / source)))
    labels = json.loads((Path(folder) / "imagenet_labels.json").read_text())
    (DATA / "imagenet_labels.json").write_text(json.dumps(labels, indent=0, ensure_ascii=False))


def halve(arrays):
    """Makes float16 of all arrays, a dict by name."""
    with np.errstate(over="ignore"):
        halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    for name, half in halves.items():
        if not np.isfinite(half).all():
            raise ValueError(f"{name} does not fit into float16.")
    return halves


def index(arrays):
    """Makes 8-bit indices of each kernel, and NAME/values, the table that they point into."""
    indexed = dict(arrays)
    for name, array in arrays.items():
        if name.endswith("/kernel"):
            values, indices = np.unique(array, return_inverse=True)
            if len(values) > 256:
                raise ValueError(f"{name} does not fit into 8 bits: it has {len(values)} values.")
            indices = indices.reshape(array.shape).astype(np.uint8)
            indexed |= {name: indices, f"{name}/values": values}
    return indexed


def _read(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


if __name__ == "__main__":
    main(sys.argv[1])
