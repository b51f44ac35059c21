"""Whether an HDF5 file can be read in time, which another process finds out.

Damage in one can make its library crash, go round in circles, or fill in hundreds of millions of
values that are not there.
"""

import contextlib
import os
import subprocess
import sys

_SECONDS, _BYTES_A_SECOND = 20, 5_000_000  # What a slow and busy machine takes to begin, and reads.
_MOST_EXPANSION = 64  # Times a file's size, that what is in it may have.


def check_hdf5(path):
    """Reads all of a file in a process that may crash or be ended.

    What raises an error there will do so here, and is left to whoever reads the file.

    Args:
        path: A `pathlib.Path`.

    Raises:
        ValueError: If it takes too long, crashes, or is said to hold more than it can.
    """
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    # Without this folder among those of modules.
    command = [sys.executable, "-P", __file__, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, text=True)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it cannot be read in {seconds:.0f} s") from error
    if done.returncode:
        raise ValueError(done.stderr.strip() or "it crashes HDF5")


def _read_all(path):
    import h5py

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
