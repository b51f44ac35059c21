"""Compares how good pictures are after so many seconds of optimisation, ours and PyTorch's.

    python -m benchmarks.style_quality --content=photo.jpg --style=painting.jpg
    python -m benchmarks.style_quality --content=a.jpg --style=b.jpg --content=c.jpg --style=d.jpg
    python -m benchmarks.style_quality ... --marks=10,30 --sheet=sheet.png --output=quality.md

Good is a low loss of Gatys et al.: the layers and raw weights of the preset neural_style, on the
bundled VGG16, in float32, at the size of the picture, of its 8-bit levels as they would be
written. PyTorch's contestant is what most scripts do: `torch.optim.LBFGS` on that very loss, at one
size, in a process with malloc settings that make it faster. Ours are presets, of which gatys and
neural_style minimise that very loss, and "coarse to fine": that loss, minimised by Adam from the
photo at sizes from 128 pixels up.

No preset that minimises another loss can be best at that one. So each picture is also looked at by
SqueezeNet, which paints none of them: how much of the way to the painting's style is left (the mean
over layers of the squared differences of channels' means and deviations, over the photo's own), and
how much of the content is lost (of a deep layer's squared difference to the photo's, over the
painting's). Both are 0 at best, and (1 + left) * (1 + lost), as in ArtFID (Wright and Ommer 2022),
takes them together: copying the painting, or leaving the photo alone, is no way to a low one.

The clock starts once everything is imported, and weights and pictures are read: building,
targets and tracing count. At each mark the last finished picture counts. What has a schedule over
several sizes, or averages, has a run for each mark, with as many steps as a short run before says
will fit, as one would choose them who has that time; the others run once and are looked at on
their way. What is done before a mark keeps its picture. Runs follow one another, so the machine
must be quiet.
"""

import math
import os
import time
from functools import partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from statistics import geometric_mean, mean, median
from types import SimpleNamespace

from benchmarks.measure import (
    TORCH_VARIABLES,
    call_in_new_process,
    describe_machine,
    describe_torch,
    environment,
    has_torch,
    make_parser,
    markdown_table,
)
from benchmarks.style_transfer import (
    MEAN_PIXEL,
    Judge,
    TorchLosses,
    to_torch,
)

STYLE_LAYERS = ("conv1", "fire2", "fire3", "fire5", "fire7")
CONTENT_LAYER = "fire7"
COARSE_TO_FINE = {"optimizer": "adam", "smallest": 128, "init": "content"}
# Contestant to preset and what is set besides.
OURS = {
    "best": ("best", {}),
    "gram": ("gram", {}),
    "gatys": ("gatys", {}),
    "neural_style": ("neural_style", {}),
    "crowson": ("crowson", {}),
    "tensorflow_tutorial": ("tensorflow_tutorial", {}),
    "coarse to fine": ("neural_style", COARSE_TO_FINE),
}
# Contestant to what it starts from.
TORCH = {"PyTorch from noise": "noise", "PyTorch from photo": "content"}
CALIBRATION_STEPS = 60
# Of the time, for which steps are planned: a picture that is late does not count.
PLANNED = 0.95


class Enough(Exception):  # noqa: N818 - not an error
    """All marks are over."""


class Camera:
    """Keeps the last picture that was finished before each mark.

    Args:
        marks: Seconds, in order.

    Attributes:
        pictures: One for each mark that is over; None where none was finished.
        steps: As many numbers of steps taken.
        stamps: A (size, seconds) for each step.
    """

    def __init__(self, marks):
        self.pictures, self.steps, self.stamps = [], [], []
        self._marks = marks
        self._last = None
        self._start = time.perf_counter()

    def __call__(self, progress):
        """Sees a `Progress`, or what has its `size` and `picture`."""
        now = time.perf_counter() - self._start
        while len(self.pictures) < len(self._marks) and now > self._marks[len(self.pictures)]:
            self._shoot()
        if len(self.pictures) == len(self._marks):
            raise Enough
        self.stamps.append((progress.size, now))
        self._last = progress

    def end(self):
        """Gives the marks to come the last picture."""
        while len(self.pictures) < len(self._marks):
            self._shoot()

    def _shoot(self):
        self.pictures.append(self._last.picture() if self._last else None)
        self.steps.append(len(self.stamps))


