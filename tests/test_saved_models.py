import pytest
from generators import make_generator

from kerasart.networks import save_network
from kerasart.saved_models import in_words, is_generator


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("starry_night", "Starry night"),
        ("composition_vii", "Composition VII"),
        ("vivid", "Vivid"),
        ("a", "A"),
    ],
)
def test_names_are_read_as_words(name, words):
    assert in_words(name) == words


def test_generators_are_told_from_style_networks(tmp_path):
    save_network(make_generator(), tmp_path / "model.keras")
    assert is_generator(tmp_path) and is_generator("downloaded.pkl")
    assert not is_generator("small")
    with pytest.raises(FileNotFoundError, match="`model` must be"):
        is_generator(tmp_path / "none")
