"""What each edition of the report may tell: technician all, client no way in, outside (insurer, counsel) no name and no address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from reports.html.texts import inert

Edition = Literal["technician", "client", "outside"]
PARAM = 120
"""Characters of one parameter within a sentence of the catalogue: a word of a device must not drown what it stands in."""
ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?\b|(?:\b[0-9a-f]{1,4}:|::)(?:[0-9a-f]{0,4}:)+[0-9a-f]{0,4}",
    re.IGNORECASE,
)
"""IPv4 addresses and networks, IPv6 and MAC addresses."""
_COMMON = frozenset(
    {"count", "days", "ended", "expires", "key_bits", "last_seen", "ports", "probe"}
)
_OUTSIDE = _COMMON | {"product", "provider", "signature", "site", "tls_version"}
# No address, no name of a person, nothing a device said word for word.
_PARAMS: dict[Edition, frozenset[str]] = {
    "outside": _OUTSIDE,
    "client": _OUTSIDE | {"action", "network", "reason", "why"},
}


def params(edition: Edition, values: Mapping[str, str | int], hidden: str) -> dict[str, str | int]:
    """*values* as *edition* may show them; *hidden* stands for what it may not."""
    allowed = _PARAMS.get(edition)
    return {
        k: v if isinstance(v, int) else _bounded(v) if allowed is None or k in allowed else hidden
        for k, v in values.items()
    }


def _bounded(value: str) -> str:
    shown, cut = inert(value, PARAM)
    return f"{shown}\u2026" if cut else shown
