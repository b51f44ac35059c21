"""Reads StyleGAN2's generators from the files of NVIDIA's programs, of both families.

Files of TensorFlow (StyleGAN2, StyleGAN2-ADA) and of PyTorch (StyleGAN2-ADA, StyleGAN3's program
with `--cfg=stylegan2`) hold the same networks in two layouts. Nothing in them is run (see
`pickles`); every array is checked by name and shape before a generator is made of them.

The licence of a file's weights is its owner's: NVIDIA's own are for non-commercial use.
"""

import re
from os import PathLike
from pathlib import Path

import numpy as np

from kerasart.networks.modulation import FILTER
from kerasart.networks.pickles import Array, Stored, read_pickle
from kerasart.networks.style_generator import StyleGenerator
from kerasart.settings.checks import is_number

_FIRST = 4  # Side of the smallest features.
_MOST_SIZES, _MOST_LAYERS, _MOST_MODULES = 12, 100, 10_000
_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb"}
_PARTS = {
    "weight": "weight",
    "bias": "bias",
    "mod_weight": "affine.weight",
    "mod_bias": "affine.bias",
    "noise_strength": "noise_strength",
}
# Settings that a generator may have been made with, and what they must be if they are named.
_FIXED = {
    "activation": ("lrelu", "linear"),
    "nonlinearity": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "architecture": ("skip",),
    "normalize_latents": (True,),
    "resample_kernel": ([1, 3, 3, 1],),
}
_SETTINGS = {*_FIXED, "conv_clamp", "mapping_lrmul"}
_RATE = 0.01  # The mapping network's learning rate, where a file does not say it.


def read_nvidia_file(path: str | PathLike[str], dtype: str = "float32") -> StyleGenerator:
    """Reads the generator of a file: the running mean of weights ("G_ema", "Gs").

    Args:
        path: A pickle, `.pkl`; or a file of `torch.save` with the same content, or with the
            generator's state by PyTorch's names.
        dtype: The Keras dtype policy of the generator.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, it is damaged, or it names what it has no need of.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`model` must be a file. Received: '{path}'")
    try:
        arrays, settings = _find_generator(read_pickle(path))
        return _convert(arrays, settings, dtype)
    except Exception as error:  # What is laid out otherwise shows in all ways.
        raise ValueError(
            "`model` must be a file of a StyleGAN2 generator, as NVIDIA's programs write them "
            f"({error}). Received: '{path}'"
        ) from error


def _find_generator(content):
    """Finds the arrays, by PyTorch's names and in its layout, and values of settings by name."""
    if isinstance(content, tuple | list) and len(content) == 3:
        content = content[-1]
    if isinstance(content, dict):
        content = content.get("G_ema", content)
    if isinstance(content, dict) and all(isinstance(each, Array) for each in content.values()):
        return {name: each.values for name, each in content.items()}, {}
    if not isinstance(content, Stored):
        raise ValueError("it holds no generator")
    return _of_pytorch(content) if "_modules" in content.state else _of_tensorflow(content)


def _of_pytorch(module):
    """Collects the arrays of a module and of all modules in it."""
    arrays, settings, queue = {}, {}, [("", module)]
    for count, (path, each) in enumerate(queue):
        if count == _MOST_MODULES:
            raise ValueError(f"it has more than {_MOST_MODULES} modules")
        for name, array in [*each.state["_parameters"].items(), *each.state["_buffers"].items()]:
            arrays[path + name] = array.values
        for name, part in each.state["_modules"].items():
            queue.append((f"{path}{name}.", part))
        for name in _SETTINGS & set(each.state):
            settings.setdefault(name, []).append(each.state[name])
        if path.startswith("mapping.fc") and "bias_gain" in each.state:
            settings.setdefault("rate", []).append(each.state["bias_gain"])
    return arrays, settings


