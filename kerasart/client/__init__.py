"""A client of TensorFlow Serving, which needs no TensorFlow."""
