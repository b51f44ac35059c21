"""Trains a network that paints any photo in one pass, in the manner of the pictures it is shown.

    python scripts/train_fast_style.py --photos=DIR --style=a.jpg --style=b.jpg --output=mine
    python scripts/train_fast_style.py --photos=DIR --style=a.jpg --network=small --steps=2000
    python scripts/train_fast_style.py --photos=DIR --style=DIR --network=adain --output=any
    python scripts/train_fast_style.py --photos=DIR --style=c.jpg --finetune=mine --output=more
    python scripts/train_fast_style.py --photos=DIR --style=DIR --finetune=adain --output=any
    python scripts/train_fast_style.py --preset=help
    python scripts/train_fast_style.py --preset=best --show
    python scripts/stylize.py --model=mine --input=photo.jpg

The output is a folder: the model, a card that says what it was made of, and, while it learns, a
contact sheet and the losses, so that you see what becomes of it. It can be killed at any time: the
same command goes on where it was.
"""

from kerasart.scripts import cli, common_flags, options
from kerasart.scripts.model_card import write_card

import itertools
import re
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from absl import flags
from tqdm import tqdm

from kerasart.image import read_picture, write_picture
from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.fingerprint import hash_image
from kerasart.image.loss_plot import plot_losses
from kerasart.image.photos import find_photos
from kerasart.image.samples import SAMPLES
from kerasart.settings.choices import choose_fast_style_settings, choose_network
from kerasart.settings.presets import find_preset
from kerasart.settings.style import FastStyleSettings

_NETWORKS = ("small", "medium", "large", "adain")
_SAMPLE_SIZE = 512  # Long side of the photos on contact sheets.

_PHOTOS = flags.DEFINE_string(
    "photos", None, "A folder of photos, of any kinds and sizes, with all folders in it."
)
_STYLE = flags.DEFINE_multi_string(
    "style", [], "A picture whose manner to learn; for adain, a folder of many such pictures."
)
_OUTPUT = flags.DEFINE_string("output", "fast_style", "The folder to write.")
_NETWORK = flags.DEFINE_enum(
    "network",
    "medium",
    _NETWORKS,
    "large has the paper's channels, medium half, small a quarter of them, for a laptop; adain "
    "paints in the manner of any picture.",
)
_FINETUNE = flags.DEFINE_string(
    "finetune",
    None,
    "A trained model (its folder, .keras file, or name) that goes on learning: the styles that it "
    "knows, or for adain any, by all of its weights; new styles are added by its normalisations "
    "alone, and what it could it still can.",
)
_SAMPLE = flags.DEFINE_multi_string(
    "sample",
    list(SAMPLES),
    f"A photo for the contact sheet: a file, or one of the bundled {', '.join(SAMPLES)}.",
)
_SHEET_EVERY = flags.DEFINE_integer(
    "sheet_every", 200, "Steps between two contact sheets, and two states on disk.", lower_bound=1
)
_TENSORBOARD = flags.DEFINE_string(
    "tensorboard",
    None,
    "A folder to write losses and contact sheets to, for TensorBoard. Needs "
    "pip install 'kerasart[tensorboard]'.",
)
_PRESET = options.define_preset("best, or adain_best")

