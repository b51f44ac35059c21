import math

import pytest

from kerasart.settings.checks import check_seed, check_tiling, parse_layers


@pytest.mark.parametrize(
    ("layers", "parsed"),
    [
        ("mixed4", {"mixed4": 1.0}),
        ("mixed4:0.5", {"mixed4": 0.5}),
        ("mixed4:1.0,mixed5:1.5", {"mixed4": 1.0, "mixed5": 1.5}),
        (" mixed4 : 2 , mixed5 ", {"mixed4": 2.0, "mixed5": 1.0}),
        ("mixed4:-1e-2", {"mixed4": -0.01}),
        ({"mixed4": 2}, {"mixed4": 2.0}),
    ],
)
def test_layers(layers, parsed):
    got = parse_layers(layers)
    assert got == parsed
    assert {type(value) for value in got.values()} == {float}


@pytest.mark.parametrize(
    "layers",
    [
        "",
        ",",
        ":1",
        "mixed4:",
        "mixed4:one",
        "mixed4:1:2",
        "mixed4,,mixed5",
        "mixed4:nan",
        "mixed4:inf",
        {},
        {"mixed4": math.nan},
        {"mixed4": None},
        {"": 1.0},
        ["mixed4"],
        7,
    ],
)
def test_layers_that_make_no_sense(layers):
    with pytest.raises(ValueError, match="`layers` must be .*mixed4:1.0,mixed5:1.5. Received: "):
        parse_layers(layers)


def test_a_layer_given_twice_is_refused():
    # Silently keeping one of the two would ignore what the user wrote.
    with pytest.raises(ValueError, match="`layers`"):
        parse_layers("mixed4:1,mixed4:2")


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "3", None, math.nan])
def test_a_seed_that_tensorflow_does_not_know_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be a whole number from 0 to 2147483647"):
        check_seed(seed)


@pytest.mark.parametrize("memory", [0, -1, math.nan, math.inf, "2"])
def test_a_memory_that_is_none_is_refused(memory):
    with pytest.raises(ValueError, match="`memory` must be more than 0, in GiB. Received: "):
        check_tiling("auto", memory)
