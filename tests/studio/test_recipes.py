import json
import math
import shlex

import pytest

from kerasart.image.files import write_picture
from kerasart.image.samples import read_sample
from kerasart.studio.choices import describe_choices, page_files
from kerasart.studio.dreams import PRESETS
from kerasart.studio.paintings import STYLES
from kerasart.studio.recipes import KINDS, read_recipe, write_recipe
from kerasart.studio.sources import Sources

DREAM = {"kind": "dream", "photo": "cat", "preset": "gentle"}
QUICK = {"kind": "one_pass", "photo": "cat", "styles": [{"style": "mosaic"}]}
PAINTING = {"kind": "painting", "photo": "cat", "styles": [{"style": "coffee"}]}
PICTURE = "0123456789abcdef"


FILM = QUICK | {"kind": "film"}
DREAM_FILM = DREAM | {"kind": "dream_film", "form": "gif"}
PAINTING_FILM = PAINTING | {"kind": "painting_film", "form": "webp"}


@pytest.mark.parametrize("given", [DREAM, QUICK, PAINTING, FILM, DREAM_FILM, PAINTING_FILM])
def test_a_recipe_survives_its_record(given):
    recipe = read_recipe(given)
    assert isinstance(recipe, KINDS[given["kind"]])
    assert read_recipe(json.loads(json.dumps(write_recipe(recipe)))) == recipe


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "`kind` must be"),
        ([1], "`kind` must be"),
        ({}, "`kind` must be"),
        (DREAM | {"kind": ["dream"]}, "`kind` must be"),
        ({"kind": "dream", "preset": "gentle"}, "`photo` must be given"),
        (DREAM | {"photo": "/etc/passwd"}, "`photo` must be"),
        (DREAM | {"photo": "../cat"}, "`photo` must be"),
        (DREAM | {"photo": ["cat"]}, "`photo` must be"),
        (DREAM | {"guide": "/etc/passwd"}, "`guide` must be"),
        (DREAM | {"mask": 7}, "`mask` must be"),
        (DREAM | {"weights": "/etc/passwd"}, "`settings` must be"),
        (DREAM | {"checkpoint": "x"}, "`settings` must be"),
        (DREAM | {"preset": "./mine.json"}, "`preset` must be"),
        (DREAM | {"preset": "keras_example"}, "`preset` must be"),  # Its weights are not here.
        (DREAM | {"preset": None}, "one of them"),
        (DREAM | {"class_name": "goldfish"}, "one of them"),
        (DREAM | {"preset": None, "class_name": "nothing at all"}, "`class` must be"),
        (DREAM | {"preset": None, "class_name": 1e99}, "`class_name` must be"),
        (DREAM | {"size": 1e9}, "`size` must be"),
        (DREAM | {"size": 31}, "`size` must be"),
        (DREAM | {"size": True}, "`size` must be"),
        (DREAM | {"strength": math.nan}, "`strength` must be"),
        (DREAM | {"strength": math.inf}, "`strength` must be"),
        (DREAM | {"strength": "1"}, "`strength` must be"),
        (DREAM | {"seed": -1}, "`seed` must be"),
        (PAINTING | {"steps": 10**9}, "`steps` must be"),
        (PAINTING | {"styles": []}, "`styles` must be"),
        (PAINTING | {"styles": {}}, "`styles` must be"),
        (PAINTING | {"styles": [1]}, "`settings` must be"),
        (PAINTING | {"styles": [{}]}, "`style` must be given"),
        (PAINTING | {"styles": 4 * [{"style": "cat"}]}, "`styles` must be"),
        (PAINTING | {"styles": [{"style": "cat", "weight": 0}]}, "weight above 0"),
        (PAINTING | {"styles": [{"style": "mosaic"}]}, "`styles` must be pictures"),
        (
            PAINTING | {"styles": [{"style": "cat", "level": "fine", "mask": PICTURE}]},
            "levels or masks",
        ),
        (QUICK | {"styles": [{"style": "mosaic"}, {"style": "vivid"}]}, "of one network"),
        (QUICK | {"styles": [{"style": "mosaic"}, {"style": "cat"}]}, "of one network"),
        (QUICK | {"styles": [{"style": "mosaic", "mask": PICTURE}]}, "without masks"),
        (
            QUICK | {"styles": [{"style": "mosaic", "level": "fine"}, {"style": "the_scream"}]},
            "all for a level",
        ),
        (QUICK | {"strength": 1.1}, "`strength` must be"),
        (QUICK | {"model": "/tmp/model.keras"}, "`settings` must be"),
        (FILM | {"photo": "/tmp/film.mp4"}, "`photo` must be"),
        (FILM | {"form": "avi"}, "`form` must be"),
        # What a picture may not be, a film may not be.
        (FILM | {"styles": [{"style": "mosaic"}, {"style": "vivid"}]}, "of one network"),
        (DREAM_FILM | {"class_name": "goldfish"}, "one of them"),
        (PAINTING_FILM | {"styles": [{"style": "mosaic"}]}, "`styles` must be pictures"),
        (PAINTING_FILM | {"styles": [{"style": "cat", "mask": PICTURE}]}, "without masks"),
    ],
)
def test_what_is_not_a_recipe_is_refused_in_a_sentence(given, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_recipe(given)
    assert "Received" in str(caught.value)


def words(given, sources=None):
    return read_recipe(given).command(sources)


def test_commands_name_what_is_not_usual():
    assert words(DREAM) == [
        "kerasart-deep-dream",
        "--image=cat",
        "--preset=gentle",
        "--strip_metadata",
        "--output=dream.png",
    ]
    more = words(DREAM | {"strength": 2, "size": 320, "seed": 5})
    assert more[3:6] == ["--step_size=0.06", "--size=320", "--seed=5"]
    fish = DREAM | {"preset": None, "class_name": "goldfish", "strength": 0.5}
    assert words(fish)[2:4] == ["--class=goldfish", "--step_size=0.015"]
    assert words(QUICK)[1:3] == ["--input=cat", "--style=mosaic"]
    assert words(FILM)[1:] == ["--input=cat", "--style=mosaic", "--output=painted.mp4"]
    assert words(DREAM_FILM)[1:] == ["--image=cat", "--preset=gentle", "--output=dream.gif"]
    two = [{"style": "mosaic", "weight": 0.6}, {"style": "the_scream", "weight": 0.4}]
    assert "--style=mosaic:0.6,the_scream:0.4" in words(QUICK | {"styles": two})
    by_level = [{"style": "mosaic", "level": "coarse"}, {"style": "the_scream", "level": "fine"}]
    assert "--style=coarse:mosaic,fine:the_scream" in words(QUICK | {"styles": by_level})


def test_commands_name_the_files_of_sources(tmp_path):
    sources = Sources(tmp_path / "it's kept", 10**6)
    path = write_picture(tmp_path / "a.png", read_sample("cat").image[:, :40, :40])
    with open(path, "rb") as file:
        name = sources.add(file.read, path.stat().st_size).name
    sources.keep([name])
    kept = tmp_path / "it's kept" / f"{name}.png"
    styles = [{"style": name, "mask": name}, {"style": "coffee", "weight": 0.25}]
    command = words(PAINTING | {"styles": styles}, sources)
    assert f"--style={kept}:1.0" in command
    film = words(PAINTING_FILM | {"styles": [{"style": name}]}, sources)
    expected = [f"--style={kept}", "--steps=400", "--output=painted.webp"]
    assert film == ["kerasart-style-transfer", "--content=cat", *expected]
    assert command[4:6] == [f"--content_mask={kept}", "--content_mask=all"]
    assert shlex.split(shlex.join(command)) == command
    with pytest.raises(ValueError, match="no longer"):
        words(DREAM | {"photo": PICTURE}, sources)
    sources.close()


def test_all_that_is_offered_has_its_picture_and_is_taken():
    choices, files = describe_choices(1, 1, 1), page_files()
    assert [dream["name"] for dream in choices["dreams"]] == list(PRESETS)
    things = [thing["picture"] for thing in choices["things"]]
    for name in (*PRESETS, "thing", "picture", *things, *STYLES, *choices["samples"]):
        assert files[f"pictures/{name}.webp"][8:12] == b"WEBP"
    assert sum(map(len, files.values())) < 470_000
    for name in (*choices["classes"][::60], *(thing["name"] for thing in choices["things"])):
        read_recipe({"kind": "dream", "photo": "cat", "class_name": name})
    assert len(choices["classes"]) > 950
