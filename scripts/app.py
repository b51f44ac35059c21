"""What every script shares: its flags' common part, help, errors, the progress bar, the record."""

from kerasart.scripts import COMMANDS
from kerasart.scripts.png_metadata import pack_record

import itertools
import logging
import math
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from absl import flags
from tqdm import tqdm

import kerasart
from kerasart.image import read_picture, write_picture
from kerasart.image.formats import most_pixels
from kerasart.image.samples import SAMPLES, read_sample
from kerasart.progress import ProgressBar
from kerasart.settings.checks import LARGEST_INTEGER, check_tiling
from kerasart.settings.presets import choose_network

# Set before anything imports TensorFlow, which tells of itself at length otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BACKBONE = flags.DEFINE_string(
    "backbone",
    None,
    "The feature network: auto, squeezenet, or any of keras.applications (inception_v3, vgg16, "
    "vgg19, resnet50, mobilenet_v2, ...). auto takes the one whose layers or channels are "
    "named, else the preset's, of VGG16, InceptionV3 and SqueezeNet: these are bundled, others are "
    "downloaded. (default: auto)",
)
WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "imagenet (downloaded by Keras), bundled (vgg16, squeezenet, and inception_v3 up to mixed5), "
    "random, or a path to a .weights.h5 or legacy .h5 file. (default: bundled where there are "
    "such, else imagenet)",
)
PRECISION = flags.DEFINE_enum(
    "precision",
    None,
    ["auto", "float32", "bfloat16"],
    "Number format of the convolutions; auto takes what this machine is fast at. (default: auto)",
)
SEED = flags.DEFINE_integer(
    "seed",
    None,
    "Same seed, same machine, same picture. (default: 0)",
    lower_bound=0,
    upper_bound=LARGEST_INTEGER,
)
PREVIEW_EVERY = flags.DEFINE_integer(
    "preview_every",
    0,
    "Write the picture as it grows beside the output, as NAME.preview.png, every so many steps; 0 "
    "for never.",
    lower_bound=0,
)
TILE = flags.DEFINE_string(
    "tile",
    "auto",
    "Look at large pictures part by part, in less memory and more time: the side of a tile in "
    "pixels (where a trained network paints, the rows of a band), none, or auto, for the largest "
    "that fit. The picture is the same, but for dreams of networks that see far, like InceptionV3.",
)
MEMORY = flags.DEFINE_float(
    "memory",
    None,
    "What --tile=auto may use, in GiB. (default: most of what is free)",
    lower_bound=0.0,
)
BITS = flags.DEFINE_enum(
    "bits", None, ["8", "16"], "Bits a channel; 16 for PNG and TIFF. (default: 8)"
)
MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "The most pixels a picture may have. (default: Pillow's limit, 89 million)",
    lower_bound=1,
)
STRIP_METADATA = flags.DEFINE_bool(
    "strip_metadata",
    False,
    "Leave out what the photo's file says of it, such as date, place, copyright and density.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace an output that exists, rather than number the new one."
)
QUIET = flags.DEFINE_bool("quiet", False, "Print nothing but warnings and errors.")
DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error arose.")

NETWORK_FLAGS = [BACKBONE, WEIGHTS, PRECISION]
RUN_FLAGS = [SEED, TILE, MEMORY, PREVIEW_EVERY, BITS, MAX_PIXELS, OVERWRITE, QUIET, DEBUG]

_log = logging.getLogger("kerasart")

_LONGEST = 1200  # Letters of a message: enough for a list of all layers' nearest, or ten classes.

# Errors whose message is meant for the user as it stands.
_EXPECTED = (ValueError, OSError, MemoryError, FloatingPointError, ImportError)


