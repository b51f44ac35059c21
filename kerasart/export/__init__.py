"""What leaves the package: SavedModels for TensorFlow Serving, ONNX, LiteRT."""
