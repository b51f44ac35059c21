from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from kerasart.applications import fast_style_training
from kerasart.applications.fast_style_training import TrainingRun, make_trainer, plan_training
from kerasart.networks import SIZES, AdaIN, AdaINTrainer, TransformerNet
from kerasart.networks.resumable_training import ResumableTraining
from kerasart.networks.training_styles import NamedStyles, StylePictures
from kerasart.settings.style import FastStyleSettings

STYLES = np.random.default_rng(0).random((2, 1, 40, 48, 3), np.float32) ** [[[[[1]]]], [[[[3]]]]]
STYLES = dict(zip(("a", "b"), STYLES.astype(np.float32), strict=True))
SETTINGS = {
    "content_layers": {"fire3": 1.0},
    "style_layers": {"conv1": 1.0, "fire2": 1.0},
    "content_strength": 0.1,
    "smoothness": 0.1,
    "size": 32,
    "style_size": 40,
    "batch_size": 2,
    "steps": 20,
    "learning_rate": 1e-2,
    "final_rate": 0.1,
}
FOR_ADAIN = {
    "content_layers": {"block4_conv1": 1.0},
    "style_layers": {"block1_conv1": 1.0},
    "style_loss": "moments",
    "steps": 4,
    "learning_rate": 3e-4,
}


def settings(**changes):
    return FastStyleSettings(**SETTINGS | changes)