def run(main, doc, groups):
    """Runs a script: parses its flags, and turns errors into one line and an exit code.

    Exit codes: 0, 1 for an error, 2 for flags that do not parse, 130 for Ctrl-C.

    Args:
        main: Called without arguments.
        doc: The script's docstring, which `--help` prints.
        groups: Dict of heading to list of flags, in the order in which `--help` prints them. The
            script knows these and no other.
    """

    def act():
        if {"--help", "-help", "-h"} & set(sys.argv[1:]):
            show(help_text(doc, groups))
        elif "--version" in sys.argv[1:]:
            show_version()
        else:
            _parse_flags(groups)
            main()

    attempt(act)


def attempt(act):
    """Does what a command is there for, and ends as `run` says, with one line where it fails.

    Args:
        act: Called without arguments.
    """
    name = Path(sys.argv[0]).stem
    _log_to_terminal(name)
    try:
        _take_signals()
        act()
    except KeyboardInterrupt:
        _fail(name, "interrupted", 130)
    except flags.Error as error:
        _fail(name, f"{_one_line(error)} (--help shows all flags)", 2)
    except Exception as error:
        if flags.FLAGS.is_parsed() and DEBUG.value:
            raise
        if isinstance(error, _EXPECTED):
            _fail(name, _one_line(error), 1)
        _fail(name, f"{type(error).__name__}: {_one_line(error)} (--debug shows where)", 1)


def _take_signals():
    """Takes SIGTERM for Ctrl-C, and likewise that the terminal is gone; a closed pipe just ends."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # As of `--help | head`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not hasattr(signal, "SIGHUP") or signal.getsignal(signal.SIGHUP) != signal.SIG_DFL:
        return  # Under nohup it is ignored.
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def hang_up(number, frame):
        for terminal in terminals:
            _silence(terminal)
        signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGHUP, hang_up)


def _silence(number):
    """Makes what is written to a file descriptor vanish, where it would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _parse_flags(groups):
    known = flags.FlagValues()
    for holder in itertools.chain(*groups.values()):
        known[holder.name] = flags.FLAGS[holder.name]
    extra = known(sys.argv)[1:]
    if extra:
        raise flags.Error(f"Every argument must be a --flag=value. Received: {extra[0]!r}")
    flags.FLAGS.mark_as_parsed()
    _expand_homes()


def _expand_homes():
    """Expands ~ and ~NAME at the start of a path, which a shell leaves as it is after a "="."""

    def expand(value):
        if isinstance(value, list):
            return list(map(expand, value))
        if not isinstance(value, str):
            return value
        # A flag may hold several paths.
        return re.sub("(?<![^,])~[^/,]*", lambda home: os.path.expanduser(home[0]), value)

    for name in flags.FLAGS:
        flags.FLAGS[name].value = expand(flags.FLAGS[name].value)


def help_text(doc, groups):
    """Lays out a script's docstring and its flags by group."""
    width = min(shutil.get_terminal_size().columns, 100)
    lines = [doc.strip()]
    for heading, holders in groups.items():
        lines += ["", f"{heading}:"]
        for holder in holders:
            flag = flags.FLAGS[holder.name]
            about = flag.help.partition(">: ")[2] or flag.help  # absl puts <the|values>: first,
            about = about.partition(";\n    repeat this option")[0]  # and this last.
            if "(default:" not in about and holder.default not in (None, False, []):
                default = holder.default
                shown = ",".join(default) if isinstance(default, list) else default
                about += f" (default: {shown})"
            lines.append(f"  --{_usage(flag)}")
            about = as_called(about)
            lines += textwrap.wrap(about, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([as_called(lines[0]), *lines[1:]])


def as_called(text):
    """Names scripts in a text as this one was called: as a file, as `kerasart-NAME`, or by `-m`."""
    program = Path(sys.argv[0]).name
    if program.endswith(".py"):
        return text
    if program.startswith("kerasart-"):
        prefix, joint = "kerasart-", "-"
    else:
        prefix, joint = f"{program.rpartition(' ')[0]} ", "_"
    names = "|".join(COMMANDS)
    return re.sub(
        rf"(?:python )?(?:scripts/)?\b({names})\.py\b",
        lambda found: prefix + found[1].replace("_", joint),
        text,
    )


def _usage(flag):
    if flag.boolean:
        return flag.name
    values = getattr(flag.parser, "enum_values", None)
    kind = {"string": "TEXT", "int": "N", "float": "X"}.get(flag.flag_type(), "TEXT")
    return f"{flag.name}={'|'.join(values) if values else kind}"


def _one_line(error):
    """Puts a message into one line, and takes the middle out of one that holds a file's worth."""
    line = as_called(" ".join(str(error).split()))
    if len(line) <= _LONGEST:
        return line
    return f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 4 :]}"


