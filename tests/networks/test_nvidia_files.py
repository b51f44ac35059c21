"""Reading the files of NVIDIA's programs. No official file could be had: all are written here."""

import zipfile

import numpy as np
import nvidia_layouts as layouts
import pytest
from generators import make_generator

from kerasart.networks import load_generator, save_network

Z = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
FAMILIES = {"pytorch": layouts.pytorch_file, "tensorflow": layouts.tensorflow_file}


@pytest.fixture(scope="module")
def generator():
    return make_generator([6, 5, 4], clamp=2.0)


@pytest.fixture(params=FAMILIES)
def write(request, tmp_path):
    """Writes a file of either family."""

    def write(generator, **settings):
        path = tmp_path / "file.pkl"
        path.write_bytes(FAMILIES[request.param](generator, **settings))
        return path

    return write


def assert_same(a, b):
    for weight, other in zip(a.weights, b.weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=0, atol=1e-6, err_msg=weight.path)
    np.testing.assert_allclose(a(Z), b(Z), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"clamp": 2.0},
        {"clamp": None, "mapping": 1, "rate": 0.02},
        {"channels": [3], "z_size": 9},
        {"classes": 3},
    ],
)
def test_both_families_give_the_same_generator(write, config):
    generator = make_generator(**{"channels": [6, 5, 4], **config})
    again = load_generator(write(generator))
    names = {"name"}
    for name in set(generator.get_config()) - names:
        assert again.get_config()[name] == generator.get_config()[name], name
    for weight, other in zip(again.weights, generator.weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=0, atol=1e-6, err_msg=weight.path)
    z = np.random.default_rng(1).normal(size=(2, generator.get_config()["z_size"]))
    label = np.eye(3)[1:] if generator.classes else None
    painted = generator(z, label=label)
    np.testing.assert_allclose(again(z, label=label), painted, rtol=0, atol=1e-5)


def test_the_source_that_files_carry_is_not_run(write, generator, tmp_path):
    sentinel = tmp_path / "ran"
    source = layouts.SOURCE.format(sentinel)
    exec(source)
    assert sentinel.exists()  # It would be there.
    sentinel.unlink()
    assert_same(load_generator(write(generator, source=source)), generator)
    assert not sentinel.exists()


def test_arrays_by_name_in_a_file_of_torch_save(generator, tmp_path):
    path, arrays = tmp_path / "file.pt", layouts.pytorch_arrays(generator)
    members, tensors = {}, {}
    for number, (name, array) in enumerate(arrays.items()):
        key = ("storage", layouts.named("torch", "FloatStorage"), str(number), "cpu", array.size)
        held = layouts.Code(layouts.code(key) + b"Q")
        steps = tuple(each // 4 for each in array.copy().strides)
        tensors[name] = layouts.tensor_of(held, 0, array.shape, steps)
        members[f"file/data/{number}"] = array.tobytes()
    members["file/data.pkl"] = layouts.pickled({"G_ema": layouts.ordered(tensors)}, 2)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    # Such a file does not say that there is a limit of magnitudes.
    again = load_generator(path)
    unlimited = make_generator([6, 5, 4])
    assert_same(again, unlimited)


def test_what_was_read_is_saved_as_our_own(write, generator, tmp_path, any_precision):
    again = load_generator(write(generator), "bfloat16")
    assert again.compute_dtype == "bfloat16"
    save_network(again, tmp_path / "mine.keras")
    np.testing.assert_allclose(load_generator(tmp_path / "mine.keras")(Z), generator(Z), atol=0.01)


# --- What is refused

SENTENCE = r"^`model` must be a file of a StyleGAN2 generator, .* \({}.*\)\. Received: '.*'$"


def refuse(path, message):
    with pytest.raises(ValueError, match=SENTENCE.format(message)):
        load_generator(path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("mapping.fc0.weight", None, "it lacks mapping.fc0.weight"),
        ("mapping.w_avg", None, "it lacks mapping.w_avg"),
        ("synthesis.b8.conv0.affine.bias", None, "it lacks synthesis.b8.conv0.affine.bias"),
        ("synthesis.b4.torgb.weight", None, "it lacks synthesis.b4.torgb.weight"),
        ("mapping.embed.weight", np.ones((7, 3)), "it has mapping.embed.weight, which is none"),
        ("mapping.embed.bias", np.ones(7), "it has mapping.embed.bias, which is none"),
        ("synthesis.b8.skip.weight", np.ones((5, 6, 1, 1)), "it has synthesis.b8.skip.weight"),
        ("synthesis.b8.conv0.weight", np.ones((5, 5, 3, 3)), "its synthesis.b8.conv0.weight has"),
        ("synthesis.b16.torgb.weight", np.ones((3, 9, 1, 1)), "its synthesis.b16"),
        ("synthesis.b8.conv1.bias", np.full(5, np.nan), "its synthesis.b8.conv1.bias has values"),
        ("synthesis.b8.conv1.resample_filter", np.ones((4, 4)), "its .*resample_filter is not"),
    ],
)
def test_every_array_is_checked(generator, tmp_path, name, array, message):
    arrays = layouts.pytorch_arrays(generator) | {name: array}
    arrays = {name: each for name, each in arrays.items() if each is not None}
    path = tmp_path / "file.pkl"
    path.write_bytes(layouts.pytorch_file(generator, arrays=arrays))
    refuse(path, message)


