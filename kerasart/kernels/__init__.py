"""Faster convolutions, precision and custom gradients: the same values, except for rounding."""
