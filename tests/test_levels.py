import numpy as np
import pytest

from kerasart.levels import LEVELS, fill_levels, level_of, split_levels, styles_by_level


@pytest.mark.parametrize(
    ("named", "filled"),
    [
        ({"coarse": 1, "middle": 2, "fine": 3}, (1, 2, 3)),
        ({"fine": 3, "coarse": 1}, (1, 1, 3)),
        ({"middle": 2, "fine": 3}, (2, 2, 3)),
        ({"coarse": 1, "middle": 2}, (1, 2, 2)),
        ({"fine": 3}, (3, 3, 3)),
        ({"middle": None}, (None, None, None)),
    ],
)
def test_a_level_without_a_value_has_its_coarser_neighbour_s_or_else_its_finer_one_s(named, filled):
    assert fill_levels(named) == dict(zip(LEVELS, filled, strict=True))


@pytest.mark.parametrize("style", [None, "ink", {"ink": 1, "fine": 0.5}, {}, 3])
def test_a_style_without_levels_is_that_of_all(style):
    assert styles_by_level(style) == {"coarse": style, "middle": style, "fine": style}


def test_styles_by_level():
    style = {"fine": {"ink": 1, "fine": 2}, "coarse": "fine"}
    expected = {"coarse": "fine", "middle": "fine", "fine": {"ink": 1, "fine": 2}}
    assert styles_by_level(style) == expected
    pictures = np.zeros((1, 8, 8, 3)), [(np.ones((1, 8, 8, 3)), 0.5)]
    by_level = styles_by_level(dict(zip(("coarse", "fine"), pictures, strict=True)))
    assert by_level["coarse"] is by_level["middle"] is pictures[0]
    assert by_level["fine"] is pictures[1]
    for wrong in ({"corse": "ink", "fine": "ink"}, {"fine": "ink", "corse": 0.5}):
        with pytest.raises(ValueError, match="coarse, middle, fine as its .* Received: 'corse'"):
            styles_by_level(wrong)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("coarse:ink,fine:rain", {"coarse": "ink", "fine": "rain"}),
        ("fine:ink:0.6+rain:0.4", {"fine": "ink:0.6,rain:0.4"}),
        (" middle:ink , coarse:a+b+c:2", {"middle": "ink", "coarse": "a,b,c:2"}),
        ("coarse:fine,fine:coarse:0.5", {"coarse": "fine", "fine": "coarse:0.5"}),
        # Styles that are called as levels are.
        *((text, {}) for text in ("ink", "ink:0.5,rain", "fine", "fine:0.5,ink:2", "fine:", "a+b")),
    ],
)
def test_a_text_is_split_into_levels(text, levels):
    assert split_levels(text) == levels


@pytest.mark.parametrize(
    "text", ["coarse:ink,rain", "fine:ink:0.6,rain:0.4", "fine:a,fine:b", "coarse:a,fine:0.5"]
)
def test_a_text_that_names_levels_in_part_or_twice_is_refused(text):
    with pytest.raises(ValueError, match="`style` must be LEVEL:.* at most once") as caught:
        split_levels(text)
    assert str(caught.value).endswith(f"Received: {text!r}")


@pytest.mark.parametrize(
    ("count", "levels"),
    [(1, "m"), (2, "fc"), (3, "fmc"), (4, "fmmc"), (5, "ffmcc"), (6, "ffmmcc"), (8, "fffmmccc")],
)
def test_layers_have_levels_in_proportion_to_their_depth(count, levels):
    layers = [f"layer {number}" for number in range(count)]
    assert "".join(level_of(layer, layers)[0] for layer in layers) == levels
