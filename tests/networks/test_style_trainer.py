import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasart.networks import (
    AdaIN,
    AdaINTrainer,
    MannerNet,
    MannerTrainer,
    StyleTrainer,
    TransformerNet,
)
from kerasart.networks.ops import repeat_for_levels
from kerasart.objectives import Content, Gram, Moments, Target, TotalVariation, Wasserstein
from kerasart.optimization import Evaluator, style_targets

SIZE = 64
STYLES = np.random.default_rng(0).random((2, 1, 40, 48, 3), np.float32) ** [[[[[1]]]], [[[[3]]]]]
STYLES = STYLES.astype(np.float32)
OBJECTIVE = Content("fire3") + Gram("conv1") + Gram("fire3") + TotalVariation() + Content("image")
# Of the photo, and of each style; they make all terms about as large.
WEIGHTS = np.float32([[1e-3, 0, 0, 0, 5], [1e-3, 1e-8, 1e-6, 0.1, 0], [2e-3, 1e-8, 1e-6, 0.2, 0]])


@pytest.fixture(scope="module")
def photos(cat):
    return np.concatenate([cat[:, 30:94, 100:164], cat[:, 200:264, 300:364]])


@pytest.fixture(scope="module")
def targets(squeezenet, photos):
    evaluator = squeezenet.cut(OBJECTIVE.layers)
    return [
        style_targets(Evaluator(evaluator, OBJECTIVE), photos[:1], [style], [1.0])
        for style in STYLES
    ]


@pytest.fixture
def make(squeezenet, targets):
    """Makes trainers; of a few steps each takes less than the graph of one would take to build."""

    def make(stability=0.0, dtype="float32", run_eagerly=True, **options):
        keras.utils.set_random_seed(0)
        network = TransformerNet(2, 1 / 8, 1, dtype=dtype)
        trainer = StyleTrainer(
            network, squeezenet, OBJECTIVE, targets, WEIGHTS, stability, "float32", **options
        )
        trainer.compile(keras.optimizers.Adam(1e-2), run_eagerly=run_eagerly)
        return trainer

    return make


def batch_of(photos, styles=(1, 2)):
    return {"photo": photos, "style": np.array(styles, np.int32)}


def fit(trainer, data, epochs=1, callbacks=()):
    return trainer.fit(
        data, batch_size=2, epochs=epochs, verbose=0, shuffle=False, callbacks=list(callbacks)
    ).history


def test_the_loss_falls_and_terms_are_logged_by_name(make, photos):
    history = fit(make(stability=10.0, run_eagerly=False), batch_of(photos), epochs=5)
    assert set(history) == {"loss", "stability", *OBJECTIVE.names}
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    parts = sum(np.array(history[name]) for name in history if name != "loss")
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-4)
    assert history["stability"][0] > 0


def test_for_consistency_the_noise_stays_where_it_is(make, photos, monkeypatch):
    trainer, painted = make(stability=10.0), []
    paint = trainer._paint

    def record(*arguments):
        painted.append(arguments)
        return paint(*arguments)

    monkeypatch.setattr(trainer, "_paint", record)
    trainer._instability(batch_of(photos), photos)
    ((photo, _, offset),) = painted
    cut_off = SIZE - photo.shape[1]
    assert cut_off > 0
    np.testing.assert_array_equal(offset * trainer.network.stride, [cut_off / 2] * 2)


def test_same_seed_same_result(make, photos):
    first, again = (fit(make(stability=10.0), batch_of(photos), epochs=2)["loss"] for _ in "ab")
    np.testing.assert_allclose(first, again, rtol=1e-4)


