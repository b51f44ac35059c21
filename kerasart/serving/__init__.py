"""Models for TensorFlow Serving: the exporter, and a client that needs no TensorFlow."""
