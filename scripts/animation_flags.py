"""The flags of animated dreams, and `animate`, which makes what they describe."""

from kerasart.scripts import cli, common_flags, options
from kerasart.scripts.unfinished import RESUME

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from kerasart.image import next_free_path
from kerasart.image.animation import check_animation, write_animation
from kerasart.image.arrays import fit_size
from kerasart.image.frame_folder import FrameFolder, find_frames
from kerasart.progress import ProgressBar
from kerasart.records import pack_record
from kerasart.settings.animation import ANIMATIONS, AnimationSettings

ANIMATE = flags.DEFINE_enum(
    "animate",
    None,
    list(ANIMATIONS),
    "Make an animation. evolution: the dream step by step; zoom: an endless zoom into it; "
    "layers: from the first layer (or channel) of the objective to the last.",
)
_MOTION = options.define_flags(AnimationSettings, in_presets=False)["animation"]
FRAMES = _MOTION[0]
FPS = flags.DEFINE_float("fps", 12.0, "Frames per second.")
LOOP = flags.DEFINE_integer(
    "loop",
    0,
    "How often it plays, 0 for ever; ignored for video files.",
    lower_bound=0,
)
_FRAME_SIZE = flags.DEFINE_integer(
    "frame_size", None, "Long side of the animation. (default: the dream's own)", lower_bound=1
)
KEEP_FRAMES = flags.DEFINE_bool(
    "keep_frames", False, "Keep each frame as a PNG beside the output, in NAME.frames."
)
FLAGS = [ANIMATE, *_MOTION, FPS, LOOP, _FRAME_SIZE, KEEP_FRAMES]

# Flags of some animations only.
_OWN = {"zoom": ["zoom"], "rotate": ["zoom"], "shift": ["zoom"], "blend": ["zoom", "layers"]}


def check(output: str) -> None:
    """Raises ValueError for flags that do not go together, before any work."""
    for flag in (common_flags.PREVIEW_EVERY, common_flags.BITS):
        if flag.value:
            raise ValueError(
                f"`{flag.name}` does not go with --animate, whose frames lie beside the output, "
                f"with 8 bits. Received: {flag.value}"
            )
    for name, animations in _OWN.items():
        if flags.FLAGS[name].present and ANIMATE.value not in animations:
            raise ValueError(
                f"`{name}` goes with --animate={' or '.join(animations)}. "
                f"Received: --animate={ANIMATE.value}"
            )
    check_animation(output, FPS.value, LOOP.value, _FRAME_SIZE.value)
    _read_motion()


def refuse_flags() -> None:
    """Raises ValueError for flags of animations without --animate."""
    for flag in FLAGS:
        if flags.FLAGS[flag.name].present:
            raise ValueError(
                f"`{flag.name}` goes with --animate. Received: --{flag.name} without it"
            )


def animate(
    dreamer: Callable[[], Any],
    pictures: Mapping[str, Any],
    output: str,
    fingerprint: dict[str, Any],
) -> None:
    """Makes the animation that the flags describe.

    Frames lie in a folder beside the output until all are there. On Ctrl-C the frames so far become
    the animation, the folder stays, and --resume continues from it.

    Args:
        dreamer: `dreamer() -> Dreamer`.
        pictures: Dict of the `image`, `mask` and `size` of the dream.
        output: Where to write. A name that is taken gets a number, unless --overwrite or --resume.
        fingerprint: Dict of what determines the dream.
    """
    if ANIMATE.value == "zoom" and pictures["mask"] is not None:
        raise ValueError("`mask` must not be given with --animate=zoom. Received: a mask")
    if _FRAME_SIZE.value and pictures["image"] is not None:
        common_flags.check_pixels(
            fit_size(pictures["image"].shape[1:3], _FRAME_SIZE.value), "frame_size"
        )
    write_frames(
        lambda frames: _make_frames(dreamer, pictures, frames),
        output,
        fingerprint | _describe_motion(),
    )


