"""Times dreams, paintings, one pass and training on a GPU, against plain PyTorch on the same card.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --quick
    python -m benchmarks.gpu --sizes=512x512,2160x3840 --only=painting --output=gpu.md

Seconds of a step of a dream, a step of a painting, a picture in one pass (from the computer's
memory and back to it), and a step of training on squares of 256 pixels, four at a time; in either
number format. Ours are computed by Keras's backend TensorFlow, and one pass and training by JAX,
too; PyTorch's are plain eager transcriptions, channels_last, with automatic mixed precision for
bfloat16. Each contestant has a process of its own, and only one computes at a time, in turns. A
ratio is the median of the rounds' ratios to PyTorch in the same format. What is not installed is
left out; whose process ends, such as for want of memory, is told. Without a GPU the CPU computes;
with --quick at tiny sizes.
"""

import importlib.util
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import fast_style, style_transfer
from benchmarks.fast_style import BATCH, SQUARE, random_picture
from benchmarks.measure import (
    TORCH_VARIABLES,
    Worker,
    add_only,
    call_in_new_process,
    describe_machine,
    describe_torch,
    has_torch,
    make_parser,
    markdown_table,
    parse_size,
    time_interleaved,
)
from benchmarks.style_transfer import (
    autocast,
    preprocess_torch,
    random_pictures,
    to_torch,
    torch_network,
    write_weights,
)

WORKS = ("dream", "painting", "one pass", "training")
SIZES = "512x512,720x1280,1080x1920,2160x3840"
TENSORFLOW, JAX, TORCH = "kerasart on TensorFlow", "kerasart on JAX", "PyTorch"
# As of the Keras example, on VGG19: layers with coefficients, and the step.
LAYERS = {"block3_conv3": 1.0, "block4_conv3": 1.5}
STEP_SIZE, BORDER = 0.005, 2
STEPS = 5  # In a turn.
ENDED = "ended"
# A process does not take all of the card's memory, which others need.
SHARED = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


class OurDream:
    """A step of a dream of VGG19.

    Args:
        precision: "float32" or "bfloat16".
        size: (height, width).
        weights: Path without suffix, as `write_weights` has it.
    """

    def __init__(self, precision, size, weights):
        from kerasart.backbones import load_backbone
        from kerasart.objectives import Activation, Objective
        from kerasart.optimization import Descent, NormalizedGradient

        terms = [weight * Activation(layer, 2, BORDER) for layer, weight in LAYERS.items()]
        objective = Objective(terms)
        backbone = load_backbone("vgg19", f"{weights}.weights.h5")
        backbone = backbone.cut(objective.layers, precision)
        self.descent = Descent(backbone, objective, NormalizedGradient(STEP_SIZE))
        self.state = self.descent.start(random_pictures(size)[0])

    def take(self, steps):
        """Takes steps."""
        self.state = self.descent.run(self.state, steps).state


class TorchDream:
    """A plain PyTorch step of the same dream.

    Args:
        precision, size, weights: As of `OurDream`.
    """

    def __init__(self, precision, size, weights):
        import numpy as np

        self.autocast = autocast(precision)
        self.image = to_torch(random_pictures(size)[0])
        with np.load(f"{weights}.npz") as arrays:
            self.network, self.places = torch_network(arrays, list(LAYERS))

    def take(self, steps):
        """Takes steps."""
        import torch

        for _ in range(steps):
            image = self.image.requires_grad_()
            with self.autocast():
                loss, x = 0.0, preprocess_torch(image)
                for i, layer in enumerate(self.network):
                    x = layer(x)
                    if i in self.places:
                        inner = x[..., BORDER:-BORDER, BORDER:-BORDER]
                        loss = loss + LAYERS[self.places[i]] * (inner.float() ** 2).mean()
            (gradient,) = torch.autograd.grad(loss, image)
            gradient = gradient / gradient.abs().mean().clamp(min=1e-6)
            self.image = (image.detach() + STEP_SIZE * gradient).clamp(0.0, 1.0)
            loss.item()


class OnJax:
    """Paints with the paper's network of random weights, compiled by JAX.

    Args:
        precision: "float32" or "bfloat16".
    """

    def __init__(self, precision):
        import jax
        import numpy as np

        from kerasart.networks import TransformerNet

        network = TransformerNet(8, dtype=policy(precision))
        weights = network.trainable_variables, network.non_trainable_variables
        weights = [[variable.value for variable in each] for each in weights]
        mixture = np.eye(1, 8, dtype=np.float32)
        call = jax.jit(network.stateless_call)
        self.call = lambda photo: np.asarray(call(*weights, photo, mixture)[0])

    def paint(self, size):
        """Paints a picture of a size (height, width)."""
        self.call(random_picture(size))


def policy(precision):
    """Returns the Keras dtype policy of a trained network in a precision."""
    return "mixed_bfloat16" if precision == "bfloat16" else precision