def write(path, cat, top, left, side=60):
    pixels = cat[0, top : top + side, left : left + side]
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def photos(cat, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [write(folder / f"{i}.png", cat, 40 * i, 60 * i) for i in range(4)]


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """A size of network that trains in no time: one residual block has all the parts of five."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "tiny", 1 / 8)
        patch.setattr(TransformerNet.__init__, "__defaults__", (1, 1.0, 1))
        patch.setattr(fast_style_training, "_EXAMPLES", 1)
        yield


class Kept:
    """Runs a course and keeps its losses."""

    def __init__(self, training_run, folder, every=5):
        self.training_run, self.losses = training_run, []
        folder.mkdir(exist_ok=True)
        self.resumable = ResumableTraining(folder, {}, every, self.paint)
        self.resumable.restore(training_run.trainer)
        note = keras.callbacks.LambdaCallback(on_train_batch_end=self.note)
        self.resumable.fit(training_run.trainer, training_run.batches, note)

    def paint(self):
        return self.training_run.paint(np.random.default_rng(0).random((1, 32, 32, 3), np.float32))

    def note(self, batch, logs):
        self.losses.append(dict(logs))


def plan(photos, squeezenet, network="tiny", styles=STYLES, seed=0, run_eagerly=True, **changes):
    """Plans a course; a few steps take less than the graph of one would take to build."""
    training_run = plan_training(
        network, styles, photos, squeezenet, settings(**changes), precision="float32", seed=seed
    )
    training_run.trainer.run_eagerly = run_eagerly
    return training_run


@pytest.fixture(scope="module")
def trained(photos, squeezenet, tmp_path_factory):
    training_run = plan(photos, squeezenet, stability=0.5, run_eagerly=False)
    return Kept(training_run, tmp_path_factory.mktemp("trained"))


# --- A few styles


def test_a_course_learns(trained):
    history = trained.resumable.history
    assert trained.resumable.step == 20 and len(trained.losses) == 20
    assert set(history) == {"loss", "stability", *trained.training_run.trainer.objective.names}
    assert history["loss"][-1] < history["loss"][0]
    assert all(np.isfinite(values).all() for values in history.values())
    assert trained.training_run.left_out == set()


def test_a_course_paints_all_styles_that_it_shows(trained):
    training_run, photo = (
        trained.training_run,
        np.random.default_rng(3).random((1, 37, 42, 3), np.float32),
    )
    assert training_run.network.styles == ("a", "b") and list(training_run.styles.shown) == [
        "a",
        "b",
    ]
    painted = training_run.paint(photo)
    assert [picture.shape for picture in painted] == [photo.shape] * 2
    for picture, weights in zip(painted, np.eye(2, dtype=np.float32), strict=True):
        np.testing.assert_allclose(picture, training_run.network(photo, weights[None]), atol=1e-5)
    assert np.abs(painted[0] - painted[1]).max() > 0.01


def test_same_seed_same_result_and_another_another(photos, squeezenet, tmp_path):
    def weights(name, seed):
        training_run = plan(photos, squeezenet, seed=seed, steps=1)
        Kept(training_run, tmp_path / name, every=1)
        return np.concatenate([weight.ravel() for weight in training_run.network.get_weights()])

    first = weights("first", 1)
    np.testing.assert_array_equal(first, weights("same", 1))
    assert not np.array_equal(first, weights("other", 2))


def test_the_weights_balance_each_style(trained, cat):
    trainer, names = trained.training_run.trainer, trained.training_run.trainer.objective.names
    photo = cat[:, 60:92, 100:132]

    def losses(style):
        trainer.reset_metrics()
        trainer.compute_loss({"photo": photo, "style": np.array([style])}, y_pred=1 - photo)
        means = {metric.name: float(metric.result()) for metric in trainer.metrics}
        return {name: means[name] for name in names}

    of_photo, *of_styles = (losses(style) for style in range(3))
    contents = {name for name in names if name.startswith("content")}
    assert {name for name in names if of_photo[name] > 0} == contents
    assert {name for name in names if of_photo[name] == 0} == {*names} - contents
    for of_style in of_styles:
        assert {name for name in names if of_style[name] > 0} == {*names} - {"content image"}
        assert of_style["content image"] == 0


def test_finetuning_keeps_the_old_styles_to_the_bit(trained, photos, squeezenet, tmp_path):
    network = trained.training_run.network
    photo = np.random.default_rng(4).random((1, 33, 38, 3), np.float32)
    new = {"c": 1 - STYLES["b"]}
    training_run = plan(photos, squeezenet, network, new, learning_rate=0.05, steps=6)
    assert training_run.network.styles == ("a", "b", "c") and training_run.styles.numbers == [1]
    start = training_run.paint(photo)[0]
    kept = Kept(training_run, tmp_path / "more", every=2)
    first, *later = kept.resumable.history["loss"]
    assert min(later) < first
    assert np.abs(training_run.paint(photo)[0] - start).max() > 0.01
    for weights in ([1, 0], [0, 1]):
        old, again = (np.float32([w]) for w in (weights, [*weights, 0]))
        np.testing.assert_array_equal(network(photo, old), training_run.network(photo, again))


def test_a_network_goes_on_learning_what_it_knows(trained, photos, squeezenet, tmp_path):
    network = trained.training_run.network
    before = network.get_weights()
    # In another order, which is not that of the network's numbers.
    styles = dict(reversed(STYLES.items()))
    training_run = plan(
        photos, squeezenet, network, styles, stability=0.5, learning_rate=3e-3, steps=5
    )
    assert training_run.network.styles == ("a", "b") and training_run.styles.numbers == [0, 1, 2]
    assert list(training_run.styles.shown) == ["a", "b"]
    np.testing.assert_array_equal(training_run.styles.shown["a"], STYLES["a"])
    for old, new in zip(before, training_run.network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    kept = Kept(training_run, tmp_path / "more")
    assert min(kept.resumable.history["loss"]) < trained.resumable.history["loss"][-1]
    kernel = training_run.network.to_rgb.kernel
    assert np.abs(kernel - network.to_rgb.kernel).max() > 0
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # It is a copy that learns.


@pytest.mark.parametrize("names", ["a", "bc", "abc"])
def test_some_known_styles_are_refused(trained, photos, squeezenet, names):
    styles = {name: STYLES["b"] for name in names}
    known = ", ".join(name for name in names if name in "ab")
    with pytest.raises(ValueError, match=rf"all styles of the network \(a, b\).*: {known}$"):
        plan(photos, squeezenet, trained.training_run.network, styles)


@pytest.mark.parametrize("network", ["meduim", None, 3])
def test_networks_that_are_none_are_refused(photos, squeezenet, network):
    with pytest.raises(ValueError, match="`network` must be large, medium, small, .*Received: "):
        plan(photos, squeezenet, network)


def test_styles_too_small_for_the_layers_are_refused(photos, squeezenet):
    small = {"a": np.zeros((1, 3, 40, 3), np.float32)}
    with pytest.raises(ValueError, match="`styles` must be at least 7x7 .*Received: 40x3"):
        plan(photos, squeezenet, styles=small)


def test_photos_that_cannot_be_used_are_refused_or_left_out(photos, squeezenet, cat, tmp_path):
    small = write(tmp_path / "small.png", cat, 0, 0, side=15)
    (tmp_path / "corrupt.jpg").write_text("no picture")
    bad = [small, tmp_path / "corrupt.jpg"]
    with pytest.raises(ValueError, match="`photos` must hold .*Received: 2 that cannot be used"):
        plan(bad, squeezenet)
    training_run = plan([*bad, *photos], squeezenet, steps=4)
    Kept(training_run, tmp_path / "kept")
    assert training_run.left_out == {str(path) for path in bad}


# --- Batches


def batches_of(photos, styles, **changes):
    """Batches of a run whose network does not matter."""
    return TrainingRun(None, None, photos, styles, settings(**changes)).batches()


def test_each_style_is_trained_as_often(photos):
    new = {name: STYLES["a"] for name in "bcd"}
    batches = batches_of(photos, NamedStyles(new, ("a", *new)), batch_size=6)
    seen = np.concatenate([batch["style"].numpy() for batch in batches.take(50)])
    counts = np.bincount(seen, minlength=4)
    assert counts[0] == 0 and counts[1:].min() > 70 and counts.sum() == 300
    first = next(iter(batches))
    assert first["photo"].shape == (6, 32, 32, 3)


def test_any_photo_meets_any_style_of_many(photos):
    styles = StylePictures(photos[:2], settings())
    batch = next(iter(batches_of(photos, styles, batch_size=4)))
    assert batch["photo"].shape == batch["style"].shape == (4, 32, 32, 3)
    assert np.abs(batch["photo"] - batch["style"]).mean() > 0.01


# --- Any style


def test_adain_learns(photos, vgg16, tmp_path):
    (tmp_path / "corrupt.jpg").write_text("no picture")
    styles = [tmp_path / "corrupt.jpg", *map(str, photos[:2])]
    training_run = plan(photos, vgg16, "adain", styles, **FOR_ADAIN)
    assert isinstance(training_run.network, AdaIN)
    assert list(training_run.styles.shown) == ["0", "1"]  # Small, and without what cannot be read.
    assert all(max(picture.shape[1:3]) <= 40 for picture in training_run.styles.shown.values())
    kept = Kept(training_run, tmp_path / "kept", every=2)
    assert kept.resumable.history["loss"][-1] < kept.resumable.history["loss"][0]
    assert training_run.left_out == {str(tmp_path / "corrupt.jpg")}
    painted = training_run.paint(np.random.default_rng(0).random((1, 30, 20, 3), np.float32))
    assert [picture.shape for picture in painted] == [(1, 30, 20, 3)] * 2
    further = plan(photos, vgg16, training_run.network, styles, **FOR_ADAIN)
    assert further.network is not training_run.network and further.styles.count == 3
    pairs = zip(training_run.network.get_weights(), further.network.get_weights(), strict=True)
    assert all(np.array_equal(old, new) for old, new in pairs)


def test_adain_is_taught_by_its_own_encoder_alone(photos, squeezenet, vgg16):
    network = SimpleNamespace(encoder=vgg16, layer=AdaIN.layer, trainer_class=AdaINTrainer)
    message = "`backbone` must be vgg16 with its content at block4_conv1, .*Received: {}"
    with pytest.raises(ValueError, match=message.format("squeezenet, block4_conv1")):
        make_trainer(network, [], [], squeezenet, settings(**FOR_ADAIN))
    elsewhere = FOR_ADAIN | {"content_layers": {"block3_conv3": 1.0}}
    with pytest.raises(ValueError, match=message.format("vgg16, block3_conv3")):
        make_trainer(network, [], [], vgg16, settings(**elsewhere))
    averaged = FOR_ADAIN | {"pooling": "average"}
    with pytest.raises(ValueError, match="`pooling` must be max for adain.*Received: 'average'"):
        make_trainer(network, [], [], vgg16, settings(**averaged))


def test_presets_of_adain_name_the_network_that_can_teach_it():
    from kerasart.settings.presets import find_preset

    assert find_preset("fast_style", "adain")["backbone"] == "vgg16"
    assert find_preset("fast_style", "adain_best")["backbone"] == "vgg16"


def test_sizes_are_channels(photos, squeezenet):
    keras.utils.set_random_seed(0)
    assert plan(photos, squeezenet, "small", steps=1).network.width == 0.25
    assert isinstance(plan(photos, squeezenet, steps=1).network, TransformerNet)
