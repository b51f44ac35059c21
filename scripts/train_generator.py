"""Trains a StyleGAN2 generator on a folder of pictures, to paint new ones like them.

    python scripts/train_generator.py --pictures=DIR --output=mine
    python scripts/train_generator.py --pictures=DIR --finetune=network.pkl --output=mine
    python scripts/generate.py --model=mine --seeds=0-7

Squares are cut of the pictures at random. It takes long, and is work for a GPU: published trainings
saw millions of pictures. It can be killed at any time, and the same command continues.
"""

from kerasart.scripts import cli, common_flags
from kerasart.scripts.training_folder import check_folder

import sys
from pathlib import Path

from absl import flags
from tqdm import tqdm

from kerasart.image.contact_sheet import contact_sheet
from kerasart.image.photos import find_photos

_PICTURES = flags.DEFINE_string(
    "pictures", None, "The pictures to learn from: a folder, or a pattern such as 'DIR/*.jpg'."
)
_OUTPUT = flags.DEFINE_string("output", "generator", "The folder to write to.")
_FINETUNE = flags.DEFINE_string(
    "finetune", None, "A generator, as for generate.py --model, of which a copy is trained further."
)
_SIZE = flags.DEFINE_integer("size", 64, "Side of the pictures in pixels, a power of 2.")
_WIDTH = flags.DEFINE_float("width", 0.25, "Channels, relative to the paper's.")
_STEPS = flags.DEFINE_integer("steps", 100_000, "Steps in all.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Pictures in a step.", lower_bound=1)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.002, "Adam's, which falls to a tenth.")
_LAYERS = flags.DEFINE_list(
    "layers",
    ["block1_conv1", "block2_conv2", "block3_conv3", "block4_conv1"],
    "The layers of the feature network on which the critic is. The first sees colours.",
)
_AUGMENTED_AFTER = flags.DEFINE_integer(
    "augmented_after",
    100_000,
    "Pictures after which those that the critic sees may all be flipped, shifted and cut; they are "
    "only while it is too sure of itself.",
    lower_bound=1,
)
_SHEET_EVERY = flags.DEFINE_integer(
    "sheet_every", 500, "Steps between two contact sheets, and two states on disk.", lower_bound=1
)
GROUPS = {
    "Pictures": [_PICTURES, _OUTPUT, common_flags.MAX_PIXELS],
    "Generator": [_FINETUNE, _SIZE, _WIDTH],
    "Training": [_STEPS, _BATCH_SIZE, _LEARNING_RATE, _LAYERS, _AUGMENTED_AFTER, _SHEET_EVERY],
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
    for holder in (_SIZE, _WIDTH):
        if _FINETUNE.value and holder.present:
            raise ValueError(f"`{holder.name}` does not go with --finetune. Received: both")
    pictures = find_photos(_PICTURES.value)
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
        _LAYERS.value,
        network=load_generator(_FINETUNE.value) if _FINETUNE.value else None,
        size=_SIZE.value,
        width=_WIDTH.value,
        steps=_STEPS.value,
        batch_size=_BATCH_SIZE.value,
        learning_rate=_LEARNING_RATE.value,
        augmented_after=_AUGMENTED_AFTER.value,
        precision=common_flags.PRECISION.value or "auto",
        seed=common_flags.SEED.value or 0,
        max_pixels=common_flags.MAX_PIXELS.value,
    )
    _train(plan, folder, backbone)


def _train(plan, folder, backbone):
    """Trains, and keeps what there is in the folder."""
    from kerasart.networks.callbacks import FolderWriter, ProgressLine, ResumableTraining

    settings = (_STEPS, _BATCH_SIZE, _LEARNING_RATE, _LAYERS, _AUGMENTED_AFTER, _FINETUNE)
    identity = {each.name: each.value for each in settings}
    config = plan.trainer.network.get_config()
    identity |= {name: config[name] for name in ("channels", "z_size", "w_size", "mapping")}
    identity |= {"pictures": len(plan.pictures), "seed": plan.seed, "backbone": backbone.name}
    identity |= {"weights_hash": backbone.weights_hash}
    identity |= {"precision": plan.trainer.network.compute_dtype}
    (folder / "training").mkdir(parents=True, exist_ok=True)
    every = min(_SHEET_EVERY.value, plan.steps)
    training = ResumableTraining(folder / "training", identity, every, plan.paint)
    writer = FolderWriter(training, folder, plan.trainer.result, _lay_out)
    training.restore(plan.trainer, common_flags.OVERWRITE.value)
    if training.step:
        cli.say(f"Going on after {training.step} steps.")
    quiet = common_flags.QUIET.value or None
    try:
        with tqdm(total=plan.steps, initial=training.step, unit="step", disable=quiet) as bar:
            plan.fit(training, ProgressLine(training, bar), writer)
    except KeyboardInterrupt:
        training.write(plan.trainer)
        print(f"\n{training.step} steps are kept; the same command continues.", file=sys.stderr)
        sys.exit(130)
    writer.write(plan.paint())
    training.remove()
    cli.say(f"Wrote {folder}: model.keras, contact_sheet.jpg. Use it with generate.py --model.")


def _lay_out(pictures):
    return contact_sheet(
        pictures, [""] * len(pictures), cell=max(32, min(256, pictures[0].shape[1]))
    )


def run() -> None:
    """Runs the script; the installed command enters here."""
    cli.run(main, __doc__, GROUPS)


if __name__ == "__main__":
    run()
