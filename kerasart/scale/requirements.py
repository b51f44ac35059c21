"""`ray` and `pyarrow`, which Ray brings, imported when they are first needed."""

import os
from importlib import import_module
from typing import Any

# Ray reports to its makers, and tells on the terminal what it does, unless it is told otherwise
# before it is imported. What a user has set stays.
_QUIETLY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # Of what other processes tell.
}


def ray(module: str | None = None) -> Any:
    """Imports Ray, or a module of it, such as "data".

    Raises:
        ImportError: If it is not installed.
    """
    for name, value in _QUIETLY.items():
        os.environ.setdefault(name, value)
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
