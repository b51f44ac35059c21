"""Trains a network that paints any photo in one pass, in the styles of the pictures it is shown.

    python scripts/train_fast_style.py --photos=DIR --style=a.jpg --style=b.jpg --output=mine
    python scripts/train_fast_style.py --photos=DIR --style=a.jpg --network=small --steps=2000
    python scripts/train_fast_style.py --photos=DIR --style=DIR --network=adain --output=any
    python scripts/train_fast_style.py --photos=DIR --collection=DIR --output=manner
    python scripts/train_fast_style.py --photos=DIR --style=c.jpg --finetune=mine --output=more
    python scripts/train_fast_style.py --photos=DIR --style=DIR --finetune=any_style --output=any
    python scripts/train_fast_style.py --preset=help
    python scripts/train_fast_style.py --preset=best --show
    python scripts/stylize.py --model=mine --input=photo.jpg

The output is a folder: the model, a card that says what it was made of, and, while it learns, a
contact sheet and the losses, so that you see what becomes of it. It can be killed at any time: the
same command continues where it stopped.
"""

from kerasart.scripts import cli, common_flags, options
from kerasart.scripts.model_card import write_card
from kerasart.scripts.network_kinds import KINDS
from kerasart.scripts.training_folder import check_folder, define_sheet_every, train

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from tqdm import tqdm

from kerasart.cluster import is_chief
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.photos import find_photos
from kerasart.image.samples import SAMPLES
from kerasart.saved_models import find_network, read_config
from kerasart.settings.choices import choose_fast_style_settings, choose_network
from kerasart.settings.presets import find_preset
from kerasart.settings.style import FastStyleSettings

_SAMPLE_SIZE = 512  # Long side of the photos on contact sheets.


_PHOTOS = flags.DEFINE_string(
    "photos", None, "A folder of photos, of any kinds and sizes, with all folders in it."
)
_STYLE = flags.DEFINE_multi_string(
    "style",
    [],
    "A picture whose style to learn; for manner and adain, a folder of many such pictures.",
)
_COLLECTION = flags.DEFINE_multi_string(
    "collection",
    [],
    "A folder of some hundred pictures whose common manner to learn, rather than the style of one.",
)
_OUTPUT = flags.DEFINE_string("output", "fast_style", "The folder to write.")
_NETWORK = flags.DEFINE_enum(
    "network",
    "medium",
    [name for kind in KINDS.values() for name in kind.names],
    "large has the paper's channels, medium half, small a quarter of them, for a laptop; manner "
    "and adain paint in the style of any picture; collection is that of --collection.",
)
_FINETUNE = flags.DEFINE_string(
    "finetune",
    None,
    "A trained model (its folder, .keras file, or name) to train further: the styles that it "
    "knows, or for any_style and adain any, by all of its weights; new styles are added by its "
    "normalisations alone, and what it could it still can.",
)
_SAMPLE = flags.DEFINE_multi_string(
    "sample",
    list(SAMPLES),
    f"A photo for the contact sheet: a file, or one of the bundled {', '.join(SAMPLES)}.",
)
_SHEET_EVERY = define_sheet_every(200)
_TENSORBOARD = flags.DEFINE_string(
    "tensorboard",
    None,
    "A folder to write losses and contact sheets to, for TensorBoard. Needs "
    "pip install 'kerasart[tensorboard]'.",
)
_PRESET = options.define_preset("best, manner_best, adain_best or collection")