def main():
    """Runs the benchmark, prints its tables and writes what was asked for."""
    from kerasart.image import read_picture

    options = parse_options()
    machine = call_in_new_process(describe_machine)
    sections = [f"Pictures of {options.size} pixels, on {machine}{describe_torch()}."]
    print(sections[0], end="\n\n", flush=True)
    results = {}
    for content, style in options.pairs:
        pair = f"{content.stem}, {style.stem}"
        photo, painting = read_picture(content).image, read_picture(style).image
        results[pair] = compare(photo, painting, options)
        sections.append(format_pair(pair, results[pair], options.marks))
        print(sections[-1], end="\n\n", flush=True)
    if len(results) > 1:
        sections.append(format_means(results, options.marks))
        print(sections[-1])
    if options.output:
        options.output.write_text("\n\n".join(sections) + "\n")
    if options.sheet:
        write_sheet(options, results)


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.style_quality", __doc__)
    everyone = [*OURS, *(TORCH if has_torch() else ())]
    parser.add_argument("--content", type=Path, action="append", required=True, help="a photo")
    parser.add_argument("--style", type=Path, action="append", required=True, help="its style")
    parser.add_argument("--size", type=int, default=512, help="long side of the pictures")
    parser.add_argument("--marks", default="10,30,60,120", help="seconds")
    parser.add_argument("--contestants", default=",".join(everyone), help="any of these")
    parser.add_argument("--output", type=Path, help="a file for the tables, in markdown")
    parser.add_argument("--sheet", type=Path, help="a file for the pictures")
    parser.add_argument("--sheet_marks", default="30,120", help="which marks' pictures it shows")
    options = parser.parse_args()
    if len(options.content) != len(options.style):
        parser.error("--content and --style must come in pairs")
    options.pairs = list(zip(options.content, options.style, strict=True))
    options.marks = sorted(float(mark) for mark in options.marks.split(","))
    options.sheet_marks = [float(mark) for mark in options.sheet_marks.split(",")]
    options.contestants = [name.strip() for name in options.contestants.split(",")]
    unknown = set(options.contestants) - set(everyone)
    if unknown:
        parser.error(f"no such contestants here: {', '.join(sorted(unknown))}")
    return options


def compare(photo, painting, options):
    """Lets all contestants paint one pair.

    Args:
        photo: float32 RGB (1, height, width, 3).
        painting: The style.
        options: The command line.

    Returns:
        A dict of contestant to a namespace of `pictures`, `losses` and `steps`, one for each mark,
        and for PyTorch `own_loss`, its own evaluation of its last picture.
    """
    pair = photo, painting, options.size
    task = call_in_new_process(prepare, *pair)
    results = {}
    for name in options.contestants:
        if name in TORCH:
            with environment(TORCH_VARIABLES):
                results[name] = call_in_new_process(
                    paint_by_torch, TORCH[name], task, options.marks
                )
        else:
            results[name] = paint_by_ours(name, pair, options.marks)
    pictures = [picture for result in results.values() for picture in result.pictures]
    losses = iter(call_in_new_process(judge, *pair, pictures))
    views = iter(call_in_new_process(judge_by_another, *pair, pictures))
    for result in results.values():
        result.losses = [next(losses) for _ in result.pictures]
        result.views = [next(views) for _ in result.pictures]
    return results


def prepare(photo, painting, long_side):
    """Makes what PyTorch needs: the objective, and the pictures at their sizes."""
    from kerasart.backbones import load_backbone

    wanted = Judge("neural_style", load_backbone("vgg16", "bundled"), photo, painting, long_side)
    return wanted.objective, wanted.photo, wanted.style


def judge(photo, painting, long_side, pictures):
    """Evaluates pictures; None has no loss."""
    from kerasart.backbones import load_backbone

    wanted = Judge("neural_style", load_backbone("vgg16", "bundled"), photo, painting, long_side)
    return [None if picture is None else wanted(as_written(picture)) for picture in pictures]


def judge_by_another(photo, painting, long_side, pictures):
    """Looks at pictures by SqueezeNet: pairs of style left and content lost; None has none."""
    import tensorflow as tf

    from kerasart.backbones import load_backbone
    from kerasart.image.arrays import fit_size
    from kerasart.image.resizing import resize
    from kerasart.objectives import Moments

    backbone = load_backbone("squeezenet").cut(dict.fromkeys((*STYLE_LAYERS, CONTENT_LAYER)))
    sizes = [fit_size(image.shape[1:3], long_side) for image in (photo, painting)]
    photo, painting = (
        backbone(tf.clip_by_value(resize(image, size, antialias=True), 0.0, 1.0))
        for image, size in zip((photo, painting), sizes, strict=True)
    )
    terms = [Moments(layer) for layer in STYLE_LAYERS]
    targets = [term.prepare(term.mean(painting[term.layer])) for term in terms]

    def distances(features):
        means = [term.mean(features[term.layer]) for term in terms]
        pairs = zip(terms, means, targets, strict=True)
        return [float(term.distance(mean, *target)) for term, mean, target in pairs]

    def differ(features):
        content = tf.image.resize(features[CONTENT_LAYER], photo[CONTENT_LAYER].shape[1:3])
        return float(tf.reduce_mean((content - photo[CONTENT_LAYER]) ** 2))

    at_start, at_worst = distances(photo), differ(painting)

    def evaluator(picture):
        features = backbone(tf.convert_to_tensor(as_written(picture)))
        ratios = [d / start for d, start in zip(distances(features), at_start, strict=True)]
        return mean(ratios), differ(features) / at_worst

    return [None if picture is None else evaluator(picture) for picture in pictures]


