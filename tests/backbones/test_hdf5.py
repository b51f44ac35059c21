"""HDF5 files that cannot be read in time."""

import subprocess
import time

import h5py
import numpy as np
import pytest

from kerasart.backbones.hdf5 import check_hdf5
from kerasart.backbones.weight_files import load_weights


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d/vars")
        group.attrs["name"] = "conv"
        group["0"] = np.ones((3, 3, 3, 4), np.float32)
    return path


@pytest.fixture
def sparse(tmp_path):
    """A file of 1400 bytes, to fill in whose values takes a minute."""
    path = tmp_path / "sparse.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (3, 3, 512, 512), np.float32, chunks=(1, 1, 1, 1))
    return path


def test_a_whole_file_is_well(whole):
    check_hdf5(whole)


def test_more_values_than_a_file_can_hold(sparse):
    start = time.monotonic()
    with pytest.raises(ValueError, match="^/a has more values than the file can hold$"):
        check_hdf5(sparse)
    assert time.monotonic() - start < 15


def test_what_takes_too_long_is_ended(sparse, monkeypatch):
    run = subprocess.run

    def hurried(*command, timeout, **options):
        return run(*command, timeout=timeout / 200, **options)

    monkeypatch.setattr(subprocess, "run", hurried)
    with pytest.raises(ValueError, match="it cannot be read in 20 s"):
        check_hdf5(sparse)


def test_a_crash_is_not_ours(whole, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ValueError, match="it crashes HDF5"):
        check_hdf5(whole)


def test_weights_are_not_read_from_such_a_file(sparse):
    with pytest.raises(ValueError, match=f"'{sparse}' is a damaged HDF5 file; .* Received: /a has"):
        load_weights(None, sparse)
