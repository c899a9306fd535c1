"""Do people who say a name mean this product? `N-central`, `N-able N-central` and `N-central (cloud)` are all one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from agent.catalogs.remote_access import Tool


def plain(name: str) -> str:
    """Small ASCII letters and digits of *name*, words parted by dashes."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def users(tool: Tool, said: Iterable[str]) -> bool:
    names = {plain(n) for n in (tool.id, tool.name, *tool.aliases)} - {""}
    return any(f"-{name}-" in f"-{plain(text)}-" for text in said for name in names)
