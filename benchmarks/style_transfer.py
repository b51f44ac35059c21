"""Times a step of style transfer against the Keras example's and PyTorch's, on the same network.

    python -m benchmarks.style_transfer
    python -m benchmarks.style_transfer --quick
    python -m benchmarks.style_transfer --size=400x533 --rounds=30 --output=style.md

All move the same picture on VGG19 with the same random weights, on the processor, down the losses
of the Keras example. Each contestant has a process of its own, which lives through the whole run;
only one computes at a time, in turns. A ratio is the median of the rounds' ratios; ranges are
quartiles over rounds. "Differs" is how far a contestant's losses of the same pictures are from
ours in float32, relatively: the worst of its terms. PyTorch's processes get malloc settings with
which it keeps large blocks of memory, since without them it is slower; ours and Keras's get none.
Where bfloat16 is slow, it is left out.

Then, on the bundled VGG16 and bundled photos: how far the gradient of our whole objective in
bfloat16 is from that in float32, and what a short run comes to in either, judged in float32.
"""

import math
import os
import tempfile
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from benchmarks.measure import (
    TORCH_VARIABLES,
    Worker,
    call_in_new_process,
    describe_machine,
    describe_torch,
    environment,
    has_fast_bfloat16,
    has_torch,
    make_parser,
    markdown_table,
    parse_size,
    time_interleaved,
)

EXAMPLE, FLOAT32, AUTO = "Keras example", "kerasart float32", "kerasart auto"
TORCH, TORCH_BFLOAT16 = "PyTorch float32", "PyTorch bfloat16"
COMPARISONS = [
    (FLOAT32, EXAMPLE),
    (AUTO, EXAMPLE),
    (FLOAT32, TORCH),
    (AUTO, TORCH),
    (AUTO, TORCH_BFLOAT16),
]

# What VGG's inputs are centred by, of blue, green and red.
MEAN_PIXEL = (103.939, 116.779, 123.68)
# Adam's, for pictures in [0, 1].
LEARNING_RATE, BETAS = 0.02, (0.9, 0.99)


class KerasExample:
    """The Keras example's step.

    Args:
        size: (height, width).
        weights: Path without suffix, as `write_weights` has it.
    """

    def __init__(self, size, weights):
        import keras

        from references.keras_style_transfer import KerasStyleTransfer

        model = keras.applications.VGG19(weights=None, include_top=False)
        model.load_weights(f"{weights}.weights.h5")
        pictures = (picture * 255.0 for picture in random_pictures(size))
        self.example = KerasStyleTransfer(model, *pictures)

    def take(self, steps):
        """Takes steps."""
        for _ in range(steps):
            self.example.step()
        self.example.combination.numpy()  # Waits for the last.

    def losses(self):
        """Evaluates the content loss, the style losses by layer, and the total variation."""
        return [float(loss) for loss in self.example.losses()]


class Ours:
    """Our own step, with the losses of the Keras example and targets found beforehand.

    Args:
        precision: "float32" or "auto".
        size: (height, width).
        weights: Path without suffix.
    """

    def __init__(self, precision, size, weights):
        from kerasart.backbones import load_backbone
        from kerasart.optimization import Adam, Descent, Evaluator, style_targets

        objective = example_objective(size)
        backbone = load_backbone("vgg19", f"{weights}.weights.h5")
        backbone = backbone.cut(objective.layers, precision)
        base, style, self.start = random_pictures(size)
        self.targets = style_targets(Evaluator(backbone, objective), base, [style], [1.0])
        self.descent = Descent(backbone, objective, Adam(LEARNING_RATE, *BETAS))
        self.state = self.descent.start(self.start)

    def take(self, steps):
        """Takes steps."""
        self.state = self.descent.run(self.state, steps, targets=self.targets).state

    def losses(self):
        """Evaluates the terms at the picture that all start from."""
        return self.descent.run(self.start, 1, targets=self.targets).losses[0].tolist()


