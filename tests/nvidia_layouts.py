"""Files as NVIDIA's programs write them, byte by byte: pickles' operations, and what they hold."""

import struct

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
# What such a file carries as the source of its classes. It must never be run.
SOURCE = "import pathlib; pathlib.Path('{}').touch()"


class Code(bytes):
    """Operations that leave one object on the stack."""


def named(module, name):
    return Code(f"c{module}\n{name}\n".encode())


def code(value):
    """The operations that make a value."""
    if isinstance(value, Code):
        return value
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        return b"\x8a" + bytes([10]) + value.to_bytes(10, "little")
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"B" + struct.pack("<I", len(value)) + value
    items = b"".join(
        map(code, (x for pair in value.items() for x in pair) if isinstance(value, dict) else value)
    )
    if isinstance(value, dict):
        return b"}(" + items + b"u"
    return b"](" + items + b"e" if isinstance(value, list) else b"(" + items + b"t"


def call(module, name, *arguments):
    return Code(named(module, name) + code(arguments) + b"R")


def new(module, name, state=None):
    made = named(module, name) + b")\x81"
    return Code(made if state is None else made + code(state) + b"b")


def easy_dict(**items):
    inner = b"".join(code(x) for pair in items.items() for x in pair)
    return Code(new("dnnlib.util", "EasyDict") + b"(" + inner + b"u")


def ordered(items):
    inner = b"".join(code(x) for pair in items.items() for x in pair)
    return Code(call("collections", "OrderedDict") + b"(" + inner + b"u")


def pickled(value, protocol=3):
    return b"\x80" + bytes([protocol]) + code(value) + b"."


# --- Arrays


def numpy_array(array, module="numpy.core.multiarray"):
    array = np.asarray(array, np.float32)
    kind = call("numpy", "dtype", "f4", False, True)
    kind = Code(kind + code((3, "<", None, None, None, -1, -1, 0)) + b"b")
    empty = call(module, "_reconstruct", named("numpy", "ndarray"), (0,), b"b")
    return Code(empty + code((1, array.shape, kind, False, array.tobytes())) + b"b")


def persistent(kind, count, key="0"):
    return Code(code(("storage", named("torch", kind), key, "cpu", count, None)) + b"Q")


def storage_bytes(array, kind="FloatStorage", count=None):
    """PyTorch's older format: five pickles, the count of numbers, and these."""
    count = array.size if count is None else count
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = (MAGIC, 1001, system, persistent(kind, count), ["0"])
    head = b"".join(pickled(each, 2) for each in parts)
    return head + struct.pack("<q", count) + array.tobytes()


