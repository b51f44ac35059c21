"""Trains a StyleGAN2 generator on a folder of pictures, to paint new ones like them.

    python scripts/train_generator.py --pictures=DIR --output=mine
    python scripts/train_generator.py --pictures=DIR --finetune=network.pkl --output=mine
    python scripts/generate.py --model=mine --seeds=0-7

Squares are cut of the pictures at random. It takes long, and is work for a GPU: published trainings
saw millions of pictures. It can be killed at any time, and the same command continues.
"""

from kerasart.scripts import cli, common_flags, options
from kerasart.scripts.training_folder import check_folder, define_sheet_every, train

from dataclasses import asdict
from pathlib import Path

from absl import flags

from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.photos import find_photos
from kerasart.settings.generator import GeneratorSettings

_PICTURES = flags.DEFINE_string(
    "pictures", None, "A folder of the pictures to learn from, with all folders in it."
)
_OUTPUT = flags.DEFINE_string("output", "generator", "The folder to write to.")
_FINETUNE = flags.DEFINE_string(
    "finetune", None, "A generator, as for generate.py --model, of which a copy is trained further."
)
_SHEET_EVERY = define_sheet_every(500)
_SETTINGS = options.define_flags(GeneratorSettings, in_presets=False)
GROUPS = {
    "Pictures": [_PICTURES, _OUTPUT, common_flags.MAX_PIXELS],
    "Generator": [_FINETUNE, *_SETTINGS["generator"]],
    "Training": [*_SETTINGS["training"], _SHEET_EVERY],
    "Feature network": common_flags.NETWORK_FLAGS,
    "Run": [
        common_flags.SEED,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main() -> None:
    """Reads flags and pictures, and trains."""
    if not _PICTURES.value:
        raise ValueError("--pictures must be given (--help shows how). Received: none")
    settings = GeneratorSettings(**options.read_flags(GeneratorSettings))
    for holder in _SETTINGS["generator"]:
        if _FINETUNE.value and holder.present:
            raise ValueError(f"`{holder.name}` does not go with --finetune. Received: both")
    pictures = find_photos(_PICTURES.value, "pictures")
    folder = Path(_OUTPUT.value)
    check_folder(folder, _FINETUNE.value)
    cli.load_tensorflow()
    from kerasart import load_backbone
    from kerasart.applications.generator_training import plan_generator_training
    from kerasart.networks import load_generator

    asked = common_flags.BACKBONE.value or "vgg16", common_flags.WEIGHTS.value or "auto"
    backbone = load_backbone(*asked)
    plan = plan_generator_training(
        pictures,
        backbone,
        settings,
        load_generator(_FINETUNE.value) if _FINETUNE.value else None,
        common_flags.PRECISION.value or "auto",
        common_flags.SEED.value or 0,
        common_flags.MAX_PIXELS.value,
    )
    train(plan, folder, _identify(plan, backbone), plan.paint, _lay_out).remove()
    cli.say(f"Wrote {folder}: model.keras, contact_sheet.jpg. Use it with generate.py --model.")


def _identify(plan, backbone):
    """Returns a dict of what makes a training what it is."""
    network = plan.trainer.network
    config = network.get_config()
    return {
        **asdict(plan.settings),
        **{name: config[name] for name in ("channels", "z_size", "w_size", "mapping")},
        "finetune": _FINETUNE.value,
        "pictures": len(plan.pictures),
        "seed": plan.seed,
        "backbone": backbone.name,
        "weights_hash": backbone.weights_hash,
        "precision": network.compute_dtype,
    }


def _lay_out(pictures):
    return contact_sheet(
        pictures, [""] * len(pictures), cell=max(32, min(256, pictures[0].shape[1]))
    )


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS, {"model": "finetune"})


if __name__ == "__main__":
    run()
