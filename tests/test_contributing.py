"""What CONTRIBUTING.md says of adding a term and a backbone holds."""

import re
from pathlib import Path

import numpy as np

import kerasart

CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"


def names_of(recipe):
    """Runs a recipe's code, and returns what it defines."""
    text = CONTRIBUTING.read_text().partition(f"\n**{recipe}.**")[2].partition("\n**")[0]
    names = {"__name__": recipe}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), names)
    return names


def test_the_term_passes_the_test_beside_it(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent / "objectives")  # Of `term_checks`.
    names_of("A term")["test_contrast"]()


def test_a_keras_model_is_a_backbone():
    backbone = names_of("A backbone")["backbone"]
    photo = np.random.default_rng(0).random((32, 32, 3), np.float32)
    result = kerasart.deep_dream(
        photo, backbone=backbone, layers="textures", octaves=1, steps=2, jitter=0
    )
    first, last = result.history["textures"]
    assert last < first < 0
    assert result.settings["backbone"] == "mine"


def test_files_that_it_names_are_there():
    text = CONTRIBUTING.read_text()
    paths = re.findall(r"`((?:kerasart|scripts|tests|tools|docs)/[\w/]+\.\w+)`", text)
    assert len(paths) > 20
    for path in paths:
        assert (CONTRIBUTING.parent / path).is_file(), path
