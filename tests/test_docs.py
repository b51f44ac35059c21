"""The documentation names what there is, and its code runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from generators import make_generator
from nvidia_layouts import pytorch_file

import kerasart
from kerasart.image.resizing import shrink
from kerasart.image.samples import read_sample

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted(path.stem for path in DOCS.glob("guide/*.md"))


def code_of(guide):
    """The Python of a guide, which is all one program."""
    text = (DOCS / "guide" / f"{guide}.md").read_text()
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def test_the_reference_has_every_public_name():
    text = (DOCS / "api" / "index.md").read_text()
    listed = re.findall(r"^::: (?:kerasart|saved_models)\.(\w+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(kerasart.__all__)


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = re.findall(r"^ *- (\S+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("guide", GUIDES)
def test_files_that_a_guide_names_are_there(guide):
    text = (DOCS / "guide" / f"{guide}.md").read_text()
    paths = re.findall(r"`((?:kerasart|scripts|tools|saved_models)/[\w/]+\.\w+)`", text)
    assert paths
    for path in paths:
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_the_code_of_a_guide_runs(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, sample in {"photo": "coffee", "painting": "cat"}.items():
        # Squares, of which both a training and a region of a painting can be cut.
        image = shrink(read_sample(sample).image[:, :300, :300], 96)
        assert np.isfinite(image).all()
        kerasart.write_picture(f"{name}.jpg", image)
    Path("network.pkl").write_bytes(pytorch_file(make_generator((8, 8, 6, 6, 4))))
    exec(compile(code_of(guide), f"{guide}.md", "exec"), {"__name__": guide})
