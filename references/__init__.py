"""Published algorithms, transcribed for tests and benchmarks alike; nothing of ours in them."""