def _fail(name, message, code):
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(code)


def _log_to_terminal(name):
    class Handler(logging.Handler):
        def emit(self, record):
            # tqdm keeps its bar below what it writes.
            tqdm.write(f"{name}: {_one_line(record.getMessage())}", file=sys.stderr)

    _log.handlers = [Handler()]
    _log.propagate = False


class _Preview:
    """Writes the picture as it grows beside the output, for as long as the `with` block lasts."""

    def __init__(self, output):
        self._place = Path(output).with_suffix(".preview.png")
        self._path = None
        self._written = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._path:
            self._path.unlink(missing_ok=True)

    def __call__(self, progress):
        if not PREVIEW_EVERY.value:
            return
        # Steps can come in blocks, so the number asked for may be passed without being met.
        due = progress.step // PREVIEW_EVERY.value
        if due and due != self._written:
            self._path = write_picture(
                self._path or self._place,
                progress.picture(),
                taken="replace" if self._path else "number",
            )
        self._written = due  # Fewer than before where another run has begun.


def make_picture(make, output, record, photo, bits, state=None, label=""):
    """Makes a picture with a progress bar and previews, and writes it with its record.

    Args:
        make: `make(checkpoint=..., on_step=..., on_tile=...) -> Result`.
        output: Where to write. A name that is taken gets a number, unless --overwrite.
        record: Dict of what goes into the file's record besides the result's settings.
        photo: The `Picture` whose alpha, resized to the result, and metadata go into the file; or
            None.
        bits: Bits a channel of the file.
        state: The path at which the run keeps its state, or None. Only Ctrl-C and a kill leave it:
            to go on where a loss was not finite would end likewise.
        label: Which of several pictures it is. Of such only whole ones are written, since what is
            there already is left alone the next time.

    Returns:
        The `Result`. On Ctrl-C the picture so far is written and the script ends, and where a loss
        is not finite the last good picture is.
    """
    start = time.perf_counter()
    stopped = None
    with ProgressBar(label=label, disable=QUIET.value or None) as bar, _Preview(output) as preview:

        def on_step(progress):
            bar(progress)
            preview(progress)

        try:
            load_tensorflow()
            result = make(checkpoint=state, on_step=on_step, on_tile=bar.show_tile)
        except (KeyboardInterrupt, FloatingPointError) as error:
            result, stopped = getattr(error, "result", None), error
            if state and isinstance(error, FloatingPointError):
                state.unlink(missing_ok=True)
            steps = max(map(len, result.history.values())) if result else 0
            if label or not steps:
                raise
            record = record | {"interrupted_after": steps}
    path = _write_result(result, output, record, photo, bits, "refuse" if label else "number")
    height, width = result.image.shape[1:3]
    say(
        f"Wrote {'the picture so far to ' if stopped else ''}{path}: {width}x{height}, "
        f"{result.settings['backbone']}, preset {result.settings['preset']}, "
        f"{time.perf_counter() - start:.0f} s."
    )
    if isinstance(stopped, KeyboardInterrupt):
        if state and state.exists():
            say("The same command with --resume goes on with it.")
        sys.exit(130)
    if stopped:
        raise stopped
    if state:
        state.unlink(missing_ok=True)
    return result


