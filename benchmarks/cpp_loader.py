"""`LoadedModel`: runs a SavedModel by TensorFlow's C++ loader, as TensorFlow Serving does.

    python -S -m benchmarks.cpp_loader REQUEST.json

No Python of TensorFlow is loaded, only its library, by its C interface. The request names the
library, the SavedModel, the tensors to feed (NAME: file of bytes for a batch of one string, or a
list of floats), the tensor to fetch, and the file to write its first string to.
"""

import ctypes
import json
import sys
from pathlib import Path

STRING, FLOAT = 7, 1
STRING_SIZE = 24  # Bytes of a TF_TString.


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class LoadedModel:
    """A SavedModel, whose tensors are fed and fetched by name, from any thread.

    Args:
        library: The path of libtensorflow_cc.so.2.
        path: The SavedModel's folder.
    """

    def __init__(self, library, path):
        self._tf = tf = load_library(str(library))
        self._graph = tf.TF_NewGraph()
        tags = (ctypes.c_char_p * 1)(b"serve")
        status = tf.TF_NewStatus()
        options = tf.TF_NewSessionOptions()
        self._session = tf.TF_LoadSessionFromSavedModel(
            options, None, str(path).encode(), tags, 1, self._graph, None, status
        )
        self._check(status)

    def run(self, feeds, fetches):
        """Runs the graph.

        Args:
            feeds: Tensor name to a list of bytes, or to floats, whose nesting is the shape.
            fetches: Names of tensors of strings.

        Returns:
            A list of bytes for each of them.
        """
        tf, status = self._tf, self._tf.TF_NewStatus()
        places = (Output * len(feeds))(*map(self._output, feeds))
        tensors = (ctypes.c_void_p * len(feeds))(*map(self._make_tensor, feeds.values()))
        fetched = (Output * len(fetches))(*map(self._output, fetches))
        results = (ctypes.c_void_p * len(fetches))()
        tf.TF_SessionRun(
            self._session,
            None,
            *(places, tensors, len(feeds)),
            *(fetched, results, len(fetches)),
            *(None, 0, None, status),
        )
        for tensor, value in zip(tensors, feeds.values(), strict=True):
            self._free_tensor(tensor, len(value) if isinstance(value[0], bytes) else 0)
        self._check(status)
        answers = [self._read_strings(each) for each in results]
        for each in results:
            tf.TF_DeleteTensor(each)
        return answers

    def _check(self, status):
        """Frees a status; raises a RuntimeError if it is none of success."""
        code, message = self._tf.TF_GetCode(status), self._tf.TF_Message(status).decode()
        self._tf.TF_DeleteStatus(status)
        if code:
            raise RuntimeError(message)

    def _output(self, name):
        operation, _, index = name.partition(":")
        found = self._tf.TF_GraphOperationByName(self._graph, operation.encode())
        assert found, name
        return Output(found, int(index))

    def _make_tensor(self, value):
        if isinstance(value[0], bytes):
            tensor = self._allocate(STRING, [len(value)], STRING_SIZE * len(value))
            for place, data in zip(self._strings(tensor, len(value)), value, strict=True):
                self._tf.TF_StringInit(place)
                self._tf.TF_StringCopy(place, data, len(data))
            return tensor
        shape, flat = [len(value)], value
        while isinstance(flat[0], list):
            shape.append(len(flat[0]))
            flat = [each for row in flat for each in row]
        tensor = self._allocate(FLOAT, shape, 4 * len(flat))
        data = (ctypes.c_float * len(flat))(*flat)
        ctypes.memmove(self._tf.TF_TensorData(tensor), data, 4 * len(flat))
        return tensor

    def _allocate(self, dtype, shape, size):
        dims = (ctypes.c_int64 * len(shape))(*shape)
        return self._tf.TF_AllocateTensor(dtype, dims, len(shape), size)

    def _free_tensor(self, tensor, strings):
        # A tensor that was made here does not know that its strings are to be freed.
        for place in self._strings(tensor, strings):
            self._tf.TF_StringDealloc(place)
        self._tf.TF_DeleteTensor(tensor)

    def _strings(self, tensor, count):
        start = self._tf.TF_TensorData(tensor)
        return [start + STRING_SIZE * i for i in range(count)]

    def _read_strings(self, tensor):
        tf = self._tf
        return [
            ctypes.string_at(tf.TF_StringGetDataPointer(place), tf.TF_StringGetSize(place))
            for place in self._strings(tensor, tf.TF_Dim(tensor, 0))
        ]


def load_library(path):
    """Loads TensorFlow's library, with the types of its functions."""
    tf = ctypes.CDLL(
        path
    )  # Not global: it has a cryptography of its own, which Python's must not be.
    pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    for name, returned, arguments in (
        ("TF_NewStatus", pointer, []),
        ("TF_GetCode", ctypes.c_int, [pointer]),
        ("TF_Message", text, [pointer]),
        ("TF_DeleteStatus", None, [pointer]),
        ("TF_NewGraph", pointer, []),
        ("TF_NewSessionOptions", pointer, []),
        (
            "TF_LoadSessionFromSavedModel",
            pointer,
            [pointer, pointer, text, ctypes.POINTER(text), ctypes.c_int, *[pointer] * 3],
        ),
        ("TF_GraphOperationByName", pointer, [pointer, text]),
        (
            "TF_SessionRun",
            None,
            [
                *(pointer, pointer),
                *(ctypes.POINTER(Output), ctypes.POINTER(pointer), ctypes.c_int) * 2,
                *(pointer, ctypes.c_int, pointer, pointer),
            ],
        ),
        ("TF_AllocateTensor", pointer, [ctypes.c_int, pointer, ctypes.c_int, size]),
        ("TF_TensorData", pointer, [pointer]),
        ("TF_Dim", ctypes.c_int64, [pointer, ctypes.c_int]),
        ("TF_DeleteTensor", None, [pointer]),
        ("TF_StringInit", None, [pointer]),
        ("TF_StringCopy", None, [pointer, text, size]),
        ("TF_StringGetDataPointer", pointer, [pointer]),
        ("TF_StringGetSize", size, [pointer]),
        ("TF_StringDealloc", None, [pointer]),
    ):
        function = getattr(tf, name)
        function.restype, function.argtypes = returned, arguments
    return tf


def main():
    """Answers a request."""
    request = json.loads(Path(sys.argv[1]).read_text())
    feeds = {
        name: [Path(value).read_bytes()] if isinstance(value, str) else value
        for name, value in request["feeds"].items()
    }
    model = LoadedModel(request["library"], request["model"])
    ((answer,),) = model.run(feeds, [request["fetch"]])
    Path(request["output"]).write_bytes(answer)
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
