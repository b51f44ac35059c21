"""What `kerasart` offers at the top: to Python, to `dir` and `help`, and to type checkers."""

import ast
import importlib
import inspect
import io
import pydoc
import typing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerasart

# With the methods that users call.
ENTRIES = [
    *kerasart.__all__,
    "Dreamer.dream",
    "Dreamer.balance_terms",
    "Stylizer.__call__",
    "Stylizer.paint_all",
    "ProgressBar.__call__",
]
# Packages and modules of which every public function is typed, not only those at the top.
TYPED = [
    "backbones",
    "client",
    "film",
    "image",
    "kernels",
    "objectives",
    "optimization",
    "progress",
    "recent",
    "settings",
]


def test_every_public_name_is_there():
    assert "deep_dream" in kerasart.__all__
    assert all(callable(getattr(kerasart, name)) for name in kerasart.__all__)
    with pytest.raises(AttributeError, match="'kerasart' has no attribute 'deep_drem'"):
        _ = kerasart.deep_drem


def test_dir_shows_what_is_public_and_no_more():
    assert sorted(kerasart.__all__) == [name for name in dir(kerasart) if name != "__version__"]


def test_help_shows_every_public_name():
    text = pydoc.plain(pydoc.render_doc(kerasart))
    for name in kerasart.__all__:
        is_class = inspect.isclass(getattr(kerasart, name))
        assert (f"class {name}(" if is_class else f"    {name}(") in text, name


def test_type_checkers_see_the_same_names():
    stub = ast.parse(Path(kerasart.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    assert set(seen) == set(kerasart.__all__)
    for name, module in seen.items():
        home = importlib.import_module(module)
        assert getattr(home, name) is getattr(kerasart, name), name
    assert (Path(kerasart.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_argument_has_a_type(entry):
    called = kerasart
    for name in entry.split("."):
        called = getattr(called, name)
    called = called.__init__ if inspect.isclass(called) else called
    hints = typing.get_type_hints(called)
    parameters = [name for name in inspect.signature(called).parameters if name != "self"]
    assert not set(parameters) - set(hints)
    assert called.__name__ == "__init__" or "return" in hints


@pytest.mark.parametrize("channels", ["RGB", "RGBA"])
def test_a_notebook_shows_the_picture(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, len(channels)), np.uint8)
    image = np.float32(pixels[np.newaxis] / 255)
    alpha = image[..., 3:] if channels == "RGBA" else None
    picture = kerasart.Picture(image[..., :3], alpha)
    with Image.open(io.BytesIO(picture._repr_png_())) as shown:
        assert shown.format == "PNG" and shown.mode == channels
        np.testing.assert_array_equal(np.asarray(shown), pixels)
    result = kerasart.Result(image[..., :3], {}, {})
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        np.testing.assert_array_equal(np.asarray(shown), pixels[..., :3])


def public_functions(path):
    """The functions and methods of a module whose names do not begin with an underscore."""
    tree = ast.parse(path.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner in [tree, *(node for node in classes if not node.name.startswith("_"))]:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node


@pytest.mark.parametrize("package", TYPED)
def test_public_functions_are_annotated_and_documented(package):
    folder = Path(kerasart.__file__).parent
    paths = sorted((folder / package).rglob("*.py")) or [folder / f"{package}.py"]
    functions = [(path.name, node) for path in paths for node in public_functions(path)]
    assert functions
    for file, node in functions:
        given = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        untyped = [each.arg for each in given if each and each.annotation is None]
        assert set(untyped) <= {"self", "cls"} and node.returns, f"{file}: {node.name}"
        assert ast.get_docstring(node), f"{file}: {node.name}"
