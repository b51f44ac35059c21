"""What Ray brings, imported when it is first needed."""

from importlib import import_module
from typing import Any


def ray(module: str | None = None) -> Any:
    """Imports Ray, or a module of it, such as "data".

    Raises:
        ImportError: If it is not installed.
    """
    return _import("ray", module)


def pyarrow(module: str | None = None) -> Any:
    """Imports PyArrow, or a module of it, such as "fs".

    Raises:
        ImportError: If it is not installed.
    """
    return _import("pyarrow", module)


def _import(package, module):
    try:
        return import_module(package if module is None else f"{package}.{module}")
    except ImportError as error:
        raise ImportError(
            "Many pictures, and films in shots, need Ray: pip install 'kerasart[ray]'. "
            f"Received: {error}"
        ) from error
