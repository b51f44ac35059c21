"""The notebook's code runs, on small pictures and without Jupyter; no outputs are committed."""

import json
from pathlib import Path

import numpy as np

import kerasart

CELLS = json.loads(
    (Path(__file__).parents[1] / "docs" / "notebooks" / "quickstart.ipynb").read_text()
)["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def test_no_outputs_are_committed():
    for cell in CELLS:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_the_cells_run():
    sizes, *others = CODE
    assert sizes.startswith("SIZE, STEPS = ")
    names = {"SIZE": 48, "STEPS": 1}
    for code in others:
        exec(code, names)
    for name in ("dream", "painting", "mosaic", "own"):
        picture = names[name]
        # As the cell's last line shows it.
        assert picture._repr_png_().startswith(b"\x89PNG"), name
        assert picture.image.shape[0::3] == (1, 3) and max(picture.image.shape[1:3]) == 48
        assert np.isfinite(picture.image).all()
    assert isinstance(names["own"], kerasart.Result)
    assert set(names["own"].history) == {"block5_conv1", "image"}
