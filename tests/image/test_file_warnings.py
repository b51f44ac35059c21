import logging
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from kerasart.image import read_picture
from kerasart.image.files import decode_picture


def write(path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, icc_profile=b"no profile")
    return path


def test_what_is_wrong_with_a_file_is_told_once(tmp_path, caplog):
    paths = [write(tmp_path / name) for name in ("a.tif", "b.tif")]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_picture, paths * 8))
    told = sorted(record.getMessage() for record in caplog.records)
    assert [each.partition(" is ignored")[0] for each in told] == [
        f"The colour profile of '{path}'" for path in paths
    ]
    read_picture(str(paths[0]))  # It is the same file, whatever it is called.
    assert len(caplog.records) == 2 and caplog.records[0].levelno == logging.WARNING


def test_a_file_that_was_written_anew_is_told_of_anew(tmp_path, caplog):
    read_picture(write(tmp_path / "a.tif"))
    write(tmp_path / "a.tif")
    os.utime(tmp_path / "a.tif", (1, 1))
    read_picture(tmp_path / "a.tif")
    assert len(caplog.records) == 2


def test_what_is_no_file_is_told_of_each_time(tmp_path, caplog):
    data = write(tmp_path / "a.tif").read_bytes()
    for _ in range(2):
        decode_picture(data, "posted.tif")
    assert len(caplog.records) == 2