@pytest.mark.parametrize("styles", [(1, 2), (2, 0), (0, 0)])
def test_the_loss_is_the_objectives_mean_over_the_batch(make, squeezenet, targets, photos, styles):
    trainer, evaluator = make(), squeezenet.cut(OBJECTIVE.layers)
    painted = trainer(batch_of(photos, styles))
    expected = []
    for i, style in enumerate(styles):
        content = evaluator(photos[i : i + 1])
        # A photo's own weights leave out what a style's target would say.
        wanted = [
            Target(guide=(content[term.layer],)) if isinstance(term, Content) else target
            for term, target in zip(OBJECTIVE.terms, targets[max(style, 1) - 1], strict=True)
        ]
        expected.append(OBJECTIVE(evaluator(painted[i : i + 1]), wanted, WEIGHTS[style]))
    terms = np.mean(expected, axis=0)
    loss = trainer.compute_loss(batch_of(photos, styles), y_pred=painted)
    assert float(loss) == pytest.approx(terms.sum(), rel=1e-4)
    logged = trainer.get_metrics_result()
    np.testing.assert_allclose([logged[name] for name in OBJECTIVE.names], terms, rtol=1e-4)


def test_each_photo_is_painted_in_its_style(make, photos):
    trainer = make()
    painted = trainer(batch_of(photos, (2, 0)))
    mixtures = repeat_for_levels(np.float32([[0, 0, 1], [1, 0, 0]]))
    np.testing.assert_allclose(painted, trainer.network.forward(photos, mixtures), atol=1e-6)


