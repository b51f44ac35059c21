"""Runs the scripts as a user runs them: by themselves, in a folder of their own.

A module of tests names its script in `SCRIPT`, and may have code in `PREPARE` that its forked and
warm runs begin with.
"""

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from forks import ForkServer
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120  # for one run on a machine that is busy with other things


class Outcome(NamedTuple):
    """What a run left behind, besides files."""

    script: str
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lines(self):
        """The lines of standard error that a terminal would still show at the end."""
        shown = [_as_shown(line) for line in self.stderr.split("\n")]
        return [line for line in shown if line]


def _as_shown(line):
    """Prints over what is there at each carriage return, as a terminal does."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


@pytest.fixture(scope="module")
def start(request, environment):
    """Starts the script in a folder."""
    script = request.module.SCRIPT

    def start(folder, *flags, limits=None, **variables):
        def prepare():
            # A test that runs in the background of a shell is started with Ctrl-C ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for kind, most in (limits or {}).items():
                resource.setrlimit(kind, (most, most))

        return subprocess.Popen(
            [sys.executable, str(script), *map(str, flags)],
            cwd=folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,
        )

    return start


@pytest.fixture(scope="module")
def run(start):
    """Runs the script in a folder, to its end."""
    return _running(start)


def _running(start):
    def run(folder, *flags, **options):
        begin = time.perf_counter()
        return finish(start(folder, *flags, **options), begin)

    return run


def finish(process, begin=0.0):
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    # Not by the process itself, which would take a carriage return for the end of a line.
    return Outcome(
        Path(process.args[1]).stem,
        process.returncode,
        stdout.decode(),
        stderr.decode(),
        time.perf_counter() - begin,
    )


# Code to begin with: a few steps take less than the graph of one would take to build.
WITHOUT_GRAPHS = """
import warnings, tensorflow
tensorflow.config.run_functions_eagerly(True)
warnings.filterwarnings("ignore", "Even though the `tf.config")
"""
# And what is drawn of their losses takes longer than they do.
WITHOUT_PLOTS = 'import sys; sys.modules["matplotlib"] = None\n'
# And a network that is trained has all of its parts with one residual block, too.
WITH_ONE_BLOCK = """
from kerasart.networks import TransformerNet
TransformerNet.__init__.__defaults__ = (1, 1.0, 1)
"""
# Code of a process that runs a script.
RUN = 'import runpy, sys; runpy.run_path(sys.argv[0], run_name="__main__")'


@pytest.fixture(scope="module")
def forked_start(request, forks):
    """Starts the script in a folder, as `start`, with TensorFlow loaded already."""
    module = request.module

    def start(folder, *flags, limits=(), **variables):
        code = getattr(module, "PREPARE", "") + RUN
        return forks.start(code, [module.SCRIPT, *flags], folder, variables, limits)

    return start


@pytest.fixture(scope="module")
def forked_run(forked_start):
    """Runs the script in a folder, as `run`, with TensorFlow loaded already."""
    return _running(forked_start)


@pytest.fixture(scope="module")
def warm_run(request, forks, tmp_path_factory):
    """Runs the script in a folder, as `run`, but in one process for the module.

    That saves each run the seconds in which TensorFlow starts. It is for what a process of its own
    makes no difference to.
    """
    name = Path(request.module.SCRIPT).stem
    code = getattr(request.module, "PREPARE", "") + RUN
    ours, theirs = socket.socketpair()
    with (
        ours,
        ours.makefile("rw") as pipe,
        open(tmp_path_factory.mktemp("warm") / "log", "w+") as log,
    ):
        with theirs:
            args = [Path(__file__).with_name("warm.py"), name]
            process = forks.start(code, args, ROOT, stdin=theirs, stdout=theirs, stderr=log)

        def warm_run(folder, *flags):
            begin = time.perf_counter()
            limit = threading.Timer(SECONDS, process.kill)
            limit.start()
            print(json.dumps([str(folder), list(map(str, flags))]), file=pipe, flush=True)
            reply = pipe.readline()
            limit.cancel()
            if not reply:
                log.seek(0)
                pytest.fail(f"The process ended on {flags}: {log.read()}")
            return Outcome(name, *json.loads(reply), time.perf_counter() - begin)

        yield warm_run
    process.wait()


@pytest.fixture(scope="module")
def refuse(run):
    """Runs the script, which must refuse with one line, and leave the folder as it was."""
    return _refusal(run)


@pytest.fixture(scope="module")
def forked_refuse(forked_run):
    """As `refuse`, by `forked_run`."""
    return _refusal(forked_run)


@pytest.fixture(scope="module")
def warm_refuse(warm_run):
    """As `refuse`, by `warm_run`."""
    return _refusal(warm_run)


def _refusal(run):
    def refuse(folder, *flags, code=1, **options):
        before = contents(folder)
        outcome = run(folder, *flags, **options)
        assert_failed(outcome, code)
        assert contents(folder) == before
        return outcome.lines[0]

    return refuse


@pytest.fixture(scope="session")
def blocked(tmp_path_factory):
    """Environment variables with which TensorFlow cannot be imported: it would be slow."""
    folder = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras"):
        (folder / f"{name}.py").write_text("raise SystemExit('slow')")
    return {"PYTHONPATH": str(folder), "COLUMNS": "100"}


@pytest.fixture(scope="session")
def light_forks(environment, blocked):
    """Starts processes that cannot import TensorFlow."""
    modules = ("absl.flags", "tqdm", "kerasart.image", "kerasart.settings.choices")
    with ForkServer(environment | blocked, *modules) as server:
        yield server


@pytest.fixture(scope="module")
def light_run(request, light_forks):
    """Runs the script in a folder, as `run`, where TensorFlow cannot be imported."""

    def start(folder, *flags, **variables):
        return light_forks.start(RUN, [request.module.SCRIPT, *flags], folder, variables)

    return _running(start)


@pytest.fixture
def call(light_forks):
    """Runs Python with arguments of its command line, where TensorFlow cannot be imported."""

    def call(*command, folder=ROOT, stdout=None, **variables):
        code = RUN
        if command[0] == "-c":
            code, command = command[1], ("-c", *command[2:])
        elif command[0] == "-m":
            code = RUN.replace("run_path(sys.argv[0]", f"run_module({command[1]!r}, alter_sys=True")
            command = command[1:]
        process = light_forks.start(code, command, folder, variables, stdout=stdout)
        printed, said = process.communicate(SECONDS)
        return subprocess.CompletedProcess(
            command, process.returncode, (printed or b"").decode(), said.decode()
        )

    return call


@pytest.fixture(scope="module")
def light_refuse(light_run):
    """As `refuse`, by `light_run`."""
    return _refusal(light_run)


def ask(code, folder=ROOT):
    """Runs Python code, and reads the JSON that it prints."""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(found.stdout)


def assert_failed(outcome, code):
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.stderr
    assert len(outcome.lines) == 1, outcome.stderr
    assert outcome.lines[0].startswith(f"{outcome.script}: ")
    assert outcome.stdout == ""


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in Path(folder).rglob("*")}


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def succeed(outcome, warnings=0):
    assert outcome.code == 0, outcome
    assert "Traceback" not in outcome.stderr
    assert len(outcome.lines) == warnings, outcome.stderr
    return outcome


def wait_for(condition, process):
    """Waits until something is so, and fails if the process ends before."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def make_photo(width, height, channels=3, seed=0):
    """Smooth colour with some structure, as uint8."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 7, channels)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def record_of(path):
    with Image.open(path) as picture:
        return json.loads(picture.text["kerasart"])


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(make_photo(75, 53)).save(path)
    return path


def change(folder, code, place="kerasart.optimization.descent.Descent._step"):
    """Makes a folder that, on PYTHONPATH, puts a function in the place of one of the library's.

    For what cannot be brought about from outside at the right moment.

    Args:
        folder: The folder to make.
        code: A function's source; it can call the one that was there by its name, less a leading
            underscore.
        place: Where the function was: its module, its class if there is one, and its name.
    """
    code = textwrap.dedent(code)
    owner, name = place.rsplit(".", 1)
    new = re.search(r"^def (\w+)", code, re.MULTILINE)[1]
    lines = [
        "from pkgutil import resolve_name",
        f"owner = resolve_name({owner!r})",
        f"{name.strip('_')} = owner.{name}",
        code,
        f"owner.{name} = {new}",
        "",
    ]
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("\n".join(lines))


def make_clip(path, count=4, transfer=2):
    """Makes a film with sound of a view that moves over a photo; returns its frames.

    `transfer` is the code point of its transfer characteristics, by default that of none.
    """
    import av

    photo = make_photo(64 + count, 48).astype(np.uint8)
    frames = [np.ascontiguousarray(photo[:, i : 64 + i]) for i in range(count)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.color_trc = transfer
        sound = file.add_stream("aac", rate=48000)
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
        silence = np.zeros((1, 1920 * count), np.int16)
        samples = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        samples.sample_rate = 48000
        file.mux([*sound.encode(samples), *sound.encode()])
    return frames


def film_of(path):
    """The frames of a film, and the bytes of its sound."""
    import av

    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        sound = [bytes(packet) for stream in file.streams.audio for packet in file.demux(stream)]
    return frames, sound
