"""Films: reading and writing them, the motion from frame to frame, and how steady they are."""
