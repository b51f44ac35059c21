import pytest

from kerasart import Execution
from kerasart.settings.execution import split_options


def test_options_are_split_once():
    execution, settings = split_options({"seed": 3, "steps": 2, "tile": 64, "norm": None})
    assert execution == Execution(seed=3, tile=64)
    assert settings == {"steps": 2, "norm": None}


def test_what_is_not_given_is_the_default():
    assert split_options({}) == (Execution(), {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "`seed` must be a whole number from 0 to 2147483647. Received: -1"),
        ({"tile": 0}, "`tile` must be auto, none, or a number of pixels .*Received: 0"),
        ({"memory": 0}, "`memory` must be more than 0, in GiB. Received: 0"),
        ({"memory": float("nan")}, "`memory` must be .*Received: nan"),
        ({"checkpoint": 3}, "`checkpoint` must be a path, or None. Received: 3"),
        ({"on_step": "print"}, "`on_step` must be a function, or None. Received: 'print'"),
        ({"on_tile": 3}, "`on_tile` must be a function, or None. Received: 3"),
    ],
)
def test_no_such_execution(options, message):
    with pytest.raises(ValueError, match=message):
        split_options(options)