def _of_tensorflow(network):
    """Collects variables, and gives them PyTorch's names and layout."""
    arrays, settings = {}, {}
    components = {f"{name}/": part for name, part in network.state["components"].items()}
    for path, each in {"": network, **components}.items():
        for name, variable in each.state["variables"]:
            arrays.update(_renamed(path + name, variable.values))
        for name in _SETTINGS & set(each.state["static_kwargs"]):
            settings.setdefault(name, []).append(each.state["static_kwargs"][name])
    settings["rate"] = settings.pop("mapping_lrmul", [])
    return arrays, settings


def _renamed(name, array):
    """Yields the name and the layout that PyTorch's family has for a variable of TensorFlow's."""
    layer = re.fullmatch(r"synthesis/(\d{1,4})x\1/(\w+)/(\w+)", name)
    dense = re.fullmatch(r"mapping/(Dense\d{1,2}|LabelEmbed)/(weight|bias)", name)
    noise = re.fullmatch(r"synthesis/noise(\d{1,2})", name)
    if name.split("/")[-1] == "lod":  # Of progressive growing, which StyleGAN2 has not.
        return
    if name == "dlatent_avg":
        yield "mapping.w_avg", array
    elif dense:
        layer = "embed" if dense[1] == "LabelEmbed" else f"fc{dense[1][len('Dense') :]}"
        yield f"mapping.{layer}.{dense[2]}", array.T
    elif name == "synthesis/4x4/Const/const":
        yield "synthesis.b4.const", array[0]
    elif noise:
        number = int(noise[1]) + 1
        yield f"synthesis.b{4 * 2 ** (number // 2)}.conv{number % 2}.noise_const", array[0, 0]
    elif layer and layer[2] in _LAYERS and layer[3] in _PARTS:
        if layer[3] == "weight":
            # PyTorch's kernel of a transposed convolution is turned by 180 degrees.
            array = array[::-1, ::-1] if layer[2] == "Conv0_up" else array
            array = array.transpose(3, 2, 0, 1)
        elif layer[3] == "mod_weight":
            array = array.T
        elif layer[3] == "mod_bias":
            array = array + 1
        yield f"synthesis.b{layer[1]}.{_LAYERS[layer[2]]}.{_PARTS[layer[3]]}", array
    else:
        yield name, array


