"""The train_generator script, run as a user runs it: by itself, in a folder of its own."""

import re

import numpy as np
import pytest
from conftest import (
    ROOT,
    WITHOUT_GRAPHS,
    WITHOUT_PLOTS,
    change,
    contents,
    make_photo,
    names_in,
    succeed,
)
from PIL import Image

SCRIPT = ROOT / "scripts" / "train_generator.py"
PREPARE = WITHOUT_GRAPHS + WITHOUT_PLOTS
SMALL = (
    "--pictures=pictures", "--output=mine", "--size=8", "--width=0.02", "--batch_size=2",
    "--backbone=squeezenet", "--layers=conv1", "--precision=float32", "--sheet_every=2",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(4):
        picture = Image.fromarray(make_photo(40, 36, seed=number))
        picture.save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def weights_in(folder):
    from kerasart.networks import load_generator

    return load_generator(folder).get_weights()


def test_help_shows_every_flag(tmp_path, light_run):
    outcome = succeed(light_run(tmp_path, "--help"))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    wanted = {"pictures", "output", "finetune", "size", "width", "steps", "layers", "overwrite"}
    assert wanted <= set(listed) and len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--pictures must be given"),
        (["--pictures=none"], "`pictures` must be a folder of pictures. Received: 'none'"),
        (["--pictures=pictures", "--finetune=a.keras", "--size=32"], "`size` does not go with"),
        (["--pictures=pictures", "--output=pictures"], "`output` must be a new folder"),
        ([*SMALL, "--size=48"], "`size` must be a power of 2"),
        ([*SMALL, "--width=0"], "`width` must be more than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(folder, light_refuse, flags, message):
    assert message in light_refuse(folder, *flags)


@pytest.mark.parametrize("flag", ["--size=4", "--width=2", "--steps=0"])
def test_numbers_that_are_too_small_or_large(folder, light_refuse, flag):
    name, _, value = flag.removeprefix("--").partition("=")
    line = light_refuse(folder, *SMALL, flag, code=2)
    assert f"`{name}` must be " in line and f"Received: '{value}'" in line


def test_a_generator_is_trained_resumed_and_trained_further(folder, warm_run, forked_run):
    # Interrupted after its third step, it goes on.
    change(
        folder / "change",
        """
        def interrupted(self, batch, logs=None):
            on_train_batch_end(self, batch, logs)
            if self.step == 3:
                raise KeyboardInterrupt
        """,
        "kerasart.networks.resumable_training.ResumableTraining.on_train_batch_end",
    )
    flags, mine = [*SMALL, "--steps=4"], folder / "mine"
    outcome = forked_run(folder, *flags, PYTHONPATH=str(folder / "change"))
    assert outcome.code == 130 and "Kept 3 steps;" in outcome.stderr
    half = weights_in(mine)  # Of its second.
    outcome = succeed(warm_run(folder, *flags))
    assert outcome.stdout.startswith("Going on after 3 steps.\n")
    assert {"model.keras", "contact_sheet.jpg"} <= set(names_in(mine))
    assert "training" not in names_in(mine)
    whole = weights_in(mine)
    assert [each.shape for each in whole] == [each.shape for each in half]
    assert any((new != old).any() for new, old in zip(whole, half, strict=True))
    before = contents(mine)
    further = ["--finetune=mine", "--output=more", "--steps=2", "--quiet"]
    succeed(warm_run(folder, *SMALL[:1], *SMALL[4:], *further))
    assert contents(mine) == before
    differences = [
        np.abs(new - old).max() for new, old in zip(weights_in(folder / "more"), whole, strict=True)
    ]
    assert 0 < max(differences) < 0.1  # A running mean moves slowly, and is a step behind.
