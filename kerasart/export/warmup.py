"""Warm-up requests, which a server runs before it serves a model, so that no client waits.

They are stored in the SavedModel's folder as a TFRecord of `PredictionLog` messages, as described
in TensorFlow Serving's "SavedModel Warmup". If one fails, the server does not load the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasart.client.messages import PredictionLog, make_request, read_tensor
from kerasart.client.transports import shorten
from kerasart.export.generator_signatures import ServedGenerator
from kerasart.export.signatures import WARMUP_SIDE, Served

_FILE = Path("assets.extra") / "tf_serving_warmup_requests"


def write_warmup(
    path: str | PathLike[str],
    name: str,
    served: Served | ServedGenerator,
    signatures: Mapping[str, Any],
) -> None:
    """Writes a warm-up request for each signature.

    Args:
        path: The SavedModel's folder.
        name: The served model's name.
        served: The `Served` or `ServedGenerator` that it was made from.
        signatures: Its signatures.
    """
    file = Path(path) / _FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, function in signatures.items():
            _, inputs = function.structured_input_signature
            arrays = {each: _example(each, spec, served) for each, spec in inputs.items()}
            log = PredictionLog()
            request = make_request(name, None, signature, arrays)
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def read_warmup(path: str | PathLike[str]) -> list[Any]:
    """Reads a SavedModel's warm-up requests: a list of `PredictRequest`."""
    records = tf.data.TFRecordDataset(str(Path(path) / _FILE))
    return [PredictionLog.FromString(record.numpy()).predict_log.request for record in records]


def replay_warmup(path: str | PathLike[str]) -> list[tuple[str, dict[str, Any]]]:
    """Loads a SavedModel and runs its warm-up requests.

    Args:
        path: The SavedModel's folder.

    Returns:
        A list of pairs of signature name and dict of outputs.

    Raises:
        ValueError: If a request fails.
    """
    signatures = tf.saved_model.load(str(path)).signatures
    answers = []
    for request in read_warmup(path):
        name = request.model_spec.signature_name
        inputs = {key: tf.constant(_plain(value)) for key, value in request.inputs.items()}
        try:
            answers.append((name, signatures[name](**inputs)))
        except tf.errors.OpError as error:
            raise ValueError(
                "Every request of the warm-up must be served. "
                f"Received: {shorten(error.message)} from {name}"
            ) from error
    return answers


def _plain(tensor):
    array = read_tensor(tensor)
    return array.tolist() if array.dtype == object else array


def _example(name, spec, served):
    """Makes an input as a client might send it, a batch of one."""
    if name in ("image_bytes", "style_bytes"):
        return np.full((1, *spec.shape[1:]), _gradient_png(), object)
    if name == "image":
        return np.full((1, WARMUP_SIDE, WARMUP_SIDE, 3), 0.5, spec.dtype.as_numpy_dtype)
    if name in ("format", "names"):
        return np.array([b"png" if name == "format" else served.example_name], object)
    return np.full((1, *spec.shape[1:]), served.defaults[name], spec.dtype.as_numpy_dtype)


def _gradient_png():
    ramp = np.linspace(0, 255, WARMUP_SIDE).astype(np.uint8)
    pixels = np.stack(
        [*np.meshgrid(ramp, ramp), np.full((WARMUP_SIDE, WARMUP_SIDE), 128, np.uint8)], axis=-1
    )
    return tf.io.encode_png(pixels).numpy()
