"""Property lists, XML and binary (plist(5)), as anybody may have left them: read to a bound, each value asked for by name and type."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from typing import Any
from xml.parsers.expat import ExpatError

from collectors.endpoint.tree import Tree

MOST_BYTES = 8_000_000
_BROKEN = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
"""What plistlib raises on damaged lists beside `ExpatError`."""


class NotPlist(ValueError):
    """The bytes are no property list of the kind expected."""


def anything(data: bytes) -> Any:
    """The list as plain values. Raises `NotPlist`."""
    if len(data) > MOST_BYTES:
        raise NotPlist("too large for a property list")
    try:
        return plistlib.loads(data)
    except (*_BROKEN, ExpatError) as problem:
        raise NotPlist(f"no property list: {type(problem).__name__}") from None


def dictionary(data: bytes) -> dict[str, Any]:
    """The list whose root is a dictionary. Raises `NotPlist`."""
    root = anything(data)
    if not isinstance(root, dict):
        raise NotPlist("its root is no dictionary")
    return {k: v for k, v in root.items() if isinstance(k, str)}


def read(tree: Tree, name: str) -> dict[str, Any]:
    """Raises `OSError`, `NotPlist`."""
    return dictionary(tree.data(name, MOST_BYTES + 1))


def text(told: dict[str, Any], key: str) -> str:
    """A text, or the first of a list of texts (as Open Directory keeps them); empty for anything else."""
    return next(texts(told, key), "")


def texts(told: dict[str, Any], key: str) -> Iterator[str]:
    """The texts of a list, or the one text there is."""
    value = told.get(key)
    for one in value[:10_000] if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one
        elif isinstance(one, int) and not isinstance(one, bool) and abs(one) < 1 << 64:
            yield str(one)


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    """The dictionaries of a list; none of anything else."""
    if isinstance(value, list):
        for one in value[:10_000]:
            if isinstance(one, dict):
                yield {k: v for k, v in one.items() if isinstance(k, str)}
