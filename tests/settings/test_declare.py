import dataclasses
import inspect
import math

import pytest

from kerasart import DreamSettings, FastStyleSettings, GeneratorSettings, StyleSettings
from kerasart.settings.declare import default_of, names_of, option, options, read_value, settings


def parse_pair(value, name):
    if value == "bad":
        raise ValueError(f"`{name}` must be good. Received: 'bad'")
    return tuple(value.split(",")) if isinstance(value, str) else value


@settings
class Few:
    """A few settings."""

    needed: str = option(dataclasses.MISSING, "What must be given.")
    kind: str = option("a", "Which of them.", choices=("a", "b"))
    maybe: str | None = option(None, "Perhaps.", choices=("x",))
    count: int = option(3, "How many.", least=2)
    share: float = option(0.5, "How much.", least=0, less_than=1)
    angle: float = option(0.0, "How far.", least=-1, most=1)
    size: float | None = option(None, "How large.", more_than=0)
    part: float = option(0.5, "How much of it.", more_than=0, most=1)
    free: float = option(1.0, "Any number.")
    goal: float = option(0.0, "Any, also none.", least=-math.inf, most=math.inf)
    switch: bool = option(False, "Whether.")
    name: str | int = option("n", "Its name or number.")
    pair: tuple = option(("1", "2"), "Two of them.", parse=parse_pair)
    weights: dict = option({}, "How much of each.", parse=lambda value, name: dict(value))

    def __post_init__(self):
        if self.switch and self.kind == "b":
            raise ValueError("`switch` must be False for b. Received: True")


def test_defaults_are_those_that_are_declared():
    few = Few("this")
    values = dataclasses.asdict(few)
    assert values.pop("needed") == "this"
    assert values == {
        each.name: default_of(each) for each, _ in options(Few) if each.name != "needed"
    }
    assert few.weights == {} and few.weights is not Few("that").weights
    with pytest.raises(TypeError, match="needed"):
        Few()
    with pytest.raises(dataclasses.FrozenInstanceError):
        few.count = 4


@pytest.mark.parametrize(
    ("name", "allowed", "values"),
    [
        ("needed", "a text", [3, None]),
        ("kind", "a, b", ["c", None, ["a"], 1]),
        ("maybe", "None, x", ["y", "none", 0]),
        ("count", "at least 2, and whole", [1, 2.5, "3", True, None, math.nan, math.inf]),
        ("share", "from 0 to less than 1", [-0.1, 1, "0.5", math.nan, None]),
        ("angle", "from -1 to 1", [-1.1, 1.1, math.inf, -math.inf]),
        ("size", "more than 0", [0, -1, "1", math.nan, math.inf]),
        ("part", "more than 0, and at most 1", [0, 1.1, "1", None]),
        ("free", "a finite number", [math.inf, -math.inf, math.nan, None, True]),
        ("goal", "from -inf to inf", [math.nan, "inf", None]),
        ("switch", "True or False", [0, 1.0, None, "yes"]),
        ("name", "a text or a whole number of at most 2147483647", [1.5, None, ["n"], 2**31]),
    ],
)
def test_what_is_not_allowed_is_refused_in_a_sentence(name, allowed, values):
    for value in values:
        with pytest.raises(ValueError) as caught:
            Few(**{"needed": "this", name: value})
        assert str(caught.value) == f"`{name}` must be {allowed}. Received: {value!r}"


def test_numbers_beyond_float32_are_refused_as_such():
    with pytest.raises(ValueError, match="`size` must be more than 0, and at most 3.4e[+]38"):
        Few("this", size=1e300)
    with pytest.raises(ValueError, match="`count` must be at least 2, and whole"):
        Few("this", count=10**400)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("kind", ["a", "b"]),
        ("maybe", [None, "x"]),
        ("count", [2, 5.0, 2**31 - 1]),
        ("share", [0, 0.99]),
        ("angle", [-1, 1]),
        ("size", [None, 1e-9, 3.4e38]),
        ("part", [1e-9, 1]),
        ("goal", [-math.inf, 7, math.inf]),
        ("name", ["n", 7]),
    ],
)
def test_what_is_allowed_is_taken_as_it_is(name, values):
    for value in values:
        assert getattr(Few(**{"needed": "this", name: value}), name) == value


def test_values_are_parsed_under_the_name_that_they_are_given():
    assert Few("this", pair="5,6").pair == ("5", "6")
    (pair,) = (each for each in dataclasses.fields(Few) if each.name == "pair")
    with pytest.raises(ValueError, match="`--pair` must be good"):
        read_value(pair, "bad", "--pair")
    # Once parsed they stay so.
    assert dataclasses.replace(Few("this", pair="5,6"), count=9).pair == ("5", "6")


def test_rules_between_settings_are_checked_after_each_of_them():
    assert Few("this", switch=True).switch
    with pytest.raises(ValueError, match="`switch` must be False for b"):
        Few("this", kind="b", switch=True)
    with pytest.raises(ValueError, match="`kind` must be a, b"):
        Few("this", kind="c", switch=True)


def test_a_subclass_adds_settings_and_gives_others_another_default():
    @settings
    class More(Few):
        """More of them."""

        count: int = 5
        added: int = option(1, "Another.", least=0)

    assert names_of(More) == (*names_of(Few), "added")
    assert (More("this").count, Few("this").count) == (5, 3)
    with pytest.raises(ValueError, match="`count` must be at least 2"):
        More("this", count=1)
    with pytest.raises(ValueError, match="`added` must be 0 or more, and whole. Received: -1"):
        More("this", added=-1)
    assert "    count: How many." in More.__doc__


def test_a_subclass_keeps_the_rules_of_all_its_bases():
    @settings
    class Other:
        """Settings of another kind."""

        length: int = option(1, "How long.")

    @settings
    class Both(Other, Few):
        """Settings of both kinds."""

        def __post_init__(self):
            if self.length > self.count:
                raise ValueError("`length` must be at most `count`. Received: more")

    assert Both(needed="this", length=3).count == 3
    with pytest.raises(ValueError, match="`length` must be at most"):
        Both(needed="this", length=4)
    with pytest.raises(ValueError, match="`switch` must be False for b"):
        Both(needed="this", kind="b", switch=True)


@pytest.mark.parametrize(
    "kind", [Few, DreamSettings, StyleSettings, FastStyleSettings, GeneratorSettings]
)
def test_the_docstring_tells_of_each_attribute(kind):
    doc = inspect.getdoc(kind)
    assert max(map(len, doc.splitlines())) <= 96
    lines = doc.partition("\n\nAttributes:\n")[2].splitlines()
    told = [line.partition(":")[0].strip() for line in lines if line[4] != " "]
    assert told == list(names_of(kind))
    words = " ".join(doc.split())
    for _, declared in options(kind):
        assert " ".join(declared.help.split()) in words
        assert ", ".join(declared.choices or ()) in words
