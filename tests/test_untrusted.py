import json

import numpy as np
import pytest

from kerasart.untrusted import parse_json, read_arrays, write_arrays


def nested(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "text", ["1", '{"a": [1, {"b": null}]}', b'"x"', nested(99).replace("[]", '[{"a": 1}]')]
)
def test_json_is_parsed(text):
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", b"\xff", "9" * 5000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize("levels", [101, 950, 100_000])
def test_json_that_could_not_be_shown_is_refused(levels):
    with pytest.raises(ValueError, match="more than 100 levels"):
        parse_json(nested(levels))
    with pytest.raises(ValueError, match="more than 100 levels"):
        parse_json(f'{{"a": [{nested(levels - 2)}]}}')


ARRAYS = {"a": np.arange(3), "b": np.array("text"), "c": np.zeros((2, 0)), "d": np.ones((4, 4)).T}


@pytest.fixture
def path(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        write_arrays(file, ARRAYS)
    return tmp_path / "a.npz"


def test_arrays_are_read_as_they_were_written(path):
    np.testing.assert_equal(read_arrays(path), ARRAYS)


def test_numbers_and_lists_are_arrays(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        write_arrays(file, {"a": 3, "b": [1.5, 2.0]})
    np.testing.assert_equal(read_arrays(tmp_path / "a.npz"), {"a": np.array(3), "b": [1.5, 2.0]})


@pytest.mark.parametrize(
    "change", [{"a": np.arange(3.0)}, {"b": np.array("test")}, {"c": np.zeros((0, 2))}, {"e": 1}]
)
def test_arrays_that_were_changed_or_lost_are_refused(path, change):
    arrays = dict(np.load(path))
    np.savez(path, **arrays | change)
    with pytest.raises(ValueError, match="not those that were written"):
        read_arrays(path)
    for lost in ARRAYS:
        np.savez(path, **{name: array for name, array in arrays.items() if name != lost})
        with pytest.raises(ValueError, match="not those that were written"):
            read_arrays(path)


def save_one(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\3\4"),
        lambda path: path.write_text("text"),
        lambda path: np.savez(path, a=np.array([{}], dtype=object)),
        lambda path: np.savez(path, a=np.zeros(3)),
        save_one,
    ],
)
def test_what_is_no_archive_of_arrays_is_refused(path, write):
    write(path)
    with pytest.raises(ValueError, match="no archive of arrays"):
        read_arrays(path)


def test_a_file_that_is_not_there_is_not_called_damaged(path):
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_arrays(path)
