"""Trained networks that come with kerasart; each folder's README.md says what it is."""
