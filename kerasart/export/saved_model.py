"""Exports SavedModels for TensorFlow Serving."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasart.applications.deep_dream import Dreamer
from kerasart.export.dream_signatures import ServedDream
from kerasart.export.generator_signatures import ServedGenerator
from kerasart.export.signatures import Served
from kerasart.export.style_signatures import SERVED
from kerasart.export.versions import add_version
from kerasart.export.warmup import replay_warmup, write_warmup
from kerasart.networks import StyleGenerator, StyleNetwork

# Operations that run Python, or that a server may lack.
_FORBIDDEN = ("PyFunc", "EagerPyFunc", "PyFuncStateless", "XlaLaunch", "XlaMustCompile")
_MEGAPIXELS = 16


def export_network(
    network: StyleNetwork,
    folder: str | PathLike[str],
    precision: str = "float32",
    most_pixels: int = _MEGAPIXELS * 10**6,
) -> Path:
    """Exports a trained network as the next version of a served model.

    Args:
        network: The `StyleNetwork`.
        folder: The served model's folder; its subfolders 1, 2, and so on are versions.
        precision: "float32" or "bfloat16", of the convolutions, whatever machine serves the model.
        most_pixels: The most pixels of an image in a request.

    Returns:
        The path of the new version.

    Raises:
        ValueError: If the graph has operations that a server cannot run, or a warm-up request
            fails.
    """
    return export(SERVED[network.style_input](network, precision, most_pixels), folder)


def export_dream(
    dreamer: Dreamer, folder: str | PathLike[str], most_pixels: int = _MEGAPIXELS * 10**6
) -> Path:
    """Exports a dream as the next version of a served model.

    Args:
        dreamer: A `Dreamer` that dreams on photos, without a guide and not by L-BFGS.
        folder, most_pixels: As for `export_network`.

    Returns:
        The path of the new version.

    Raises:
        ValueError: If it is another kind of dream, or as for `export_network`.
    """
    return export(ServedDream(dreamer, most_pixels), folder)


def export_generator(generator: StyleGenerator, folder: str | PathLike[str]) -> Path:
    """Exports a generator as the next version of a served model.

    Args:
        generator: The `StyleGenerator`, in the precision that it is served in.
        folder: As for `export_network`.

    Returns:
        The path of the new version.

    Raises:
        ValueError: As for `export_network`.
    """
    return export(ServedGenerator(generator), folder)


def export(served: Served | ServedGenerator, folder: str | PathLike[str]) -> Path:
    """Exports signatures as the next version of a served model.

    Args:
        served: A `Served`, or a `ServedGenerator`.
        folder: As for `export_network`.

    Returns:
        The path of the new version.

    Raises:
        ValueError: As for `export_network`.
    """
    folder = Path(folder)
    module = tf.Module()
    module.held = list(served.variables)
    signatures = served.signatures()
    for name, function in signatures.items():
        check_graph(name, function.graph.as_graph_def())

    def write(version):
        tf.saved_model.save(module, str(version), signatures)
        write_warmup(version, folder.name, served, signatures)
        replay_warmup(version)

    return add_version(folder, write)


def check_graph(name: str, graph: Any) -> None:
    """Checks that a graph runs on any server: without Python and without XLA.

    Args:
        name: Its name in the error message.
        graph: A `GraphDef`.

    Raises:
        ValueError: If it has an operation that does not.
    """
    library = graph.library.function
    functions = [(each.signature.name, each.node_def, each.attr) for each in library]
    for function, nodes, attributes in [(name, graph.node, {}), *functions]:
        compiled = "_XlaMustCompile" in attributes and attributes["_XlaMustCompile"].b
        bad = [node for node in nodes if node.op in _FORBIDDEN or _must_compile(node)]
        if bad or compiled:
            what = f"{bad[0].name} ({bad[0].op})" if bad else function
            raise ValueError(
                f"The graph of `{name}` must hold no Python and no jit_compile, which TensorFlow "
                f"Serving does not run. Received: {what}"
            )


def _must_compile(node):
    return "_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b
