"""Exports to SavedModel (for TensorFlow Serving), ONNX, LiteRT, and pages that paint."""
