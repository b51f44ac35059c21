import contextlib
import ctypes
import gc
import os
import socket
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# oneDNN's own pool never gives memory back, so that a process would hold the most of every test.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

# Workers share the cores: threads of each would wait for those of the others.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest

# A test that starts a script while a server runs in it forks: gRPC's own handling of that can
# bring the new process down before it is the script.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# For `benchmarks` and `references`; last, since an installed kerasart goes before the checkout's.
sys.path.append(str(Path(__file__).parents[1]))

# Files that take longest. They are begun with, so that no worker is left alone with one at the end;
# before them the one that takes most memory, while its worker is small.
LONGEST = (
    "test_backbone.py",
    "test_style_transfer.py",
    "test_style_transfer_script.py",
    "test_deep_dream_script.py",
    "test_train_fast_style_script.py",
    "test_saved_model.py",
    "test_dreamer.py",
    "test_style_trainer.py",
    "test_deep_dream.py",
    "test_fast_style_training.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collects the tests without looks for garbage, which would take half the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # What is imported stays.
        gc.enable()


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONGEST)))


@pytest.fixture(autouse=True, scope="module")
def memory_given_back():
    """Lets go of what the tests of the module before made; graphs and networks are cycles."""
    if "kerasart.recent" in sys.modules:
        sys.modules["kerasart.recent"].forget()
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()  # It collects garbage, too.
    gc.freeze()  # What is left stays: garbage is collected faster without a look at it.
    if sys.platform == "linux":
        # The C library keeps what is freed.
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def eagerly():
    """Computes without a graph, for runs so short that to trace one takes longer."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def plain_convolutions(monkeypatch):
    """Leaves networks that are asked for no features as they are: to make one fast takes long."""
    monkeypatch.setattr("kerasart.backbones.graph_surgery.speed_up", lambda layer: None)


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """No network, no weights of the user's, no GPU."""
    names = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "tf_cpp_min_log_level"}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in names}
    nowhere = "http://127.0.0.1:9"  # A port that refuses: what the internet is without a network.
    proxies = {"http_proxy": nowhere, "https_proxy": nowhere}
    keras_home = str(tmp_path_factory.mktemp("keras"))
    return kept | proxies | {"KERAS_HOME": keras_home, "CUDA_VISIBLE_DEVICES": "-1"}


@pytest.fixture(scope="session")
def forks(environment):
    """Starts processes that have TensorFlow loaded already."""
    from forks import ForkServer

    applications = ("dream_animation", "fast_style", "fast_style_training", "style_transfer")
    modules = [f"kerasart.applications.{name}" for name in applications]
    with ForkServer(environment, *modules) as server:
        yield server


@pytest.fixture(scope="session")
def cat():
    """The bundled photo of a cat, (1, 300, 451, 3)."""
    from kerasart.image.samples import read_sample

    return read_sample("cat").image


@pytest.fixture(scope="session")
def face(cat):
    """96x96 pixels of the cat's face."""
    return cat[:, 30:126, 100:196]


@pytest.fixture(scope="session")
def squeezenet():
    from kerasart.backbones import load_backbone

    return load_backbone("squeezenet")


@pytest.fixture(scope="session")
def vgg16():
    from kerasart.backbones import load_backbone

    return load_backbone("vgg16")


@pytest.fixture(scope="session")
def toy():
    """A random backbone that is quick to trace, for what any backbone shows."""
    import keras

    from kerasart.backbones import Backbone

    image = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(16, 5, 2, activation="relu", name="conv1")(image)
    features = keras.layers.MaxPooling2D(name="pool1")(features)
    for name in ("conv2", "conv3", "conv4"):
        features = keras.layers.Conv2D(24, 3, padding="same", activation="relu", name=name)(
            features
        )
    model = randomise(keras.Model(image, features), seed=1)
    return Backbone("toy", model, lambda pixels: pixels - 128, "random")


@pytest.fixture(scope="session")
def slim_vgg16():
    """VGG16 of an eighth of the channels, random: for what asks for its layers by name."""
    import keras

    from kerasart.backbones import Backbone

    image = features = keras.Input((None, None, 3))
    for block, (count, channels) in enumerate(((2, 8), (2, 16), (3, 32), (3, 64), (3, 64)), 1):
        for i in range(1, count + 1):
            name = f"block{block}_conv{i}"
            features = keras.layers.Conv2D(
                channels, 3, padding="same", activation="relu", name=name
            )(features)
        features = keras.layers.MaxPooling2D(name=f"block{block}_pool")(features)
    model = randomise(keras.Model(image, features), seed=2)
    preprocess = keras.applications.vgg16.preprocess_input
    return Backbone("vgg16", model, preprocess, "random")


