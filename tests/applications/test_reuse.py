"""What a second call with the same settings uses again, and that the rest is given back."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from kerasart import Stylizer, deep_dream, style_transfer
from kerasart.networks import StyleNetwork, load_network, save_network
from kerasart.objectives import Activation, Gram
from kerasart.objectives.objective import Term

PHOTO, STYLE = np.random.default_rng(0).random((2, 40, 48, 3), np.float32)


def dream(photo=PHOTO, **options):
    defaults = {"layers": "fire2:1", "octaves": 1, "steps": 1, "preset": "ascent"}
    options = {"backbone": "squeezenet", **defaults, **options}
    return deep_dream(photo, precision="float32", **options).image


def paint(photo=PHOTO, style=STYLE, **options):
    defaults = {"style_loss": "gram", "size": 48, "steps": 1, "smallest": None, "pooling": "max"}
    layers = {"content_layers": "fire2", "style_layers": "fire2"}
    options = {"backbone": "squeezenet", **layers, **defaults, **options}
    return style_transfer(photo, style, precision="float32", **options).image


@pytest.fixture
def traced(monkeypatch):
    """The names of the functions that are traced."""
    from kerasart.optimization import tracing

    names = []
    find = tracing.Compiled.__call__

    def watched(self, function, *arguments, static=()):
        before = self.traces
        result = find(self, function, *arguments, static=static)
        names.extend([function.__name__] * (self.traces - before))
        return result

    monkeypatch.setattr(tracing.Compiled, "__call__", watched)
    return names


def live_graphs():
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(isinstance(each, FuncGraph) for each in gc.get_objects())


@pytest.mark.parametrize(
    ("make", "first", "others"),
    [
        (dream, {}, [{}, {"steps": 2}, {"layers": "fire2:3"}, {"photo": PHOTO[:, ::2]}]),
        (paint, {}, [{}, {"style_strength": 3.0}, {"photo": PHOTO[4:]}, {"style": STYLE[:36]}]),
    ],
)
def test_a_step_is_traced_once(make, first, others, traced):
    make(**first)
    traced.clear()
    for options in others:
        make(**options)
    assert traced == []


@pytest.mark.parametrize("options", [{"step_size": 0.02}, {"blur": 1.5}, {"jitter": 3}])
def test_another_step_is_traced_anew(options, traced):
    plain = dream()
    traced.clear()
    assert np.any(dream(**options) != plain) and len(traced) == 1
    np.testing.assert_array_equal(dream(), plain)


class Power(Term):
    """The mean of a layer's features to a power."""

    def __init__(self, layer, power):
        super().__init__(layer)
        self.power = power

    def statistic(self, features):
        from keras import ops

        return ops.sum(features**self.power)

    def distance(self, mean):
        return -mean


def test_a_term_that_was_changed_counts_as_it_is_now():
    term = Power("fire2", 1)
    once = dream(objective=term)
    term.power = 3
    assert np.any(dream(objective=term) != once)


def test_structures_of_objectives():
    one, other = Gram("a") + Activation("b", border=1), 3 * Gram("a") + Activation("b", border=1)
    assert one.structure == other.structure
    assert one.structure != (Gram("a") + Activation("b", border=2)).structure


# Without either, nothing is between the picture and the network.
@pytest.mark.parametrize("options", [{}, {"jitter": 0, "smoothness": 0.0}])
def test_graphs_do_not_pile_up(toy, options):
    counts = []
    for step_size in np.linspace(0.01, 0.02, 4):
        dream(backbone=toy, layers="conv2", step_size=step_size, **options)
        layers = {"content_layers": "conv2", "style_layers": "conv2"}
        paint(backbone=toy, **layers, learning_rate=step_size)
        counts.append(live_graphs())
    assert max(counts[2:]) <= counts[1]


def test_a_model_is_loaded_once(tmp_path, tiny_network, monkeypatch):
    loaded, forward, traces = [], StyleNetwork.forward, []

    def load(path, precision):
        loaded.append(path)
        return load_network(path, precision)

    def watched(*arguments):
        traces.append(tf.executing_eagerly())
        return forward(*arguments)

    monkeypatch.setattr("kerasart.applications.fast_style.load_network", load)
    monkeypatch.setattr(StyleNetwork, "forward", watched)
    path = tmp_path / "model.keras"
    save_network(tiny_network, path)
    for model in (path, str(path)):
        Stylizer(model, "float32")(PHOTO)
    assert len(loaded) == 1 and traces.count(False) == 1
    save_network(tiny_network, path)
    Stylizer(path, "float32")
    assert len(loaded) == 2
