"""Libraries that only readers of some formats need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ragkit.ingest.errors import ReadError


def require(module: str, *, extra: str, name: str) -> Any:
    """Import a library of an extra.

    Args:
        module: What to import.
        extra: The extra that installs it.
        name: The file that needs it, for errors.

    Raises:
        ReadError: It is not installed; the message says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ReadError(
            name, f"needs a library that is not installed: pip install 'ragkit[{extra}]' ({error})"
        ) from error
