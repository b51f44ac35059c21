"""What every script shares: flags, help, and how it ends."""

from kerasart.scripts import COMMANDS, cli, layer_table

import math
import os
import pty
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, RUN, SECONDS, contents, make_photo, names_in, wait_for
from PIL import Image

import kerasart
from kerasart.backbones.receptive_field import Geometry
from kerasart.settings.presets import find_preset

SMALL = ("--image=photo.png", "--backbone=squeezenet", "--size=48", "--octaves=1")


def script(name):
    return ROOT / "scripts" / f"{name}.py"


# --- Flags


def test_a_script_knows_the_flags_that_it_lists_and_no_other(tmp_path, call):
    code = """
import json, re, sys
from importlib import import_module
from kerasart.scripts import cli
module = import_module(f"kerasart.scripts.{sys.argv[1]}")
groups = []
run, cli.run = cli.run, lambda main, doc, listed, *_: groups.append(listed)
module.run()
(groups,) = groups
found = {}
for name in ("seed", "tile", "memory", "backbone", "max_pixels", "nonsense"):
    listed = any(name == flag.name for group in groups.values() for flag in group)
    sys.argv = ["x.py", f"--{name}=1"]
    try:
        run(lambda: None, "", groups)
        found[name] = listed
    except SystemExit as end:
        found[name] = not listed and end.code == 2
print(json.dumps([len(found), all(found.values())]))
"""
    for name in ("stylize", "export", "serve_client"):
        done = call("-c", code, name)
        assert done.stdout.strip() == "[6, true]", (name, done)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("stylize", "--seed=3"),
        ("stylize", "--backbone=foo"),
        ("serve_client", "--backbone=foo"),
        ("serve_client", "--tile=7"),
        ("export", "--tile=7"),
        ("feature_atlas", "--bits=16"),
        ("deep_dream", "--helpfull"),
    ],
)
def test_a_flag_that_is_not_used_is_refused(name, flag, tmp_path, call):
    done = call(script(name), flag, folder=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert f"Unknown command line flag '{flag[2:].partition('=')[0]}'" in done.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--size=9x9"], "`size` must go with --format=litert. Received: savedmodel"),
        (["--format=onnx", "--precision=float32"], "`precision` must go with --format=savedmodel"),
        (["--format=litert", "--most_pixels=9"], "`most_pixels` must go with --format=savedmodel"),
        (["--parts"], "`parts` must go with --format=onnx. Received: savedmodel"),
        (["--format=onnx", "--output=a.png"], "`output` must end with .onnx for --format=onnx. Re"),
        (["--format=onnx", "--parts"], "`parts` must go with a network of any style, such as"),
        (["--runtime=x"], "`runtime` must go with --format=web. Received: savedmodel"),
        (["--format=triton", "--size=9x9"], "`size` must go with --format=litert. Received: trit"),
        (["--format=triton", "--model=dream"], "must be savedmodel for a dream. Received: triton"),
    ],
)
def test_a_flag_of_another_format_is_refused(flags, words, tmp_path, call):
    done = call(script("export"), *flags, folder=tmp_path)
    assert done.returncode == 1 and words in done.stderr


@pytest.mark.parametrize(
    ("name", "flag"),
    [("deep_dream", "image"), ("deep_dream", "guide"), ("style_transfer", "style")],
)
def test_an_empty_flag_is_refused(name, flag, tmp_path, call):
    done = call(script(name), f"--{flag}=", folder=tmp_path)
    assert done.returncode == 1 and f"`{flag}` must not be empty. Received: ''" in done.stderr


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("size=x", "`size` must be at least 16, and whole. Received: 'x'"),
        ("size=1: 2", "`size` must be at least 16, and whole. Received: '1: 2'"),
        ("strength=2", "`strength` must be from 0 to 1. Received: '2'"),
        ("fps=", "`fps` must be a finite number. Received: ''"),
        ("bits=12", "`bits` must be 8, 16. Received: '12'"),
        ("quiet=maybe", "`quiet` must be True or False. Received: 'maybe'"),
    ],
)
def test_a_value_that_does_not_parse_is_refused_as_others_are(flag, words, tmp_path, call):
    done = call(script("stylize"), f"--{flag}", folder=tmp_path)
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.parametrize("value", ["100000000000000000000", "2147483648", "-1", "1" * 5000])
def test_a_seed_that_tensorflow_does_not_know_is_refused(value, tmp_path, call):
    done = call(script("deep_dream"), f"--seed={value}", folder=tmp_path)
    assert done.returncode == 2 and "`seed` must be from 0 to 2147483647" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and len(done.stderr) < 1500


