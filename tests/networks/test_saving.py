import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
from network_checks import FEW_SIZES, check_paints_as

from kerasart.kernels.precision import choose_precision
from kerasart.networks import (
    MannerNet,
    TransformerNet,
    load_network,
    recast,
    save_network,
    shipped_models,
)

SENTENCE = r"`model` must be a Keras file [^\n]* Received: '[^\n]*"


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return TransformerNet(["a", "b"], 1 / 8, blocks=1)


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    save_network(network, path)
    return path


def assert_same_weights(a, b):
    for weight, other in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(weight, other)


# --- There and back


def test_a_saved_network_is_the_same(style_network, tmp_path):
    path = tmp_path / "model.keras"
    save_network(style_network, path)
    for model in (path, str(path), tmp_path):
        again = load_network(model)
        assert again.get_config() == style_network.get_config()
    check_paints_as(style_network, again, 1 / 255, FEW_SIZES)
    # What is read and written again stays as it is.
    save_network(again, tmp_path / "again.keras")
    assert_same_weights(again, load_network(tmp_path / "again.keras"))


def test_nothing_else_is_left_beside_the_file(network, tmp_path):
    for _ in range(2):
        save_network(network, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_it_is_on_the_disk_before_it_is_in_its_place(network, tmp_path, monkeypatch):
    path, places = tmp_path / "model.keras", []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: places.append(path.exists()) or sync(file))
    save_network(network, path)
    assert places == [False]


def test_a_save_that_fails_leaves_the_former_file(network, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_text("former")

    def fail(self, temporary):
        temporary.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(TransformerNet, "save", fail)
    with pytest.raises(OSError, match="No space"):
        save_network(network, path)
    assert path.read_text() == "former"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_finetuned_networks_are_saved_whole(network, tmp_path):
    more = network.with_styles(["c"])
    save_network(more, tmp_path / "model.keras")
    again = load_network(tmp_path)
    assert again.styles == ("a", "b", "c")
    check_paints_as(more, again, 1 / 255, FEW_SIZES)


# --- Precision


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="no fast bfloat16 here")
def test_any_precision_reads_a_file(tmp_path, network):
    half = recast(network, "bfloat16")
    save_network(half, tmp_path / "model.keras")
    assert half.dtype_policy.name == "mixed_bfloat16"
    for precision in ("bfloat16", "auto"):
        again = load_network(tmp_path, precision)
        assert again.dtype_policy.name == "mixed_bfloat16"
        check_paints_as(half, again, 0.02, [(35, 46)])
    again = load_network(tmp_path)
    assert again.dtype_policy.name == "float32"
    check_paints_as(network, again, 1 / 255, FEW_SIZES)


def test_files_hold_two_bytes_a_weight(network, saved):
    count = sum(weight.size for weight in network.get_weights())
    with zipfile.ZipFile(saved) as file:
        size = file.getinfo("model.weights.h5").file_size
    assert size < 2 * count + 200_000  # The rest is what HDF5 needs for each tensor.


def test_recast_to_what_it_is_gives_itself(network):
    assert recast(network, "float32") is network
    with pytest.raises(ValueError, match="`precision` must be one of .*Received: 'float16'"):
        recast(network, "float16")


# --- Models of the package


def test_shipped_models_can_be_named():
    shipped = shipped_models()
    assert "medium" in shipped
    network = load_network("medium")
    assert isinstance(network, TransformerNet) and network.width == 0.5
    assert len(network.styles) > 1


def test_a_folder_goes_before_a_shipped_model(network, saved, tmp_path, monkeypatch):
    (tmp_path / "medium").mkdir()
    shutil.copy(saved, tmp_path / "medium")
    monkeypatch.chdir(tmp_path)
    assert load_network("medium").width == network.width


def test_keras_itself_loads_a_model_once_kerasart_is_imported():
    # A process, since what is imported here already knows the classes.
    code = (
        "import keras, kerasart; path = kerasart.shipped_models()['small'] / 'model.keras'; "
        "print(type(keras.models.load_model(path)).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "TransformerNet\n", done.stderr


# --- What is no model


def test_a_missing_model_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="nearest: medium. Received: 'mediun'"):
        load_network("mediun")
    with pytest.raises(FileNotFoundError, match="`model` must be .* Received: '.*'") as error:
        load_network(tmp_path)
    assert "nearest" not in str(error.value)


def corrupt(data):
    """Damages the weights, which lie in the middle, and leaves the zip's directory as it is."""
    middle = len(data) // 2
    return data[:middle] + bytes(100) + data[middle + 100 :]


