"""Checks that the optional packages of an export are installed, without TensorFlow."""


def check_onnx() -> None:
    """Checks that the packages for an export to ONNX are installed, before a network is loaded.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            '`export_onnx` needs onnx and onnxruntime, which `pip install "kerasart[onnx]"` '
            f"brings. Received: {error}"
        ) from error
