"""Reading pickles as data. The files are written byte by byte; no other program made them."""

import pickle
import struct
import zipfile

import numpy as np
import nvidia_layouts as layouts
import pytest
from nvidia_layouts import Code, call, code, named, new, pickled

from kerasart.networks import pickles
from kerasart.networks.pickles import Array, Stored, read_pickle

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def read(content, tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(content)
    return read_pickle(path)


def stand_ins():
    return [dict(vars(each)) for each in pickles._NAMES.values()]


def refuse(content, tmp_path, message):
    before = stand_ins()
    with pytest.raises(ValueError, match=message) as caught:
        read(content, tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 200
    assert stand_ins() == before


# --- What is read


def test_plain_values(tmp_path):
    value = {"a": [1, -2, 2**70, 0.5, None, True], "b": ("x", b"\x00\xff", ())}
    for protocol in (2, 3, 4):
        assert read(pickle.dumps(value, protocol), tmp_path) == value
    assert read(pickled({"c": call("_codecs", "encode", "\xff\x00", "latin1")}), tmp_path) == {
        "c": b"\xff\0"
    }
    assert read(pickled(call("__builtin__", "set", [1, 2])), tmp_path) == {1, 2}
    assert read(pickled(layouts.easy_dict(a=1)), tmp_path) == {"a": 1}


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_arrays_of_numpy(module, tmp_path):
    made = read(pickled([layouts.numpy_array(ARRAY, module)]), tmp_path)[0]
    np.testing.assert_array_equal(made.values, ARRAY)
    assert not made.values.flags.writeable


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_arrays_that_numpy_pickles(protocol, tmp_path):
    for array in (ARRAY, ARRAY.T, ARRAY.astype(">f8"), np.arange(4) > 1, np.float16(ARRAY)):
        made = read(pickle.dumps(array, protocol), tmp_path)
        np.testing.assert_array_equal(made.values, array)
    assert read(pickle.dumps(np.float64(0.25), protocol), tmp_path) == 0.25


def test_tensors(tmp_path):
    whole, turned, inner, scalar = read(
        pickled(
            [
                layouts.parameter(layouts.tensor(ARRAY)),
                layouts.tensor(ARRAY, 0, (3, 2), (1, 3)),
                layouts.tensor(ARRAY, 4, (2,), (1,)),
                layouts.tensor(np.float32(7)),
            ]
        ),
        tmp_path,
    )
    np.testing.assert_array_equal(whole.values, ARRAY)
    np.testing.assert_array_equal(turned.values, ARRAY.T)
    np.testing.assert_array_equal(inner.values, [4, 5])
    assert scalar.values.shape == () and scalar.values == 7


@pytest.mark.parametrize(
    ("kind", "dtype"), [("HalfStorage", "f2"), ("DoubleStorage", "f8"), ("LongStorage", "i8")]
)
def test_storages_of_other_types(kind, dtype, tmp_path):
    data = layouts.storage_bytes(ARRAY.astype(dtype).ravel(), kind)
    held = call("torch.storage", "_load_from_bytes", data)
    made = read(pickled(layouts.tensor_of(held, 0, (2, 3), (3, 1))), tmp_path)
    assert made.values.dtype == dtype
    np.testing.assert_array_equal(made.values, ARRAY)


def write_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"any/{name}", data)


def zipped_tensor(count=6):
    held = Code(code(("storage", named("torch", "FloatStorage"), "0", "cpu", count)) + b"Q")
    return pickled({"weight": layouts.tensor_of(held, 0, (2, 3), (3, 1))}, 2)


def test_zip_files(tmp_path):
    path = tmp_path / "file.pt"
    members = {"data.pkl": zipped_tensor(), "data/0": ARRAY.tobytes(), "version": "3\n"}
    write_zip(path, members)
    np.testing.assert_array_equal(read_pickle(path)["weight"].values, ARRAY)
    write_zip(path, {**members, "data/1": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="not as PyTorch writes it"):
        read_pickle(path)
    write_zip(path, {"data.pkl": zipped_tensor(10**9), "data/0": ARRAY.tobytes()})
    with pytest.raises(ValueError, match="buffer is smaller"):
        read_pickle(path)
    write_zip(path, {**members, "data.pkl": pickled(call("os", "system", "true"))})
    with pytest.raises(ValueError, match="it names os.system"):
        read_pickle(path)


def test_objects_of_other_classes_are_their_state(tmp_path):
    state = {"name": "G", "variables": [("a", layouts.numpy_array(ARRAY))]}
    made = read(pickled(new("dnnlib.tflib.network", "Network", state)), tmp_path)
    assert isinstance(made, Stored) and made.state["name"] == "G"
    meta = {"module_src": "raise SystemExit", "class_name": "G", "state": {"z_dim": 4}}
    kept = call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)
    assert read(pickled(kept), tmp_path).state == {"z_dim": 4}


# --- What is refused, and not run

# Each would make the sentinel if it ran.
GADGETS = {
    "os.system": lambda run: call("os", "system", f"touch {run}"),
    "posix.system": lambda run: call("posix", "system", f"touch {run}"),
    "subprocess.Popen": lambda run: call("subprocess", "Popen", ["touch", run]),
    "builtins.eval": lambda run: call("builtins", "eval", f"open({run!r}, 'w')"),
    "builtins.exec": lambda run: call("builtins", "exec", f"open({run!r}, 'w')"),
    "builtins.getattr": lambda run: call("builtins", "getattr", named("os", "system"), "x"),
    "builtins.open": lambda run: call("builtins", "open", run, "w"),
    "pathlib.Path": lambda run: call("pathlib", "Path", run),
    "numpy.load": lambda run: call("numpy", "load", run, None, True),
    "numpy.save": lambda run: call("numpy", "save", run, [1]),
    "torch.load": lambda run: call("torch", "load", run),
    "torch.serialization.load": lambda run: call("torch.serialization", "load", run),
    "pickle.loads": lambda run: call("pickle", "loads", b"cos\nsystem\n."),
    "numpy.core.multiarray.os.system": lambda run: Code(
        code("numpy.core.multiarray") + code("os.system") + b"\x93" + code((f"touch {run}",)) + b"R"
    ),
    "collections.OrderedDict.__init__": lambda run: Code(
        code("collections") + code("OrderedDict.__init__") + b"\x93" + code((1,)) + b"R"
    ),
    "os.path": lambda run: new("os", "path", {"a": 1}),
}


@pytest.mark.parametrize("name", GADGETS)
@pytest.mark.parametrize("where", ["top", "state", "tensor", "storage", "build"])
def test_gadgets_are_refused_by_name(name, where, tmp_path):
    sentinel = tmp_path / "ran"
    gadget = GADGETS[name](str(sentinel))
    content = {
        "top": lambda: gadget,
        "state": lambda: new("dnnlib.tflib.network", "Network", {"variables": [("a", gadget)]}),
        "tensor": lambda: layouts.parameter(layouts.tensor_of(gadget, 0, (1,), (1,))),
        "storage": lambda: call("torch.storage", "_load_from_bytes", pickled(gadget, 2)),
        "build": lambda: Code(layouts.easy_dict(a=1) + code(gadget) + b"b"),
    }[where]()
    refuse(
        pickled(content, 4), tmp_path, rf"^it names \w*{name}, which such a file has no need of$"
    )
    assert not sentinel.exists()


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("INST", b"(" + code("touch {}") + b"ios\nsystem\n"),
        ("OBJ", b"(" + named("os", "system") + code("touch {}") + b"o"),
        ("EXT1", b"\x82\x01"),
        ("EXT4", b"\x84\x01\x00\x00\x00"),
        ("PERSID", b"P0\n"),
        ("NEWOBJ_EX", named("os", "system") + b")}\x92"),
        ("NEXT_BUFFER", b"\x97"),
        ("STRING", b"S'a'\n"),
        ("DUP", b"N2"),
    ],
)
def test_operations_that_are_not_needed_are_refused(name, operations, tmp_path):
    refuse(pickled(Code(operations)), tmp_path, f"^it has the operation {name}, ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # What stands for names is neither changed nor called with what it does not expect.
        (named("dnnlib.util", "EasyDict") + code({"a": 1}) + b"b", "__setstate__"),
        (named("dnnlib.util", "EasyDict") + code((None, {"update": 1})) + b"b", "__setstate__"),
        (named("numpy", "dtype") + code((None, {"dtype": 1})) + b"b", "__setstate__"),
        (call("builtins", "set", []) + code((None, {"__class__": 1})) + b"b", "sets attributes"),
        (code({"a": 1}) + code((1,)) + b"R", "not callable"),
        (layouts.easy_dict(a=1) + code((1,)) + b"R", "not callable"),
        (call("numpy", "dtype", "O8", False, True), "an array of the type O8"),
        (call("_codecs", "encode", "print(1)", "rot13"), "a text in rot13"),
        (
            code(("storage", named("torch", "FloatStorage"), "0", "cpu", 1)) + b"Q",
            "no need|outside",
        ),
    ],
)
def test_what_stands_for_names_cannot_be_changed_or_misused(content, message, tmp_path):
    refuse(pickled(Code(content)), tmp_path, message)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (layouts.tensor(ARRAY, 0, (3, 3), (3, 1)), "beyond its storage"),
        (layouts.tensor(ARRAY, 1, (2, 3), (3, 1)), "beyond its storage"),
        (layouts.tensor(ARRAY, 0, (2, 3), (4, 1)), "beyond its storage"),
        (layouts.tensor(ARRAY, 0, (10**6, 10**6), (0, 0)), "beyond its storage"),
        (layouts.tensor(ARRAY, 0, (2**62, 2**62), (0, 0)), "beyond its storage"),
        (layouts.tensor(ARRAY, -1, (1,), (1,)), "of the shape"),
        (layouts.tensor(ARRAY, 5, (3,), (-1,)), "of the shape"),
        (layouts.tensor(ARRAY, 0, (1,) * 99, (1,) * 99), "of the shape"),
        (layouts.tensor(ARRAY, 0, (2, 3), (3,)), "zip"),
        (layouts.tensor(ARRAY, count=10**12), "buffer is smaller"),
        (layouts.tensor(ARRAY, count=7), "buffer is smaller"),
        (layouts.tensor(ARRAY, kind="DoubleStorage"), "buffer is smaller"),
        (layouts.tensor(ARRAY, kind="ComplexFloatStorage"), "it names torch.ComplexFloatStorage"),
        (layouts.tensor_of("text", 0, (1,), (1,)), "without a storage"),
    ],
)
def test_tensors_that_reach_beyond_their_storage_are_refused(made, message, tmp_path):
    refuse(pickled(made), tmp_path, message)


