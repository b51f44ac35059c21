"""Reads pickles of StyleGAN2's programs as data: nothing that a pickle names is run or imported.

A pickle is a program: it may call whatever it can name. Here it can name the twenty or so things
that these files are made of, each of which is replaced by a class below that makes arrays or keeps
what it is given. Any other name is refused, as are operations that such files do not need.
"""

import functools
import io
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

_LARGEST = 2**31  # Bytes of a file; the largest known ones have 400 MB.
_MOST_DIMENSIONS = 8
_TYPES = {f"{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)} - {"f1"} | {"b1"}
_MAGIC = 0x1950A86A20F9469CFC6C  # Of PyTorch's older format.
_VERSION = 1001
_OPERATIONS = set(
    "PROTO FRAME STOP MARK EMPTY_DICT EMPTY_LIST EMPTY_TUPLE EMPTY_SET APPEND APPENDS SETITEM "
    "SETITEMS ADDITEMS TUPLE TUPLE1 TUPLE2 TUPLE3 NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 "
    "LONG1 BINFLOAT SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 "
    "BINPUT LONG_BINPUT BINGET LONG_BINGET MEMOIZE GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD "
    "BINPERSID".split()
)


def read_pickle(path: str | PathLike[str]) -> Any:
    """Reads a pickle, or a zip file as `torch.save` writes it, as plain data.

    Args:
        path: The file.

    Returns:
        Dicts, lists, tuples, sets, numbers, texts and bytes, with an `Array` for each array or
        tensor, and a `Stored` for each object of a class that is not here.

    Raises:
        ValueError: If it names anything else, or is damaged. The message is the reason alone.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _LARGEST:
        raise ValueError(f"it has {size} bytes, and {_LARGEST} are the most")
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path, size)
        return _unpickle(io.BytesIO(path.read_bytes()), _NAMES, None)
    except Exception as error:  # Damage shows in all ways.
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error


class _Sealed(type):
    """A class that a pickle, which holds it, cannot change."""

    def __setattr__(cls, name, value):
        raise ValueError(f"it changes {cls.__name__}")


class _Part(metaclass=_Sealed):
    """What stands for one of the names."""

    def __setstate__(self, state):
        raise ValueError(f"it sets attributes of a {type(self).__name__}")


class Stored(_Part):
    """An object of a class that is not here: what its pickle kept of it.

    Attributes:
        state: Its attributes, a dict.
    """

    state: dict

    def __setstate__(self, state: Any) -> None:
        """Keeps the state."""
        self.state = state


class _Persistent(Stored):
    """An object of PyTorch's family; the source text of its class is left alone."""

    def __new__(cls, meta):
        self = super().__new__(cls)
        self.__setstate__(meta["state"])
        return self


class Array(_Part):
    """An array, or a tensor.

    Attributes:
        values: The NumPy array; it cannot be written to.
    """

    values: np.ndarray

    def __new__(cls, *_: Any) -> "Array":
        """Makes one that is empty until its state is set: what NumPy's pickles begin with."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Sets the values from the state that NumPy pickles."""
        _, shape, kind, by_columns, data = state
        if not isinstance(kind, _DType) or not isinstance(data, bytes):
            raise ValueError("it has an array of objects")
        flat = np.frombuffer(data, kind.dtype)
        self.values = flat.reshape(_sizes(shape), order="F" if by_columns else "C")


class _DType(_Part):
    def __new__(cls, name, *_):
        if name not in _TYPES:
            raise ValueError(f"it has an array of the type {name}")
        self = super().__new__(cls)
        self.dtype = np.dtype(name)
        return self

    def __setstate__(self, state):
        self.dtype = self.dtype.newbyteorder(state[1])


class _Scalar(_Part):
    def __new__(cls, kind, data):
        return np.frombuffer(data, kind.dtype, 1)[0].item()


class _Dict(_Part, dict):
    def __setstate__(self, state):
        """Attributes of a dict tell nothing."""


class _Set(_Part, set):
    pass


class _Bytes(_Part):
    """Bytes, as pickles of the second protocol spell them: a text of as many letters."""

    def __new__(cls, text, encoding):
        if encoding != "latin1":
            raise ValueError(f"it has a text in {encoding}")
        return text.encode("latin1")


class _Storage(_Part):
    """The class of a tensor's numbers."""

    dtype: str


def _storage(dtype):
    return _Sealed("_Storage", (_Storage,), {"dtype": dtype})


class _Tensor(_Part):
    """A tensor: a part of its storage."""

    def __new__(cls, storage, offset, shape, strides, *_):
        if not isinstance(storage, np.ndarray):
            raise ValueError("it has a tensor without a storage")
        shape, strides, (offset,) = _sizes(shape), _sizes(strides), _sizes((offset,))
        last = offset + sum((a - 1) * b for a, b in zip(shape, strides, strict=True))
        count = np.prod(shape, dtype=object)
        if count > storage.size or (count and last >= storage.size):
            raise ValueError(
                f"it has a tensor of the shape {shape} that reaches beyond its storage"
            )
        array = Array()
        steps = [each * storage.itemsize for each in strides]
        array.values = np.lib.stride_tricks.as_strided(
            storage[offset:], shape, steps, writeable=False
        )
        return array


class _Parameter(_Part):
    def __new__(cls, tensor, *_):
        return tensor


class _OfBytes(_Part):
    """A storage in PyTorch's older format: five pickles, the count of numbers, and these."""

    def __new__(cls, data):
        stream, kinds = io.BytesIO(data), {}

        def persistent(key, dtype, count):
            kinds[key] = dtype, count
            return key

        def read():
            return _unpickle(stream, _STORAGES, persistent)

        magic, version, system, key, keys = (read() for _ in range(5))
        if (magic, version, system["little_endian"], keys) != (_MAGIC, _VERSION, True, [key]):
            raise ValueError("it has a storage in a format that is not known")
        dtype, count = kinds[key]
        if int.from_bytes(stream.read(8), "little") != count:
            raise ValueError("it has a storage of another size than it says")
        return np.frombuffer(data, dtype, count, stream.tell())


def _sizes(numbers):
    """Checks that numbers are as those of a shape, and returns a tuple of them."""
    numbers = tuple(numbers)
    if len(numbers) > _MOST_DIMENSIONS or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError(f"it has an array of the shape {numbers}")
    return numbers


_STORAGES = {
    "torch.HalfStorage": _storage("<f2"),
    "torch.FloatStorage": _storage("<f4"),
    "torch.DoubleStorage": _storage("<f8"),
    "torch.ByteStorage": _storage("u1"),
    "torch.IntStorage": _storage("<i4"),
    "torch.LongStorage": _storage("<i8"),
    "torch.BoolStorage": _storage("?"),
}
_TENSORS = {
    "torch._utils._rebuild_tensor_v2": _Tensor,
    "torch._utils._rebuild_parameter": _Parameter,
    "torch_utils.persistence._reconstruct_persistent_obj": _Persistent,
    "dnnlib.util.EasyDict": _Dict,
    "collections.OrderedDict": _Dict,
    "builtins.set": _Set,
    "__builtin__.set": _Set,
    "_codecs.encode": _Bytes,
    "numpy.core.multiarray._reconstruct": Array,
    "numpy.core.multiarray.scalar": _Scalar,
    "numpy._core.multiarray._reconstruct": Array,
    "numpy._core.multiarray.scalar": _Scalar,
    "numpy.ndarray": Array,
    "numpy.dtype": _DType,
}
_NAMES = {
    **_TENSORS,
    "torch.storage._load_from_bytes": _OfBytes,
    "dnnlib.tflib.network.Network": Stored,
}


class _Unpickler(pickle.Unpickler):
    """Reads one pickle.

    Args:
        file: A file of bytes; what follows the pickle in it is left there.
        names: Dict of the names that it may have to classes.
        storage: `storage(key, dtype, count)` returns what stands for the storage that a pickle of
            PyTorch's keeps outside itself; None where there is none.
    """

    def __init__(self, file: io.BytesIO, names: dict[str, type], storage: Callable | None):
        super().__init__(file)
        self._names = names
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Returns what stands for a name."""
        if (full := f"{module}.{name}") not in self._names:
            raise ValueError(f"it names {full}, which such a file has no need of")
        return self._names[full]

    def persistent_load(self, pid: Any) -> Any:
        """Returns what stands for a storage."""
        if self._storage is None:
            raise ValueError("it has numbers outside itself")
        _, kind, key, _, count, *_ = pid
        return self._storage(key, kind.dtype, *_sizes((count,)))


def _unpickle(file, names, storage):
    start = file.tell()
    for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
        if operation.name not in _OPERATIONS:
            raise ValueError(f"it has the operation {operation.name}, which it has no need of")
        # Python would make room for as many objects at once.
        if operation.name == "LONG_BINPUT" and argument > number:
            raise ValueError("it counts more objects than it has")
    file.seek(start)
    return _Unpickler(file, names, storage).load()


def _read_zip(path, size):
    """Reads a file as `torch.save` writes it today: a pickle, and a member for each storage."""
    with zipfile.ZipFile(path) as archive:
        members = {each.filename: each.file_size for each in archive.infolist()}
        pickles = [name for name in members if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1 or sum(members.values()) > size:
            raise ValueError("it is a zip file, and not as PyTorch writes it")
        folder = pickles[0].removesuffix(".pkl")
        read = functools.cache(archive.read)  # Many tensors may share a storage.

        def storage(key, dtype, count):
            return np.frombuffer(read(f"{folder}/{key}"), dtype, count)

        names = {**_TENSORS, **_STORAGES}
        return _unpickle(io.BytesIO(archive.read(pickles[0])), names, storage)