@pytest.fixture(scope="session")
def bundled_inception():
    from kerasart.backbones import load_backbone

    return load_backbone("inception_v3")


@pytest.fixture(scope="session")
def inception_model():
    """Keras's own InceptionV3, random, with batch statistics that do something."""
    import keras

    from kerasart.backbones.graph_surgery import rename_layers

    model = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    rename_layers(model)
    return randomise(model)


@pytest.fixture(scope="session")
def inception(inception_model):
    """The backbone with the weights of `inception_model`."""
    import keras

    from kerasart.backbones import Backbone

    preprocess = keras.applications.inception_v3.preprocess_input
    return Backbone("inception_v3", inception_model, preprocess, "random")


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No cached weights, and no network; the list of the servers that were asked for."""
    import keras  # noqa: F401 (it must be there to be changed)

    asked = []

    def refuse(host, *args, **kwargs):
        asked.append(host)
        raise socket.gaierror("no network in this test")

    # Keras reads KERAS_HOME only once, when it is imported.
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


@pytest.fixture(scope="session")
def tiny_network():
    """A `TransformerNet` of the styles a, b and c that is quick to trace, and does something."""
    import keras

    from kerasart.networks import TransformerNet

    keras.utils.set_random_seed(0)
    network = TransformerNet(["a", "b", "c"], width=1 / 16, blocks=2)
    generator = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(variable + generator.normal(0, 0.1, variable.shape).astype(np.float32))
    return network


@pytest.fixture(scope="session")
def adain():
    import keras

    from kerasart.networks import AdaIN

    keras.utils.set_random_seed(0)
    network = AdaIN()
    network.to_rgb.kernel.assign(2 * network.to_rgb.kernel)  # At first it paints almost grey.
    return network


@pytest.fixture(scope="session")
def manner():
    """A small `MannerNet`, random, whose codes tell pictures apart."""
    import keras

    from kerasart.networks import MannerNet

    keras.utils.set_random_seed(0)
    network = MannerNet(width=1 / 8, blocks=2, code_size=5)
    generator = np.random.default_rng(0)
    for layer in network.encoder.convolutions:
        inputs = 1 if isinstance(layer, keras.layers.DepthwiseConv2D) else layer.kernel.shape[2]
        spread = np.sqrt(2 / (inputs * np.prod(layer.kernel_size)))
        layer.kernel.assign(generator.normal(0, spread, layer.kernel.shape).astype(np.float32))
    for block in (*network.residual, *network.up, network.to_rgb):
        for table in (block.normalise.gamma, block.normalise.beta):
            table.assign(table + generator.normal(0, 0.1, table.shape).astype(np.float32))
    network.set_weights([each.astype(np.float16) for each in network.get_weights()])  # As in files.
    return network


@pytest.fixture(scope="session", params=["tiny_network", "manner", "adain"])
def style_network(request):
    """Each network that paints in one pass."""
    return request.getfixturevalue(request.param)


@contextlib.contextmanager
def as_traced():
    """Runs graphs as they were traced: to optimise each signature's takes longer than all else.

    Servers do that in any case, and so does the loader that some tests run models by.
    """
    import tensorflow as tf

    options = tf.config.optimizer
    before = options.get_experimental_options().get("disable_meta_optimizer", False)
    options.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        options.set_experimental_options({"disable_meta_optimizer": before})


@pytest.fixture(scope="module")
def graphs_as_traced():
    with as_traced():
        yield


@pytest.fixture(scope="session")
def exported(tiny_network, tmp_path_factory):
    """The `tiny_network` as a server loads it, for pictures of up to 1650x1650 pixels."""
    from kerasart.export.saved_model import export_network

    folder = tmp_path_factory.mktemp("served") / "few"
    with as_traced():
        return export_network(tiny_network, folder, most_pixels=1650**2)


def randomise(model, seed=0):
    """Gives every tensor of a network random values that keep its features near 1."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if len(shape) == 4:
                depthwise = type(layer).__name__ == "DepthwiseConv2D"
                fan_in = shape[0] * shape[1] * (1 if depthwise else shape[2])
                value = generator.normal(0, np.sqrt(2 / fan_in), shape)
            elif variable.name in ("gamma", "moving_variance"):
                value = generator.uniform(0.5, 1.5, shape)
            else:
                value = generator.normal(0, 0.2, shape)
            variable.assign(value.astype(np.float32))
    return model


@pytest.fixture(scope="session", name="randomise")
def randomise_fixture():
    return randomise
