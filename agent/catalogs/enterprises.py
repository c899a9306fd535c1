"""Names of makers by the numbers registries gave them: SNMP enterprises (IANA) and BACnet vendors (ASHRAE). Data in `enterprises.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _names() -> dict[str, dict[int, str]]:
    raw = tomllib.loads((files("agent.catalogs") / "enterprises.toml").read_text("utf-8"))
    return {registry: {int(k): str(v) for k, v in rows.items()} for registry, rows in raw.items()}


def vendor(enterprise: int) -> str:
    """Name of the private enterprise number; empty where it is not in our list."""
    return _names()["snmp"].get(enterprise, "")


def bacnet_vendor(number: int) -> str:
    """Name of the BACnet vendor id; empty where it is not in our list."""
    return _names()["bacnet"].get(number, "")
