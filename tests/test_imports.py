"""Which modules may import which, and which are light: importable without TensorFlow and Keras."""

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import kerasart

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "kerasart").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))

# Small modules that need nothing of the package.
MODULES = ["cluster", "interrupts", "levels", "progress", "recent", "startup", "untrusted"]
# From low to high. A module imports from packages of lower levels, or from its own package.
LEVELS = [
    MODULES,
    ["image", "kernels", "saved_models"],
    ["backbones", "objectives", "settings", "client", "film"],
    ["optimization", "networks"],
    ["applications"],
    ["export"],
    # `kerasart` itself hands out what is below it by name, so only programs stand above it.
    ["kerasart"],
    ["records"],
    ["scale", "studio"],
    ["scripts"],
    ["__main__"],
]
# What `--help`, early refusals, reading and writing files, and the client need. Only what a module
# names here imports inside a function may be heavy.
LIGHT = [
    "kerasart",
    "kerasart.backbones.imagenet",
    "kerasart.client",
    "kerasart.cluster",
    "kerasart.export.requirements",
    "kerasart.export.web_runtime",
    "kerasart.film",
    "kerasart.image",
    "kerasart.interrupts",
    "kerasart.levels",
    "kerasart.progress",
    "kerasart.recent",
    "kerasart.records",
    "kerasart.scale",
    "kerasart.saved_models",
    "kerasart.settings",
    "kerasart.startup",
    "kerasart.studio",
    "kerasart.untrusted",
]
HEAVY = ["kerasart.image.resizing"]  # For all that it lies in a light package.
LEVEL_OF = {name: number for number, names in enumerate(LEVELS) for name in names}


def package_of(module):
    """kerasart.backbones.architectures -> backbones; kerasart.scripts.deep_dream -> scripts."""
    package, *inner = module.split(".")
    if package == "scripts":
        return "scripts"
    return inner[0] if inner else "kerasart"


def module_of(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source):
    """All modules that a source imports, also inside functions, as (module, line)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            if node.module == "kerasart":
                # `from kerasart import image` is a package, `import deep_dream` a name.
                for alias in node.names:
                    is_package = alias.name in LEVEL_OF and alias.name not in kerasart.__all__
                    yield (f"kerasart.{alias.name}" if is_package else "kerasart"), node.lineno
            else:
                yield node.module, node.lineno


def find_violations(module, source):
    """The imports of a module that its level forbids."""
    own = package_of(module)
    for imported, line in imports_of(source):
        if imported.split(".")[0] not in ("kerasart", "scripts"):
            continue
        other = package_of(imported)
        if other != own and LEVEL_OF[other] >= LEVEL_OF[own]:
            yield f"{module}:{line} imports {imported}"


def test_every_package_has_a_level():
    assert {package_of(module_of(path)) for path in LIBRARY + SCRIPTS} <= set(LEVEL_OF)


def test_modules_import_from_lower_levels_only():
    sources = {module_of(path): path.read_text() for path in LIBRARY + SCRIPTS}
    assert not [
        found for name, source in sources.items() for found in find_violations(name, source)
    ]


@pytest.mark.parametrize(
    ("module", "source", "allowed"),
    [
        ("kerasart.image.files", "from kerasart.image import arrays", True),
        ("kerasart.applications.deep_dream", "from kerasart.optimization import Descent", True),
        ("kerasart.applications.deep_dream", "import kerasart.settings.dream", True),
        ("scripts.deep_dream", "from kerasart import deep_dream", True),
        ("kerasart.image.files", "def f():\n    from kerasart.backbones import Backbone", False),
        ("kerasart.objectives.objective", "import kerasart.backbones.architectures", False),
        (
            "kerasart.optimization.descent",
            "from kerasart.applications.deep_dream import deep_dream",
            False,
        ),
        ("kerasart.optimization.descent", "from kerasart import networks", False),
        ("kerasart.applications.style_transfer", "from kerasart import deep_dream", False),
        ("kerasart.applications.deep_dream", "from kerasart.scripts import cli", False),
    ],
)
def test_the_check_itself(module, source, allowed):
    assert (not list(find_violations(module, source))) is allowed


def is_light(module):
    package = ".".join(module.split(".")[:2])
    return module not in HEAVY and (module in LIGHT or package in LIGHT)


def run_python(code, environment=None):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_light_modules_leave_tensorflow_out():
    light = [module_of(path) for path in LIBRARY if is_light(module_of(path))]
    code = (
        "import importlib, sys\n"
        f"for module in {light}:\n"
        "    importlib.import_module(module)\n"
        "    assert not {'tensorflow', 'keras'} & set(sys.modules), module\n"
        "print('absl' in sys.modules, 'kerasart.image.files' in sys.modules)"
    )
    assert run_python(code).split() == ["False", "True"]


def test_scripts_leave_tensorflow_out():
    # Each in a process of its own, since they define flags of the same names; what takes longest to
    # import, and all of them need, is imported once.
    scripts = [module_of(path).replace("scripts", "kerasart.scripts") for path in SCRIPTS]
    code = (
        "import importlib, os, sys\n"
        "import absl.flags, kerasart.image\n"
        f"for module in {scripts}:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        importlib.import_module(module)\n"
        "        os._exit(len({'tensorflow', 'keras'} & set(sys.modules)))\n"
        "    assert os.waitpid(child, 0)[1] == 0, module\n"
        "print('done')"
    )
    assert run_python(code) == "done\n"


def test_annotations_do_not_need_tensorflow_where_it_is_not_the_backend():
    # On JAX, where networks are trained without TensorFlow, there is no `tf` to look them up in.
    for path in LIBRARY:
        source = path.read_text()
        tree = ast.parse(source)
        is_conditional = any(
            isinstance(node, ast.If) and "import tensorflow as tf" in ast.unparse(node)
            for node in tree.body
        )
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        annotations = [
            ast.unparse(part)
            for function in functions
            for part in (function.returns, *(each.annotation for each in function.args.args))
            if part is not None
        ]
        if is_conditional and any("tf." in annotation for annotation in annotations):
            assert "from __future__ import annotations" in source, path


def test_the_library_defines_no_flags():
    imported = [
        (module_of(path), module) for path in LIBRARY for module, _ in imports_of(path.read_text())
    ]
    assert not [each for each in imported if each[1].split(".")[0] == "absl"]


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="oneDNN is for such processors"
)
@pytest.mark.parametrize(
    ("before", "setting", "expected"),
    [
        ("", None, "1"),
        ("", "0", "0"),
        # TensorFlow has read it already: it would be said to be on, and be off.
        ("sys.modules['tensorflow'] = None;", None, "None"),
    ],
)
def test_importing_the_package_asks_for_onednn(before, setting, expected):
    name = "TF_ENABLE_ONEDNN_OPTS"
    code = f"import os, sys; {before} import kerasart; print(os.environ.get({name!r}))"
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {name: setting} if setting else {}
    assert run_python(code, environment).strip() == expected
