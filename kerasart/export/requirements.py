"""Checks that the optional packages of an export are installed, without TensorFlow."""

from importlib import import_module


def check_onnx(*others: str) -> None:
    """Checks that the packages for an export to ONNX are installed, before a network is loaded.

    Args:
        *others: What else must be, beside onnx and onnxruntime.

    Raises:
        ImportError: If one is missing.
    """
    names = ("onnx", "onnxruntime", *others)
    try:
        for name in names:
            import_module(name)
    except ImportError as error:
        raise ImportError(
            f"An export to ONNX needs {' and '.join(names)}, which "
            f'`pip install "kerasart[onnx]"` brings. Received: {error}'
        ) from error
