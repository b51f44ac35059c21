"""Opens the studio: a page in the browser on which dreams and paintings are made.

    python scripts/studio.py
    python scripts/studio.py --folder=pictures --port=8077
    python scripts/studio.py --noopen

Prints the page's address, which has a key in it: no other page gets in. All stays on this machine.
Pictures are written into the folder, each with its record. Ctrl-C ends the studio; what it was
making goes on when it is started again.
"""

from kerasart.scripts import cli, common_flags

import ipaddress
import signal
import webbrowser
from contextlib import ExitStack, contextmanager
from pathlib import Path

from absl import flags

from kerasart.image.atomic_files import claim, make_folder

_FOLDER = flags.DEFINE_string("folder", "studio", "Where pictures are written.")
_PORT = flags.DEFINE_integer(
    "port", 8077, "The page's port; 0 takes a free one.", lower_bound=0, upper_bound=65535
)
_HOST = flags.DEFINE_string(
    "host",
    "127.0.0.1",
    "The address to listen at: 127.0.0.1 is this machine alone; one that others reach lets in "
    "whoever has the key, which they could overhear.",
)
_OPEN = flags.DEFINE_bool("open", True, "Open the page in the browser.")
_LARGEST_PHOTO = flags.DEFINE_integer(
    "largest_photo", 30, "Millions of pixels that a photo may have at most.", lower_bound=1
)
_GROUPS = {
    "Studio": [_FOLDER, _PORT, _HOST, _OPEN, _LARGEST_PHOTO],
    "Run": [common_flags.QUIET, common_flags.DEBUG],
}


def main() -> None:
    """Serves the page until Ctrl-C."""
    is_local = _check_host()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # A tab that is closed ends nothing.
    folder = Path(_FOLDER.value).resolve()
    make_folder(folder)
    with _claim(folder), _open_server(folder) as server:
        if not is_local:
            cli.say(
                "Others can reach this address, and what is sent is not encrypted: use it in a "
                "network that you trust."
            )
        cli.show(f"The studio is open at {server.url} (Ctrl-C closes it).")
        if _OPEN.value:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            cli.say("The studio is closed; what it was making goes on when it is opened again.")


@contextmanager
def _claim(folder):
    """Keeps other studios out of a folder while the block runs."""
    with ExitStack() as stack:
        try:
            stack.enter_context(claim(folder / "studio"))
        except FileExistsError:
            raise FileExistsError(
                f"`folder` must not be that of a studio that is open. Received: '{folder}'"
            ) from None
        yield


def _open_server(folder):
    from kerasart.studio.server import StudioServer

    size = _LARGEST_PHOTO.value * 1_000_000
    try:
        return StudioServer(folder, _HOST.value, _PORT.value, size)
    except OSError as error:
        raise OSError(
            "`port` must be free, and `host` an address of this machine; --port=0 finds a port. "
            f"Received: {_HOST.value}:{_PORT.value}, {error.strerror}"
        ) from error


def _check_host():
    """Refuses an address that is none, and returns whether it is this machine's alone."""
    try:
        address = ipaddress.ip_address(_HOST.value)
    except ValueError:
        address = None
    if address is None or address.is_unspecified:
        raise ValueError(
            "`host` must be the numeric address by which the page is opened, such as 127.0.0.1. "
            f"Received: {_HOST.value!r}"
        )
    return address.is_loopback


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, _GROUPS)


if __name__ == "__main__":
    run()
