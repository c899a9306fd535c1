"""Maker of a network card by its MAC address: the IEEE listing in `agent/catalogs/oui.tsv.gz` (see tools/build_oui.py).

The maker of the card is often not the maker of the device, so this is weak evidence everywhere. A locally administered address
(randomised by a phone, made up by software) has no maker.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from agent.inventory.mac import kind_of

_LENGTHS = (9, 7, 6)  # MA-S (36 bits), MA-M (28), MA-L (24): the longest block is the holder


@cache
def _table() -> dict[str, str]:
    data = gzip.decompress((files("agent.catalogs") / "oui.tsv.gz").read_bytes()).decode()
    table: dict[str, str] = {}
    for line in data.splitlines():
        if not line.startswith("#"):
            name, _, prefixes = line.partition("\t")
            table.update(dict.fromkeys(prefixes.split(), name))
    return table


@cache
def source() -> str:
    """Where and when the listing was taken."""
    head = gzip.decompress((files("agent.catalogs") / "oui.tsv.gz").read_bytes()).split(b"\n", 1)[0]
    return head.decode().removeprefix("# ")


def vendor(mac: str) -> str | None:
    """Organisation that holds the block of the normalised *mac*; None where it is unlisted, virtual or randomised."""
    if kind_of(mac) != "burned_in":
        return None
    digits = mac.replace(":", "")
    table = _table()
    return next((table[digits[:n]] for n in _LENGTHS if digits[:n] in table), None)