class PyTorch:
    """A plain PyTorch step, with the losses of the Keras example and targets found beforehand.

    Args:
        precision: "float32", or "bfloat16" for PyTorch's automatic mixed precision.
        size: (height, width).
        weights: Path without suffix.
    """

    def __init__(self, precision, size, weights):
        import numpy as np
        import torch

        self.autocast = autocast(precision)
        base, style, start = (to_torch(picture) for picture in random_pictures(size))
        with np.load(f"{weights}.npz") as arrays:
            self.losses_of = TorchLosses(example_objective(size), arrays, preprocess_torch)
        with self.autocast():
            self.losses_of.set_targets(base, style)
        self.image = torch.nn.Parameter(start)
        self.optimizer = torch.optim.Adam([self.image], LEARNING_RATE, BETAS)

    def take(self, steps):
        """Takes steps."""
        import torch

        for _ in range(steps):
            self.optimizer.zero_grad()
            with self.autocast():
                loss = self.losses_of(self.image).sum()
            loss.backward()
            self.optimizer.step()
            with torch.no_grad():
                self.image.clamp_(0.0, 1.0)
            loss.item()

    def losses(self):
        """Evaluates the terms at the picture."""
        import torch

        with torch.no_grad(), self.autocast():
            return self.losses_of(self.image).tolist()


class TorchLosses:
    """One of our objectives, of content, Gram matrices and total variation, in plain PyTorch.

    Args:
        objective: An `Objective` whose total variation is isotropic and summed.
        arrays: Dict of a VGG's weights, "block1_conv1/kernel" and so on.
        preprocess: What turns a picture into the network's input.
        unit: What a picture's white is above its black: 1, or 255 in the network's own range.
    """

    def __init__(self, objective, arrays, preprocess, unit=1.0):
        self.terms = objective.terms
        self.preprocess = preprocess
        self.unit = unit
        self.network, self.places = torch_network(arrays, objective.layers)
        self.targets = {}

    def set_targets(self, photo, style):
        """Looks at the photo and at the style, both tensors (1, 3, height, width)."""
        import torch

        with torch.no_grad():
            content, style_code = self._look(photo), self._look(style)
            for term in self.terms:
                if term.name.startswith("content"):
                    self.targets[term.name] = content[term.layer].float()
                elif term.name.startswith("style"):
                    self.targets[term.name] = gram(style_code[term.layer]).float()

    def __call__(self, image):
        """Evaluates all terms, weighted."""
        import torch

        features = self._look(image)
        return torch.stack([self._evaluate(term, image, features) for term in self.terms])

    def _evaluate(self, term, image, features):
        from torch.nn import functional

        if term.layer == "image":
            assert term.summed and term.isotropic
            corner = image[..., :-1, :-1]
            squares = (corner - image[..., 1:, :-1]) ** 2 + (corner - image[..., :-1, 1:]) ** 2
            power = term.beta / 2
            scale = term.weight / self.unit**term.beta
            return scale * (squares if power == 1 else squares**power).sum()
        seen = features[term.layer]
        weight = term.weight * (seen.shape[2] * seen.shape[3] if term.summed else 1)
        seen = seen if term.name.startswith("content") else gram(seen)
        return weight * functional.mse_loss(seen, self.targets[term.name])

    def _look(self, image):
        features, x = {}, self.preprocess(image)
        for i, layer in enumerate(self.network):
            x = layer(x)
            if i in self.places:
                features[self.places[i]] = x
        return features


def gram(features):
    """The mean over positions of features' products, of a tensor in PyTorch's channels_last."""
    rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    return rows.T @ rows / len(rows)


def torch_network(arrays, layers):
    """Builds a VGG in PyTorch up to the last of `layers`.

    Args:
        arrays: Dict of weights, in the shapes that Keras has.
        layers: Names of layers as Keras has them.

    Returns:
        A frozen `nn.Sequential`, and a dict of places in it to the names of `layers`.
    """
    import torch
    from torch import nn

    names = sorted(key.removesuffix("/kernel") for key in arrays if key.endswith("/kernel"))
    last = max(name for name in layers if name != "image")
    modules, places = [], {}
    for name in names:
        if name > last:
            break
        if modules and name.endswith("conv1"):
            modules.append(nn.MaxPool2d(2))
        kernel = torch.tensor(arrays[f"{name}/kernel"], dtype=torch.float32).permute(3, 2, 0, 1)
        convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        convolution.weight.data.copy_(kernel)
        convolution.bias.data.copy_(torch.tensor(arrays[f"{name}/bias"]))
        modules += [convolution, nn.ReLU(inplace=True)]
        if name in layers:
            places[len(modules) - 1] = name
    network = nn.Sequential(*modules).requires_grad_(False)
    return network.to(torch_device(), memory_format=torch.channels_last), places


