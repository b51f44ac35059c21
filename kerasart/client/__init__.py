"""A client of TensorFlow Serving that does not need TensorFlow."""