def test_a_photo_that_stays_itself_has_a_gradient_with_any_style_term(squeezenet, photos):
    objective = Content("image") + Wasserstein("fire3")
    evaluator = squeezenet.cut(objective.layers)
    targets = [style_targets(Evaluator(evaluator, objective), photos[:1], [STYLES[0]], [1.0])]
    trainer = StyleTrainer(
        TransformerNet(1, 1 / 8, 1), squeezenet, objective, targets, [[1, 0], [1, 1]]
    )
    with tf.GradientTape() as tape:
        painted = trainer(batch_of(photos, (0, 0)))
        loss = trainer.compute_loss(batch_of(photos, (0, 0)), y_pred=painted)
    gradients = tape.gradient(loss, trainer.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert float(trainer.get_metrics_result()["style fire3"]) == 0


def test_the_network_that_looks_can_pool_by_averages(vgg16, photos):
    objective = Content("block2_conv1") + Gram("block2_conv1")
    evaluator = vgg16.cut(objective.layers, "float32", "average")
    targets = style_targets(Evaluator(evaluator, objective), photos[:1], [STYLES[0]], [1.0])
    trainer = StyleTrainer(
        TransformerNet(1, 1 / 8, 1),
        vgg16,
        objective,
        [targets],
        np.ones((2, 2)),
        0.0,
        "float32",
        "average",
    )
    batch = batch_of(photos[:1], [1])
    painted = trainer(batch)
    loss = trainer.compute_loss(batch, y_pred=painted)
    expected = np.sum(objective({**evaluator(painted)}, targets, np.ones(2)))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_a_batch_of_unknown_size_is_refused(make, photos):
    dataset = tf.data.Dataset.from_tensor_slices(batch_of(photos)).batch(2)
    with pytest.raises(ValueError, match=r"size of a batch must be known.*Received: .*\(None, 64"):
        make(run_eagerly=False).fit(dataset, verbose=0)


# --- Callbacks


def test_checkpoints_hold_what_was_learned(make, photos, tmp_path):
    path = tmp_path / "last.weights.h5"
    trainer, fresh = make(), make()
    fit(
        trainer,
        batch_of(photos),
        1,
        [keras.callbacks.ModelCheckpoint(path, save_weights_only=True)],
    )
    assert np.abs(trainer(batch_of(photos)) - fresh(batch_of(photos))).max() > 1e-3
    fresh.load_weights(path)
    np.testing.assert_array_equal(trainer(batch_of(photos)), fresh(batch_of(photos)))


def test_an_interrupted_training_goes_on_where_it_was(make, photos, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    whole = fit(make(stability=10.0), batch_of(photos), epochs=3)["loss"]
    backup = tmp_path / "backup"
    with pytest.raises(KeyboardInterrupt):
        callbacks = [keras.callbacks.BackupAndRestore(backup), Stop()]
        fit(make(stability=10.0), batch_of(photos), 3, callbacks)
    rest = fit(
        make(stability=10.0), batch_of(photos), 3, [keras.callbacks.BackupAndRestore(backup)]
    )["loss"]
    np.testing.assert_allclose(rest, whole[1:], rtol=1e-3)


# --- Precision and devices


def test_a_network_in_mixed_precision_learns_alike(make, photos):
    exact, coarse = (
        fit(make(dtype=dtype), batch_of(photos), 2)["loss"]
        for dtype in ("float32", "mixed_bfloat16")
    )
    np.testing.assert_allclose(coarse, exact, rtol=0.1)


def test_two_devices_find_the_same_loss_as_one(forks, tmp_path):
    process = forks.start(TWO_DEVICES, [""], tmp_path)
    _, words = process.communicate(timeout=300)
    assert process.returncode == 0, words.decode()[-2000:]


TWO_DEVICES = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from kerasart.backbones import load_backbone
from kerasart.networks import StyleTrainer, TransformerNet
from kerasart.networks.distribution import run_steps, sum_over_replicas
from kerasart.objectives import Content, Gram
from kerasart.optimization import Evaluator, style_targets

photos = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
objective = Content("fire3") + Gram("conv1")

def losses(strategy):
    with strategy.scope():
        backbone = load_backbone("squeezenet")
        keras.utils.set_random_seed(0)  # Not before: what was loaded already draws no numbers.
        look = backbone.cut(objective.layers)
        targets = [style_targets(Evaluator(look, objective), photos[:1], [photos[1:2]], [1.0])]
        network = TransformerNet(1, 1 / 8, 1)
        weights = [[1e-3, 0], [1e-3, 1e-7]]
        trainer = StyleTrainer(network, backbone, objective, targets, weights, 0.0, "float32")
        trainer.compile(keras.optimizers.SGD(1e-3))
    data = {"photo": photos, "style": np.array([1, 1, 0, 1], np.int32)}
    data = tf.data.Dataset.from_tensor_slices(data)
    if strategy.num_replicas_in_sync == 1:
        batches = data.batch(4, drop_remainder=True).repeat()
        history = trainer.fit(batches, steps_per_epoch=1, epochs=3, verbose=0).history
        return history["loss"], trainer

    class Log(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(logs["loss"])
            trainer.reset_metrics()
            trainer.stop_training = batch == 2

    found = []
    run_steps(trainer, lambda context: data.batch(2, drop_remainder=True).repeat(), [Log()])
    return found, trainer

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
(one, alone), (two, together) = losses(tf.distribute.get_strategy()), losses(strategy)
np.testing.assert_allclose(two, one, rtol=1e-5)
for a, b in zip(alone.network.get_weights(), together.network.get_weights()):
    np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)

@tf.function
def total():
    number = lambda: tf.distribute.get_replica_context().replica_id_in_sync_group
    return strategy.run(lambda: sum_over_replicas(tf.cast(number() + 1, tf.float32)))

assert [float(each) for each in strategy.experimental_local_results(total())] == [3, 3]
"""


# --- Any style


ADAIN_OBJECTIVE = Content("block4_conv1") + Moments("block1_conv1") + Moments("block3_conv1")
ADAIN_WEIGHTS = np.float32([1e-4, 1e-3, 1e-4])


@pytest.fixture(scope="module")
def adain_trainer(vgg16):
    keras.utils.set_random_seed(0)
    trainer = AdaINTrainer(AdaIN(), vgg16, ADAIN_OBJECTIVE, ADAIN_WEIGHTS, precision="float32")
    trainer.compile(keras.optimizers.Adam(1e-4))
    return trainer


@pytest.fixture(scope="module")
def pairs(photos):
    return {"photo": photos[:, 16:48, 16:48], "style": np.concatenate(STYLES)[:, :32, :32]}


def test_adain_compares_with_the_features_it_aims_at(adain_trainer, vgg16, pairs):
    evaluator, network = vgg16.cut(ADAIN_OBJECTIVE.layers, padding="reflect"), adain_trainer.network
    expected = []
    for i in range(2):
        photo, style = (pairs[name][i : i + 1] for name in ("photo", "style"))
        target_features = network.transfer(network.encode(photo), network.encode_style(style))
        # Where a style's statistics are wanted, they are those of the picture beside the photo.
        extended = network.ops.read(style, network.stride).numpy()
        targets = style_targets(Evaluator(evaluator, ADAIN_OBJECTIVE), photo, [extended], [1.0])
        targets[0] = Target(guide=(target_features,))
        seen = evaluator(network.ops.read(network(photo, style), network.stride))
        expected.append(ADAIN_OBJECTIVE(seen, targets, ADAIN_WEIGHTS))
    terms = np.mean(expected, axis=0)
    loss = adain_trainer.compute_loss(pairs, y_pred=adain_trainer(pairs))
    assert float(loss) == pytest.approx(terms.sum(), rel=1e-3)


def test_a_step_of_adain_looks_once_at_each_picture(adain_trainer, pairs):
    batch = {name: tf.constant(each) for name, each in pairs.items()}
    step = tf.function(adain_trainer.train_step).get_concrete_function(batch)
    pools = [each for each in step.graph.get_operations() if each.type == "MaxPool"]
    # Those of VGG16 up to block4, for the photos, the styles, and what is painted.
    assert len(pools) == 3 * 3


def test_adain_learns(adain_trainer, pairs, tmp_path):
    history = fit(adain_trainer, pairs, epochs=8)
    assert set(history) == {"loss", *ADAIN_OBJECTIVE.names}
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    adain_trainer.save_weights(tmp_path / "adain.weights.h5")
    painted = adain_trainer(pairs)["painted"].numpy()
    fit(adain_trainer, pairs)
    assert np.abs(adain_trainer(pairs)["painted"] - painted).max() > 1e-4
    adain_trainer.load_weights(tmp_path / "adain.weights.h5")
    np.testing.assert_array_equal(adain_trainer(pairs)["painted"], painted)


MANNER_OBJECTIVE = Content("conv3") + Gram("conv1") + Gram("conv2")
MANNER_WEIGHTS = np.float32([1e-5, 1e-6, 1e-7])


@pytest.fixture
def manner_trainer(toy, manner):
    network = MannerNet.from_config(manner.get_config())
    network.set_weights(manner.get_weights())
    trainer = MannerTrainer(network, toy, MANNER_OBJECTIVE, MANNER_WEIGHTS, precision="float32")
    trainer.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    return trainer


def test_a_manner_is_compared_with_the_photo_and_the_style_beside_it(manner_trainer, toy, pairs):
    evaluator = toy.cut(MANNER_OBJECTIVE.layers)
    expected = []
    for i in range(2):
        photo, style = (pairs[name][i : i + 1] for name in ("photo", "style"))
        targets = style_targets(Evaluator(evaluator, MANNER_OBJECTIVE), photo, [style], [1.0])
        seen = evaluator(manner_trainer.network(photo, style))
        expected.append(MANNER_OBJECTIVE(seen, targets, MANNER_WEIGHTS))
    loss = manner_trainer.compute_loss(pairs, y_pred=manner_trainer(pairs))
    assert float(loss) == pytest.approx(np.mean(expected, axis=0).sum(), rel=1e-3)


def test_a_manner_net_learns_by_all_of_its_weights(manner_trainer, pairs):
    before = manner_trainer.network.get_weights()
    history = fit(manner_trainer, pairs, epochs=3)
    assert set(history) == {"loss", *MANNER_OBJECTIVE.names}
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    after = manner_trainer.network.get_weights()
    assert all((old != new).any() for old, new in zip(before, after, strict=True))
