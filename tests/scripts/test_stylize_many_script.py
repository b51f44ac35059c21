"""The stylize_many script: its help, what it refuses, and, slowly, what it paints."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT, ask, make_photo, succeed
from PIL import Image

from kerasart.scale.stores import open_store

pytest.importorskip("ray")

SCRIPT = ROOT / "scripts" / "stylize_many.py"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    for seed in range(3):
        Image.fromarray(make_photo(40, 30, seed=seed)).save(tmp_path / "photos" / f"{seed}.png")
    return tmp_path


def test_help_lists_every_flag_and_is_quick(tmp_path, light_run):
    text = succeed(light_run(tmp_path, "--help")).stdout
    listed = re.findall(r"^  --(\w+)", text, re.MULTILINE)
    code = """
import json, sys
from absl import flags
from kerasart.scripts import stylize_many
modules = flags.FLAGS.flags_by_module_dict().items()
names = {each.name for name, some in modules if name == stylize_many.__name__ for each in some}
groups = [flag.name for group in stylize_many.GROUPS.values() for flag in group]
print(json.dumps([sorted(names), groups, "ray" in sys.modules or "pyarrow" in sys.modules]))
"""
    own, grouped, is_heavy = ask(code)
    assert listed == grouped and set(own) <= set(listed) and not is_heavy
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "`input` must be a folder of photos"),
        (["--input=nowhere"], "`input` must be a folder that holds pictures"),
        (["--input=photos", "--output=photos"], "`output` must be a folder that does not hold"),
        (["--input=photos", "--output=photos/0.png"], "must be a folder, or a place for one"),
        (["--input=photos", "--model=nothing"], "`model` must be"),
        (["--input=photos", "--dream_preset=gentle"], "`dream_preset` goes with --model=dream"),
        (["--input=photos", "--model=dream", "--style=mosaic"], "`style` does not go with"),
        (["--input=photos", "--model=dream", "--dream_class=nothing"], "nothing"),
        (["--input=photos", "--model=dream", "--dream_preset=x"], "`dream_preset` must be one of"),
        (["--input=nothing://a/b"], "`input` must be a folder, or an address"),
    ],
)
def test_refusals_come_before_ray_is_started(folder, light_refuse, flags, words):
    assert words in light_refuse(folder, *flags)


def test_without_ray_the_extra_is_named(folder, light_run):
    (folder / "hidden").mkdir()
    (folder / "hidden" / "ray.py").write_text("raise ImportError('no ray')")
    path = f"{folder / 'hidden'}"
    outcome = light_run(folder, "--input=photos", PYTHONPATH=path)
    assert outcome.code == 1 and "pip install 'kerasart[ray]'" in outcome.stderr
    assert len(outcome.lines) == 1


@pytest.mark.slow
def test_photos_are_painted_as_by_stylize_and_not_again(folder, run):
    flags = ("--input=photos", "--style=mosaic", "--model=small", "--quiet")
    succeed(run(folder, *flags, "--output=many", "--workers=2"))

    command = [sys.executable, SCRIPT.with_name("stylize.py"), *flags, "--output=alone"]
    subprocess.run(command, cwd=folder, check=True)
    for path in (folder / "alone").iterdir():
        assert (folder / "many" / path.name).read_bytes() == path.read_bytes()
    again = succeed(run(folder, *flags[:-1], "--output=many"))
    assert again.stdout == "3 of 3 are painted already.\n" and again.seconds < 20
    names = {entry.name for entry in open_store(str(folder / "many")).list()}
    assert len(names) == 4 and sum(name.endswith(".parquet") for name in names) == 1
