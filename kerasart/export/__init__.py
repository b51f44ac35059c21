"""Exports to SavedModel (for TensorFlow Serving), ONNX and LiteRT."""
