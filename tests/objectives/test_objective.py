import numpy as np
import pytest
import tensorflow as tf
from term_checks import features

from kerasart.objectives import Activation, Objective, Term, TotalVariation


def test_terms_add_and_scale_like_numbers():
    maps = {
        name: tf.constant(features(9, 7, 3, seed=i)) for i, name in enumerate(["a", "b", "image"])
    }
    a, b, smooth = Activation("a"), Activation("b", power=1), TotalVariation()
    objective = 2 * a + b / 2 - 3 * (-0.1 * smooth)
    assert objective.names == ("a", "b", "total_variation")
    assert objective.layers == ("a", "b", "image")
    single = [float(Objective([term])(maps)[0]) for term in (a, b, smooth)]
    np.testing.assert_allclose(objective(maps), np.multiply(single, [2, 0.5, 0.3]), rtol=1e-6)


def test_scaling_leaves_the_term_as_it_was():
    term = Activation("a", weight=1.5)
    assert ((2 * term).weight, (term / -2).weight, (-term).weight) == (3.0, -0.75, -1.5)
    assert term.weight == 1.5


def test_sum_makes_an_objective():
    terms = [Activation(name) for name in "abc"]
    assert sum(terms).terms == tuple(terms)
    assert sum(terms[:1]).terms == (terms[0],)
    assert (sum(terms[:2]) + sum(terms[2:])).names == ("a", "b", "c")
    # An objective may stand at either side of a term.
    assert (terms[0] + (terms[1] + terms[2])).names == ("a", "b", "c")


def test_equal_names_are_numbered():
    twice = Activation("a") + Activation("a", power=1)
    assert (twice + Activation("b") + 2 * twice).names == ("a", "a 2", "b", "a 3", "a 4")


def test_a_term_is_an_objective():
    maps = {"a": tf.constant(features(9, 7, 3))}
    term = 3 * Activation("a")
    assert isinstance(term, Objective)
    assert (term.names, term.layers, term.terms) == (("a",), ("a",), (term,))
    np.testing.assert_array_equal(term(maps), Objective([term])(maps))
    assert float(term(maps)[0]) == pytest.approx(-3 * np.mean(maps["a"].numpy() ** 2), rel=1e-5)


@pytest.mark.parametrize("other", [1, "a", None, [Activation("a")]])
def test_only_objectives_are_added(other):
    for objective in (Activation("a"), Activation("a") + Activation("b")):
        with pytest.raises(TypeError, match="unsupported operand"):
            objective + other
        with pytest.raises(TypeError):
            objective * "2"


class PerChannel(Term):
    """A statistic of which a distance should make one number."""

    def statistic(self, features):
        return tf.reduce_sum(features, [0, 1, 2])


class Unreduced(PerChannel):
    """Its distance is none."""

    def distance(self, mean):
        return mean


class Worded(PerChannel):
    """A distance in words, of a statistic in numbers."""

    def distance(self, mean):
        return "far"


class WordedStatistic(Unreduced):
    """A statistic in words."""

    def statistic(self, features):
        return "some"


@pytest.mark.parametrize(
    ("term", "error", "message"),
    [
        (Worded, ValueError, "`distance` of Worded must return a tensor. Received: 'far'"),
        (WordedStatistic, ValueError, "`statistic` of WordedStatistic must .* Received: 'some'"),
        (Term, NotImplementedError, "Term must define `statistic`. Received: none"),
        (PerChannel, NotImplementedError, "PerChannel must define `distance`. Received: none"),
        (Unreduced, ValueError, r"`distance` of Unreduced must be a scalar. .* shape \(3,\)"),
    ],
)
def test_a_term_that_lacks_something_says_so(term, error, message):
    with pytest.raises(error, match=message):
        term("a")({"a": tf.constant(features(9, 7, 3))})


@pytest.mark.parametrize("layer", [None, 3, ["a"]])
def test_a_layer_has_a_name(layer):
    with pytest.raises(ValueError, match="`layer` must be the name of a layer. Received: "):
        Activation(layer)


def test_a_layer_is_needed_once():
    class Brightness(Term):
        """As a user would write it."""

        def statistic(self, features):
            return tf.reduce_sum(features)

        def distance(self, mean):
            return -mean

    objective = TotalVariation() + 2 * Brightness("image", name="brightness")
    assert objective.layers == ("image",)
    array = features(9, 7, 3)
    got = objective({"image": tf.constant(array)})
    assert float(got[1]) == pytest.approx(-2 * array.sum() / 63, rel=1e-4)


def test_objectives_scale_like_numbers():
    objective = 2 * (Activation("a") + 3 * Activation("b"))
    assert [term.weight for term in objective.terms] == [2, 6]