def as_written(picture):
    """Rounds a picture to what an 8-bit file holds of it."""
    import numpy as np

    from kerasart.image.arrays import quantise

    return quantise(np.clip(picture, 0.0, 1.0), 8).astype(np.float32) / np.float32(255)


def paint_by_ours(name, pair, marks):
    """Paints with one of our presets, once for each mark if its schedule depends on the time."""
    from kerasart.settings.presets import find_preset

    preset, given = OURS[name]
    settings = find_preset("style_transfer", preset)["settings"] | given
    if not (settings.get("smallest") or settings.get("average")):
        return call_in_new_process(paint_once, preset, given, *pair, marks)
    trial = given | {"steps": CALIBRATION_STEPS}
    stamps = call_in_new_process(paint_once, preset, trial, *pair, [math.inf]).stamps
    whole = SimpleNamespace(pictures=[], steps=[])
    for mark in marks:
        planned = given | {"steps": plan_steps(stamps, PLANNED * mark)}
        result = call_in_new_process(paint_once, preset, planned, *pair, [mark])
        whole.pictures += result.pictures
        whole.steps += result.steps
    return whole


def paint_once(preset, given, photo, painting, long_side, marks):
    """Paints with a preset until the last mark at most; returns a namespace of a `Camera`'s."""
    from kerasart import style_transfer
    from kerasart.backbones import load_backbone

    backbone = load_backbone("vgg16", "bundled")
    camera = Camera(marks)
    settings = given | {"size": long_side}
    try:
        style_transfer(photo, painting, preset, backbone, on_step=camera, **settings)
    except Enough:
        pass
    camera.end()
    return SimpleNamespace(pictures=camera.pictures, steps=camera.steps, stamps=camera.stamps)


def plan_steps(stamps, seconds):
    """Finds how many steps fit into a time.

    Args:
        stamps: A (size, seconds since the start) for each step of a short run.
        seconds: The time.

    Returns:
        Steps at all scales together, of which the first gets a double share.
    """
    gaps = {}
    for (before, start), (size, end) in pairwise(stamps):
        if before == size:
            gaps.setdefault(size, []).append(end - start)
    per_step = [median(gaps[size]) for size in gaps]
    # The first step of a scale also waits for its targets, and the very first for its trace.
    steady = sum(len(gaps[size]) * median(gaps[size]) for size in gaps)
    average_step = (per_step[0] + sum(per_step)) / (len(per_step) + 1)
    fitting = int((seconds - (stamps[-1][1] - steady)) / average_step)
    return max(fitting, len(per_step) + 1)


def paint_by_torch(init, task, marks):
    """Paints as neural-style-pt does, by L-BFGS at one size, until the last mark.

    Source: github.com/ProGamerGov/neural-style-pt: its L-BFGS, its noise; pictures are in the
    network's own range, and only what is shown is clipped.

    Args:
        init: "noise" or "content".
        task: What `prepare` gives.
        marks: Seconds.

    Returns:
        A namespace of `pictures`, `steps` and `own_loss`.
    """
    import numpy as np
    import torch

    objective, photo, painting = task
    with np.load(files("kerasart.backbones") / "data" / "vgg16.npz") as archive:
        arrays = {name: archive[name].astype(np.float32) for name in archive.files}
    # The picture itself must lie as L-BFGS takes it.
    fastest = partial(torch.Tensor.contiguous, memory_format=torch.channels_last)
    losses = TorchLosses(objective, arrays, fastest, unit=255.0)
    camera = Camera(marks)
    losses.set_targets(to_network(photo), to_network(painting))
    torch.manual_seed(0)
    start = to_network(photo)
    image = torch.nn.Parameter(start if init == "content" else torch.randn_like(start) * 0.001)
    never = {"tolerance_grad": -1.0, "tolerance_change": -1.0}
    # One step a call is the same as all in one call, as it remembers everything.
    optimizer = torch.optim.LBFGS([image], lr=1.0, max_iter=1, history_size=100, **never)

    def evaluate():
        optimizer.zero_grad()
        loss = losses(image).sum()
        loss.backward()
        return loss

    try:
        while True:
            optimizer.step(evaluate)
            seen = image.detach().clone()
            camera(SimpleNamespace(size=photo.shape[1:3], picture=lambda seen=seen: shown(seen)))
    except Enough:
        pass
    with torch.no_grad():
        own_loss = losses(to_network(as_written(camera.pictures[-1]))).sum().item()
    return SimpleNamespace(pictures=camera.pictures, steps=camera.steps, own_loss=own_loss)