def to_torch(picture):
    """Turns our pictures (1, height, width, 3) into PyTorch's, channels_last."""
    import torch

    tensor = torch.tensor(picture).permute(0, 3, 1, 2).to(torch_device())
    return tensor.contiguous(memory_format=torch.channels_last)


def torch_device():
    """Returns where PyTorch computes: a GPU, if it sees one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def autocast(precision):
    """Returns what makes the context in which PyTorch computes in "float32" or "bfloat16"."""
    import torch

    is_mixed = precision == "bfloat16"
    return partial(torch.autocast, torch_device(), torch.bfloat16, enabled=is_mixed)


def preprocess_torch(image):
    """Turns RGB in [0, 1] into VGG's input."""
    import torch

    mean = torch.tensor(MEAN_PIXEL, device=image.device).view(1, 3, 1, 1)
    return image.flip(1) * 255.0 - mean


def main():
    """Runs the benchmark and prints its tables."""
    options = parse_options()
    sections = []
    for section in (compare_steps, compare_precisions):
        sections.append(section(options))
        print(sections[-1], end="\n\n", flush=True)
    if options.output:
        options.output.write_text("\n\n".join(sections) + "\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.style_transfer", __doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, and few steps")
    parser.add_argument("--size", default="400x533", help="of the picture, height x width")
    parser.add_argument("--rounds", type=int, help="each contestant's turns (30)")
    parser.add_argument("--steps", type=int, help="steps in a turn (2)")
    parser.add_argument("--run_steps", type=int, help="steps of the run in either precision (200)")
    parser.add_argument("--output", type=Path, help="a file for the tables, in markdown")
    options = parser.parse_args()
    for name, usual, quick in (("rounds", 30, 4), ("steps", 2, 1), ("run_steps", 200, 10)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    height, width = parse_size(options.size)
    options.size = height, width
    return options


def compare_steps(options):
    """Times all contestants' steps in turns.

    Args:
        options: The command line.

    Returns:
        Markdown: the machine, and tables of times and of ratios.
    """
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "random")
        machine = call_in_new_process(write_weights, weights)
        workers = start_workers(options.size, weights, has_fast_bfloat16())
        try:
            losses = {name: worker("losses") for name, worker in workers.items()}
            calls = {
                name: partial(worker, "take", options.steps) for name, worker in workers.items()
            }
            seconds = time_interleaved(calls, options.rounds)
            memory = {name: worker("memory") for name, worker in workers.items()}
        finally:
            for worker in workers.values():
                worker.close()
    seconds = {name: [each / options.steps for each in turns] for name, turns in seconds.items()}
    height, width = options.size
    lines = [
        f"A step at {height}x{width} on VGG19, {options.rounds} rounds of {options.steps}, on "
        f"{machine}{describe_torch()}.",
        format_steps(seconds, memory, losses),
        format_ratios(seconds),
    ]
    return "\n\n".join(lines)


def start_workers(size, weights, bfloat16):
    """Starts the contestants, each in its process, in the order of the table.

    Args:
        size: (height, width).
        weights: Path without suffix, as `write_weights` has it.
        bfloat16: Whether those take part that compute in this format.

    Returns:
        Dict of name to `Worker`.
    """
    everyone = {"CUDA_VISIBLE_DEVICES": "-1"}
    workers = {EXAMPLE: Worker(KerasExample, size, weights, variables=everyone)}
    for name in (FLOAT32, AUTO) if bfloat16 else (FLOAT32,):
        precision = name.split()[1]
        workers[name] = Worker(Ours, precision, size, weights, variables=everyone)
    if has_torch():
        for name in (TORCH, TORCH_BFLOAT16) if bfloat16 else (TORCH,):
            variables = everyone | TORCH_VARIABLES
            precision = name.split()[1]
            workers[name] = Worker(PyTorch, precision, size, weights, variables=variables)
    return workers


def format_steps(seconds, memory, losses):
    """Formats the table of times, memory and agreement."""
    rows = []
    for name, turns in seconds.items():
        pairs = zip(losses[name], losses[FLOAT32], strict=True)
        difference = max(abs(loss / ours - 1) for loss, ours in pairs)
        rows.append(
            [
                name,
                f"{median(turns):.3f}",
                format_range(turns, 3),
                f"{memory[name] / 2**30:.2f}",
                f"{difference:.1e}",
            ]
        )
    return markdown_table(["step of", "seconds", "quartiles", "peak GiB", "differs"], rows)


def format_ratios(seconds):
    """Formats the table of how many times as fast ours are."""
    rows = []
    for ours, other in COMPARISONS:
        if {ours, other} <= set(seconds):
            ratios = [b / a for a, b in zip(seconds[ours], seconds[other], strict=True)]
            rows.append([ours, other, f"{median(ratios):.2f}", format_range(ratios, 2)])
    return markdown_table(["step of", "against", "times as fast", "quartiles"], rows)


def format_range(values, digits):
    """Formats the lower and the upper quartile."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{low:.{digits}f} to {high:.{digits}f}"


def write_weights(path):
    """Writes random weights of VGG19, for Keras and as arrays.

    He's normal distribution keeps the features of one size; biases are there so that losses agree
    only if everyone adds them.

    Args:
        path: Path without suffix.

    Returns:
        The machine in words.
    """
    import keras
    import numpy as np

    model = keras.applications.vgg19.VGG19(weights=None, include_top=False)
    generator = np.random.default_rng(0)
    arrays = {}
    for layer in model.layers:
        for variable in layer.weights:
            shape = tuple(variable.shape)
            deviation = math.sqrt(2 / math.prod(shape[:-1])) if len(shape) == 4 else 1.0
            value = generator.normal(0.0, deviation, shape).astype(np.float32)
            arrays[f"{layer.name}/{variable.name}"] = value
            variable.assign(value)
    model.save_weights(f"{path}.weights.h5")
    np.savez(f"{path}.npz", **arrays)
    return describe_machine()


def random_pictures(size):
    """Makes a photo, a style and a start of noise in [0, 1], the style darker than the photo."""
    import numpy as np

    generator = np.random.default_rng(0)
    base, style, start = (generator.random((1, *size, 3), np.float32) for _ in range(3))
    return base, style**2, 0.2 + 0.6 * start


def example_objective(size):
    """Builds the losses of the Keras example as an `Objective` of ours.

    Args:
        size: (height, width) of the photo and of the style, on which the weights depend: where the
            example sums products over positions, ours is a mean.

    Returns:
        An `Objective`, for pictures in [0, 1].
    """
    from kerasart.objectives import Content, Gram, Objective, TotalVariation
    from references import keras_style_transfer as example

    terms = [Content(example.CONTENT_LAYER, summed=True) * (example.CONTENT_WEIGHT * 512)]
    for i, name in enumerate(example.STYLE_LAYERS):
        channels = min(64 * 2**i, 512)
        positions = math.prod(side // 2**i for side in size)
        scale = (positions * channels) ** 2 / (36 * math.prod(size) ** 2)
        terms.append(Gram(name, example.STYLE_WEIGHT / len(example.STYLE_LAYERS) * scale))
    weight = example.TOTAL_VARIATION_WEIGHT * 255**2.5
    return Objective([*terms, TotalVariation(weight, 2.5, isotropic=True, summed=True)])


def compare_precisions(options):
    """Compares bfloat16 with float32 on real weights and photos.

    Args:
        options: The command line.

    Returns:
        Markdown: a table, or why there is none.
    """
    size, steps = max(options.size), options.run_steps
    with environment({"CUDA_VISIBLE_DEVICES": "-1"}):
        measured = call_in_new_process(measure_precisions, size, steps)
    if measured is None:
        return "This machine has no fast bfloat16 convolutions, so auto is float32."
    cosines, losses = measured
    rows = [
        ["cosine of the gradients", "at the photo", f"{cosines[0]:.5f}"],
        ["cosine of the gradients", "at the end of the float32 run", f"{cosines[1]:.5f}"],
        ["loss", "of the photo", f"{losses['photo']:.4g}"],
    ]
    for name in ("float32", "bfloat16"):
        rows.append(["loss", f"at the end of the {name} run", f"{losses[name]:.4g}"])
    rows.append(["loss", "bfloat16 / float32", f"{losses['bfloat16'] / losses['float32']:.4f}"])
    title = (
        f"Precision: preset best, bundled VGG16, the bundled photos cat in the style of coffee, "
        f"long side {size}, {steps} steps; losses evaluated in float32."
    )
    return f"{title}\n\n{markdown_table(['measured', 'where', 'value'], rows)}"


def measure_precisions(long_side, steps):
    """Measures gradients and runs in both precisions.

    Args:
        long_side: Of the picture.
        steps: Of the runs.

    Returns:
        Cosines of the gradients at the photo and at the end, and a dict of losses in float32: of
        the photo and of both runs; or None where bfloat16 is not to be had.
    """
    from kerasart import style_transfer
    from kerasart.backbones import load_backbone
    from kerasart.image.samples import read_sample
    from kerasart.kernels.precision import choose_precision

    if choose_precision("auto") == "float32":
        return None
    backbone = load_backbone("vgg16", "bundled")
    photo, style = read_sample("cat").image, read_sample("coffee").image
    runs = {
        precision: style_transfer(
            photo, style, "best", backbone, precision=precision, size=long_side, steps=steps
        ).image
        for precision in ("float32", "bfloat16")
    }
    exact = Judge("best", backbone, photo, style, long_side)
    rounded = Judge("best", backbone, photo, style, long_side, "bfloat16", exact.weights)
    cosines = [
        cosine(exact.gradient(image), rounded.gradient(image))
        for image in (exact.photo, runs["float32"])
    ]
    pictures = {"photo": exact.photo, **runs}
    return cosines, {name: exact(image) for name, image in pictures.items()}


class Judge:
    """What a preset wants of a picture, at one size.

    Args:
        preset: The preset's name.
        backbone: A `Backbone`.
        photo: The content picture, float32 (1, height, width, 3).
        style: The style picture.
        long_side: Of the pictures to be judged.
        precision: "float32" or "bfloat16".
        weights: The terms' weights; None balances them as the preset does.

    Attributes:
        objective: The `Objective`, as the preset has it.
        photo: The content picture at the size.
        style: The style picture as it goes with it.
        weights: The terms' weights.
    """

    def __init__(
        self, preset, backbone, photo, style, long_side, precision="float32", weights=None
    ):
        from kerasart.applications.style_inputs import StyleInputs
        from kerasart.image.arrays import fit_size
        from kerasart.objectives import style_objective
        from kerasart.optimization import Evaluator, balance, style_targets
        from kerasart.settings.choices import choose_style_settings
        from kerasart.settings.presets import find_preset

        loaded = find_preset("style_transfer", preset)
        settings = choose_style_settings(loaded, backbone, {}, long_side)
        inputs = StyleInputs(photo, [style], None, None, None, settings)
        size = fit_size(photo.shape[1:3], long_side)
        self.photo, (self.style,) = inputs.photo(size), inputs.styles(size)
        self.objective = style_objective(settings, inputs.region_weights)
        layers = self.objective.layers
        self._look = backbone.cut(layers, precision, settings.pooling, settings.padding)
        evaluator = Evaluator(self._look, self.objective)
        self._targets = style_targets(evaluator, self.photo, [self.style], inputs.style_weights)
        if weights is None:
            weights = balance(evaluator, self.photo, self._targets)
        self.weights = weights

    def __call__(self, image):
        """Evaluates the loss."""
        return float(self._loss(image))

    def gradient(self, image):
        """Finds the loss's gradient."""
        import tensorflow as tf

        image = tf.convert_to_tensor(image, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = self._loss(image)
        return tape.gradient(loss, image).numpy()

    def _loss(self, image):
        import tensorflow as tf

        losses = self.objective(self._look(image), self._targets, self.weights)
        return tf.reduce_sum(losses)


def cosine(a, b):
    """The cosine of the angle between two arrays."""
    import numpy as np

    a, b = (each.astype(np.float64).ravel() for each in (a, b))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