@pytest.mark.parametrize(
    "change",
    [corrupt, lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"no model"],
    ids=["corrupt", "half", "empty", "text"],
)
def test_damaged_files_are_refused_in_one_sentence(saved, tmp_path, change):
    path = tmp_path / "model.keras"
    path.write_bytes(change(saved.read_bytes()))
    with pytest.raises(ValueError, match="`model` must be a Keras file .*Received: '") as error:
        load_network(path)
    assert str(path) in str(error.value)
    assert "accessible" not in str(error.value)  # a file that is there was not "not found"


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("notes.txt", "no model")
    with pytest.raises(ValueError, match="`model` must be a Keras file .*Received: '"):
        load_network(tmp_path)


def test_other_networks_are_refused(tmp_path):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.save(tmp_path / "model.keras")
    with pytest.raises(
        ValueError,
        match="TransformerNet, CollectionNet, MannerNet, AdaIN are such .*a Sequential is not",
    ):
        load_network(tmp_path)


# --- What asks for more than it is


def rezip(path, saved, change_config=lambda text: text, **kept):
    """Writes a model's file anew, its config changed, or with other members."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = change_config(data.decode()).encode()
            new.writestr(name, kept.get(name.partition(".")[0], data))
    return path


def replace_argument(name, value):
    def change(text):
        config = json.loads(text)
        config["config"][name] = value
        return json.dumps(config)

    return change


def test_a_file_packed_anew_is_the_same(saved, tmp_path):
    again = load_network(rezip(tmp_path / "model.keras", saved))
    assert_same_weights(load_network(saved), again)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", 1_000_000),
        ("blocks", -1),
        ("blocks", 2.5),
        ("blocks", None),
        ("width", 1000.0),
        ("width", 1e308),
        ("width", float("nan")),
        ("width", "wide"),
        ("styles", 10**9),
        ("styles", [str(number) for number in range(10**5)]),
        ("styles", [["a"], ["b"]]),
        ("styles", {"a": 1}),
        ("name", 3),
        ("other", 3),
    ],
)
def test_a_network_larger_than_its_file_is_not_built(saved, tmp_path, name, value):
    start = time.monotonic()
    path = rezip(tmp_path / "model.keras", saved, replace_argument(name, value))
    with pytest.raises(ValueError, match=SENTENCE) as error:
        load_network(path)
    assert len(str(error.value)) < 500 + len(str(path))
    assert time.monotonic() - start < 10


def test_networks_count_their_weights_before_they_are_made(network):
    assert TransformerNet.count_weights(network.get_config()) == network.count_params()
    for other in (MannerNet(1 / 8, 1, 7), MannerNet()):
        assert MannerNet.count_weights(other.get_config()) == other.count_params()


@pytest.mark.parametrize("member", ["config", "model", "metadata"])
def test_a_file_that_unpacks_to_much_is_not_unpacked(saved, tmp_path, member):
    path = rezip(tmp_path / "model.keras", saved, **{member: b" " * 10**8})
    assert path.stat().st_size < 10**6
    with pytest.raises(ValueError, match="unpacks to many times its size|of more than"):
        load_network(path)


def test_nested_too_deeply(saved, tmp_path):
    path = rezip(tmp_path / "model.keras", saved, lambda text: "[" * 40_000)
    with pytest.raises(ValueError, match=SENTENCE):
        load_network(path)


def test_mutated_files_are_refused_in_a_sentence(saved, tmp_path):
    generator = np.random.default_rng(0)
    whole, path = bytearray(saved.read_bytes()), tmp_path / "model.keras"
    refused = 0
    for _ in range(300):
        data = whole.copy()
        for _ in range(generator.integers(1, 4)):
            # Half of them near the end, where the zip says what it holds.
            place = len(data) - 1 - int(generator.integers(generator.choice([700, len(data)])))
            data[place : place + 4] = generator.bytes(generator.integers(1, 5))
        path.write_bytes(data)
        refused += not loads(path)
    assert refused > 200


def test_mutated_configs_are_refused_in_a_sentence(saved, tmp_path):
    generator = np.random.default_rng(0)

    def mutate(text):
        place, size = generator.integers(len(text)), generator.integers(1, 6)
        instead = generator.choice(["", "0", "9", "null", '"', "}", "[", "1e9", ",", "\\u0000"])
        return text[:place] + instead + text[place + size :]

    for _ in range(15):
        loads(rezip(tmp_path / "model.keras", saved, mutate))


def loads(path):
    """Whether a file loads; else the error must be a sentence."""
    try:
        load_network(path)
    except ValueError as error:
        assert re.fullmatch(SENTENCE, str(error))
        return False
    return True
