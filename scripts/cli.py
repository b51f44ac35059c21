"""How a script runs: its flags are parsed, signals and errors become one line, help is laid out."""

from kerasart.scripts import COMMANDS
from kerasart.scripts.common_flags import DEBUG, QUIET

import itertools
import logging
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

import kerasart
from kerasart.settings.declare import Option
from kerasart.startup import import_tensorflow

_log = logging.getLogger("kerasart")

# Flags by the heading under which `--help` lists them.
Groups = Mapping[str, Sequence[flags.FlagHolder]]

_LONGEST = 1200  # Letters of a message: enough for a list of all layers' nearest, or ten classes.

# Errors whose message is meant for the user as it stands.
_EXPECTED = (ValueError, OSError, MemoryError, FloatingPointError, ImportError)


def run(
    main: Callable[[], Any], doc: str, groups: Groups, arguments: Mapping[str, str] | None = None
) -> None:
    """Runs a script: parses its flags, and turns errors into one line and an exit code.

    Exit codes: 0, 1 for an error, 2 for flags that do not parse, 130 for Ctrl-C.

    Args:
        main: Called without arguments.
        doc: The script's docstring, which `--help` prints.
        groups: Dict of heading to list of flags, in the order in which `--help` prints them. The
            script knows these and no other.
        arguments: As for `attempt`.
    """

    def act():
        if {"--help", "-help", "-h"} & set(sys.argv[1:]):
            show(help_text(doc, groups))
        elif "--version" in sys.argv[1:]:
            show_version()
        else:
            _parse_flags(groups)
            main()

    attempt(act, arguments)


def attempt(act: Callable[[], Any], arguments: Mapping[str, str] | None = None) -> None:
    """Does what a command is there for, and ends as `run` says, with one line where it fails.

    Args:
        act: Called without arguments.
        arguments: Dict of the library's arguments to the flags that they are given by, where names
            differ: messages name the flag.
    """
    name = Path(sys.argv[0]).stem

    def one_line(error):
        return _one_line(error, arguments or {})

    _log_to_terminal(name, one_line)
    try:
        _take_signals()
        act()
    except KeyboardInterrupt:
        _fail(name, "interrupted", 130)
    except flags.Error as error:
        _fail(name, f"{one_line(error)} (--help shows all flags)", 2)
    except Exception as error:
        if flags.FLAGS.is_parsed() and DEBUG.value:
            raise
        if isinstance(error, _EXPECTED):
            _fail(name, one_line(error), 1)
        _fail(name, f"{type(error).__name__}: {one_line(error)} (--debug shows where)", 1)


def _take_signals():
    """Treats SIGTERM and a closed terminal as Ctrl-C; a closed pipe just ends the script."""
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
    try:
        extra = known(sys.argv)[1:]
    except flags.IllegalFlagValueError as error:
        raise flags.Error(_say_allowed(known, error)) from error
    if extra:
        raise flags.Error(f"Every argument must be a --flag=value. Received: {extra[0]!r}")
    flags.FLAGS.mark_as_parsed()
    for name in known:
        # A shell makes such of a variable that is not set: the default is not what was meant.
        if known[name].present and known[name].value in ("", [""]):
            raise ValueError(f"`{name}` must not be empty. Received: ''")
    _expand_homes()


def _say_allowed(known, error):
    """Says which values a flag takes that was given another one; absl says it of some alone."""
    name, _, rest = str(error).removeprefix("flag --").partition("=")
    value = rest.removesuffix(f": {error.__context__}")
    parser = known[name].parser
    declared = Option(
        known[name].help,
        choices=getattr(parser, "enum_values", None),
        least=getattr(parser, "lower_bound", None),
        most=getattr(parser, "upper_bound", None),
    )
    kind = {"int": int, "float": float, "bool": bool}.get(parser.flag_type(), str)
    return f"`{name}` must be {declared.allowed((kind,))}. Received: {value!r}"


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


def help_text(doc: str, groups: Groups) -> str:
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


def as_called(text: str) -> str:
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


def _one_line(error, arguments):
    """Puts a message into one line, and takes the middle out of one that holds a file's worth."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        # As the operating system raised it: no message of ours has a number.
        error = f"'{error.filename}' cannot be read or written. Received: {error.strerror}"
    line = printable(as_called(" ".join(str(error).split())))
    line = re.sub(r"`(\w+)`", lambda found: f"`{arguments.get(found[1], found[1])}`", line)
    if len(line) <= _LONGEST:
        return line
    return f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 4 :]}"


def _fail(name, message, code):
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(code)


def _log_to_terminal(name, one_line):
    class Handler(logging.Handler):
        def emit(self, record):
            # tqdm keeps its bar below what it writes.
            tqdm.write(f"{name}: {one_line(record.getMessage())}", file=sys.stderr)

    _log.handlers = [Handler()]
    _log.propagate = False


def load_tensorflow() -> None:
    """Imports TensorFlow and Keras (see `import_tensorflow`)."""
    import_tensorflow()
    if QUIET.value:
        import keras

        keras.utils.disable_interactive_logging()  # Keras prints a bar for its downloads.


def say(message: str) -> None:
    """Prints a line, unless all should be quiet."""
    if not QUIET.value:
        show(message)


def counted(number: int, noun: str) -> str:
    """Says how many there are of something: "1 frame", "2 frames"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Escapes what a terminal would obey rather than show: a file's name may hold anything."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def show(text: str) -> None:
    """Prints what was asked for.

    Raises:
        OSError: If standard output does not take it.
    """
    if sys.stdout is None:  # Closed by who called.
        return
    try:
        tqdm.write(printable(text), file=sys.stdout)  # Above a bar, if there is one.
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout.fileno())  # Python would try, and fail, once more at its end.
        raise OSError(
            f"Standard output must take what is printed. Received: {error.strerror}"
        ) from error


def show_version() -> None:
    """Prints the version."""
    show(f"kerasart {kerasart.__version__}")
