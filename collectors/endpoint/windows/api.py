"""System libraries of Windows, by name; elsewhere there are none."""

from __future__ import annotations

import ctypes
from typing import Any

from collectors.endpoint.source import CannotRead


def library(name: str) -> Any:
    """The system library *name*. Raises `CannotRead` where it is not there."""
    loader: Any = getattr(ctypes, "WinDLL", None)
    if loader is None:
        raise CannotRead("this is not Windows")
    try:
        return loader(f"{name}.dll", use_last_error=False)
    except OSError:
        raise CannotRead(f"{name}.dll is not there") from None


def function(dll: Any, name: str) -> Any:
    """The function *name* of *dll*. Raises `CannotRead` where this system has none of that name."""
    try:
        return getattr(dll, name)
    except AttributeError:
        raise CannotRead(f"this system has no {name}") from None