def test_a_class_leaves_room_for_z(tmp_path):
    generator = make_generator([4, 3], classes=3)
    arrays = layouts.pytorch_arrays(generator)
    arrays["mapping.fc0.weight"] = arrays["mapping.fc0.weight"][:, :7]
    (tmp_path / "file.pkl").write_bytes(layouts.pytorch_file(generator, arrays=arrays))
    refuse(tmp_path / "file.pkl", "its mapping.fc0.weight leaves no z beside the class")


@pytest.mark.parametrize(
    ("family", "settings", "message"),
    [
        ("pytorch", {"activation": "relu"}, "its activation is 'relu', not lrelu or linear"),
        ("pytorch", {"architecture": "resnet"}, "its architecture is 'resnet', not skip"),
        ("pytorch", {"conv_clamp": "none"}, "its conv_clamp is"),
        ("pytorch", {"bias_gain": 0.0}, "its rate is"),
        ("tensorflow", {"resample_kernel": [1, 2, 1]}, r"its resample_kernel is \[1, 2, 1\]"),
        ("tensorflow", {"normalize_latents": False}, "its normalize_latents is False"),
    ],
)
def test_settings_that_are_not_ours_are_refused(generator, tmp_path, family, settings, message):
    path = tmp_path / "file.pkl"
    path.write_bytes(FAMILIES[family](generator, **settings))
    refuse(path, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ""),
        (b"no pickle", ""),
        (layouts.pickled({"G_ema": None}), "it holds no generator"),
        (layouts.pickled([1, 2, 3]), "it holds no generator"),
        (layouts.pickled({"G_ema": {"a": 1}}), "it holds no generator"),
        (layouts.pickled(layouts.call("os", "system", "true")), "it names os.system, which"),
        (layouts.pickled(layouts.new("dnnlib.tflib.network", "Network")), ""),
        (layouts.pickled(layouts.new("dnnlib.tflib.network", "Network", {"components": {}})), ""),
    ],
)
def test_other_files_are_refused_in_one_sentence(content, message, tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(content)
    refuse(path, message)


def test_modules_within_themselves_come_to_an_end(tmp_path):
    parts = {"_parameters": {}, "_buffers": {}}
    meta = {"state": parts}
    whole = layouts.call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)
    # The module is put into its own dict of modules: BINPUT, then BUILD with that dict.
    state = {**parts, "_modules": {"a": layouts.Code(b"h\x07"), "b": layouts.Code(b"h\x07")}}
    content = layouts.Code(whole + b"q\x07" + layouts.code(state) + b"b")
    path = tmp_path / "file.pkl"
    path.write_bytes(layouts.pickled(content))
    refuse(path, "it has more than 10000 modules")


def test_huge_claims_make_no_generator(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("kerasart.networks.nvidia_files.StyleGenerator", made.append)
    arrays = {
        "mapping.fc0.weight": np.ones((4, 4)),
        "mapping.w_avg": np.ones(4),
        "synthesis.b4.torgb.weight": np.ones((0, 10**9, 1, 1)),
    }
    path = tmp_path / "file.pkl"
    tensors = {name: layouts.tensor(each) for name, each in arrays.items()}
    path.write_bytes(layouts.pickled({"G_ema": tensors}))
    refuse(path, "it lacks")
    assert not made


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="`model` must be a file. Received: "):
        load_generator(tmp_path / "file.pkl")
