"""What the README says of the package holds: its example of a term, its table of packages."""

import re
from pathlib import Path

import numpy as np

import kerasart

README = Path(__file__).parents[1] / "README.md"


def test_own_term(monkeypatch):
    section = README.read_text().partition("## A term of your own")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    full = kerasart.deep_dream

    def quick(image, **settings):
        # The example as written, on a smaller picture and with fewer steps.
        return full(image[:, :96, :96], octaves=1, steps=3, **settings)

    monkeypatch.setattr(kerasart, "deep_dream", quick, raising=False)
    names = {}
    exec(code, names)
    channel = names["result"].history["block5_conv1"]
    assert len(channel) == 3
    assert channel[-1] < channel[0]
    assert np.isfinite(names["result"].image).all()


def test_the_table_of_packages_lists_all_of_them():
    section = README.read_text().partition("## How it works")[2]
    listed = re.findall(r"^\| `kerasart/(\w+)(?:/|\.py)`", section, re.MULTILINE)
    found = [path.stem for path in Path(kerasart.__file__).parent.glob("[!_]*")]
    assert sorted(listed) == sorted(name for name in found if name != "py")
