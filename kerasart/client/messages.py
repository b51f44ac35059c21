"""The protocol buffers of TensorFlow Serving that a client needs, without TensorFlow.

Names and numbers are from tensorflow/core/framework/ (types, tensor_shape and tensor.proto) and
tensorflow_serving/apis/ (model, predict and prediction_log.proto). The descriptor pool is private,
since TensorFlow registers the same names in the default pool.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from google.protobuf.message import DecodeError

from kerasart.client.transports import MOST_BYTES

_FILES = {
    "tensorflow": {
        "TensorShapeProto": ["repeated tensorflow.TensorShapeProto.Dim dim = 2"],
        "TensorShapeProto.Dim": ["int64 size = 1"],
        "TensorProto": [
            "tensorflow.DataType dtype = 1",
            "tensorflow.TensorShapeProto tensor_shape = 2",
            "bytes tensor_content = 4",
            "repeated float float_val = 5",
            "repeated double double_val = 6",
            "repeated int32 int_val = 7",
            "repeated bytes string_val = 8",
            "repeated int64 int64_val = 10",
            "repeated bool bool_val = 11",
        ],
    },
    "tensorflow.serving": {
        "ModelSpec": [
            "string name = 1",
            "google.protobuf.Int64Value version = 2",
            "string signature_name = 3",
        ],
        "PredictRequest": [
            "tensorflow.serving.ModelSpec model_spec = 1",
            "map tensorflow.TensorProto inputs = 2",
        ],
        "PredictResponse": [
            "map tensorflow.TensorProto outputs = 1",
            "tensorflow.serving.ModelSpec model_spec = 2",
        ],
        "PredictLog": ["tensorflow.serving.PredictRequest request = 1"],
        "PredictionLog": ["tensorflow.serving.PredictLog predict_log = 6"],
    },
}

# NumPy's type, TensorFlow's, its number, and the field that may replace `tensor_content`.
_TYPES = [
    ("float32", "DT_FLOAT", 1, "float_val"),
    ("float64", "DT_DOUBLE", 2, "double_val"),
    ("int32", "DT_INT32", 3, "int_val"),
    ("uint8", "DT_UINT8", 4, "int_val"),
    ("object", "DT_STRING", 7, "string_val"),
    ("int64", "DT_INT64", 9, "int64_val"),
    ("bool", "DT_BOOL", 10, "bool_val"),
]
_NUMBER = {np.dtype(dtype): number for dtype, _, number, _ in _TYPES}
_TYPE = {number: (np.dtype(dtype), field) for dtype, _, number, field in _TYPES}

_Field = descriptor_pb2.FieldDescriptorProto


def _make_pool():
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    needed = [wrappers_pb2.DESCRIPTOR.name]
    for package, messages in _FILES.items():
        name = f"{package}.proto"
        file = descriptor_pb2.FileDescriptorProto(
            name=name, package=package, syntax="proto3", dependency=needed
        )
        if package == "tensorflow":
            values = file.enum_type.add(name="DataType").value
            for value, number in [("DT_INVALID", 0), *((row[1], row[2]) for row in _TYPES)]:
                values.add(name=value, number=number)
        nested = {"": file.message_type}
        for message, fields in messages.items():
            parent, _, short_name = message.rpartition(".")
            descriptor = nested[parent].add(name=short_name)
            nested[message] = descriptor.nested_type
            for field in fields:
                _add_field(descriptor, field, package)
        pool.Add(file)
        needed = [*needed, name]
    return pool


def _add_field(message, text, package):
    """Adds a field, given in the syntax of a .proto file; a map's keys are strings."""
    *label, kind, name, _, number = text.split()
    if label == ["map"]:
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "string key = 1", package)
        _add_field(entry, f"{kind} value = 2", package)
        kind = f"{package}.{message.name}.{entry.name}"
    field = message.field.add(name=name, number=int(number))
    field.label = _Field.LABEL_REPEATED if label else _Field.LABEL_OPTIONAL
    if "." in kind:
        field.type_name = f".{kind}"
        field.type = _Field.TYPE_ENUM if kind.endswith("DataType") else _Field.TYPE_MESSAGE
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


def _class_of(name):
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(name))


_pool = _make_pool()
TensorProto = _class_of("tensorflow.TensorProto")
PredictRequest = _class_of("tensorflow.serving.PredictRequest")
PredictResponse = _class_of("tensorflow.serving.PredictResponse")
PredictionLog = _class_of("tensorflow.serving.PredictionLog")


def make_request(
    model: str, version: int | None, signature: str, inputs: Mapping[str, np.ndarray]
) -> Any:
    """Makes a `PredictRequest` from arrays by input name; `version` None is the latest."""
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, array in inputs.items():
        fill_tensor(request.inputs[name], array)
    return request


def fill_tensor(tensor: Any, array: np.ndarray) -> None:
    """Writes an array into a `TensorProto`; one of dtype object holds bytes."""
    tensor.dtype = _NUMBER[array.dtype]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        tensor.string_val.extend(array.ravel())
    else:
        tensor.tensor_content = np.ascontiguousarray(array).tobytes()


def read_response(data: bytes) -> dict[str, np.ndarray]:
    """Reads the outputs of a `PredictResponse`, by name.

    Raises:
        ValueError: If the bytes are not such a message, or `read_tensor` refuses an output.
    """
    try:
        outputs = PredictResponse.FromString(data).outputs
        return {name: read_tensor(tensor) for name, tensor in outputs.items()}
    except (DecodeError, OverflowError) as error:
        raise ValueError(f"The server's answer must be whole. Received: {error}") from error


def read_tensor(tensor: Any) -> np.ndarray:
    """Reads an array from a `TensorProto`; strings become bytes in an array of dtype object.

    Raises:
        ValueError: If its data type is not supported, or its values do not fit its shape.
    """
    if tensor.dtype not in _TYPE:
        raise ValueError(
            f"The server's outputs must be of the types {', '.join(row[1] for row in _TYPES)}. "
            f"Received: data type {tensor.dtype}"
        )
    dtype, field = _TYPE[tensor.dtype]
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape)
    values = np.array(list(getattr(tensor, field)), dtype)
    # A TensorProto may omit trailing values that repeat the last one, and all zeros.
    missing = math.prod(shape) - len(values)
    if not 0 <= missing * dtype.itemsize <= MOST_BYTES:
        raise ValueError(
            f"The server's outputs must have as many values as their shape {shape} says. "
            f"Received: {len(values)}"
        )
    if missing:
        values = np.pad(values, (0, missing), "edge" if len(values) else "constant")
    return values.reshape(shape)