_SETTINGS = options.define_flags(FastStyleSettings)
GROUPS = {
    "Pictures": [_PHOTOS, _STYLE, _OUTPUT, _SAMPLE, common_flags.MAX_PIXELS],
    "The network": [_NETWORK, _FINETUNE],
    "The training (defaults: the preset's)": [
        _PRESET,
        options.SHOW,
        *itertools.chain(*_SETTINGS.values()),
    ],
    "The feature network": common_flags.NETWORK_FLAGS,
    "The run": [
        _SHEET_EVERY,
        _TENSORBOARD,
        common_flags.SEED,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main():
    """Reads flags and pictures, and trains."""
    preset = "adain_best" if _NETWORK.value == "adain" else "best"
    backbone = common_flags.BACKBONE.value or "auto"
    if options.tell_of_presets("fast_style", _PRESET.value, preset, backbone):
        return
    if not _PHOTOS.value or not _STYLE.value:
        missing = "photos" if not _PHOTOS.value else "style"
        raise ValueError(f"--{missing} must be given (--help shows how). Received: none")
    if _FINETUNE.value and flags.FLAGS["network"].present:
        raise ValueError(
            "`network` must be left out with --finetune, whose network it is then. "
            f"Received: {_NETWORK.value!r}"
        )
    photos = find_photos(_PHOTOS.value)
    samples = {Path(name).stem: common_flags.read_photo(name).image for name in _SAMPLE.value}
    folder = Path(_OUTPUT.value)
    _check_folder(folder)
    network = _load_finetuned() if _FINETUNE.value else _NETWORK.value
    takes_images = _takes_style_images(network)
    recipe = find_preset("fast_style", _PRESET.value or ("adain_best" if takes_images else "best"))
    asked = common_flags.BACKBONE.value or "auto", common_flags.WEIGHTS.value or "auto"
    backbone, weights = choose_network(recipe, *asked)
    given = options.read_flags(FastStyleSettings)
    choose_fast_style_settings(recipe, "vgg16" if backbone == "auto" else backbone, given)
    styles = _find_styles(takes_images)
    if _TENSORBOARD.value:
        cli.load_tensorflow()
        from kerasart.networks.callbacks import check_tensorboard

        check_tensorboard()
    cli.load_tensorflow()
    from kerasart import load_backbone
    from kerasart.applications.fast_style_training import plan_training
    from kerasart.image.resizing import shrink

    backbone = load_backbone(backbone, weights, default="vgg16")
    with tqdm(
        desc="Balancing the weights",
        bar_format="{desc}",
        leave=False,
        disable=common_flags.QUIET.value or None,
    ):
        training_run = plan_training(
            network,
            styles,
            photos,
            backbone,
            choose_fast_style_settings(recipe, backbone, given),
            common_flags.PRECISION.value or "auto",
            common_flags.SEED.value or 0,
            common_flags.MAX_PIXELS.value,
        )
    samples = {name: shrink(photo, _SAMPLE_SIZE) for name, photo in samples.items()}
    _train(training_run, samples, folder, backbone)


def _load_finetuned():
    cli.load_tensorflow()
    from kerasart.networks import load_network

    return load_network(_FINETUNE.value)


def _takes_style_images(network):
    is_name = isinstance(network, str)
    return network == "adain" if is_name else network.style_input == "style"


def _train(training_run, samples, folder, backbone):
    """Trains, keeps what there is in the folder, and writes the card at the end."""
    from kerasart.networks.callbacks import ProgressLine, ResumableTraining, TensorBoardWriter

    network = training_run.network
    for photo in samples.values():
        network.check_size(photo)
    identity = _identify(training_run, backbone)
    (folder / "training").mkdir(parents=True, exist_ok=True)
    exhibition = Exhibition(folder, training_run, samples)
    every = min(_SHEET_EVERY.value, training_run.settings.steps)
    training = ResumableTraining(folder / "training", identity, every, exhibition.paint)
    callbacks = [_exhibiting(training, exhibition)]
    if _TENSORBOARD.value:
        callbacks.append(TensorBoardWriter(training, _TENSORBOARD.value, exhibition.lay_out))
    training.restore(training_run.trainer, common_flags.OVERWRITE.value)
    if training.step:
        cli.say(f"Going on after {training.step} steps.")
    try:
        with tqdm(
            total=training_run.settings.steps,
            initial=training.step,
            unit="step",
            disable=common_flags.QUIET.value or None,
        ) as bar:
            training_run.fit(training, ProgressLine(training, bar), *callbacks)
    except KeyboardInterrupt:
        training.write(training_run.trainer)
        print(f"\n{training.step} steps are kept; the same command goes on.", file=sys.stderr)
        sys.exit(130)
    exhibition.write(training, exhibition.paint())
    left_out = training_run.left_out & set(map(str, training_run.photos))
    known = dict.fromkeys(network.styles)
    record = {"left_out": len(left_out), "styles": known | identity["styles"]}
    write_card(folder, identity | record, training.history)
    training.remove()
    cli.say(f"Wrote {folder}: model.keras, README.md, contact_sheet.jpg. Use it with --model.")


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
        "styles": {name: hash_image(picture) for name, picture in training_run.shown.items()},
        "style_count": len(network.styles or training_run.styles),
    }


class Exhibition:
    """The samples that show what becomes of a network, and the files of the output.

    Args:
        folder: The output.
        training_run: The `TrainingRun`.
        samples: Dict of name to photo, (1, height, width, 3).
    """

    def __init__(self, folder, training_run, samples):
        self._folder = folder
        self._training_run = training_run
        self._samples = samples

    def paint(self):
        """Paints each sample in each of the styles to show: a list of pictures."""
        run = self._training_run
        return [painted for photo in self._samples.values() for painted in run.paint(photo)]

    def lay_out(self, pictures):
        """Lays out samples in rows, styles in columns, the styles' own pictures first."""
        shown = self._training_run.shown
        images, labels = [np.ones((8, 8, 3)), *shown.values()], ["", *shown]
        for i, (name, sample) in enumerate(self._samples.items()):
            images += [sample, *pictures[i * len(shown) : (i + 1) * len(shown)]]
            labels += [name, *shown]
        return contact_sheet(images, labels, columns=len(shown) + 1, cell=256)

    def write(self, training, pictures):
        """Writes the contact sheet, the plot of the losses, and the model."""
        from kerasart.networks import save_network

        sheet = self.lay_out(pictures)
        write_picture(self._folder / "contact_sheet.jpg", sheet, quality=88)
        _write_plot(self._folder, training)
        save_network(self._training_run.network, self._folder / "model.keras")


def _exhibiting(training, exhibition):
    """Makes the callback that writes what there is to show whenever a state was written."""
    import keras

    def write(batch, logs):
        if training.pictures is not None:
            exhibition.write(training, training.pictures)

    return keras.callbacks.LambdaCallback(on_train_batch_end=write)


def _find_styles(takes_images):
    """Reads the few styles by name, or lists the files of many."""
    if takes_images:
        return [path for name in _STYLE.value for path in _style_files(name)]
    styles = {}
    for name in _STYLE.value:
        # As `stylize.py --style` takes it, where a colon or a comma stands between two things.
        style = re.sub("[:,]", "_", Path(name).stem).strip()
        if style in styles:
            raise ValueError(f"`style` must name files of different names. Received: two {style!r}")
        styles[style] = read_picture(name, common_flags.MAX_PIXELS.value)
    return styles


def _style_files(name):
    if Path(name).is_dir():
        return find_photos(name, "style")
    read_picture(
        name, common_flags.MAX_PIXELS.value
    )  # Says what is wrong with a file that is named.
    return [Path(name)]


def _check_folder(folder):
    """Refuses an output that is something else than an unfinished training, unless --overwrite."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"`output` must be a folder. Received: the file '{folder}'")
    finetuned = Path(_FINETUNE.value or "")
    home = finetuned.parent if finetuned.is_file() else finetuned
    if _FINETUNE.value and folder.resolve() == home.resolve():
        raise ValueError(
            f"`output` must be another folder than that of --finetune. Received: '{folder}'"
        )
    if common_flags.OVERWRITE.value or (folder / "training" / "progress.json").exists():
        return
    if (folder / "model.keras").exists():
        raise ValueError(
            "`output` must not hold a finished model (--overwrite replaces it). "
            f"Received: '{folder}'"
        )
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in names if name != "training" and not name.startswith(".")]
    if others:
        raise ValueError(
            "`output` must be a new folder, or an empty one, since some names in it will be "
            f"replaced (--overwrite allows it). Received: '{folder}', which holds {others[0]!r}"
        )


def _write_plot(folder, training):
    # Keras's "loss" is the sum, which the plot draws by itself.
    terms = {name: values for name, values in training.history.items() if name != "loss"}
    ends = [training.every * (i + 1) for i in range(len(training.history["loss"]))]
    try:
        plot_losses(terms, folder / "losses.png", steps=ends)
    except ImportError:
        pass  # The card has the last losses, and matplotlib is an extra.


def run():
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
