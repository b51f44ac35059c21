"""A training that goes on, goes back and gives up, on a network of a few numbers."""

import json
import logging
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from damage import damage, damage_json

from kerasart.networks.learning_rate import CosineDecay
from kerasart.networks.resumable_training import ResumableTraining

IDENTITY = {"steps": 12, "styles": {"a": "1", "b": "2"}, "layers": ("x",), "rate": 0.1}
GOOD = [np.random.default_rng(0).random((1, 8, 8, 3))]
BLANK = [*GOOD, np.full((1, 8, 8, 3), 0.3)]
X = np.random.default_rng(1).normal(size=(12, 2, 3)).astype(np.float32)
Y = X.sum(axis=-1, keepdims=True) * 2


# --- What is kept


def factor_of(model):
    return float(model.decay.factor.value)


def make_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.decay = CosineDecay(0.1, 12, 0.1)
    optimizer = keras.optimizers.Adam(model.decay)
    model.compile(optimizer, loss="mse", jit_compile=False, run_eagerly=True)
    return model


class Run:
    """A model, what keeps its training, and the steps at which a callback after it is called."""

    def __init__(self, folder, identity=None, every=3, pictures=None, restore=True, **options):
        self.model, self.kept, self.steps = make_model(), [], []
        self.pictures = pictures or (lambda step: GOOD)
        self.resumable = ResumableTraining(
            folder,
            identity or IDENTITY,
            every,
            lambda: self.pictures(self.resumable.step),
        )
        if restore:
            self.resumable.restore(self.model, **options)

    def note(self, batch, logs):
        self.steps.append(self.resumable.step)
        if self.resumable.pictures is not None:
            self.kept.append(self.resumable.step)

    def go(self, until, spoil=()):
        """Trains up to a step; those numbered in `spoil` (how many batches were drawn) are NaN."""
        drawn = 0
        while self.resumable.step < until:
            first = self.resumable.step
            x, y = X[first:until].copy(), Y[first:until]
            for i in range(len(x)):
                if drawn + i in spoil:
                    x[i] = np.nan
            drawn += len(x)
            data, callbacks = (x.reshape(-1, 3), y.reshape(-1, 1)), [self.resumable, self.noter]
            self.model.fit(*data, batch_size=2, shuffle=False, verbose=0, callbacks=callbacks)
        return self

    @property
    def noter(self):
        return keras.callbacks.LambdaCallback(on_train_batch_end=self.note)

    @property
    def weights(self):
        return np.concatenate([weight.ravel() for weight in self.model.get_weights()])


@pytest.fixture(scope="module")
def three_steps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three") / "steps"
    folder.mkdir()
    Run(folder).go(3)
    return folder


@pytest.fixture
def kept(three_steps, tmp_path):
    """A folder of its own with a training of three steps."""
    return shutil.copytree(three_steps, tmp_path / "kept")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_writes_and_tells_every_few_steps(tmp_path):
    run = Run(tmp_path)
    assert run.resumable.exists and run.resumable.step == 0  # to go back to from the first steps
    run.go(8)
    assert run.steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert run.kept == [3, 6]
    assert [len(values) for values in run.resumable.history.values()] == [2]
    assert names_in(tmp_path) == ["progress.json", "state.weights.h5"]


def test_history_has_the_means_of_its_steps(tmp_path):
    run = Run(tmp_path).go(6)
    # A mean over all 6 would lie between.
    first, second = run.resumable.history["loss"]
    fresh, losses = make_model(), []
    for x, y in zip(X[:6], Y[:6], strict=True):
        losses.append(fresh.train_on_batch(x, y))
        fresh.reset_metrics()
    assert first == pytest.approx(np.mean(losses[:3]), rel=1e-4)
    assert second == pytest.approx(np.mean(losses[3:]), rel=1e-4)


