"""What a wheel and an sdist hold, and what they say of themselves.

Nothing is compressed here: setuptools is asked what it would put where.
"""

from kerasart.scripts import COMMANDS

import ast
import importlib.util
import os
import re
from pathlib import Path

import pytest
from setuptools.dist import Distribution

import kerasart

ROOT = Path(__file__).parents[1]
SAVED_MODELS = ROOT / "saved_models"


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    """What setup.py and setup.cfg describe, and where its own files may be written."""
    from distutils.core import run_setup  # setuptools's own; Python 3.12 has no other.

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        distribution = run_setup("setup.py", stop_after="config")
        assert isinstance(distribution, Distribution)
        distribution.get_command_obj("egg_info").egg_base = str(tmp_path_factory.mktemp("egg"))
        yield distribution


@pytest.fixture(scope="module")
def wheel(distribution):
    """The files of a wheel, by the place where they are installed."""
    build = distribution.get_command_obj("build_py")
    build.build_lib = "LIB"
    build.ensure_finalized()
    outputs = build.get_outputs(include_bytecode=False)
    return {Path(os.path.relpath(path, "LIB")).as_posix() for path in outputs}


@pytest.fixture(scope="module")
def sdist(distribution):
    """The files of an sdist, by their place in the repository."""
    info = distribution.get_command_obj("egg_info")
    info.ensure_finalized()
    info.run()
    return {Path(path).as_posix() for path in info.filelist.files}


def files_in(folder, prefix=""):
    """All files that belong to the repository in a folder, as paths below `prefix`."""
    return {
        prefix + path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_a_wheel_holds_the_package_the_scripts_and_the_trained_networks(wheel):
    models = {
        name
        for name in files_in(SAVED_MODELS, "kerasart/saved_models/")
        if not re.match(r"kerasart/saved_models/\w+/\d+/", name)  # Versions for a server: large.
    }
    package = files_in(ROOT / "kerasart", "kerasart/")
    scripts = files_in(ROOT / "scripts", "kerasart/scripts/")
    assert wheel == package | scripts | models


def test_a_wheel_holds_what_is_looked_for_in_it(wheel):
    assert {f"kerasart/{name}" for name in ("py.typed", "__init__.pyi")} <= wheel
    for name in ("README.md", "models.config", "compose.yaml", "batching.config"):
        assert f"kerasart/saved_models/{name}" in wheel
    for name in ("model.keras", "README.md", "contact_sheet.jpg"):
        assert f"kerasart/saved_models/medium/{name}" in wheel


def test_an_sdist_holds_all_that_a_wheel_is_made_of_and_the_tests_read(sdist, wheel):
    for name in wheel:
        folder, _, rest = name.removeprefix("kerasart/").partition("/")
        assert (f"{folder}/{rest}" if folder in ("scripts", "saved_models") else name) in sdist
    for folder in ("benchmarks", "docs", "references", "saved_models", "tests", "tools"):
        assert files_in(ROOT / folder, f"{folder}/") <= sdist
    assert not [name for name in sdist if "__pycache__" in name or name.endswith(".pyc")]
    named = {"setup.py", "setup.cfg", "pyproject.toml", "LICENSE", "NOTICE", "README.md"}
    named |= {"CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "SECURITY.md", "mkdocs.yml"}
    assert named | {".ci/run"} <= sdist


def test_the_version_to_cite_is_this_one():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited[1] == kerasart.__version__


def test_one_package_lies_at_the_top(wheel):
    assert {name.partition("/")[0] for name in wheel} == {"kerasart"}


def test_the_description_needs_no_file_of_the_repository(distribution):
    description = distribution.metadata.long_description
    assert "# kerasart" in description and "[Keras example](https://keras.io/" in description
    links = re.findall(r"\]\(([^)]*)\)", description)
    assert links and all(link.startswith("https://") for link in links)
    assert "![" not in description


def test_what_an_index_asks_for_is_said(distribution):
    metadata = distribution.metadata
    assert metadata.keywords and metadata.description
    assert "Typing :: Typed" in metadata.classifiers
    assert "Programming Language :: Python :: 3.11" in metadata.classifiers


def test_every_script_is_a_command(distribution):
    commands = {}
    for command in distribution.entry_points["console_scripts"]:
        name, _, place = command.replace(" ", "").partition("=")
        commands[name] = place
        module, function = place.split(":")
        source = Path(importlib.util.find_spec(module).origin).read_text()
        assert function in {getattr(node, "name", "") for node in ast.parse(source).body}, command
    for script in COMMANDS:
        assert commands[f"kerasart-{script.replace('_', '-')}"] == f"kerasart.scripts.{script}:run"