_SETTINGS = options.define_flags(FastStyleSettings)
GROUPS = {
    "Pictures": [_PHOTOS, _STYLE, _COLLECTION, _OUTPUT, _SAMPLE, common_flags.MAX_PIXELS],
    "Network": [_NETWORK, _FINETUNE],
    "Training (defaults: the preset's)": [
        _PRESET,
        options.SHOW,
        *itertools.chain(*_SETTINGS.values()),
    ],
    "Feature network": common_flags.NETWORK_FLAGS,
    "Run": [
        _SHEET_EVERY,
        _TENSORBOARD,
        common_flags.SEED,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main() -> None:
    """Reads flags and pictures, and trains."""
    name = _NETWORK.value
    if _COLLECTION.value and not flags.FLAGS["network"].present:
        name = "collection"
    kind = next(each for each in KINDS.values() if name in each.names)
    asked = common_flags.BACKBONE.value or "auto", common_flags.WEIGHTS.value or "auto"
    if options.show_presets("fast_style", _PRESET.value, kind.preset, asked[0]):
        return
    _check_flags()
    photos = find_photos(_PHOTOS.value or "")
    samples = {Path(name).stem: common_flags.read_photo(name).image for name in _SAMPLE.value}
    folder = Path(_OUTPUT.value)
    check_folder(folder, _FINETUNE.value)
    if _FINETUNE.value:
        # What is none of ours, `load_network` refuses.
        kind = KINDS.get(read_config(find_network(_FINETUNE.value)).get("class_name"), kind)
    learned = _read_learned(kind.flag)
    preset = find_preset("fast_style", _PRESET.value or kind.preset)
    backbone, weights = choose_network(preset, *asked)
    given = options.read_flags(FastStyleSettings)
    network = "vgg16" if backbone == "auto" else backbone
    options.refuse_idle(choose_fast_style_settings(preset, network, given))
    styles = kind.read_styles(learned)

    cli.load_tensorflow()
    from kerasart import load_backbone, load_network
    from kerasart.networks.callbacks import check_tensorboard
    from kerasart.networks.distribution import find_strategy

    if _TENSORBOARD.value:
        check_tensorboard()
    with find_strategy().scope():
        network = load_network(_FINETUNE.value) if _FINETUNE.value else name
        backbone = load_backbone(backbone, weights, default="vgg16")
        settings = choose_fast_style_settings(preset, backbone, given)
        training_run = _plan(network, styles, photos, backbone, settings)
    sheet, identity = ContactSheet(training_run, samples), _identify(training_run, backbone)
    training = train(training_run, folder, identity, sheet.paint, sheet.lay_out, _TENSORBOARD.value)
    if is_chief():
        write_card(folder, training_run, identity, training.history)
        training.remove()
        names = "model.keras, README.md, contact_sheet.jpg"
        cli.say(f"Wrote {folder}: {names}. Use it with --model.")


def _check_flags():
    """Refuses flags that are missing or do not go together."""
    if not _PHOTOS.value:
        raise ValueError("--photos must be given (--help shows how). Received: none")
    if _FINETUNE.value and flags.FLAGS["network"].present:
        raise ValueError(
            "`network` must be left out with --finetune, whose network it is then. "
            f"Received: {_NETWORK.value!r}"
        )


def _read_learned(flag):
    """Reads --style or --collection, whichever the network learns from; refuses the other."""
    other = _COLLECTION if flag == "style" else _STYLE
    if other.value:
        raise ValueError(
            f"--{other.name} must be left out: this network learns from --{flag}. "
            f"Received: {other.value[0]!r}"
        )
    if not flags.FLAGS[flag].value:
        raise ValueError(f"--{flag} must be given (--help shows how). Received: none")
    return flags.FLAGS[flag].value


def _plan(network, styles, photos, backbone, settings):
    """Prepares the training, which takes a while."""
    from kerasart.applications.fast_style_training import plan_training

    quiet = common_flags.QUIET.value or not is_chief() or None
    with tqdm(desc="Balancing the weights", bar_format="{desc}", leave=False, disable=quiet):
        return plan_training(
            network,
            styles,
            photos,
            backbone,
            settings,
            common_flags.PRECISION.value or "auto",
            common_flags.SEED.value or 0,
            common_flags.MAX_PIXELS.value,
        )


def _identify(training_run, backbone):
    """Returns a dict of what makes a training what it is."""
    network = training_run.network
    return {
        **asdict(training_run.settings),
        "network": network.kind,
        "finetune": _FINETUNE.value,
        "backbone": backbone.name,
        "weights_hash": backbone.weights_hash,
        "precision": network.dtype_policy.name,
        "seed": training_run.seed,
        "photos": len(training_run.photos),
        "styles": training_run.styles.hashes(),
        "style_count": training_run.styles.count,
    }


class ContactSheet:
    """The samples that show what becomes of a network.

    Args:
        training_run: The `TrainingRun`.
        samples: Dict of name to photo, (1, height, width, 3).

    Raises:
        ValueError: If a photo is too small for the network.
    """

    def __init__(self, training_run: Any, samples: Mapping[str, np.ndarray]):
        from kerasart.image.resizing import shrink

        self._training_run = training_run
        self._samples = {name: shrink(photo, _SAMPLE_SIZE) for name, photo in samples.items()}
        for photo in self._samples.values():
            training_run.network.check_size(photo)

    def paint(self) -> list[np.ndarray]:
        """Paints each sample in each of the styles to show: a list of pictures."""
        run = self._training_run
        return [painted for photo in self._samples.values() for painted in run.paint(photo)]

    def lay_out(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Lays out samples in rows, styles in columns, the styles' own pictures first."""
        shown = self._training_run.styles.shown
        images, labels = [np.ones((8, 8, 3)), *shown.values()], ["", *shown]
        for i, (name, sample) in enumerate(self._samples.items()):
            images += [sample, *pictures[i * len(shown) : (i + 1) * len(shown)]]
            labels += [name, *shown]
        return contact_sheet(images, labels, columns=len(shown) + 1, cell=256)


def run() -> None:
    """Runs the script; the installed command enters here."""
    arguments = {"model": "finetune", "image": "sample"}
    arguments |= {"styles": "style", "collections": "collection"}
    cli.run(main, __doc__, GROUPS, arguments)


if __name__ == "__main__":
    run()