def test_a_long_text_is_not_printed_back(tmp_path, call):
    for flag in ("--layers=" + "a:b," * 30_000, "--class=" + "cat" * 30_000):
        done = call(script("deep_dream"), flag, folder=tmp_path)
        assert done.returncode == 1 and "Received: " in done.stderr
        assert len(done.stderr) < 1500 and len(done.stderr.splitlines()) == 1


def test_names_do_not_control_the_terminal(tmp_path, call):
    name = "a\033[2Jb.png"
    done = call(script("deep_dream"), f"--image={name}", folder=tmp_path)
    assert "\033" not in done.stderr and r"a\x1b[2Jb.png" in done.stderr
    assert cli.printable("a\033b\nc\u00e9\udcff") == "a\\x1bb\nc\u00e9\\udcff"


def test_a_missing_onnx_is_told_of_at_once(tmp_path, call):
    (tmp_path / "onnx.py").write_text("raise ImportError('no onnx here')")
    done = call(script("export"), "--format=onnx", folder=tmp_path, PYTHONPATH=tmp_path)
    assert done.returncode == 1 and "no onnx here" in done.stderr
    assert "kerasart[onnx]" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_missing_runtime_of_a_page_is_told_of_at_once(tmp_path, call):
    done = call(script("export"), "--format=web", folder=tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "`npm pack onnxruntime-web@1.30.0` fetches it" in done.stderr
    assert not list(tmp_path.iterdir())


# --- Help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_values_as_they_are_given(name, call):
    text = call(script(name), "--help").stdout
    assert not re.search(r"\(default: [\[{(]", text)
    assert f"python scripts/{name}.py" in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_names_the_command_that_was_called(tmp_path, call):
    text = call("-m", "kerasart", "feature_atlas", "--help").stdout
    assert "    python -m kerasart feature_atlas --layer=" in text
    assert "    python -m kerasart deep_dream --image=photo.jpg" in text and ".py" not in text
    command = tmp_path / "kerasart-feature-atlas"
    command.write_text("from kerasart.scripts.feature_atlas import run\nrun()\n")
    text = call(command, "--help").stdout
    assert "    kerasart-feature-atlas --layer=" in text
    assert "    kerasart-deep-dream --image=photo.jpg" in text and ".py" not in text
    done = call(command, "--preset=x")
    assert done.stderr.startswith("kerasart-feature-atlas: `layer` must be given")
    assert "kerasart-deep-dream --list_layers shows them all" in done.stderr


def test_version(call):
    for command in (["-m", "kerasart"], [script("deep_dream")], ["-m", "kerasart", "stylize"]):
        assert call(*command, "--version").stdout == f"kerasart {kerasart.__version__}\n"


def test_commands_are_listed_and_run(tmp_path, call):
    listed = call("-m", "kerasart")
    assert listed.returncode == 0
    names = re.findall(r"^  (\w+)  +[A-Z]", listed.stdout, re.MULTILINE)
    assert names == list(COMMANDS)
    for name in ("deep_dream", "deep-dream"):
        done = call("-m", "kerasart", name, "--preset=help", folder=tmp_path)
        assert done.returncode == 0 and done.stdout.startswith("animals: ")
    done = call("-m", "kerasart", "strylize")
    assert done.returncode == 2 and done.stdout == ""
    assert "nearest: stylize. Received: 'strylize'" in done.stderr


def test_every_command_is_installed():
    text = (ROOT / "setup.cfg").read_text()
    for name in COMMANDS:
        assert f"kerasart-{name.replace('_', '-')} = kerasart.scripts.{name}:run\n" in text


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("deep_dream", [script("deep_dream"), "--help"]),
        ("deep_dream", [script("deep_dream"), "--preset=help"]),
        ("deep_dream", [script("deep_dream"), "--version"]),
        ("python -m kerasart", ["-m", "kerasart"]),
    ],
)
def test_output_that_takes_nothing_is_told_of_once(name, command, call):
    with open("/dev/full", "w") as full:
        done = call(*command, stdout=full)
    assert done.returncode == 1
    assert done.stderr == (
        f"{name}: Standard output must take what is printed. Received: No space left on device\n"
    )