def write_frames(
    make_frames: Callable[[FrameFolder], dict[str, Any]], output: str, fingerprint: dict[str, Any]
) -> None:
    """Makes an animation of frames; see `animate`.

    Args:
        make_frames: `make_frames(frames) -> record` adds those that are not there yet.
        output: As for `animate`.
        fingerprint: Dict of what determines the frames.
    """
    path, folder = _find_folder(output)
    frames = FrameFolder(folder, fingerprint, not RESUME.value, KEEP_FRAMES.value)
    record, stopped = _attempt_frames(make_frames, frames)
    written = write_animation(
        path,
        frames.paths,
        FPS.value,
        LOOP.value,
        _FRAME_SIZE.value,
        text=pack_record(record | fingerprint),
        # Another run may have taken it meanwhile.
        taken="replace" if _replaces() else "number",
    )
    cli.say(
        f"Wrote {'the frames so far to ' if stopped else ''}{written}: "
        f"{cli.counted(len(frames.paths), 'frame')}."
    )
    if stopped:
        cli.say(f"The same command with --resume --output={path} continues it.")
        raise stopped
    if frames.keep:
        cli.say(f"The frames are in {folder}.")
    else:
        frames.delete()


def _attempt_frames(make_frames, frames):
    """Makes the frames: returns their record, and what ended it before its time."""
    try:
        return make_frames(frames), None
    except BaseException as error:
        if not frames.paths:
            frames.delete()
            raise
        if not isinstance(error, KeyboardInterrupt | FloatingPointError):
            raise
        return getattr(getattr(error, "result", None), "settings", {}), error


def _replaces():
    """Whether the file at the output may be replaced: with --overwrite or --resume."""
    return RESUME.value or common_flags.OVERWRITE.value


def _find_folder(output):
    """Finds where the animation goes, and the folder of its frames, which must not be lost."""
    path = Path(output) if _replaces() else next_free_path(output)
    folder = path.with_suffix(".frames")
    there = find_frames(folder)
    if RESUME.value and not there:
        raise ValueError(
            "`resume` needs the frames of an unfinished animation beside the output. "
            f"Received: no {folder}"
        )
    if there and not _replaces():
        raise ValueError(
            "`output` must not be that of an unfinished animation: --resume continues it, "
            f"--overwrite starts anew. Received: '{output}', beside which {folder} lies"
        )
    return path, folder


def _describe_motion():
    """Returns a dict of what makes the motion what it is."""
    names = {"animate": ANIMATE.value} | _read_motion()
    # A zoom may also become longer than it was to be; of others nothing zooms.
    left_out = ("frames",) if ANIMATE.value == "zoom" else ("zoom", "rotate", "shift")
    return {name: value for name, value in names.items() if name not in left_out}


def _read_motion():
    return options.read_flags(AnimationSettings)


def _make_frames(dreamer, pictures, frames):
    """Makes the frames that are not there yet; returns the dream's record."""
    first = len(frames.paths)
    motion = _read_motion()
    count, blend = motion["frames"], motion["blend"]
    with ProgressBar(disable=common_flags.QUIET.value or None) as bar:
        cli.load_tensorflow()
        from kerasart.applications.dream_animation import animate_layers, animate_zoom

        ready = dreamer()
        if ANIMATE.value == "evolution":
            _show_growth(ready, pictures, frames, count, bar)
            return ready.record

    with tqdm(
        total=count,
        initial=first,
        unit="frame",
        disable=common_flags.QUIET.value or None,
        leave=False,
    ) as bar:

        def on_step(progress):
            bar.set_postfix_str(f"step {progress.step}/{progress.steps}")

        if ANIMATE.value == "zoom":
            image = frames.last() if first else pictures["image"]
            size = pictures["size"]
            moving = animate_zoom(ready, image, size=size, **motion, first=first, on_step=on_step)
        else:
            moving = animate_layers(
                ready, **pictures, frames=count, blend=blend, first=first, last=frames.last(),
                on_step=on_step,
            )  # fmt: skip
        with closing(moving):
            for frame in moving:
                frames.add(frame)
                bar.update()
    return ready.record


def _show_growth(dreamer, pictures, frames, count, bar):
    """Dreams once. What is there from a run before is made again, but not written again."""
    from kerasart.applications.dream_animation import animate_evolution

    known = len(frames.paths)

    def on_frame(frame):
        nonlocal known
        known -= 1
        if known < 0:
            frames.add(frame)

    animate_evolution(dreamer, **pictures, frames=count, on_frame=on_frame, on_step=bar)
