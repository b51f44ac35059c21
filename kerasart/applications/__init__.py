"""Applications: DeepDream, style transfer, fast style, dream animations, visualization."""