@pytest.mark.parametrize("command", [["-m", "kerasart"], [script("deep_dream"), "--help"]])
def test_output_that_nobody_reads_ends_the_command_in_silence(command, call):
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as pipe:
        done = call(*command, stdout=pipe)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("application", "preset", "default", "network"),
    [
        ("deep_dream", "keras_example", "inception_v3", ("inception_v3", "random")),  # All of it.
        ("deep_dream", "sculpture", "inception_v3", ("inception_v3", "bundled")),
        ("deep_dream", "class", "inception_v3", ("inception_v3", "bundled")),
        ("style_transfer", "best", "vgg16", ("vgg16", "bundled")),
        ("style_transfer", "keras_example", "vgg16", ("vgg19", "random")),
    ],
)
def test_layers_are_those_of_the_presets_network(
    application, preset, default, network, monkeypatch
):
    loaded = []

    def load_backbone(*arguments):
        loaded.append(arguments)
        return SimpleNamespace(geometry={"conv1": Geometry(2, math.inf, 64, math.inf)})

    monkeypatch.setattr("kerasart.backbones.load_backbone", load_backbone)
    monkeypatch.setattr(cli, "load_tensorflow", lambda: None)
    for name in ("BACKBONE", "WEIGHTS"):
        monkeypatch.setattr(layer_table, name, SimpleNamespace(value=None))
    table = layer_table.layer_table(find_preset(application, preset), default)
    assert table.splitlines()[-1].split() == ["conv1", "2", "64", "all"]
    assert loaded == [network]


# --- Signals


def test_ctrl_c_while_modules_are_imported(tmp_path):
    # From when the script itself runs to where it would load TensorFlow.
    (tmp_path / "slow").mkdir()
    for name in ("absl", "tqdm", "PIL"):
        (tmp_path / "slow" / f"{name}.py").write_text(
            "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
        )
        done = subprocess.run(
            [sys.executable, script("deep_dream")],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "slow")},
            # A test that runs in the background of a shell is started with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr == "deep_dream: interrupted\n"
        (tmp_path / "slow" / f"{name}.py").unlink()


def test_a_terminal_that_is_closed_leaves_the_picture_so_far(tmp_path, forks):
    Image.fromarray(make_photo(75, 53)).save(tmp_path / "photo.png")
    ours, theirs = pty.openpty()
    command = [script("deep_dream"), *SMALL, "--steps=100000", "--preview_every=1"]
    with open(theirs, "r+b", buffering=0) as terminal:
        process = forks.start(RUN, command, tmp_path, (), (), terminal, terminal, terminal)
    wait_for((tmp_path / "dream.preview.png").exists, process)
    os.close(ours)  # Nobody reads any more: what is written is an error from now on.
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=SECONDS) == 130
    assert names_in(tmp_path) == ["dream.png", "dream.png.state.npz", "photo.png"]
    with Image.open(tmp_path / "dream.png") as picture:
        assert np.asarray(picture).shape == (34, 48, 3)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("ValueError('`image` must be one. Received: 2')", "`input` must be one. Received: 2"),
        ("FileNotFoundError(2, 'Gone', 'a/b')", "'a/b' cannot be read or written. Received: Gone"),
        ("OSError('A sentence. Received: 1')", "A sentence. Received: 1"),
    ],
)
def test_messages_name_what_was_typed(error, line, call):
    code = f"""
import logging
from kerasart.scripts import cli
def act():
    logging.getLogger("kerasart").warning("`image` is small")
    raise {error}
cli.attempt(act, {{"image": "input"}})
"""
    done = call("-c", code)
    assert done.returncode == 1
    assert done.stderr.split("\n") == ["-c: `input` is small", f"-c: {line}", ""]


def test_nohup_is_respected(tmp_path, call):
    code = """
import signal
from kerasart.scripts import cli
signal.signal(signal.SIGHUP, signal.SIG_IGN)
cli.attempt(lambda: None)
print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)
"""
    assert call("-c", code).stdout == "True\n"
    assert contents(tmp_path) == {}
