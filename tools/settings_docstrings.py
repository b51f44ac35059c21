"""Gives the API reference the docstrings of settings, which are made when they are imported.

mkdocs.yml names this extension of Griffe, which else reads the sources alone.
"""

import inspect

import griffe


class SettingsDocstrings(griffe.Extension):
    """Replaces a class's docstring by that of the class itself, where `settings` decorates it."""

    def on_class_instance(self, *, cls, **kwargs):
        """Called with each class that was found."""
        if any(each.value.path == "settings" for each in cls.decorators):
            itself = griffe.dynamic_import(cls.path)
            cls.docstring.value = inspect.getdoc(itself)
