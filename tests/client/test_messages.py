"""The messages, against the wire format and against TensorFlow Serving's own."""

import numpy as np
import pytest

from kerasart.client import messages
from kerasart.client.messages import (
    PredictRequest,
    PredictResponse,
    TensorProto,
    fill_tensor,
    make_request,
    read_tensor,
)

IMAGE = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
INPUTS = {
    "format": np.array([b"png", b"jpeg\0"], object),
    "image": IMAGE,
    "steps": np.array([3, -4], np.int32),
    "strength": np.array([0.25, 1.0], np.float32),
}


def test_names_are_those_of_the_originals():
    assert PredictRequest.DESCRIPTOR.full_name == "tensorflow.serving.PredictRequest"
    assert PredictResponse.DESCRIPTOR.full_name == "tensorflow.serving.PredictResponse"
    assert TensorProto.DESCRIPTOR.full_name == "tensorflow.TensorProto"
    assert TensorProto().tensor_shape.dim.add().DESCRIPTOR.full_name == (
        "tensorflow.TensorShapeProto.Dim"
    )


@pytest.mark.parametrize("name", INPUTS)
def test_tensors_come_back_from_their_bytes(name):
    tensor = TensorProto()
    fill_tensor(tensor, INPUTS[name])
    array = read_tensor(TensorProto.FromString(tensor.SerializeToString()))
    assert array.dtype == INPUTS[name].dtype
    assert array.tolist() == INPUTS[name].tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2, 3, 4], [[1, 2], [3, 4]]), ([1, 2], [[1, 2], [2, 2]]), ([], [[0, 0], [0, 0]])],
)
def test_values_may_come_one_by_one_as_servers_send_them(values, expected):
    tensor = TensorProto(dtype=4, int_val=values)
    for size in (2, 2):
        tensor.tensor_shape.dim.add(size=size)
    assert read_tensor(tensor).dtype == np.uint8
    assert read_tensor(tensor).tolist() == expected


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="DT_FLOAT, .* Received: data type 8"):
        read_tensor(TensorProto(dtype=8))


def test_a_request_is_these_bytes():
    """Field by field, as a .proto's numbers and types make them."""
    request = make_request("m", 3, "s", {"f": np.array([b"png"], object)})
    spec = b"\x0a\x01m" + b"\x12\x02\x08\x03" + b"\x1a\x01s"
    shape = b"\x12\x04" + b"\x12\x02\x08\x01"
    tensor = b"\x08\x07" + shape + b"\x42\x03png"
    entry = b"\x0a\x01f" + b"\x12" + bytes([len(tensor)]) + tensor
    expected = b"\x0a" + bytes([len(spec)]) + spec + b"\x12" + bytes([len(entry)]) + entry
    assert request.SerializeToString() == expected


def test_numbers_are_sent_as_they_lie_in_memory():
    tensor = TensorProto()
    fill_tensor(tensor, np.array([1.0], np.float32))
    expected = b"\x08\x01" + b"\x12\x04\x12\x02\x08\x01" + b"\x22\x04\x00\x00\x80\x3f"
    assert tensor.SerializeToString() == expected


@pytest.mark.slow
def test_requests_are_those_of_tensorflow_serving():
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    import tensorflow as tf

    theirs = predict_pb2.PredictRequest()
    theirs.model_spec.name = "medium"
    theirs.model_spec.version.value = 3
    theirs.model_spec.signature_name = "bytes"
    for name, array in INPUTS.items():
        theirs.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    ours = make_request("medium", 3, "bytes", INPUTS)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )
    assert type(ours) is not type(theirs)

    response = predict_pb2.PredictResponse()
    for name, array in INPUTS.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
    response.outputs["image"].ClearField("tensor_content")
    response.outputs["image"].int_val.extend(IMAGE.ravel().tolist())
    read = messages.PredictResponse.FromString(response.SerializeToString())
    for name, array in INPUTS.items():
        assert read_tensor(read.outputs[name]).tolist() == array.tolist()
