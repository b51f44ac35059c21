"""Converts the bundled networks' weights to package data, once, for the maintainers.

    python tools/convert_weights.py WEIGHTS_FOLDER

reads `vgg16_imagenet_notop.npz`, `squeezenet1_1_imagenet.npz` (float32 arrays named
LAYER/kernel and LAYER/bias) and `imagenet_labels.json`, and writes them to
`kerasart/backbones/data/`: float16, which halves the download and moves no feature by more than
about one part in a thousand. NOTICE says whose work the networks are.
"""

import json
import sys
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "kerasart" / "backbones" / "data"
ARCHIVES = {"vgg16_imagenet_notop.npz": "vgg16.npz", "squeezenet1_1_imagenet.npz": "squeezenet.npz"}


def main(folder):
    """Writes the package data from the files in `folder`."""
    for source, target in ARCHIVES.items():
        with np.load(Path(folder) / source) as archive:
            halves = {name: archive[name].astype(np.float16) for name in archive.files}
        if not all(np.isfinite(half).all() for half in halves.values()):
            raise ValueError(f"{source} does not fit into float16.")
        np.savez(DATA / target, **halves)
    labels = json.loads((Path(folder) / "imagenet_labels.json").read_text())
    (DATA / "imagenet_labels.json").write_text(json.dumps(labels, indent=0, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1])
