"""Networks and their trainers on Keras's JAX backend, where TensorFlow is missing."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from generators import make_generator

from kerasart.networks import AdaIN, TransformerNet

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or keras.backend.backend() != "tensorflow",
    reason="compares TensorFlow with JAX",
)

ON_JAX = """
import sys
sys.modules["tensorflow"] = None  # Who imports it now gets an ImportError.
import keras, numpy as np
from kerasart.backbones import load_backbone
from kerasart.networks import (
    AdaIN, AdaINTrainer, CollectionNet, CollectionTrainer, GeneratorTrainer, StyleTrainer,
    TransformerNet
)
from kerasart.networks.critic import Critic
from kerasart.objectives import Content, Gram, Judgement, Moments, TotalVariation
from kerasart.optimization import Evaluator, style_targets

assert keras.backend.backend() == "jax"
folder = sys.argv[1]
with np.load(f"{folder}/pictures.npz") as pictures:
    photo, style = pictures["photo"], pictures["style"]
transformer = keras.saving.load_model(f"{folder}/transformer.keras")
adain = AdaIN()
adain.load_weights(f"{folder}/adain.weights.h5")
generator = keras.saving.load_model(f"{folder}/generator.keras")
mixture = np.float32([[0.5, 0.5]])
np.savez(
    f"{folder}/painted.npz",
    transformer=transformer(photo, mixture),
    adain=adain(photo, style),
    generator=generator(np.eye(2, 6, dtype=np.float32), truncation=0.7),
)

def train(trainer, style):
    trainer.compile(keras.optimizers.Adam(1e-3))
    data = {"photo": np.concatenate([photo] * 4), "style": style}
    history = trainer.fit(data, batch_size=2, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0]) and trainer.optimizer.iterations == 2
    return list(history)

objective = Content("fire3") + Gram("conv1") + TotalVariation()
backbone = load_backbone("squeezenet")
targets = style_targets(Evaluator(backbone.cut(objective.layers), objective), photo, [style], [1.0])
trainer = StyleTrainer(transformer, backbone, objective, [targets] * 2, np.full((3, 3), 1e-3), 1.0)
names = train(trainer, np.array([0, 1, 2, 1], np.int32))
assert set(names) == {"loss", "stability", *objective.names}

objective = Content("block4_conv1") + Moments("block1_conv1")
trainer = AdaINTrainer(adain, load_backbone("vgg16"), objective, np.full(2, 1e-3))
train(trainer, np.concatenate([style] * 4))

network, objective = CollectionNet(2, 1 / 8, 1), Content("fire3") + Judgement("conv1")
critic = Critic({"conv1": backbone.channels("conv1")}, 2)
trainer = CollectionTrainer(network, backbone, objective, critic)
pictures = keras.ops.image.resize(np.concatenate([style] * 4), photo.shape[1:3])
names = train(trainer, {"picture": np.array(pictures), "number": np.array([0, 1, 0, 1], np.int32)})
assert {"critic", "accuracy"} < set(names)

pictures = np.array(keras.ops.image.resize(np.concatenate([style] * 4), (32, 32)))
trainer = GeneratorTrainer(generator, backbone, ["conv1"], pictures)
trainer.compile(keras.optimizers.Adam(1e-3))
history = trainer.fit({"picture": pictures}, batch_size=2, verbose=0).history
assert np.isfinite(history["loss"][0]) and history["augmented"][0] >= 0
assert np.abs(generator.mean_w - trainer.average.mean_w).max() > 0

def losses():
    keras.utils.set_random_seed(0)
    objective, network = Content("fire3") + Gram("conv1"), TransformerNet(1, 1 / 8, 1)
    given = [targets[:2]], np.full((2, 2), 1e-3)
    trainer = StyleTrainer(network, load_backbone("squeezenet"), objective, *given)
    trainer.compile(keras.optimizers.SGD(1e-3))
    photos = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    data = {"photo": photos, "style": np.ones(2, np.int32)}
    history = trainer.fit(data, batch_size=2, epochs=3, verbose=0, shuffle=False).history
    return history["loss"], len(network.weights[0].value.sharding.device_set)

one, devices = losses()
assert devices == 1
keras.distribution.set_distribution(keras.distribution.DataParallel())
two, devices = losses()
assert devices == 2
np.testing.assert_allclose(two, one, rtol=1e-5)
"""


def test_jax_paints_the_same_and_trains_without_tensorflow(tmp_path):
    generator = np.random.default_rng(0)
    photo, style = (generator.random((1, *size, 3), np.float32) for size in ((32, 36), (24, 32)))
    np.savez(tmp_path / "pictures.npz", photo=photo, style=style)
    keras.utils.set_random_seed(0)
    transformer, adain, generator = TransformerNet(2, 1 / 8, 1), AdaIN(), make_generator()
    generator.save(tmp_path / "generator.keras")
    transformer.save(tmp_path / "transformer.keras")
    adain.save_weights(tmp_path / "adain.weights.h5")
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, tmp_path],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "painted.npz") as painted:
        mixture = np.float32([[0.5, 0.5]])
        np.testing.assert_allclose(
            painted["transformer"], transformer(photo, mixture), rtol=0, atol=1e-4
        )
        np.testing.assert_allclose(painted["adain"], adain(photo, style), rtol=0, atol=1e-4)
        expected = generator(np.eye(2, 6, dtype=np.float32), truncation=0.7)
        np.testing.assert_allclose(painted["generator"], expected, rtol=0, atol=1e-4)