def _write_result(result, output, record, photo, bits, taken):
    """Writes a picture with its record, and with the photo's alpha and metadata."""
    alpha = photo.alpha if photo else None
    if alpha is not None:
        from kerasart.image.resizing import resize

        alpha = resize(alpha, result.image.shape[1:3], antialias=True).numpy().clip(0, 1)
    return write_picture(
        output,
        result.image,
        alpha=alpha,
        text=pack_record(result.settings | record),
        metadata=metadata_of(photo),
        bits=bits,
        taken=if_taken(taken),
    )


def read_tiling():
    """Reads --tile and --memory: a dict of the arguments of that name.

    Raises:
        ValueError: If there is no such tile or memory.
    """
    tile = int(TILE.value) if TILE.value.isdecimal() else TILE.value
    check_tiling(tile, MEMORY.value)
    return {"tile": tile, "memory": MEMORY.value}


def if_taken(otherwise="number"):
    """What `write_picture` is to do where a name is taken: --overwrite replaces what is there."""
    return "replace" if OVERWRITE.value else otherwise


def metadata_of(photo):
    """What of a photo's metadata goes into what is made of it: all, or with --strip_metadata none.

    Args:
        photo: The `Picture`, or None.
    """
    return None if photo is None or STRIP_METADATA.value else photo.metadata


def load_tensorflow():
    """Imports TensorFlow without the notes on the machine that it writes past any log level."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except Exception:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    if QUIET.value:
        import keras

        keras.utils.disable_interactive_logging()  # Keras tells of its downloads.


def say(message):
    """Prints a line, unless all should be quiet."""
    if not QUIET.value:
        show(message)


def show(text):
    """Prints what was asked for.

    Raises:
        OSError: If standard output does not take it.
    """
    if sys.stdout is None:  # Closed by who called.
        return
    try:
        tqdm.write(text, file=sys.stdout)  # Above a bar, if there is one.
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout.fileno())  # Python would try, and fail, once more at its end.
        raise OSError(
            f"Standard output must take what is printed. Received: {error.strerror}"
        ) from error


def show_version():
    """Prints the version."""
    show(f"kerasart {kerasart.__version__}")


def layer_table(preset, default):
    """Lists the network's layers: stride, channels, and receptive field in pixels.

    Args:
        preset: The preset, as `find_preset` returns it, whose network it is without --backbone.
        default: What its "auto" stands for, as in `load_backbone`.
    """
    from kerasart.backbones import load_backbone
    from kerasart.backbones.architectures import find_architecture
    from kerasart.backbones.imagenet import BUNDLED

    load_tensorflow()
    name, weights = choose_network(preset, BACKBONE.value or "auto", WEIGHTS.value or "auto")
    name = find_architecture(default if name == "auto" else name).name
    # What layers see does not depend on weights; bundled ones may end before the network does.
    is_bundled = name in BUNDLED and weights in ("auto", "bundled")
    backbone = load_backbone(name, "bundled" if is_bundled else "random")
    rows = [("layer", "stride", "channels", "receptive field")] + [
        (name, seen.stride, seen.channels, "all" if math.isinf(seen[1]) else seen.receptive_field)
        for name, seen in backbone.geometry.items()
    ]
    width = max(len(name) for name, *_ in rows)
    return "\n".join(f"{name:{width}} {s:>7} {c:>9} {r:>16}" for name, s, c, r in rows)


def read_photo(name):
    """Reads a picture file, or a bundled sample where there is no file of its name."""
    if name in SAMPLES and not Path(name).exists():
        return read_sample(name, MAX_PIXELS.value)
    return read_picture(name, MAX_PIXELS.value)


def check_pixels(size, flag="size"):
    """Refuses a (height, width) that a flag would make larger than pictures may be."""
    most = MAX_PIXELS.value or most_pixels() or math.inf
    if size[0] * size[1] > most:
        raise ValueError(
            f"`{flag}` must give at most {most} pixels (--max_pixels raises this). "
            f"Received: {size[1]}x{size[0]}"
        )