def main():
    """Measures, and prints the table."""
    options = parse_options()
    device = call_in_new_process(describe_devices)
    head = f"On {call_in_new_process(describe_machine)}{describe_torch()}; {device}."
    print(head, end="\n\n", flush=True)
    rows = []
    with TemporaryDirectory() as folder:
        weights = str(Path(folder) / "vgg19")
        call_in_new_process(write_weights, weights)
        for work in options.only:
            for size in [(SQUARE, SQUARE)] if work == "training" else options.sizes:
                makers = list_contestants(work, size, weights, options.precisions)
                rows += compare(work, size, makers, options.rounds)
    header = ["work", "height x width", "by", "in", "seconds", "x PyTorch"]
    table = markdown_table(header, rows)
    print(table)
    if options.output:
        options.output.write_text(f"{head}\n\n{table}\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.gpu", __doc__)
    parser.add_argument("--quick", action="store_true", help="one round, at a tiny size")
    parser.add_argument("--sizes", help=f"height x width,... ({SIZES}; with --quick 64x64)")
    parser.add_argument("--rounds", type=int, help="each contestant's turns (10; with --quick 1)")
    parser.add_argument(
        "--precisions", default="float32,bfloat16", help="number formats (float32,bfloat16)"
    )
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    add_only(parser, WORKS)
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 10)
    sizes = options.sizes or ("64x64" if options.quick else SIZES)
    options.sizes = [parse_size(size) for size in sizes.split(",")]
    options.precisions = options.precisions.split(",")
    return options


def describe_devices():
    """Names the GPUs that each library sees."""
    found = []
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        found += [f"TensorFlow: {gpu.name}" for gpu in tf.config.list_physical_devices("GPU")]
    if importlib.util.find_spec("jax"):
        import jax

        gpus = [device for device in jax.devices() if device.platform == "gpu"]
        found += [f"JAX: {device.device_kind}" for device in gpus]
    if has_torch():
        import torch

        count = torch.cuda.device_count()
        found += [f"PyTorch: {torch.cuda.get_device_name(number)}" for number in range(count)]
    return ", ".join(found) or "no GPU: the CPU computes"


def list_contestants(work, size, weights, precisions):
    """Lists who can do a work here.

    Args:
        work: One of `WORKS`.
        size: (height, width).
        weights: Path without suffix, as `write_weights` has it.
        precisions: Number formats.

    Returns:
        Dict of (name, precision) to a function that starts a `Worker`.
    """
    ours, jax, torch = {
        "dream": (OurDream, None, TorchDream),
        "painting": (style_transfer.Ours, None, style_transfer.PyTorch),
        "one pass": (partial(fast_style.Ours, "large"), OnJax, fast_style.PyTorch),
        "training": (fast_style.OurTraining, fast_style.OurTraining, fast_style.PyTorch),
    }[work]
    contestants = {}
    if importlib.util.find_spec("tensorflow"):
        contestants[TENSORFLOW] = ours, {"KERAS_BACKEND": "tensorflow"}
    if jax and importlib.util.find_spec("jax"):
        contestants[JAX] = jax, {"KERAS_BACKEND": "jax"}
    if has_torch():
        # Its objective is ours; TensorFlow, if Keras loads it, can crash beside PyTorch.
        contestants[TORCH] = torch, TORCH_VARIABLES | {"KERAS_BACKEND": "torch"}
    places = (size, weights) if work in ("dream", "painting") else ()
    return {
        (name, precision): partial(Worker, make, precision, *places, variables=variables | SHARED)
        for precision in precisions
        for name, (make, variables) in contestants.items()
    }


def compare(work, size, makers, rounds):
    """Times a work by all contestants in turns; returns the rows of the table."""
    call = {
        "dream": partial(turn, "take", STEPS),
        "painting": partial(turn, "take", STEPS),
        "one pass": partial(turn, "paint", size),
        "training": partial(turn, "train"),
    }[work]
    workers = {name: make() for name, make in makers.items()}
    try:
        able = {name: worker for name, worker in workers.items() if fits(call, worker)}
        seconds = time_interleaved({name: partial(call, able[name]) for name in able}, rounds, 1)
    finally:
        for worker in workers.values():
            worker.close()
    steps = STEPS if work in ("dream", "painting") else 1
    shown = f"{BATCH} x {SQUARE}x{SQUARE}" if work == "training" else f"{size[0]}x{size[1]}"
    rows = []
    for name, precision in workers:
        times, rivals = seconds.get((name, precision)), seconds.get((TORCH, precision))
        ratio = "-"
        if times and rivals:
            ratio = f"{median(b / a for a, b in zip(times, rivals, strict=True)):.2f}"
        taken = f"{median(times) / steps:.4f}" if times else ENDED
        rows.append([work, shown, name, precision, taken, ratio])
    return rows


def turn(method, *arguments):
    """Lets the last of the arguments, a `Worker`, have its turn."""
    *given, worker = arguments
    return worker(method, *given)


def fits(call, worker):
    """Lets a contestant have its first turn; returns whether it came to the end of it."""
    try:
        call(worker)
    except (EOFError, ConnectionError):
        return False  # Its process has ended, and said why.
    return True


if __name__ == "__main__":
    main()
