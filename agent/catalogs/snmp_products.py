"""Name of a product by its sysObjectID (RFC 3418): many devices tell their model nowhere else.

`snmp_products.tsv` holds the registrations of the makers, as the MIBs that its first lines name have them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

ENTERPRISES = "1.3.6.1.4.1."


@cache
def products() -> dict[str, str]:
    """Number below 1.3.6.1.4.1 (dotted) -> name of the product."""
    text = (files("agent.catalogs") / "snmp_products.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {number: name for number, name in rows}


def product(object_id: str) -> str:
    """Name that the maker registered for the whole dotted *object_id*; empty where our list has none."""
    told = object_id.removeprefix(".")
    if not told.startswith(ENTERPRISES):
        return ""
    return products().get(told[len(ENTERPRISES) :], "")
