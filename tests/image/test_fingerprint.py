import hashlib

import numpy as np
import pytest

from kerasart.image.fingerprint import differences, fingerprint, hash_image

IMAGE = np.arange(24, dtype=np.float32).reshape(1, 2, 4, 3)


def test_what_json_gives_back():
    values = {"octaves": (-1, 0), "share": np.float32(0.5), "steps": np.int64(3), "mask": None}
    assert fingerprint(values) == {"octaves": [-1, 0], "share": 0.5, "steps": 3, "mask": None}


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ({"seed": 1, "size": 64}, {"size": 64, "seed": 1}, []),
        ({"seed": 1, "size": 64}, {"seed": 2, "size": 32}, ["seed", "size"]),
        ({"seed": 1}, {"seed": 1, "zoom": 1.1}, ["zoom"]),
        ({"styles": {"a": "00", "b": "11"}}, {"styles": {"b": "11", "a": "00"}}, ["styles"]),
        ({"steps": 1}, {"steps": True}, ["steps"]),
    ],
)
def test_differences(one, other, differing):
    assert differences(one, other) == differing


def test_a_hash_stands_for_values_and_if_asked_for_the_shape():
    # As records and checkpoints have it since 0.1.
    values = hashlib.sha256(IMAGE.tobytes()).hexdigest()[:16]
    shaped = hashlib.sha256(b"(1, 2, 4, 3)" + IMAGE.tobytes()).hexdigest()[:16]
    assert (hash_image(IMAGE), hash_image(IMAGE, with_shape=True)) == (values, shaped)
    turned = IMAGE.reshape(1, 4, 2, 3)
    assert hash_image(turned) == values and hash_image(turned, with_shape=True) != shaped
    assert hash_image(np.asfortranarray(IMAGE), with_shape=True) == shaped
    assert hash_image(IMAGE + 1) != values
    assert hash_image(None) is None
