import re
import shutil
from collections import Counter
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

from kerasart.backbones import weight_files
from kerasart.backbones.weight_files import hash_weights, load_weights


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch):
    """Saves each test the process that reads a file first, which has tests of its own."""
    monkeypatch.setattr(weight_files, "check_hdf5", lambda path: None)


def build(top=False, explicit="mixed4", filters=4, deeper=False):
    """A network with the traits of the applications': given and automatic names, a head."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="block1_conv1")(inputs)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.Conv2D(4, 1, name=explicit)(x)
    if deeper:
        x = layers.Conv2D(4, 1, name="mixed5")(x)
    if top:
        x = layers.Flatten()(x)
        x = layers.Dense(5, name="fc1")(x)
        x = layers.Dense(5)(x)
        x = layers.Dense(3, use_bias=False, name="predictions")(x)
    return randomise(keras.Model(inputs, x))


@pytest.fixture(scope="module")
def mobilenets():
    """An application with its head and without, and one without to load into."""
    build = partial(keras.applications.MobileNetV2, (32, 32, 3), 0.35, weights=None)
    return (
        randomise(build(include_top=True)),
        randomise(build(include_top=False)),
        build(include_top=False),
    )


def randomise(model):
    rng = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def fresh(**options):
    """The same network with zeros for weights and other automatic names."""
    for layer in (layers.Conv2D, layers.DepthwiseConv2D):
        layer(1, 1)
    layers.BatchNormalization()
    return zero(build(**options))


def zero(model):
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    return model


def save_keras3(model, path):
    model.save_weights(path)


def save_unnamed(model, path):
    """As the first versions of Keras 3 did it, which told no layer names."""
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        for group in file["layers"].values():
            group["vars"].attrs.pop("name", None)


def save_published(model, path, old_names=()):
    """As the published files are: flat, with automatic names that begin at 1."""
    numbers, weights = Counter(), {}
    for layer in model.layers:
        stem = re.sub(r"_\d+$", "", layer.name)
        if stem.replace("_", "") == type(layer).__name__.lower():
            numbers[stem] += 1
            name = f"{dict(old_names).get(stem, stem)}_{numbers[stem]}"
        else:
            name = layer.name
        weights[name] = {f"{name}/{weight.name}:0": weight.numpy() for weight in layer.weights}
    names = [name.encode() for name in weights]
    with h5py.File(path, "w") as file:
        # Two chunks, as Keras writes lists that are too long for one attribute.
        file.attrs["layer_names0"] = names[:2]
        file.attrs["layer_names1"] = names[2:]
        for name, tensors in weights.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [tensor.encode() for tensor in tensors]
            for tensor, values in tensors.items():
                group[tensor] = values


def save_by_keras(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def save_whole(model, path):
    legacy_h5_format.save_model_to_hdf5(model, str(path))


WRITERS = [save_keras3, save_unnamed, save_published, save_by_keras, save_whole]
NAMED_WRITERS = [writer for writer in WRITERS if writer is not save_unnamed]
every_layout = pytest.mark.parametrize("save", WRITERS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.weights.h5"


def saved(save, model, path):
    save(model, path)
    # Lets automatic names begin anew, as in another process.
    keras.backend.clear_session(free_memory=False)
    return [weight.numpy() for weight in model.weights]


def assert_holds(model, values):
    assert len(model.weights) <= len(values)
    for weight, value in zip(model.weights, values, strict=False):
        np.testing.assert_array_equal(weight.numpy(), value)


def refused(model, path, *words):
    with pytest.raises(ValueError) as caught:
        load_weights(model, path)
    message = str(caught.value)
    for word in (str(path), "what can be loaded is", "Received: ", *words):
        assert word in message
    assert "\n" not in message
    return message


def edit(path, name, values):
    """Gives one tensor other values, or takes it out, wherever a layout keeps it."""
    with h5py.File(path, "a") as file:
        del file[name]
        if values is not None:
            file[name] = values


@every_layout
@pytest.mark.parametrize("top", [False, True])
def test_loads_bit_for_bit(save, top, path):
    values = saved(save, build(top), path)
    model = fresh()
    load_weights(model, path)
    assert_holds(model, values)


@pytest.mark.parametrize("save", [save_keras3, save_published])
@pytest.mark.parametrize("top", [False, True])
def test_loads_an_application(save, top, path, mobilenets):
    whole, base, empty = mobilenets
    values = saved(save, whole if top else base, path)
    model = zero(empty)
    load_weights(model, path)
    assert_holds(model, values)


def test_loads_an_application_saved_by_keras(path, mobilenets):
    whole, _, empty = mobilenets
    values = saved(save_whole, whole, path)
    model = zero(empty)
    load_weights(model, path)
    assert_holds(model, values)


def test_loads_names_of_keras_1(path):
    old_names = {"conv2d": "convolution2d", "batch_normalization": "batchnormalization"}
    values = saved(partial(save_published, old_names=old_names), build(), path)
    with h5py.File(path) as file:
        assert {"convolution2d_1", "batchnormalization_2"} <= set(file)
    model = fresh()
    load_weights(model, path)
    assert_holds(model, values)


def test_normalization_computes_with_the_loaded_values(path):
    def normalizer():
        inputs = keras.Input((4, 4, 3))
        return keras.Model(inputs, layers.Normalization()(inputs))

    source = normalizer()
    source.weights[0].assign([1, 2, 3])
    source.weights[1].assign([4, 4, 4])
    save_published(source, path)
    model = normalizer()
    load_weights(model, path)
    np.testing.assert_allclose(model(np.ones((1, 4, 4, 3)))[0, 0, 0], [0, -0.5, -1])


def test_states_of_optimizer_and_random_generator_are_no_weights(path):
    model = build(top=True)
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(np.zeros((1, 8, 8, 3)), np.zeros((1, 3)))
    values = saved(save_keras3, model, path)
    with h5py.File(path, "a") as file:
        assert "optimizer" in file
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "uint32")
    model = fresh()
    load_weights(model, path)
    assert_holds(model, values)


@every_layout
def test_refuses_the_file_of_a_deeper_network(save, path):
    saved(save, build(deeper=True), path)
    refused(fresh(), path, "2 extra")


@every_layout
def test_refuses_the_file_of_a_shallower_network(save, path):
    saved(save, build(), path)
    refused(fresh(deeper=True), path, "2 missing (mixed5/kernel, mixed5/bias)")


@every_layout
def test_refuses_misshapen_tensors_and_keeps_the_weights(save, path):
    saved(save, build(filters=6), path)
    model = fresh()
    refused(model, path, "2 misshapen", "float32 (3, 3, 4, 6)", "(3, 3, 4, 4)")
    assert not any(weight.numpy().any() for weight in model.weights)


@pytest.mark.parametrize("save", NAMED_WRITERS)
def test_refuses_a_renamed_layer(save, path):
    saved(save, build(explicit="mixed7"), path)
    refused(fresh(), path, "2 missing (mixed4/kernel, mixed4/bias)", "2 extra")


def test_names_a_single_missing_tensor(path):
    saved(save_keras3, build(top=True), path)
    edit(path, "layers/batch_normalization/vars/1", None)
    refused(fresh(), path, "1 missing (batch_normalization", "/moving_mean)")


def test_lists_no_more_than_five(path, mobilenets):
    save_keras3(build(), path)
    message = refused(mobilenets[1], path, " missing (", " extra (", ", ...)")
    assert message.count("/layers/") == 5


def test_a_dense_layer_that_the_base_does_not_feed_is_no_head(path):
    saved(save_keras3, build(top=True), path)
    edit(path, "layers/dense/vars/0", np.ones((7, 5)))
    refused(fresh(), path, "5 extra (/layers/dense/vars/0")


def test_dense_layers_before_the_last_of_the_base_are_no_head(path):
    saved(save_published, build(top=True), path)
    with h5py.File(path, "a") as file:
        names = sorted(file.attrs["layer_names1"], key="mixed4".__eq__)
        file.attrs["layer_names1"] = [name.encode() for name in names]
    refused(fresh(), path, "5 extra (/fc1/fc1/kernel:0")


def test_dense_layers_beyond_a_base_with_dense_layers_are_no_head(path):
    def build_dense(depth):
        model = build()
        x = model.output
        for _ in range(depth):
            x = layers.Dense(4)(x)
        return keras.Model(model.input, x)

    saved(save_keras3, build_dense(2), path)
    refused(build_dense(1), path, "2 extra (/layers/dense_1/vars/0")


@every_layout
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_values_that_are_not_finite(save, value, path):
    model = build(top=True)
    kernel = model.get_layer("mixed4").kernel
    kernel.assign(np.full(kernel.shape, value))
    saved(save, model, path)
    other = fresh()
    refused(other, path, "1 non-finite (/")
    assert not any(weight.numpy().any() for weight in other.weights)


def test_refuses_values_that_overflow_float32(path):
    saved(save_keras3, build(), path)
    edit(path, "layers/conv2d_1/vars/0", np.full((3, 3, 4, 4), 1e300))
    refused(fresh(), path, "1 non-finite (/layers/conv2d_1/vars/0)")


def test_refuses_tensors_that_are_no_numbers(path):
    saved(save_keras3, build(), path)
    edit(path, "layers/conv2d/vars/1", [b"zero"] * 4)
    refused(fresh(), path, "1 misshapen (/layers/conv2d/vars/1 with object (4,)")


@every_layout
def test_refuses_a_truncated_file(save, path):
    saved(save, build(), path)
    path.write_bytes(path.read_bytes()[:-4000])
    refused(fresh(), path, "truncated")


def test_refuses_a_legacy_file_without_a_tensor_that_it_lists(path):
    saved(save_published, build(), path)
    edit(path, "block1_conv1/block1_conv1/bias:0", None)
    refused(fresh(), path, "damaged", "block1_conv1/bias:0")


def test_refuses_a_file_with_damaged_names(path):
    saved(save_keras3, build(), path)
    with h5py.File(path, "a") as file:
        file.create_group(b"layers/\xff")
    refused(fresh(), path, "damaged")


def test_refuses_hdf5_of_another_layout(path):
    with h5py.File(path, "w") as file:
        file["features"] = [1.0]
    refused(build(), path, "is not laid out", "['features']")


@pytest.mark.parametrize(
    ("content", "word"), [(b"block1_conv1 0.5", "b'block1_c'"), (b"", "is empty")]
)
def test_refuses_text_and_nothing(content, word, path):
    path.write_bytes(content)
    refused(build(), path, word)


def test_refuses_a_keras_archive(path, tmp_path):
    save_keras3(build(), path)
    archive = shutil.copy(path, tmp_path / "network.keras")
    refused(build(), archive, "the ending '.keras'")


def test_refuses_a_folder(tmp_path):
    refused(build(), tmp_path, "is a folder")


def test_a_missing_file_is_told_in_one_sentence(path):
    with pytest.raises(FileNotFoundError) as caught:
        load_weights(build(), str(path))
    assert str(caught.value).startswith(f"The weights file '{path}' does not exist; ")
    assert str(caught.value).endswith(f"Received: path '{path}'")


def test_hash_tells_weights_apart_but_not_names():
    model, same = build(), build()
    assert [layer.name for layer in model.layers] != [layer.name for layer in same.layers]
    assert hash_weights(model) == hash_weights(same)
    assert len(hash_weights(model)) == 16 and int(hash_weights(model), 16)
    bias = model.get_layer("mixed4").bias
    bias.assign(np.nextafter(bias.numpy(), np.float32(9)))
    assert hash_weights(model) != hash_weights(same)


def test_hash_tells_shapes_apart():
    def zeros(shape):
        inputs = keras.Input(shape)
        return keras.Model(inputs, layers.Dense(6 // shape[0], use_bias=False)(inputs))

    models = [zeros((2,)), zeros((3,))]
    for model in models:
        model.weights[0].assign(np.zeros(model.weights[0].shape))
    assert hash_weights(models[0]) != hash_weights(models[1])
