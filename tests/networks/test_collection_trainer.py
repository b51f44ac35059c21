from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from network_checks import train_twice

from kerasart.applications.fast_style_training import make_trainer
from kerasart.networks import (
    CollectionNet,
    CollectionTrainer,
    TransformerNet,
    load_network,
    save_network,
)
from kerasart.objectives import Content, Judgement
from kerasart.settings.style import FastStyleSettings

SIZE, LAYERS = 32, ("block1_conv1", "block1_conv2")
SETTINGS = FastStyleSettings(
    content_layers={"block2_conv1": 1.0},
    style_layers=dict.fromkeys(LAYERS, 1.0),
    content_strength=0.02,
    size=SIZE,
)


def noise(count, seed=0):
    """Photos: blue noise."""
    random = np.random.default_rng(seed).random((count, SIZE, SIZE, 3))
    return (random * [0.2, 0.3, 0.9]).astype(np.float32)


def stripes(count, seed=0):
    """A collection: red stripes, each picture's at another place and of another width."""
    random, rows = np.random.default_rng(seed), np.arange(SIZE)[:, None, None]
    waves = [np.sin(rows / random.uniform(1, 2) + random.uniform(0, 6)) for _ in range(count)]
    colours = np.array([0.9, 0.2, 0.2])
    pictures = [np.tile(0.5 + 0.4 * wave, (1, SIZE, 1)) * colours for wave in waves]
    return np.stack(pictures).astype(np.float32)


def batch_of(count=2, seed=0, numbers=(0, 1)):
    numbers = np.resize(np.array(numbers, np.int32), count)
    return {
        "photo": noise(count, seed),
        "style": {"picture": stripes(count, seed), "number": numbers},
    }


@pytest.fixture
def make(slim_vgg16):
    def make(collections=2, run_eagerly=True, rate=5e-3, **settings):
        keras.utils.set_random_seed(0)
        names = [str(number) for number in range(collections)]
        network = CollectionNet(names, 1 / 8, 1)
        examples = noise(4)[:, None], stripes(4)[:, None]
        chosen = replace(SETTINGS, **settings)
        trainer = make_trainer(network, *examples[::-1], slim_vgg16, chosen, "float32")
        trainer.compile(keras.optimizers.Adam(rate, *trainer.betas), run_eagerly=run_eagerly)
        return trainer

    return make


def test_the_objective_is_the_content_and_a_judgement_of_each_style_layer(make):
    kinds = [type(term) for term in make().objective.terms]
    assert kinds == [Content, Judgement, Judgement]


def test_an_untrained_network_paints_the_photo(make):
    batch = batch_of()
    photos = np.clip(batch["photo"], 1 / 255, 1 - 1 / 255)
    np.testing.assert_allclose(make()(batch), photos, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"), [("style_loss", "moments"), ("style_weight", 1.0), ("content_weight", 1.0)]
)
def test_what_compares_with_one_style_is_refused(slim_vgg16, name, value):
    settings = replace(SETTINGS, **{name: value})
    with pytest.raises(ValueError, match=f"`{name}` must be left out for collections.*{value}"):
        CollectionTrainer.make_objective(CollectionNet(1, 1 / 8, 1), slim_vgg16, settings)


def test_a_bound_needs_content_and_a_collection(slim_vgg16, make):
    with pytest.raises(ValueError, match="`content_strength` must be more than 0 where"):
        make(content_bound=0.5, content_strength=0.0)
    settings = replace(SETTINGS, content_bound=0.5, style_layers={"block2_conv1": 1.0})
    arguments = noise(1)[:, None], noise(1)[:, None], slim_vgg16, settings
    with pytest.raises(ValueError, match="`content_bound` must be left out but for collections"):
        make_trainer(TransformerNet(1, 1 / 8, 1), *arguments)


def test_a_factor_follows_what_its_collections_photos_lose(make):
    trainer = make(content_bound=0.5)
    strength, numbers = SETTINGS.content_strength, np.array([1, 1])
    terms = np.float32([[0.75, -7, 9], [0.25, 7, -9]]) * [strength, 1, 1]
    before = np.float32([3, 2])
    trainer.content_factors.assign(before)
    trainer._adapt_content(numbers, np.float32(terms))
    # By 0.02 for a loss of twice the bound. What was measured has the factor in it.
    moves = 0.02 * (np.array([0.75, 0.25]) / 2 / 0.5 - 1)
    expected = before * [1, np.exp(moves.sum())]
    np.testing.assert_allclose(trainer.content_factors, expected, rtol=1e-6)
    trainer._adapt_content(numbers[:1], np.float32(terms[:1]) * 1e6)
    np.testing.assert_allclose(trainer.content_factors, expected * [1, np.exp(0.06)], rtol=1e-6)


def test_content_losses_are_relative_to_the_photos_own_features(make):
    trainer, batch = make(), batch_of()
    targets, weights = trainer._targets_and_weights(batch)
    for target, weight in zip(targets, weights, strict=True):
        guide = np.asarray(target[0].guide[0])
        expected = [SETTINGS.content_strength / np.mean(guide**2), 0.5, 0.5]
        np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_a_factor_multiplies_the_content_of_its_collection_alone(make):
    trainer, batch = make(content_bound=0.5), batch_of()
    _, weights = trainer._targets_and_weights(batch)
    trainer.content_factors.assign([1, 3])
    _, changed = trainer._targets_and_weights(batch)
    np.testing.assert_array_equal(changed[0], weights[0])
    np.testing.assert_allclose(changed[1], weights[1] * np.array([3, 1, 1]), rtol=1e-6)


