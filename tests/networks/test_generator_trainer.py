import keras
import numpy as np
import pytest
import tensorflow as tf
from network_checks import train_twice

from benchmarks.collections import kid
from kerasart.networks import StyleGenerator
from kerasart.networks.adaptive_augmentation import AdaptiveAugmentation
from kerasart.networks.generator_trainer import GeneratorTrainer

SIZE, LAYERS = 16, ("block1_conv1", "block1_conv2", "block2_conv1")
Z = np.random.default_rng(1).normal(size=(64, 16)).astype(np.float32)


def stripes(count, seed=0):
    """A collection: red stripes, each picture's at another place and of another width."""
    random, rows = np.random.default_rng(seed), np.arange(SIZE)[:, None, None]
    waves = [np.sin(rows / random.uniform(1, 2) + random.uniform(0, 6)) for _ in range(count)]
    colours = np.array([0.9, 0.2, 0.2])
    pictures = [np.tile(0.5 + 0.4 * wave, (1, SIZE, 1)) * colours for wave in waves]
    return np.stack(pictures).astype(np.float32)


def batch_of(count=2, seed=0):
    return {"picture": stripes(count, seed)}


@pytest.fixture
def make(slim_vgg16):
    def make(run_eagerly=True, augmentation=None):
        keras.utils.set_random_seed(0)
        network = StyleGenerator([16, 12, 8], 16, 16, 2)
        trainer = GeneratorTrainer(
            network, slim_vgg16, LAYERS, stripes(16), augmentation, "float32"
        )
        trainer.compile(keras.optimizers.Adam(5e-3, *trainer.betas), run_eagerly=run_eagerly)
        return trainer

    return make


def test_each_loss_reaches_its_own_player_alone(make, monkeypatch):
    trainer, batch = make(), batch_of()
    players = trainer.network.trainable_variables, trainer.critic.trainable_variables
    assert len(trainer.trainable_variables) == sum(map(len, players))
    heads = trainer.critic.heads

    def without_generator(numbers, frozen=False):
        return {} if frozen else heads(numbers)

    # The loss of one player is left out: that of the other reaches itself, and all of itself.
    for part, left_out, own in (
        ("loss", lambda *arguments: (0.0, 0.5), 0),
        ("heads", without_generator, 1),
    ):
        with monkeypatch.context() as patch, tf.GradientTape() as tape:
            patch.setattr(trainer.critic, part, left_out)
            loss = trainer.compute_loss(batch, y_pred=trainer(batch))
        found = tape.gradient(loss, [[v.value for v in each] for each in players])
        assert all(gradient is not None for gradient in found[own])
        assert all(gradient is None for gradient in found[1 - own])


def test_the_losses_are_logged_by_name(make):
    history = make().fit(batch_of(4), batch_size=2, verbose=0).history
    assert set(history) == {"loss", "generator", "critic", "accuracy", "augmented"}
    assert history["loss"][0] == pytest.approx(
        history["generator"][0] + history["critic"][0], rel=1e-5
    )


def test_running_means_of_weights_and_of_styles(make):
    trainer = make()
    assert trainer.result is trainer.average and not trainer.average.trainable_variables
    seen = [trainer.network.get_weights()]
    for step in range(2):
        trainer.train_on_batch(batch_of(2, step))
        seen.append(trainer.network.get_weights())
    assert np.abs(trainer.network.mean_w).max() > 0
    own = trainer.network.convolutions[0].convolve.kernel
    kernel = next(i for i, weight in enumerate(trainer.network.weights) if weight is own)
    mean = seen[0][kernel]
    for weights in seen[:-1]:  # It is a step behind.
        mean = mean + 0.005 * (weights[kernel] - mean)
    np.testing.assert_allclose(trainer.average.weights[kernel], mean, rtol=1e-5, atol=1e-6)


def test_a_critic_that_is_right_changes_what_it_sees(make):
    trainer = make(augmentation=AdaptiveAugmentation(accuracy=0.0, pictures=8))
    for step in range(3):
        trainer.train_on_batch(batch_of(2, step))
    assert float(trainer.augmentation.probability) == pytest.approx(0.75)


def test_it_resumes_to_the_bit(make, tmp_path):
    trainer, again = make(), make()
    trainer.train_on_batch(batch_of())
    trainer.save_weights(tmp_path / "state.weights.h5")
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "state.weights.h5")
    for each in (trainer, again):
        each.train_on_batch(batch_of(2, 1))
    for old, new in zip(trainer.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pictures_come_to_look_like_the_collection_only_if_the_critic_learns(make, toy):
    look = toy.cut(("conv1", "conv3"), "float32")

    def describe(pictures):
        """Means and deviations of what another network sees than the critic's."""
        features = [np.asarray(each) for each in look(pictures).values()]
        moments = [f(each, axis=(1, 2)) for each in features for f in (np.mean, np.std)]
        return np.concatenate(moments, axis=1)

    real = describe(stripes(64, 9))
    scale = real.std(0) + real.std(0).mean() + 0.1 * np.abs(real).mean()
    trainer = make(run_eagerly=False)

    def distance():
        painted = describe(trainer.network(Z).numpy())
        return kid((painted - real.mean(0)) / scale, (real - real.mean(0)) / scale)

    before, steps = distance(), 24
    for number, learns in enumerate(
        train_twice(trainer, [batch_of(8, i) for i in range(steps)]), 1
    ):
        if number % steps == 0:
            assert (distance() < 0.1 * before) == learns


def test_a_layer_that_is_none_is_refused(slim_vgg16):
    network = StyleGenerator([4, 3], 4, 4, 1)
    with pytest.raises(ValueError, match="`layers` must name layers of vgg16 .* Received: 'none'"):
        GeneratorTrainer(network, slim_vgg16, ["none"], stripes(1), precision="float32")


def test_a_generator_of_classes_is_not_trained(slim_vgg16):
    from kerasart.applications.generator_training import plan_generator_training
    from kerasart.settings.generator import GeneratorSettings

    generator = StyleGenerator([4, 3], 4, 4, 1, classes=3)
    message = "`network` must be a generator without classes. Received: 'one of 3'"
    with pytest.raises(ValueError, match=message):
        plan_generator_training([], slim_vgg16, GeneratorSettings(), generator)
