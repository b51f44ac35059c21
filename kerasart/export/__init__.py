"""Exports of networks and dreams: SavedModels for TensorFlow Serving, ONNX, LiteRT."""