def test_a_restored_training_is_the_same_as_one_never_stopped(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Run(tmp_path / "a").go(12)
    Run(tmp_path / "b").go(8)  # Of which 6 are kept.
    again = Run(tmp_path / "b")
    assert again.resumable.step == 6 and len(again.resumable.history["loss"]) == 2
    again.go(12)
    np.testing.assert_array_equal(whole.weights, again.weights)
    np.testing.assert_allclose(whole.resumable.history["loss"], again.resumable.history["loss"])
    assert again.kept == [9, 12]


def test_a_training_can_be_kept_between_two_writes(tmp_path):
    run = Run(tmp_path).go(8)
    run.resumable.step = 7  # As Ctrl-C leaves it, between a step and the callback that counts it.
    run.resumable.write(run.model)
    assert run.resumable.step == 8
    again = Run(tmp_path)
    assert again.resumable.step == 8 and len(again.resumable.history["loss"]) == 2
    np.testing.assert_array_equal(run.weights, again.weights)
    again.go(12)
    assert again.kept == [9, 12]
    assert len(again.resumable.history["loss"]) == 4


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"steps": 13}, "steps"),
        ({"styles": {"a": "1", "b": "3"}}, "styles"),
        ({"styles": {"b": "2", "a": "1"}}, "styles"),  # Their order is their numbers.
        ({"more": 1}, "more"),
        ({"steps": 13, "rate": 0.2}, "steps, rate"),
    ],
)
def test_another_training_is_refused(kept, change, name):
    before = (kept / "state.weights.h5").read_bytes()
    with pytest.raises(ValueError) as error:
        Run(kept, IDENTITY | change)
    assert str(error.value) == (
        "`output` must be empty, or hold a training of the same pictures and settings; "
        f"not the same: {name}. Received: '{kept}'"
    )
    assert (kept / "state.weights.h5").read_bytes() == before
    assert Run(kept).resumable.step == 3


def test_another_training_makes_way_where_it_may(tmp_path):
    Run(tmp_path).go(6)
    assert Run(tmp_path, replace=True).resumable.step == 6
    other = Run(tmp_path, IDENTITY | {"steps": 13}, replace=True)
    assert other.resumable.step == 0 and other.resumable.history == {}
    assert Run(tmp_path, IDENTITY | {"steps": 13}).resumable.step == 0


def test_identities_may_hold_tuples_and_order_of_settings_does_not_matter(kept):
    assert Run(kept, dict(reversed(IDENTITY.items()))).resumable.step == 3


def test_a_state_can_be_removed_without_what_is_beside_it(tmp_path):
    folder = tmp_path / "training"
    folder.mkdir()
    run = Run(folder)
    (folder / "photo.jpg").touch()
    run.resumable.remove()
    assert names_in(folder) == ["photo.jpg"]
    (folder / "photo.jpg").unlink()
    run.resumable.remove()
    assert not folder.exists()


# --- Killed


def test_a_kill_while_the_weights_are_written_loses_no_state(tmp_path, monkeypatch):
    run = Run(tmp_path).go(3)
    kept = run.weights

    def killed(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(run.model, "save_weights", killed)
    with pytest.raises(KeyboardInterrupt):
        run.go(6)
    again = Run(tmp_path)
    assert again.resumable.step == 3
    np.testing.assert_array_equal(kept, again.weights)
    again.go(6)
    assert names_in(tmp_path) == ["progress.json", "state.weights.h5"]


def test_a_kill_between_the_two_files_misleads_nobody(tmp_path, monkeypatch):
    run = Run(tmp_path).go(3)
    kept = run.weights

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run.go(6)
    again = Run(tmp_path)
    assert again.resumable.step == 3
    assert [len(values) for values in again.resumable.history.values()] == [1]
    np.testing.assert_array_equal(kept, again.weights)


def test_what_is_said_without_weights_is_no_state(tmp_path):
    run = Run(tmp_path, restore=False)
    (tmp_path / "progress.json").write_text("{}")  # From a kill at the very start.
    assert not run.resumable.exists
    run.resumable.restore(run.model)
    assert Run(tmp_path).resumable.step == 0


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        "[]",
        "7",
        "{",
        "[" * 100_000,
        '{"identity": 3, "factor": 1, "history": {}}',
        '{"identity": {}, "factor": "x", "history": {}}',
        '{"identity": {}, "factor": 1, "history": {"loss": ["x"]}}',
        '{"identity": {}, "factor": 1, "history": {"loss": 3}}',
        '{"identity": {}, "factor": 1, "history": []}',
    ],
)
def test_weights_without_a_whole_word_on_them_are_not_replaced(kept, text):
    (kept / "progress.json").unlink()
    if text is not None:
        (kept / "progress.json").write_text(text)
    before = {path: path.read_bytes() for path in kept.iterdir()}
    with pytest.raises(ValueError, match="progress.json', which is missing or damaged"):
        Run(kept)
    assert {path: path.read_bytes() for path in kept.iterdir()} == before
    assert Run(kept, replace=True).resumable.step == 0


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_damaged_weights_are_named_and_stay(kept, size):
    path = kept / "state.weights.h5"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="state.weights.h5', which is missing or damaged"):
        Run(kept)
    assert path.stat().st_size == size


_SENTENCE = re.compile(r"`output` must [^\n]+\. Received: '[^\n]+'(, which is missing or damaged)?")


