"""Times and weighs steps on large pictures: whole, in tiles, and by a plain PyTorch loop.

    python -m benchmarks.large
    python -m benchmarks.large --quick
    python -m benchmarks.large --sizes=1024,2048 --memory=1 --output=large.md

A step of style transfer (content at block4_conv2, Gram matrices at five layers, total variation;
the bundled VGG16) at 4:3, and one of a dream (fire8 of the bundled SqueezeNet) on a square; in
number format auto, PyTorch in both. Contestants of a size live in processes of their own, and only
one computes at a time, in turns. The peak is the most memory that a process held from its start to
its end, so of whole pictures and of PyTorch it is what a machine must have. What would not fit into
the memory that is free is left out. PyTorch's processes get malloc settings with which it is
faster.
"""

import math
import sys
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.measure import (
    TORCH_VARIABLES,
    Worker,
    call_in_new_process,
    describe_machine,
    describe_torch,
    has_torch,
    make_parser,
    markdown_table,
    time_interleaved,
)
from benchmarks.style_transfer import PyTorch as TorchSteps
from benchmarks.style_transfer import TorchLosses, preprocess_torch, to_torch

STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT_LAYER = "block4_conv2"
DREAM_LAYER = "fire8"
WHOLE, TILED, TORCH, TORCH_BFLOAT16 = "whole", "in tiles", "PyTorch", "PyTorch bfloat16"


class StyleTransfer:
    """Our step of style transfer.

    Args:
        size: (height, width).
        memory: GiB for a tile, or None for no tiles.
    """

    def __init__(self, size, memory):
        from kerasart.backbones import load_backbone
        from kerasart.optimization import Adam, Descent, style_targets

        objective = style_objective()
        backbone = load_backbone("vgg16").cut(objective.layers, "auto")
        optimizer = Adam(0.02)
        self.descent = Descent(backbone, objective, optimizer)
        choose_tile(self.descent, size, memory, is_style=True)
        photo = random_picture(size)
        self.targets = style_targets(
            self.descent.evaluator, photo, [random_picture((512, 512))], [1.0]
        )
        self.state = self.descent.start(photo)

    def take(self, steps):
        """Takes steps."""
        self.state = self.descent.run(self.state, steps, targets=self.targets).state

    def tiles(self):
        """Counts the tiles, 1 for a whole picture."""
        return len(self.descent.evaluator.tiles(self.state.image.shape[1:3])) or 1


class Dream(StyleTransfer):
    """Our step of a dream, whose picture rolls from step to step."""

    def __init__(self, size, memory):
        from kerasart.backbones import load_backbone
        from kerasart.objectives import Activation, Objective
        from kerasart.optimization import Descent, NormalizedGradient, Transforms

        objective = Objective([Activation(DREAM_LAYER)])
        backbone = load_backbone("squeezenet").cut(objective.layers, "auto")
        optimizer = NormalizedGradient(0.01)
        self.descent = Descent(backbone, objective, optimizer, Transforms(jitter=32))
        choose_tile(self.descent, size, memory)
        self.targets = None
        self.state = self.descent.start(random_picture(size))


class PyTorch(TorchSteps):
    """A plain PyTorch step of style transfer.

    Args:
        size: (height, width).
        precision: "float32", or "bfloat16" for automatic mixed precision.
    """

    def __init__(self, size, precision):
        from importlib.resources import as_file, files

        import numpy as np
        import torch

        self.autocast = partial(
            torch.autocast, "cpu", torch.bfloat16, enabled=precision == "bfloat16"
        )
        photo = to_torch(random_picture(size))
        data = files("kerasart.backbones") / "data" / "vgg16.npz"
        with as_file(data) as path, np.load(path) as arrays, self.autocast():
            self.losses_of = TorchLosses(style_objective(), arrays, preprocess_torch)
            self.losses_of.set_targets(photo, to_torch(random_picture((512, 512))))
        self.image = torch.nn.Parameter(photo)
        self.optimizer = torch.optim.Adam([self.image], 0.02)

    def tiles(self):
        """It has none."""
        return 1


def style_objective():
    """What a step of style transfer wants: sizes of weights make no difference to time."""
    from kerasart.objectives import Content, Gram, TotalVariation

    variation = TotalVariation(1e-3, isotropic=True, summed=True)
    return Content(CONTENT_LAYER) + sum(1e-2 * Gram(layer) for layer in STYLE_LAYERS) + variation


