"""What the studio makes, and what the command that it shows makes: the same, to the bit."""

import numpy as np
import pytest
from fake_dreams import write_clip
from waiting import wait_until

from kerasart.film import Film
from kerasart.image import read_picture
from kerasart.image.files import write_picture
from kerasart.image.samples import read_sample
from kerasart.records import read_record
from kerasart.studio.jobs import Jobs
from kerasart.studio.recipes import read_recipe
from kerasart.studio.sources import Sources

CODE = "import kerasart.scripts.{0} as script; script.run()"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Sources, and the names of a photo with alpha, of a mask and of a painting among them."""
    folder = tmp_path_factory.mktemp("studio")
    sources = Sources(folder / "sources", 10**6)
    cat, coffee = (read_sample(name).image for name in ("cat", "coffee"))
    alpha = np.linspace(0.5, 1, 96 * 80, dtype=np.float32).reshape(1, 96, 80, 1)
    mask = np.zeros((1, 96, 80, 3), np.float32)
    mask[:, :60, 20:] = 1
    images = {
        "photo": cat[:, 30:126, 100:180],
        "mask": mask,
        "painting": coffee[:, 100:180, 100:190],
    }
    names = {}
    for name, image in images.items():
        path = folder / f"{name}-given.webp"
        path = write_picture(
            path.with_suffix(".png"), image, alpha=alpha if name == "photo" else None
        )
        with open(path, "rb") as file:
            names[name] = sources.add(file.read, path.stat().st_size).name
        path.unlink()
    yield folder, sources, names
    sources.close()


def make(folder, sources, recipe):
    """Makes a recipe in the studio, and returns the file."""
    jobs = Jobs(folder, folder / ".unfinished", sources)
    job = jobs.add(recipe)
    wait_until(lambda: job.state not in ("waiting", "running"), 600)
    jobs.close()
    assert job.state == "done", job.message
    return folder / job.work


@pytest.mark.parametrize(
    ("script", "describe"),
    [
        pytest.param(
            "deep_dream",
            lambda photo, mask, painting: {
                "kind": "dream",
                "photo": photo,
                "preset": "gentle",
                "mask": mask,
                "strength": 1.5,
                "size": 64,
                "seed": 7,
            },
            id="dream",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "style_transfer",
            lambda photo, mask, painting: {
                "kind": "painting",
                "photo": photo,
                "styles": [
                    {"style": painting, "weight": 0.7, "mask": mask},
                    {"style": "coffee", "weight": 0.3},
                ],
                "steps": 3,
                "size": 72,
                "style_strength": 2.0,
                "preserve_color": "luminance",
            },
            id="painting",
            marks=pytest.mark.slow,
        ),
        (
            "stylize",
            lambda photo, mask, painting: {
                "kind": "one_pass",
                "photo": photo,
                "styles": [
                    {"style": "mosaic", "level": "coarse"},
                    {"style": "starry_night", "level": "fine"},
                ],
                "strength": 0.65,
                "size": 88,
            },
        ),
        pytest.param(
            "stylize",
            lambda photo, mask, painting: {
                "kind": "one_pass",
                "photo": photo,
                "styles": [
                    {"style": painting, "weight": 0.7},
                    {"style": "cat", "weight": 0.3},
                ],
            },
            id="pictures",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_command_makes_the_same_picture(given, forks, tmp_path, script, describe):
    folder, sources, names = given
    recipe = read_recipe(describe(**names))
    work = make(folder, sources, recipe)
    words = recipe.command(sources)
    assert words[0] == f"kerasart-{script.replace('_', '-')}"
    process = forks.start(CODE.format(script), words, tmp_path)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    made = tmp_path / recipe.output
    for part in ("image", "alpha"):
        own, theirs = (getattr(read_picture(path), part) for path in (work, made))
        np.testing.assert_array_equal(own, theirs)
    recorded = read_record(work)
    del recorded["studio"]
    if script == "stylize" and "style_hash" in recorded:
        # The command knows its styles by their files' names.
        ours, theirs = recorded.pop("style_hash"), read_record(made)
        assert list(ours.values()) == list(theirs.pop("style_hash").values())
        assert list(recorded.pop("style").values()) == list(theirs.pop("style").values())
        assert recorded == theirs
    else:
        assert recorded == read_record(made)


@pytest.mark.slow
def test_a_dream_is_made_again_from_its_record(given, forks, tmp_path):
    folder, sources, names = given
    recipe = read_recipe({"kind": "dream", "photo": names["photo"], "preset": "gentle"})
    work = make(folder, sources, recipe)
    photo = sources.path(names["photo"])
    flags = [f"--reproduce={work}", f"--image={photo}", "--output=again.png"]
    process = forks.start(CODE.format("deep_dream"), ["deep_dream.py", *flags], tmp_path)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    images = [read_picture(path).image for path in (work, tmp_path / "again.png")]
    np.testing.assert_array_equal(*images)


STYLES = [{"style": "mosaic", "weight": 0.5}, {"style": "the_scream", "weight": 0.5}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "given_of"),
    [
        ("stylize", {"kind": "film", "styles": STYLES, "strength": 0.8}),
        ("deep_dream", {"kind": "dream_film", "preset": "gentle", "strength": 1.5, "seed": 3}),
        (
            "style_transfer",
            {"kind": "painting_film", "styles": [{"style": "coffee"}], "steps": 3, "form": "gif"},
        ),
    ],
)
def test_the_command_makes_the_same_film(given, forks, tmp_path, script, given_of):
    folder, sources, _ = given
    clip = write_clip(tmp_path / "clip.mp4")
    with open(clip, "rb") as file:
        name = sources.add(file.read, clip.stat().st_size, is_film=True).name
    recipe = read_recipe({"photo": name, "size": 80, **given_of})
    work = make(folder, sources, recipe)
    process = forks.start(CODE.format(script), recipe.command(sources), tmp_path)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    own, theirs = (list(Film(path)) for path in (work, tmp_path / recipe.output))
    assert len(own) == 4 and own[0].image.shape == (1, 60, 80, 3)
    for ours, other in zip(own, theirs, strict=True):
        np.testing.assert_array_equal(ours.image, other.image)
