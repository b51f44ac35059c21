"""The applications' settings, their validation, and presets."""