def restore_damaged(count, kept):
    """Restores so many damaged states; returns how many of them can be."""
    random, run, whole = np.random.default_rng(0), Run(kept), 0
    weights = run.weights
    originals = {path: path.read_bytes() for path in kept.iterdir()}
    progress = kept / "progress.json"
    for number in range(count):
        for path, data in originals.items():
            path.write_bytes(data)
        if number % 3:
            path = (progress, kept / "state.weights.h5")[number % 3 - 1]
            path.write_bytes(damage(originals[path], random))
        else:
            progress.write_text(damage_json(json.loads(originals[progress]), random))
        try:
            run.resumable.restore(run.model)
        except ValueError as error:
            assert _SENTENCE.fullmatch(str(error)), (number, error)
            continue
        whole += 1
        assert run.resumable.step == 3 and 0 < factor_of(run.model) <= 1
        np.testing.assert_array_equal(run.weights, weights)
        assert np.ravel([*run.resumable.history.values()]).dtype.kind in "fi", number
    return whole


def test_damaged_states_are_restored_or_refused(kept):
    assert 0 < restore_damaged(300, kept) < 300


@pytest.mark.slow
def test_many_damaged_states_are_restored_or_refused(kept):
    restore_damaged(10_000, kept)


def test_a_state_without_checksums_is_restored(kept):
    progress = json.loads((kept / "progress.json").read_text())
    assert len(progress.pop("checksums")) == 2
    (kept / "progress.json").write_text(json.dumps(progress))
    assert Run(kept).resumable.step == 3


# --- Gone wrong


def test_a_loss_that_is_not_finite_takes_it_back_at_half_the_rate(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "kerasart"):
        run = Run(tmp_path).go(12, spoil=[4])
    assert np.isfinite(run.weights).all()
    assert run.resumable.step == 12 and run.kept == [3, 6, 9, 12]
    assert factor_of(run.model) == 0.5
    (record,) = caplog.records
    assert record.getMessage() == (
        "a loss is not finite: back to step 3, at half the learning rate (0.5 of what was asked "
        "for)."
    )
    assert json.loads((tmp_path / "progress.json").read_text())["factor"] == 0.5
    assert all(np.isfinite(run.resumable.history["loss"]))
    # Restored, it stays as low.
    again = Run(tmp_path)
    assert factor_of(again.model) == 0.5


def test_a_first_step_that_goes_wrong_goes_back_to_the_start(tmp_path):
    start = Run(tmp_path, restore=False).weights
    run = Run(tmp_path, every=100)
    np.testing.assert_array_equal(run.weights, start)
    run.go(3, spoil=[0])
    assert run.resumable.step == 3 and np.isfinite(run.weights).all()


def test_blank_pictures_take_it_back_too(tmp_path, caplog):
    looks = iter([GOOD, BLANK, GOOD, GOOD])
    run = Run(tmp_path, pictures=lambda step: next(looks))
    run.go(9)
    assert run.kept == [3, 6, 9]
    assert "the painted pictures are blank: back to step 3" in caplog.text
    assert [len(values) for values in run.resumable.history.values()] == [3]


def test_pictures_that_are_not_finite_are_blank(tmp_path, caplog):
    looks = iter([[np.full((1, 4, 4, 3), np.nan)], GOOD])
    run = Run(tmp_path, pictures=lambda step: next(looks)).go(3)
    assert run.kept == [3]
    assert "blank" in caplog.text


def test_it_gives_up_when_lower_rates_do_not_help(tmp_path):
    run = Run(tmp_path).go(3)
    good = run.weights
    with pytest.raises(FloatingPointError) as error:
        run.go(12, spoil=range(1000))
    assert str(error.value) == (
        "The training must stay finite; a loss is not finite, and lower rates did not help. "
        "Received: step 3"
    )
    np.testing.assert_array_equal(Run(tmp_path).weights, good)  # What was good is still there.


def test_an_endless_epoch_ends_when_all_steps_are_taken(tmp_path):
    x = X.copy()
    x[4] = np.nan
    batches = tf.data.Dataset.from_tensor_slices((x, Y)).repeat()
    run = Run(tmp_path)
    run.resumable.fit(run.model, lambda step: batches, run.noter)
    assert run.steps == [1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert np.isfinite(run.weights).all()
    run.resumable.fit(run.model, lambda step: pytest.fail("There are no steps left."))


def test_good_steps_between_count_anew(tmp_path):
    run = Run(tmp_path, every=1)
    steps = ResumableTraining._MOST_ROLLBACKS + 1
    for until in range(1, steps + 1):
        run.go(until, spoil=[0])
    assert run.resumable.step == steps
    assert factor_of(run.model) == 0.5**steps
