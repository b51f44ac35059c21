"""Paints a million photos, or dreams on them, by many processes, also of many machines (Ray).

    python scripts/stylize_many.py --input=photos --output=painted --model=medium --style=mosaic
    python scripts/stylize_many.py --input=s3://bucket/photos --output=gs://bucket/painted
    python scripts/stylize_many.py --input=photos --style=coarse:mosaic,fine:shipwreck
    python scripts/stylize_many.py --input=photos --model=dream --dream_preset=gentle
    python scripts/stylize_many.py ... --address=auto --workers=64 --gpus_per_worker=0.25

Each painting is, to the bit, the one that stylize.py or deep_dream.py makes of the photo, under the
photo's name. The same command goes on where it was ended, by whatever: what is painted already is
skipped, unless the photo or the settings are others than before. Photos that cannot be painted are
left out; the manifest, Parquet in the folder _manifest of the output, says which, and why.
"""

from kerasart.scripts import cli, cluster_flags, common_flags, manner_flags, one_pass_flags, options
from kerasart.scripts.batch_files import warn_of_failure

import itertools
import logging
from collections import Counter

from absl import flags
from tqdm import tqdm

from kerasart.scale.many import paint_many
from kerasart.scale.painting import Dreaming, PhotoPainter
from kerasart.scale.plan import plan
from kerasart.scale.requirements import ray
from kerasart.scale.stores import open_store
from kerasart.settings.dream import DreamSettings

_log = logging.getLogger("kerasart")

_DREAM = "dream"
_SHOWN = 10  # Photos that are left out, of which the terminal tells one by one.

_INPUT = flags.DEFINE_string(
    "input",
    None,
    "A folder of photos, with its subfolders: a path, or an address as s3://bucket/photos, of any "
    "file system of PyArrow (s3, gs, hdfs) or fsspec (abfs, sftp, ..., each with its package).",
)
_OUTPUT = flags.DEFINE_string(
    "output", "painted", "The folder of paintings, likewise. Photos keep their names in it."
)
_PRESET = flags.DEFINE_string(
    "dream_preset", None, "With --model=dream, as in deep_dream.py. (default: animals)"
)
_BACKBONE = flags.DEFINE_string(
    "dream_backbone", None, "The network that dreams, as in deep_dream.py. (default: auto)"
)
_WEIGHTS = flags.DEFINE_string(
    "dream_weights", None, "Its weights, as in deep_dream.py; a file must be on all machines."
)
_SETTINGS = options.define_flags(DreamSettings, prefix="dream_")
_OF_DREAMS = [_PRESET, _BACKBONE, _WEIGHTS, common_flags.SEED]
_OF_DREAMS += itertools.chain(*_SETTINGS.values())
GROUPS = {
    "Pictures": [
        _INPUT,
        _OUTPUT,
        common_flags.BITS,
        common_flags.MAX_PIXELS,
        common_flags.STRIP_METADATA,
    ],
    "Style": [*one_pass_flags.FLAGS, manner_flags.MANNER, manner_flags.TRUNCATION],
    "Dream": _OF_DREAMS,
    "Cluster": cluster_flags.FLAGS,
    "Run": [
        common_flags.TILE,
        common_flags.MEMORY,
        one_pass_flags.BATCH_SIZE,
        common_flags.PRECISION,
        common_flags.OVERWRITE,
        common_flags.QUIET,
        common_flags.DEBUG,
    ],
}


def main() -> None:
    """Reads flags, paints what is left to be painted, and says how many there were."""
    if not _INPUT.value:
        raise ValueError("`input` must be a folder of photos. Received: none")
    manner_flags.check_flags()
    painting = _read_painting()
    ray()  # Better missed before photos are listed.
    work = plan(open_store(_INPUT.value, "input"), open_store(_OUTPUT.value, "output"), painting)
    if work.done:
        cli.say(f"{work.done} of {work.done + len(work.jobs)} are painted already.")
    if not len(work.jobs):
        return
    try:
        outcomes = _paint(work)
    except KeyboardInterrupt:
        cli.say("The same command goes on.")
        raise
    cli.say(f"Painted {outcomes[True]} of {len(work.jobs)}.")
    if outcomes[False]:
        raise ValueError(
            f"`input` must hold what can be painted. Received: {outcomes[False]} that "
            f"cannot; the manifest says which, and why"
        )


def _paint(work):
    """Paints what is left; returns how many photos were painted, by whether they could be."""
    outcomes: Counter[bool] = Counter()
    with _Bar(len(work.jobs)) as bar:
        for row in paint_many(
            work,
            **cluster_flags.read(),
            batch_size=one_pass_flags.BATCH_SIZE.value,
            replaces=common_flags.OVERWRITE.value,
            on_start=bar.wait_for,
        ):
            outcomes[row["reason"] is None] += 1
            bar.update(row)
    return outcomes


def _read_painting() -> PhotoPainter:
    """Reads the flags that say how to paint, or of what to dream."""
    dreams = one_pass_flags.MODEL.value == _DREAM
    of_style = [each for each in one_pass_flags.FLAGS if each.name not in ("size", "model")]
    for holder in [*of_style, *manner_flags.FLAGS] if dreams else _OF_DREAMS:
        if flags.FLAGS[holder.name].present:
            does = "does not go" if dreams else "goes"
            raise ValueError(
                f"`{holder.name}` {does} with --model={_DREAM}. Received: --{holder.name}"
            )
    if not dreams:
        return one_pass_flags.read_painting()
    given = {"preset": _PRESET.value, "backbone": _BACKBONE.value, "weights": _WEIGHTS.value}
    given |= {"precision": common_flags.PRECISION.value, "seed": common_flags.SEED.value}
    given |= options.read_flags(DreamSettings, "dream_")
    settings = options.over_record("deep_dream", {}, given)
    options.check_dream(settings)
    size, files = one_pass_flags.SIZE.value, common_flags.read_file_options()
    return Dreaming(settings, common_flags.read_tiling(), size=size, **files)


class _Bar:
    """A progress bar, whose pictures a second do not count the time until the first is there."""

    def __init__(self, count):
        self._count, self._shown = count, 0
        self._bar = self._make(desc="Starting Ray", bar_format="{desc} ...")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._bar.close()

    def wait_for(self, workers):
        self._bar.set_description_str(f"Loading TensorFlow, {workers} times")

    def update(self, row):
        if self._bar.total is None:
            self._bar.close()
            self._bar = self._make(total=self._count, initial=1, unit="picture", smoothing=0)
        else:
            self._bar.update()
        if row["reason"] is None:
            return
        self._shown += 1
        if self._shown <= _SHOWN:
            warn_of_failure(row["path"], ValueError(row["reason"]))
        if self._shown == _SHOWN:
            _log.warning("others that are left out are in the manifest")

    def _make(self, **options):
        return tqdm(disable=common_flags.QUIET.value or None, **options)


def run() -> None:
    """Runs the script; the installed command enters here."""
    dreams = {name: f"dream_{name}" for name in ("preset", "backbone", "weights")}
    cli.run(main, __doc__, GROUPS, {"image": "input"} | dreams)


if __name__ == "__main__":
    run()
