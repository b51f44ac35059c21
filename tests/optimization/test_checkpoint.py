import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from damage import damage, damage_json

from kerasart.optimization import Checkpoint, State, checkpoint
from kerasart.optimization.checkpoint import Position
from kerasart.untrusted import read_arrays, write_arrays

IDENTITY = {"preset": "best", "size": 64, "summed": ("content",), "pictures": ["ab12", None]}
GENERATOR = np.random.default_rng(0)


def tensor(*shape):
    return tf.constant(GENERATOR.normal(size=shape), tf.float32)


def position(scale=1, step=7):
    image = tensor(1, 4, 5, 3)
    memory = tensor(1, 4, 5, 3), tf.constant(12, tf.int64), tensor()
    average = tensor(1, 4, 5, 3), tensor()
    losses = GENERATOR.normal(size=(20, 3)).astype(np.float32)
    weights = GENERATOR.normal(size=3)
    return Position(scale, step, State(image, memory, average), losses, weights)


def assert_same(got, expected):
    assert (got.scale, got.step) == (expected.scale, expected.step)
    pairs = [(got.state.image, expected.state.image)]
    pairs += zip(got.state.memory, expected.state.memory, strict=True)
    pairs += zip(got.state.average, expected.state.average, strict=True)
    for ours, theirs in pairs:
        assert tf.is_tensor(ours) and ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in ((got.losses, expected.losses), (got.weights, expected.weights)):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.fixture
def written(path):
    """A file with a position in it, and the position."""
    kept = position()
    saved = Checkpoint(path, IDENTITY)
    saved.keep(kept)
    saved.write()
    return kept


def test_there_is_nothing_to_go_on_from_at_first(path):
    assert Checkpoint(path, IDENTITY).load() is None
    assert not path.exists()


def test_what_was_kept_is_loaded_to_the_bit(path, written):
    assert_same(Checkpoint(path, IDENTITY).load(), written)
    assert_same(Checkpoint(str(path), dict(reversed(IDENTITY.items()))).load(), written)


def test_a_state_without_memory_or_average(path):
    bare = position()._replace(state=State(tensor(1, 2, 2, 3)))
    saved = Checkpoint(path, IDENTITY, seconds=0)
    saved.keep(bare)
    assert_same(Checkpoint(path, IDENTITY).load(), bare)


def test_a_later_position_replaces_an_earlier(path, written):
    later = position(2, 1)
    saved = Checkpoint(path, IDENTITY)
    saved.keep(position())
    saved.keep(later)
    saved.write()
    assert_same(Checkpoint(path, IDENTITY).load(), later)


# --- When it is written


def test_it_is_written_only_so_often(path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    saved = Checkpoint(path, IDENTITY, seconds=30)
    saved.keep(position(0, 1))
    now[0] += 29
    saved.keep(position(0, 2))
    assert not path.exists()
    now[0] += 2
    saved.keep(position(0, 3))
    assert saved.load().step == 3
    now[0] += 29  # Since the last write.
    saved.keep(position(0, 4))
    assert saved.load().step == 3
    saved.write()
    assert saved.load().step == 4


def test_nothing_new_is_not_written(path, written):
    saved = Checkpoint(path, IDENTITY)
    saved.write()
    assert_same(saved.load(), written)
    saved.keep(position())
    saved.write()
    path.unlink()
    saved.write()
    assert not path.exists()


def test_no_temporary_files_are_left(path, written):
    assert os.listdir(path.parent) == ["run.npz"]


def test_a_write_that_fails_leaves_the_old_file_and_ends_nothing(
    path, written, monkeypatch, caplog
):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint.np, "savez", fail)
    saved = Checkpoint(path, IDENTITY)
    saved.keep(position())
    saved.write()
    assert "No space left" in caplog.text
    assert os.listdir(path.parent) == ["run.npz"]
    assert_same(saved.load(), written)


@pytest.mark.parametrize(
    ("name", "value"),
    [("size", 65), ("summed", ()), ("pictures", ["ab12", "cd34"]), ("preset", "neural_style")],
)
def test_another_run_is_refused_by_what_differs(path, written, name, value):
    with pytest.raises(ValueError) as caught:
        Checkpoint(path, {**IDENTITY, name: value}).load()
    assert f"the run that it resumes; {name} differ" in str(caught.value)
    assert str(caught.value).endswith(f"Received: {str(path)!r}")


def test_all_that_differs_is_named(path, written):
    with pytest.raises(ValueError, match="; preset, size differ. Received"):
        Checkpoint(path, {**IDENTITY, "size": 65, "preset": "crowson"}).load()


def test_settings_of_another_version_are_named(path, written):
    more = {**IDENTITY, "newer": 1}
    with pytest.raises(ValueError, match="; newer differ"):
        Checkpoint(path, more).load()
    fewer = {name: value for name, value in IDENTITY.items() if name != "size"}
    with pytest.raises(ValueError, match="; size differ"):
        Checkpoint(path, fewer).load()


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"image0") + 300] ^= 0xFF
    path.write_bytes(data)


def save_array(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def save_other_arrays(path):
    np.savez(path, a=np.zeros(3))


def save_objects(path):
    np.savez(path, identity=np.array([{}], dtype=object))


def save_without_image(path):
    arrays = read_arrays(path)
    arrays.pop("image0")
    with path.open("wb") as file:
        write_arrays(file, arrays)


def lose_an_array(path):
    arrays = dict(np.load(path))
    arrays.pop("memory2")
    np.savez(path, **arrays)


def replace_identity(text):
    def replace(path):
        arrays = read_arrays(path)
        with path.open("wb") as file:
            write_arrays(file, arrays | {"identity": np.array(text)})

    return replace


GARBAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no archive"),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(1000)),
    "cut short": cut_short,
    "flipped": flip_a_byte,
    "array": save_array,
    "other arrays": save_other_arrays,
    "objects": save_objects,
    "without image": save_without_image,
    "without an array": lose_an_array,
    "identity that is no JSON": replace_identity("{"),
    "identity that is a list": replace_identity("[1]"),
    "identity that is a list of pairs": replace_identity("[[0, 1]]"),
    "identity that is too deep": replace_identity("[" * 100_000),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_file_that_holds_no_run_is_refused(path, written, kind):
    GARBAGE[kind](path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ValueError, match="`resume` needs the state of an unfinished run") as caught:
        Checkpoint(path, IDENTITY).load()
    assert str(caught.value).endswith(f"Received: {str(path)!r}")
    # It may be dear to someone.
    assert before is None or path.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder must exist"):
        Checkpoint(tmp_path / "nowhere" / "run.npz", IDENTITY)


# --- Damaged

_SENTENCE = re.compile(r"`resume` needs [^\n]+\. Received: '[^\n]+'")


def load_damaged(count, path, written):
    """Loads so many damaged files, of other bytes or identities; returns how many can be."""
    random = np.random.default_rng(0)
    original, identity = path.read_bytes(), json.loads(str(read_arrays(path)["identity"]))
    whole = 0
    for number in range(count):
        path.write_bytes(damage(original, random) if number % 2 else original)
        if not number % 2:
            replace_identity(damage_json(identity, random))(path)
        try:
            loaded = Checkpoint(path, IDENTITY).load()
        except ValueError as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
            continue
        assert_same(loaded, written)
        whole += 1
    return whole


def test_damaged_files_are_loaded_or_refused(path, written):
    assert 0 < load_damaged(300, path, written) < 300


@pytest.mark.slow
def test_many_damaged_files_are_loaded_or_refused(path, written):
    load_damaged(10_000, path, written)
