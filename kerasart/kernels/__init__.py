"""The same values in less time: convolutions, precision, and custom gradients."""