def to_network(picture):
    """Turns RGB in [0, 1] into the network's own range, a PyTorch tensor."""
    return to_torch(picture[..., ::-1] * 255.0 - MEAN_PIXEL).float().contiguous()


def shown(tensor):
    """Turns the network's own range into RGB in [0, 1]."""
    import numpy as np

    pixels = tensor.permute(0, 2, 3, 1).numpy() + np.array(MEAN_PIXEL, np.float32)
    return np.clip(pixels[..., ::-1] / 255.0, 0.0, 1.0).astype(np.float32)


def format_pair(pair, results, marks):
    """Formats one pair's losses, over what they are compared with."""
    name, reference = find_reference(results)
    lines = [f"{pair}: losses over {reference:.5g}, {name}'s at the last mark."]
    for torch_name in TORCH:
        if torch_name in results:
            result = results[torch_name]
            difference = abs(result.own_loss / result.losses[-1] - 1)
            lines.append(f"{torch_name} evaluates its last picture {difference:.1e} differently.")
    header = ["pair", "contestant", *(f"{mark:g} s" for mark in marks), "steps in all"]
    rows = [
        [
            pair,
            name,
            *(format_loss(loss, reference) for loss in result.losses),
            str(result.steps[-1]),
        ]
        for name, result in results.items()
    ]
    header_of_views = ["pair seen", "contestant", "style left", "content lost", "both"]
    views = [[pair, name, *format_view(result.views[-1])] for name, result in results.items()]
    return "\n\n".join(
        [
            "\n".join(lines),
            markdown_table(header, rows),
            "As SqueezeNet sees the last pictures:",
            markdown_table(header_of_views, views),
        ]
    )


def format_view(view):
    """Formats what SqueezeNet sees: style left, content lost, and both."""
    if view is None:
        return ["none"] * 3
    left, lost = view
    return [f"{left:.3f}", f"{lost:.3f}", f"{(1 + left) * (1 + lost):.3f}"]


def find_reference(results):
    """Names the contestant with the lowest loss at the last mark: PyTorch's, if there is one."""
    candidates = [name for name in results if name in TORCH] or list(results)
    name = min(candidates, key=lambda name: results[name].losses[-1] or math.inf)
    return name, results[name].losses[-1]


def format_loss(loss, reference):
    """Formats a loss in proportion, or that there is none."""
    return "none" if loss is None else f"{loss / reference:.3f}"


def format_means(results, marks):
    """Formats the geometric means over pairs."""
    references = {pair: find_reference(result)[1] for pair, result in results.items()}
    rows = []
    for name in next(iter(results.values())):
        row = [f"all {len(results)}", name]
        for i in range(len(marks)):
            losses = {pair: result[name].losses[i] for pair, result in results.items()}
            if None in losses.values():
                row.append("none")
            else:
                ratios = [loss / references[pair] for pair, loss in losses.items()]
                row.append(f"{geometric_mean(ratios):.3f}")
        rows.append(row)
    header = ["pairs", "contestant", *(f"{mark:g} s" for mark in marks)]
    return f"Geometric means of these:\n\n{markdown_table(header, rows)}"


def write_sheet(options, results):
    """Writes a sheet of pictures: a row for each pair and mark, a column for each contestant."""
    import numpy as np

    from kerasart.image import read_picture, write_picture
    from kerasart.image.contact_sheet import contact_sheet

    images, labels = [], []
    for (content, style), result in zip(options.pairs, results.values(), strict=True):
        _, reference = find_reference(result)
        originals = [read_picture(path).image for path in (content, style)]
        for i, mark in enumerate(options.marks):
            if mark not in options.sheet_marks:
                continue
            images += originals
            labels += [content.stem, style.stem]
            for name, each in result.items():
                picture = each.pictures[i]
                images.append(np.ones_like(originals[0]) if picture is None else picture)
                labels.append(f"{name}, {mark:g} s: {format_loss(each.losses[i], reference)}")
    sheet = contact_sheet(images, labels, columns=2 + len(options.contestants))
    write_picture(options.sheet, sheet)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
