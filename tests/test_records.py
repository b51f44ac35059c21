"""Records that are damaged: each is read, or refused in one sentence."""

import json
import re

import numpy as np
import pytest
from damage import damage, damage_json
from PIL import Image, PngImagePlugin

from kerasart.records import check_record, pack_record, read_record, write_recorded

RECORD = {
    **{"preset": "best", "backbone": "vgg16", "weights": "auto", "precision": "float32"},
    **{"seed": 3, "size": 64, "bits": 8, "steps": [3, 4], "style_layers": {"block1_conv1": 1.0}},
    **{"style_weights": [0.25, 0.75], "style_levels": ["coarse", None]},
    "dream": {"preset": "animals", "size": None, "octaves": [-4, 0], "layers": {"mixed3": 1.0}},
}
_SENTENCE = re.compile(r"[^\n]{1,400}\. Received: [^\n]+", re.DOTALL)


def write(path, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("kerasart", text)
    Image.new("RGB", (3, 2)).save(path, pnginfo=info)


def read_all(texts, path):
    """Reads files of these bytes, or PNGs with these texts in them; returns those records."""
    records = []
    for number, data in enumerate(texts):
        path.write_bytes(data) if isinstance(data, bytes) else write(path, data)
        try:
            records.append(read_record(path))
        except (ValueError, OSError) as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
    return records


def read_damaged_files(count, path):
    random = np.random.default_rng(0)
    write_recorded(path, np.zeros((1, 2, 3, 3), np.float32), RECORD, None)
    original = path.read_bytes()
    records = read_all((damage(original, random) for _ in range(count)), path)
    whole = json.loads(pack_record(RECORD)["kerasart"])
    assert 0 < len(records) < count and all(each in (whole, {}) for each in records)


def read_damaged_records(count, path):
    random = np.random.default_rng(1)
    records = read_all((damage_json(RECORD, random) for _ in range(count)), path)
    assert 0 < len(records) < count
    for record in records:
        assert isinstance(record, dict)
        check_record(record, path)


def test_damaged_files_are_read_or_refused(tmp_path):
    read_damaged_files(200, tmp_path / "a.png")


def test_damaged_records_are_read_or_refused(tmp_path):
    read_damaged_records(200, tmp_path / "a.png")


@pytest.mark.slow
def test_many_damaged_files_and_records_are_read_or_refused(tmp_path):
    read_damaged_files(10_000, tmp_path / "a.png")
    read_damaged_records(10_000, tmp_path / "a.png")
