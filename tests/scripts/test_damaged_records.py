"""--reproduce and --seeds with damaged records: each is taken, or refused in one sentence.

Each script runs up to where it would load a network.
"""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from conftest import make_photo
from damage import damage_json
from PIL import Image, PngImagePlugin

from kerasart.settings.dream import DreamSettings
from kerasart.settings.style import StyleSettings

_SENTENCE = re.compile(r"[^\n]{1,600}\. Received: [^\n]+")
_SHARED = {"version": "0.1.0", "backbone": "auto", "weights": "auto", "precision": "float32"}
_SHARED |= {"seed": 3, "bits": 8, "photo_hash": "ab", "interrupted_after": 2}
_LAYERS = {"block1_conv1": 1.0, "block2_conv1": 0.5}
DREAM = asdict(DreamSettings(_LAYERS)) | _SHARED | {"preset": "animals", "size": None}
PAINTING = asdict(StyleSettings(_LAYERS, _LAYERS)) | _SHARED | {"preset": "best", "size": 64}
PAINTING |= {"style_weights": [1.0], "style_levels": ["coarse"], "styles_hash": ["ab"]}
RECORDS = {
    "deep_dream": DREAM,
    "style_transfer": PAINTING,
    "dream_style": PAINTING | {"dream": DREAM},
    "generate": {"seed": 3, "w": [[0.5, -1.0], [2.0, 3.0]]},
}

# What a script would do with a network, and its flags.
MAINS = {
    "deep_dream": ("script.dream", ["--image=photo.png"]),
    "style_transfer": ("script.paint", ["--content=photo.png", "--style=photo.png"]),
    "dream_style": ("script.style_transfer.paint", ["--content=photo.png", "--style=photo.png"]),
}
MAIN = """
script.flags.FLAGS(["x", *{flags}])
{paint} = lambda *arguments: None
def act(path):
    script.flags.FLAGS["reproduce"].value = path
    script.main()
"""
ACTS = {name: MAIN.format(paint=paint, flags=flags) for name, (paint, flags) in MAINS.items()}
ACTS["generate"] = "script.flags.FLAGS(['x'])\nact = script.parse_seeds"
CODE = """
import json, os, sys
from kerasart.scripts import {script} as script
os.chdir(sys.argv[1])
{act}
outcomes = []
for name in sorted(os.listdir("records")):
    try:
        act(f"records/{{name}}")
        outcomes.append(None)
    except (ValueError, OSError) as error:
        outcomes.append(str(error))
    except Exception as error:
        outcomes.append(repr(error))
print(json.dumps(outcomes))
"""


def read_damaged(script, count, folder, call):
    """Reads so many damaged records by a script; returns how many of them it takes."""
    random = np.random.default_rng(0)
    (folder / "records").mkdir()
    for number in range(count):
        info = PngImagePlugin.PngInfo()
        info.add_text("kerasart", damage_json(RECORDS[script], random))
        Image.new("RGB", (3, 2)).save(folder / f"records/{number:06}.png", pnginfo=info)
    Image.fromarray(make_photo(60, 48)).save(folder / "photo.png")
    done = call("-c", CODE.format(script=script, act=ACTS[script]), folder)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == count and done.stderr == ""
    for number, outcome in enumerate(outcomes):
        assert outcome is None or _SENTENCE.fullmatch(outcome), (number, outcome)
    return outcomes.count(None)


@pytest.mark.parametrize("script", RECORDS)
def test_damaged_records_are_taken_or_refused(script, tmp_path, call):
    assert 0 < read_damaged(script, 250, tmp_path, call) < 250


@pytest.mark.slow
@pytest.mark.parametrize("script", RECORDS)
def test_many_damaged_records_are_taken_or_refused(script, tmp_path, call):
    read_damaged(script, 5000, tmp_path, call)