def tensor(array, offset=0, shape=None, strides=None, **storage):
    """A tensor, and its storage inside the pickle."""
    array = np.array(array, np.float32, order="C")
    held = call("torch.storage", "_load_from_bytes", storage_bytes(array.ravel(), **storage))
    shape = array.shape if shape is None else shape
    strides = tuple(each // 4 for each in array.strides) if strides is None else strides
    return tensor_of(held, offset, shape, strides)


def tensor_of(held, offset, shape, strides):
    hooks = call("collections", "OrderedDict")
    return call("torch._utils", "_rebuild_tensor_v2", held, offset, shape, strides, False, hooks)


def parameter(made):
    hooks = call("collections", "OrderedDict")
    return call("torch._utils", "_rebuild_parameter", made, True, hooks)


# --- Generators


def pytorch_arrays(generator):
    """A generator's arrays by PyTorch's names and in its layout."""
    arrays = {
        "mapping.w_avg": generator.mean_w,
        "synthesis.b4.const": np.transpose(generator.constant, (2, 0, 1)),
    }
    for i, layer in enumerate(generator.mapping):
        arrays |= {
            f"mapping.fc{i}.weight": np.transpose(layer.kernel),
            f"mapping.fc{i}.bias": layer.bias,
        }
    if generator.embed:
        arrays["mapping.embed.weight"] = np.transpose(generator.embed.kernel)
        arrays["mapping.embed.bias"] = generator.embed.bias
    names = ["b4.conv1"]
    for i in range(1, len(generator.to_rgb)):
        names += [f"b{4 * 2**i}.conv0", f"b{4 * 2**i}.conv1"]
    for name, layer in zip(names, generator.convolutions, strict=True):
        arrays[f"synthesis.{name}.noise_const"] = layer.noise
        arrays[f"synthesis.{name}.noise_strength"] = layer.strength
        arrays[f"synthesis.{name}.resample_filter"] = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    names += [f"b{4 * 2**i}.torgb" for i in range(len(generator.to_rgb))]
    for name, layer in zip(names, [*generator.convolutions, *generator.to_rgb], strict=True):
        affine = layer.convolve.affine
        arrays |= {
            f"synthesis.{name}.weight": np.transpose(layer.convolve.kernel, (3, 2, 0, 1)),
            f"synthesis.{name}.bias": layer.bias,
            f"synthesis.{name}.affine.weight": np.transpose(affine.kernel),
            f"synthesis.{name}.affine.bias": affine.bias,
        }
    return {name: np.asarray(each, np.float32) for name, each in arrays.items()}


def module(tree, state, source):
    """A module of PyTorch's family: its parameters, buffers and modules, and its source text."""
    buffers = {"w_avg", "noise_const", "resample_filter"}
    leaves = {name: each for name, each in tree.items() if not isinstance(each, dict)}
    held = {
        "training": False,
        "_parameters": ordered(
            {n: parameter(tensor(x)) for n, x in leaves.items() if n not in buffers}
        ),
        "_buffers": ordered({n: tensor(x) for n, x in leaves.items() if n in buffers}),
        "_non_persistent_buffers_set": call("builtins", "set", []),
        "_modules": ordered(
            {n: module(x, state, source) for n, x in tree.items() if isinstance(x, dict)}
        ),
        "_init_kwargs": easy_dict(c_dim=3),
        **state,
    }
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": "Any", "state": held}
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def pytorch_file(generator, source="", arrays=None, **state):
    tree = {}
    for name, array in (arrays or pytorch_arrays(generator)).items():
        *folders, leaf = name.split(".")
        inner = tree
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[leaf] = array
    state = {
        "activation": "lrelu",
        "conv_clamp": generator.clamp,
        "bias_gain": generator.rate,
        **state,
    }
    made = module(tree, state, source)
    return pickled(
        {
            "G": None,
            "D": None,
            "G_ema": made,
            "augment_pipe": None,
            "training_set_kwargs": easy_dict(width=4),
        }
    )


def tensorflow_file(generator, source="", **settings):
    mapping, synthesis = {}, {}
    for i, layer in enumerate(generator.mapping):
        mapping |= {f"Dense{i}/weight": layer.kernel, f"Dense{i}/bias": layer.bias}
    if generator.embed:
        mapping["LabelEmbed/weight"] = generator.embed.kernel
        mapping["LabelEmbed/bias"] = generator.embed.bias
    synthesis["4x4/Const/const"] = np.transpose(generator.constant, (2, 0, 1))[None]
    names = ["4x4/Conv"]
    for i in range(1, len(generator.to_rgb)):
        size = 4 * 2**i
        names += [f"{size}x{size}/Conv0_up", f"{size}x{size}/Conv1"]
    for i, (name, layer) in enumerate(zip(names, generator.convolutions, strict=True)):
        synthesis[f"noise{i}"] = np.asarray(layer.noise)[None, None]
        synthesis[f"{name}/noise_strength"] = layer.strength
    names += [f"{4 * 2**i}x{4 * 2**i}/ToRGB" for i in range(len(generator.to_rgb))]
    for name, layer in zip(names, [*generator.convolutions, *generator.to_rgb], strict=True):
        kernel, affine = np.asarray(layer.convolve.kernel), layer.convolve.affine
        synthesis |= {
            f"{name}/weight": kernel[::-1, ::-1] if "up" in name else kernel,
            f"{name}/bias": layer.bias,
            f"{name}/mod_weight": affine.kernel,
            f"{name}/mod_bias": np.asarray(affine.bias) - 1,
        }

    def network(variables, components, **kwargs):
        state = {
            "version": 4,
            "name": "G",
            "static_kwargs": easy_dict(**kwargs),
            "components": easy_dict(**components),
            "build_module_src": source,
            "build_func_name": "G_main",
            "variables": [(name, numpy_array(x)) for name, x in variables.items()],
        }
        return new("dnnlib.tflib.network", "Network", state)

    parts = {"mapping": network(mapping, {}), "synthesis": network(synthesis, {})}
    known = {
        "mapping_lrmul": generator.rate,
        "conv_clamp": generator.clamp,
        "label_size": generator.classes,
    }
    whole = network({"lod": 0.0, "dlatent_avg": generator.mean_w}, parts, **known, **settings)
    return pickled((None, None, whole), 4)
