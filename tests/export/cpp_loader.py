"""Runs a SavedModel by TensorFlow's C++ loader, as TensorFlow Serving does, without its Python.

    python cpp_loader.py REQUEST.json

The request names the library, the SavedModel, the tensors to feed (NAME: file of bytes for a batch
of strings, or a list of floats), the tensor to fetch, and the file to write its first string to.
"""

import ctypes
import json
import sys
from pathlib import Path

STRING, FLOAT = 7, 1
STRING_SIZE = 24  # Bytes of a TF_TString.


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def main():
    request = json.loads(Path(sys.argv[1]).read_text())
    tf = load_library(request["library"])
    status = tf.TF_NewStatus()
    graph = tf.TF_NewGraph()
    options = tf.TF_NewSessionOptions()
    tags = (ctypes.c_char_p * 1)(b"serve")
    path = request["model"].encode()
    session = tf.TF_LoadSessionFromSavedModel(
        options, None, path, tags, 1, graph, None, ctypes.c_void_p(status)
    )
    check(tf, status)
    names = list(request["feeds"])
    places = (Output * len(names))(*(output(tf, graph, name) for name in names))
    values = [make_tensor(tf, request["feeds"][name]) for name in names]
    tensors = (ctypes.c_void_p * len(names))(*values)
    fetched = (Output * 1)(output(tf, graph, request["fetch"]))
    results = (ctypes.c_void_p * 1)()
    tf.TF_SessionRun(
        ctypes.c_void_p(session),
        None,
        *(places, tensors, len(names)),
        *(fetched, results, 1),
        *(None, 0, None, ctypes.c_void_p(status)),
    )
    check(tf, status)
    Path(request["output"]).write_bytes(read_string(tf, results[0]))
    assert "tensorflow" not in sys.modules


def load_library(path):
    ctypes.CDLL(path.replace("_cc", "_framework"), ctypes.RTLD_GLOBAL)
    tf = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    for name in (
        "TF_NewStatus",
        "TF_NewGraph",
        "TF_NewSessionOptions",
        "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName",
        "TF_AllocateTensor",
        "TF_TensorData",
        "TF_StringGetDataPointer",
    ):
        getattr(tf, name).restype = ctypes.c_void_p
    tf.TF_Message.restype = ctypes.c_char_p
    tf.TF_StringGetSize.restype = ctypes.c_size_t
    tf.TF_NewGraph.argtypes = tf.TF_NewStatus.argtypes = tf.TF_NewSessionOptions.argtypes = []
    tf.TF_LoadSessionFromSavedModel.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
        *(ctypes.POINTER(ctypes.c_char_p), ctypes.c_int),
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ]
    return tf


def check(tf, status):
    if tf.TF_GetCode(ctypes.c_void_p(status)):
        sys.exit(tf.TF_Message(ctypes.c_void_p(status)).decode())


def output(tf, graph, name):
    operation, _, index = name.partition(":")
    found = tf.TF_GraphOperationByName(ctypes.c_void_p(graph), operation.encode())
    assert found, name
    return Output(found, int(index))


def make_tensor(tf, value):
    """A batch of one string, read from a file; or floats, whose nesting is the shape."""
    if isinstance(value, str):
        data = Path(value).read_bytes()
        tensor = allocate(tf, STRING, [1], STRING_SIZE)
        place = ctypes.c_void_p(tf.TF_TensorData(ctypes.c_void_p(tensor)))
        tf.TF_StringInit(place)
        tf.TF_StringCopy(place, data, ctypes.c_size_t(len(data)))
        return tensor
    shape, flat = [], value
    while isinstance(flat, list):
        shape.append(len(flat))
        flat = flat[0]
    flat = value if len(shape) == 1 else [each for row in value for each in row]
    tensor = allocate(tf, FLOAT, shape, 4 * len(flat))
    place = tf.TF_TensorData(ctypes.c_void_p(tensor))
    ctypes.memmove(place, (ctypes.c_float * len(flat))(*flat), 4 * len(flat))
    return tensor


def allocate(tf, dtype, shape, size):
    dims = (ctypes.c_int64 * len(shape))(*shape)
    return tf.TF_AllocateTensor(dtype, dims, len(shape), ctypes.c_size_t(size))


def read_string(tf, tensor):
    place = ctypes.c_void_p(tf.TF_TensorData(ctypes.c_void_p(tensor)))
    size = tf.TF_StringGetSize(place)
    return ctypes.string_at(tf.TF_StringGetDataPointer(place), size)


if __name__ == "__main__":
    main()
