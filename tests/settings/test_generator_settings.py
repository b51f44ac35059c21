import pytest

from kerasart import GeneratorSettings


def test_layers_are_a_list_or_a_flags_text():
    for layers in ("a,b", "a, b", ["a", "b"], ("a", "b")):
        assert GeneratorSettings(layers=layers).layers == ("a", "b")


@pytest.mark.parametrize("size", [8, 16, 1024])
def test_sizes_are_powers_of_2(size):
    assert GeneratorSettings(size=size).size == size


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", 48, "a power of 2"),
        ("size", 4, "from 8 to 1024, and whole"),
        ("size", 2048, "from 8 to 1024, and whole"),
        ("width", 0, "more than 0, and at most 1"),
        ("width", 2, "more than 0, and at most 1"),
        ("steps", 0, "at least 1, and whole"),
        ("batch_size", 0.5, "at least 1, and whole"),
        ("augmented_after", 0, "at least 1, and whole"),
        ("learning_rate", 0, "more than 0"),
        ("layers", (), "different layers, such as block1_conv1,block2_conv2"),
        ("layers", "a,,b", "different layers, such as block1_conv1,block2_conv2"),
        ("layers", "a,a", "different layers, such as block1_conv1,block2_conv2"),
        ("layers", [1], "different layers, such as block1_conv1,block2_conv2"),
    ],
)
def test_what_is_not_allowed_is_refused(name, value, message):
    with pytest.raises(ValueError) as caught:
        GeneratorSettings(**{name: value})
    assert str(caught.value) == f"`{name}` must be {message}. Received: {value!r}"