def _convert(arrays, settings, dtype):
    """Makes the generator, once every array and every setting is found to fit."""
    for name, allowed in _FIXED.items():
        for value in settings.get(name, []):
            if value not in allowed:
                raise ValueError(f"its {name} is {value!r}, not {' or '.join(map(str, allowed))}")
    for name in [name for name in arrays if name.endswith("resample_filter")]:
        if not np.allclose(arrays.pop(name), FILTER, atol=1e-6):
            raise ValueError(f"its {name} is not that of [1, 3, 3, 1]")
    config = _read_config(arrays, settings)
    shapes = _shapes(**config)
    for name in {**shapes, **arrays}:
        if name not in arrays:
            raise ValueError(f"it lacks {name}")
        if name not in shapes:
            raise ValueError(f"it has {name}, which is none of such a generator's")
        if arrays[name].shape != shapes[name]:
            raise ValueError(f"its {name} has the shape {arrays[name].shape}, not {shapes[name]}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise ValueError(f"its {name} has values that are not finite numbers")
    generator = StyleGenerator(**config, dtype=dtype)
    generator.mean_w.assign(arrays["mapping.w_avg"])
    generator.constant.assign(arrays["synthesis.b4.const"].transpose(1, 2, 0))
    dense = {f"fc{i}": layer for i, layer in enumerate(generator.mapping)}
    if generator.embed:
        dense["embed"] = generator.embed
    for name, layer in dense.items():
        layer.kernel.assign(arrays[f"mapping.{name}.weight"].T)
        layer.bias.assign(arrays[f"mapping.{name}.bias"])
    for i, layer in enumerate(generator.convolutions, 1):
        name = f"synthesis.b{_FIRST * 2 ** (i // 2)}.conv{i % 2}"
        _assign_modulated(layer, name, arrays)
        layer.noise.assign(arrays[f"{name}.noise_const"])
        layer.strength.assign(arrays[f"{name}.noise_strength"])
    for i, layer in enumerate(generator.to_rgb):
        _assign_modulated(layer, f"synthesis.b{_FIRST * 2**i}.torgb", arrays)
    return generator


def _assign_modulated(layer, name, arrays):
    layer.convolve.kernel.assign(arrays[f"{name}.weight"].transpose(2, 3, 1, 0))
    layer.convolve.affine.kernel.assign(arrays[f"{name}.affine.weight"].T)
    layer.convolve.affine.bias.assign(arrays[f"{name}.affine.bias"])
    layer.bias.assign(arrays[f"{name}.bias"])


def _read_config(arrays, settings):
    """Reads the configuration of the generator, whose sizes those of a few arrays tell."""

    def shape(name, dimensions):
        if name not in arrays or arrays[name].ndim != dimensions:
            raise ValueError(f"it lacks {name}, or that has another shape")
        return arrays[name].shape

    def only(name, default):
        values = settings.get(name) or [default]
        value = values[0]
        is_allowed = value is None or (is_number(value) and value > 0)
        if not is_allowed or any(each != value for each in values):
            raise ValueError(f"its {name} is {values}")
        return value

    sizes = [_FIRST * 2**i for i in range(_MOST_SIZES)]
    sizes = [size for size in sizes if size == _FIRST or f"synthesis.b{size}.torgb.bias" in arrays]
    layers = [i for i in range(_MOST_LAYERS) if i == 0 or f"mapping.fc{i}.bias" in arrays]
    w_size = shape("mapping.w_avg", 1)[0]
    has_classes = "mapping.embed.weight" in arrays and "mapping.embed.bias" in arrays
    z_size = shape("mapping.fc0.weight", 2)[1] - has_classes * w_size
    if z_size < 1:
        raise ValueError("its mapping.fc0.weight leaves no z beside the class")
    return {
        "channels": [shape(f"synthesis.b{size}.torgb.weight", 4)[1] for size in sizes],
        "z_size": z_size,
        "w_size": w_size,
        "mapping": len(layers),
        "rate": only("rate", _RATE),
        "clamp": only("conv_clamp", None),
        "classes": shape("mapping.embed.weight", 2)[1] if has_classes else 0,
    }


def _shapes(channels, z_size, w_size, mapping, classes, **_):
    """Lists all arrays of a generator: dict of name to shape."""
    shapes = {"mapping.w_avg": (w_size,), "synthesis.b4.const": (channels[0], _FIRST, _FIRST)}
    if classes:
        shapes |= {"mapping.embed.weight": (w_size, classes), "mapping.embed.bias": (w_size,)}
    for i in range(mapping):
        first = z_size + bool(classes) * w_size
        shapes[f"mapping.fc{i}.weight"] = (w_size, w_size if i else first)
        shapes[f"mapping.fc{i}.bias"] = (w_size,)

    def add(name, inputs, filters, side):
        shapes[f"{name}.weight"] = (filters, inputs, side, side)
        shapes[f"{name}.affine.weight"] = (inputs, w_size)
        shapes[f"{name}.affine.bias"] = (inputs,)
        shapes[f"{name}.bias"] = (filters,)

    inputs = channels[0]
    for i, filters in enumerate(channels):
        size = _FIRST * 2**i
        for layer in ("conv0", "conv1") if i else ("conv1",):
            name = f"synthesis.b{size}.{layer}"
            add(name, inputs, filters, 3)
            shapes[f"{name}.noise_const"] = (size, size)
            shapes[f"{name}.noise_strength"] = ()
            inputs = filters
        add(f"synthesis.b{size}.torgb", filters, 3, 1)
    return shapes
