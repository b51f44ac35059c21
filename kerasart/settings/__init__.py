"""Settings, their checks, and presets."""
