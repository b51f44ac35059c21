import json
import re

import keras

from kerasart.backbones.graph_surgery import rename_layers
from kerasart.backbones.inception import InceptionV3ToMixed5


def describe(model):
    """Each layer's name, settings and sources."""
    rename_layers(model)
    nodes = {
        each["name"]: json.dumps(each["inbound_nodes"]) for each in model.get_config()["layers"]
    }
    free = ("kernel_initializer", "name", "batch_input_shape", "batch_shape")
    return {
        layer.name: (
            {key: value for key, value in layer.get_config().items() if key not in free},
            sorted(re.findall(r'"keras_history": \["(\w+)"', nodes[layer.name])),
        )
        for layer in model.layers[1:]
    }


def test_its_layers_are_those_of_keras():
    whole = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    expected = describe(keras.Model(whole.inputs[0], whole.get_layer("mixed5").output))
    first = next(iter(expected))
    found = describe(InceptionV3ToMixed5())
    assert all(sources for _, sources in found.values())
    # Inputs are numbered as they come.
    expected[first][1].clear()
    found[first][1].clear()
    assert found == expected
