"""`check_hdf5`: reads an HDF5 file in a subprocess, to find out whether it is damaged.

Damage can make the HDF5 library crash, loop forever, or fill in hundreds of millions of values.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import h5py

_SECONDS, _BYTES_A_SECOND = 20, 5_000_000  # Startup time and read speed of a slow, busy machine.
_MOST_EXPANSION = 64  # Largest ratio of a dataset's size to the file's.


def check_hdf5(path: Path) -> None:
    """Reads all of a file in a process that may crash or be killed.

    Python errors are ignored: whoever reads the file gets them too.

    Args:
        path: The file.

    Raises:
        ValueError: If reading takes too long or crashes, or the file declares more values than it
            can hold.
    """
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    # -P leaves this folder out of the module search path.
    command = [sys.executable, "-P", __file__, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, text=True)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it cannot be read in {seconds:.0f} s") from error
    if done.returncode:
        raise ValueError(done.stderr.strip() or "it crashes HDF5")


def _read_all(path):
    most = _MOST_EXPANSION * os.path.getsize(path)

    def read(_, item):
        for name in item.attrs:
            with contextlib.suppress(Exception):
                item.attrs[name]
        if isinstance(item, h5py.Dataset):
            if item.nbytes > most:
                sys.exit(f"{item.name} has more values than the file can hold")
            with contextlib.suppress(Exception):
                item[()]

    with contextlib.suppress(Exception), h5py.File(path, "r") as file:
        read("", file)
        file.visititems(read)


if __name__ == "__main__":
    _read_all(sys.argv[1])