def choose_tile(descent, size, memory, is_style=False):
    """Chooses a tile of a descent for the memory; None looks at the picture whole."""
    from kerasart import optimization

    if memory is None:
        return
    memory += optimization.count_images(descent) * math.prod(size) * 12 / 2**30
    side = optimization.choose_tile(descent, size, memory=memory, is_style=is_style)
    descent.evaluator.side = side


def random_picture(size):
    """Makes a picture of noise, always the same."""
    import numpy as np

    return np.random.default_rng(0).random((1, *size, 3), np.float32)


def main():
    """Runs the benchmark and prints its table."""
    options = parse_options()
    lines = [f"On {call_in_new_process(describe_machine)}{describe_torch()}."]
    rows = []
    for side in options.sizes:
        size = side * 3 // 4, side
        rows += measure("style transfer", StyleTransfer, size, options.memory, options)
    for side in options.dream_sizes:
        rows += measure("dream", Dream, (side, side), options.dream_memory, options)
    header = ["step of", "looked at", "width x height", "tiles", "seconds", "ratio"]
    lines.append(markdown_table([*header, "s/megapixel", "peak GiB"], rows))
    text = "\n\n".join(lines)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.large", __doc__)
    parser.add_argument("--quick", action="store_true", help="small pictures, one round")
    parser.add_argument("--sizes", help="long sides of style transfers (1024,2048,4096)")
    parser.add_argument("--dream_sizes", help="sides of dreams (2048,4096,8192)")
    parser.add_argument("--memory", type=float, help="GiB for a tile and its features (1.4)")
    parser.add_argument("--dream_memory", type=float, help="the same, of dreams (1.15)")
    parser.add_argument("--rounds", type=int, help="each contestant's turns (2)")
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    options = parser.parse_args()
    usual = {
        "sizes": ("1024,2048,4096", "300"),
        "dream_sizes": ("2048,4096,8192", "400"),
        "memory": (1.4, 0.1),
        "dream_memory": (1.15, 0.05),
        "rounds": (2, 1),
    }
    for name, values in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, values[options.quick])
    for name in ("sizes", "dream_sizes"):
        setattr(options, name, [int(side) for side in getattr(options, name).split(",") if side])
    return options


def measure(what, ours, size, memory, options):
    """Times and weighs all contestants at one size: a list of rows."""
    whole = call_in_new_process(needed_memory, ours is Dream, size)
    free = call_in_new_process(free_memory)
    workers = {}
    gpu = {"CUDA_VISIBLE_DEVICES": "-1"}
    try:
        if whole < free / 2:
            workers[WHOLE] = Worker(ours, size, None, variables=gpu)
            if has_torch() and ours is StyleTransfer:
                for name, precision in ((TORCH, "float32"), (TORCH_BFLOAT16, "bfloat16")):
                    variables = gpu | TORCH_VARIABLES
                    workers[name] = Worker(PyTorch, size, precision, variables=variables)
        workers[TILED] = Worker(ours, size, memory, variables=gpu)
        calls = {name: partial(worker, "take", 1) for name, worker in workers.items()}
        seconds = time_interleaved(calls, options.rounds, warmups=1)
        tiles = {name: worker("tiles") for name, worker in workers.items()}
        peaks = {name: worker("memory") for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    rows = []
    for name, turns in seconds.items():
        ratio = "-"
        if WHOLE in seconds:
            pairs = zip(turns, seconds[WHOLE], strict=True)
            ratio = f"{median(turn / plain for turn, plain in pairs):.2f}"
        each, megapixels = median(turns), math.prod(size) / 1e6
        numbers = [f"{each:.1f}", ratio, f"{each / megapixels:.2f}", f"{peaks[name] / 2**30:.2f}"]
        rows.append([what, name, f"{size[1]}x{size[0]}", str(tiles[name]), *numbers])
        print(*rows[-1], file=sys.stderr)  # A larger size may yet fail.
    return rows


def needed_memory(is_dream, size):
    """Estimates what a whole picture needs in float32, in bytes."""
    from kerasart.backbones import load_backbone

    if is_dream:
        backbone = load_backbone("squeezenet").cut([DREAM_LAYER])
    else:
        backbone = load_backbone("vgg16").cut(style_objective().layers)
    return 1.5 * math.prod(size) * backbone.bytes_per_pixel()


def free_memory():
    """Asks how many bytes are free."""
    from kerasart.optimization.memory import available_memory

    return available_memory()


if __name__ == "__main__":
    main()