def test_huge_claims_are_refused_before_there_is_room_for_them(tmp_path):
    claims = {
        b"\x8e" + struct.pack("<Q", 2**40): "bytes8|expected",  # So many bytes follow.
        b"\x8d" + struct.pack("<Q", 2**40): "bytes|expected",  # So long a text.
        b"Nr" + struct.pack("<I", 2**32 - 1) + b"": "counts more objects",  # So many objects.
        b"\x95" + struct.pack("<Q", 2**40) + b"N": "truncated",
    }
    for claim, message in claims.items():
        refuse(b"\x80\x04" + claim + b".", tmp_path, message)


def test_every_cut_of_a_file_is_refused(tmp_path):
    whole = pickled([layouts.tensor(ARRAY), layouts.numpy_array(ARRAY)])
    assert all(isinstance(each, Array) for each in read(whole, tmp_path))
    for end in range(0, len(whole), 7):
        with pytest.raises(ValueError):
            read(whole[:end], tmp_path)


def test_damage_is_an_error_or_other_data_and_no_more(tmp_path):
    whole = pickled([layouts.tensor(ARRAY), layouts.numpy_array(ARRAY)])
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for position in random.integers(0, len(whole), 3):
            damaged[position] = random.integers(0, 256)
        try:
            read(bytes(damaged), tmp_path)
        except ValueError:
            pass


def test_nested_storages_are_none(tmp_path):
    inner = call("torch.storage", "_load_from_bytes", layouts.storage_bytes(ARRAY))
    refuse(
        pickled(call("torch.storage", "_load_from_bytes", pickled(inner, 2))),
        tmp_path,
        "it names torch.storage._load_from_bytes",
    )


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "file.pkl"
    with path.open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(ValueError, match="it has 2147483649 bytes"):
        read_pickle(path)
