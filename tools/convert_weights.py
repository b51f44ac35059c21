"""Converts the bundled networks' weights to package data, once, for the maintainers.

    python tools/convert_weights.py WEIGHTS_FOLDER

reads `vgg16_imagenet_notop.npz`, `squeezenet1_1_imagenet.npz` and
`inception_v3_imagenet_to_mixed5.npz` (float32 arrays named LAYER/VARIABLE) and
`imagenet_labels.json`, and writes them to `kerasart/backbones/data/`: the first two in float16, which
halves the download and moves no feature by more than about one part in a thousand; InceptionV3's
kernels, which have at most 256 different values each, as 8-bit indices into a table of these, and all
else in float32, exactly. NOTICE says whose work the networks are.
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
        with np.load(Path(folder) / source) as archive:
            halves = {name: archive[name].astype(np.float16) for name in archive.files}
        if not all(np.isfinite(half).all() for half in halves.values()):
            raise ValueError(f"{source} does not fit into float16.")
        np.savez(DATA / target, **halves)
    for source, target in INDEXED.items():
        with np.load(Path(folder) / source) as archive:
            arrays = {name: archive[name] for name in archive.files}
        for name in [name for name in arrays if name.endswith("/kernel")]:
            values, indices = np.unique(arrays[name], return_inverse=True)
            if len(values) > 256:
                raise ValueError(f"{name} of {source} does not fit into 8 bits.")
            shape = arrays[name].shape
            arrays |= {name: indices.reshape(shape).astype(np.uint8), f"{name}/values": values}
        np.savez(DATA / target, **arrays)
    labels = json.loads((Path(folder) / "imagenet_labels.json").read_text())
    (DATA / "imagenet_labels.json").write_text(json.dumps(labels, indent=0, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1])
