"""Faster convolutions, number formats and custom gradients: the same values, but for rounding."""
