"""Base of every value of the model: frozen, strict about its fields, hashed by its canonical bytes.

Times are integer microseconds since the Unix epoch, UTC; shares are integers out of 1000. No float is ever hashed: its text differs
between platforms and languages.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""First 32 hexadecimal digits of a SHA-256 (keyed per engagement where it could be guessed)."""
Us = int
"""Microseconds since 1970-01-01T00:00:00Z."""
Permille = Annotated[int, Field(ge=0, le=1000)]
Tri = Literal["yes", "no", "unknown"]


class M(BaseModel):
    """A frozen value object; an unknown field is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def plain(self) -> dict[str, Any]:
        """As plain data that JSON has a form for."""
        return self.model_dump(mode="json")


def canonical(value: Any) -> bytes:
    """Canonical UTF-8 JSON of *value* (a model or plain data): keys sorted, no blanks, no float.

    Raises `TypeError` for a float or anything JSON has no form for.
    """
    if isinstance(value, M):
        plain: Any = value.plain()
    else:
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    _no_float(plain)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate from a hostile device must not stop the hash.
    return text.encode("utf-8", "surrogatepass")


def hash_id(*parts: Any, key: bytes = b"") -> str:
    """Deterministic identifier of *parts*; with *key* it cannot be guessed from outside the engagement."""
    data = canonical(list(parts))
    digest = hmac.new(key, data, hashlib.sha256) if key else hashlib.sha256(data)
    return digest.hexdigest()[:32]


_PLAIN = frozenset({str, int, bool, type(None)})
_ROWS = frozenset({list, tuple})


def _no_float(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a float in hashed data: use permille or microseconds")
    if isinstance(value, dict | list | tuple):
        items = value.values() if isinstance(value, dict) else value
        # Tables have thousands of cells: their types at one blow, those of a row or of all rows.
        kinds = set(map(type, items))
        if _ROWS.issuperset(kinds) and _PLAIN.issuperset(map(type, chain.from_iterable(items))):
            return
        if not _PLAIN.issuperset(kinds):
            for item in items:
                _no_float(item)
