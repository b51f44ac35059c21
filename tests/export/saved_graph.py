"""What a SavedModel is made of."""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2


def read_graph(path):
    """Reads a SavedModel's only `MetaGraphDef`."""
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    return graph


def assert_runs_on_2_16(path):
    """Checks that TensorFlow 2.16 knows each operation.

    Its list is what `TF_GetAllOpList` gives there, without what is internal.
    """
    known = Path(__file__).with_name("tensorflow_2_16_operations.txt").read_text().split()
    graph = read_graph(path).graph_def
    functions = {each.signature.name for each in graph.library.function}
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    assert len(nodes) > 100
    assert {node.op for node in nodes} - functions <= set(known)