def test_each_loss_reaches_its_own_player_alone(make):
    trainer, batch = make(), batch_of()
    random = np.random.default_rng(0)
    trainer.network.to_rgb.kernel.assign(
        random.normal(0, 0.05, trainer.network.to_rgb.kernel.shape)
    )
    players = trainer.network.trainable_variables, trainer.critic.trainable_variables
    assert len(trainer.trainable_variables) == sum(map(len, players))
    with tf.GradientTape(persistent=True) as tape:
        painted = trainer(batch)
        features = trainer._features(painted)
        targets, weights = trainer._targets_and_weights(batch)
        of_network = trainer.objective(
            {layer: each[:1] for layer, each in features.items()}, targets[0], weights[0]
        )
        (of_critic,) = trainer._further_losses(batch, features, None)
    for loss, own, other in ((of_network, *players), (of_critic, *players[::-1])):
        own, other = (tape.gradient(loss, [v.value for v in each]) for each in (own, other))
        assert all(gradient is None for gradient in other)
        assert any(
            gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0
            for gradient in own
        )


def test_the_loss_is_of_both_players_and_logged_by_name(make):
    history = make().fit(batch_of(), batch_size=2, verbose=0).history
    judged = [f"judgement {layer}" for layer in LAYERS]
    assert set(history) == {"loss", "content block2_conv1", *judged, "critic", "accuracy"}
    parts = [history[name][0] for name in history if name not in ("loss", "accuracy")]
    assert history["loss"][0] == pytest.approx(sum(parts), rel=1e-5)
    assert 0 <= history["accuracy"][0] <= 1


def test_each_picture_is_judged_by_the_head_of_its_collection(make):
    trainer, batch = make(), batch_of()
    targets, _ = trainer._targets_and_weights(batch)
    for number in (0, 1):
        head = targets[number][1].guide
        kernel = trainer.critic.heads(np.array([number]))[LAYERS[0]].kernels[0]
        np.testing.assert_array_equal(head[2][0], kernel)


def test_a_fooled_critic_is_wrong_everywhere(make):
    trainer, pictures = make(), stripes(2)
    look = trainer._features(pictures)
    loss, accuracy = trainer.critic.loss(look, look, np.array([0, 0]), 0.0)
    assert float(accuracy) == pytest.approx(0.5, abs=0.01)  # Of both it says the same.
    assert float(loss) >= 2 * len(LAYERS)


def test_what_paints_is_the_running_mean_of_the_weights(make):
    trainer = make()
    assert trainer.result is trainer.average is not trainer.network
    assert not trainer.average.trainable_variables
    seen = [[np.array(weight) for weight in trainer.network.weights]]
    for step in range(3):
        trainer.train_on_batch(batch_of(2, step))
        seen.append([np.array(weight) for weight in trainer.network.weights])
    for number, average in enumerate(trainer.average.weights):
        mean = seen[0][number]
        for weights in seen[:-1]:  # It is a step behind.
            mean = mean + 0.005 * (weights[number] - mean)
        np.testing.assert_allclose(average, mean, rtol=1e-5, atol=1e-7)
    assert np.abs(average - seen[-1][-1]).max() > 0


def test_what_paints_can_be_trained_further(make, tmp_path):
    save_network(make().result, tmp_path / "model.keras")
    further = load_network(tmp_path / "model.keras").continued(dict.fromkeys("01", []), "float32")
    assert len(further.trainable_weights) == len(make().network.trainable_weights) > 0


def test_it_resumes_to_the_bit(make, tmp_path):
    trainer, again = make(content_bound=0.1), make(content_bound=0.1)
    trainer.train_on_batch(batch_of(2, 0))
    trainer.save_weights(tmp_path / "state.weights.h5")
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "state.weights.h5")
    for each in (trainer, again):
        each.train_on_batch(batch_of(2, 1))
    for old, new in zip(trainer.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (np.asarray(trainer.content_factors) != 1).all()
    assert len(trainer.get_weights()) > len(trainer.network.get_weights())


def distance(trainer, photos):
    """How far what is painted is from the collection in its mean colour and its stripes."""
    zeros = np.zeros(len(photos), np.int32)
    painted = np.asarray(trainer({"photo": photos, "style": {"number": zeros}}))
    real = stripes(8, seed=9)

    def describe(pictures):
        colours = pictures.mean((0, 1, 2))
        across, along = (np.abs(np.diff(pictures, axis=axis)).mean() for axis in (1, 2))
        return np.array([*colours, across - along])

    return np.linalg.norm(describe(painted) - describe(real))


def test_photos_come_to_look_like_the_collection_only_if_the_critic_learns(make):
    trainer, photos = make(1, run_eagerly=False, rate=2e-3), noise(8, seed=9)
    before, distances = distance(trainer, photos), []
    batches = [batch_of(4, step, (0,)) for step in range(40)]
    for number, learns in enumerate(train_twice(trainer, batches)):
        left = -(number + 1) % len(batches)
        if left < 20 and left % 2 == 0:
            distances.append(distance(trainer, photos))
        if left == 0:
            # The median over many steps, since the players go around each other.
            assert (np.median(distances[-10:]) < 0.4 * before) == learns
