"""`Ref`, the only way to name a thing: kind, namespace and a value in normal form.

The namespace keeps apart what carries the same name in two places: `site/siege` and `site/depot` may both have 192.168.1.1.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Literal, Self

from pydantic import model_validator

from agent.model.base import M

RefKind = Literal[
    "addr",
    "mac",
    "name",
    "serial",
    "engine_id",
    "smbios",
    "chassis",
    "cert_key",
    "ssh_key",
    "sid",
    "dn",
    "domain",
    "account",
    "device_cfg",
    "subnet",
    "document",
    "asset",
    "service",
]
_MAC = re.compile(r"^[0-9a-f]{12}$")


class Ref(M):
    """A named thing. `ns`: `site/<id>`, an AD domain SID, `pen/<number>`, `host/<id>`, or empty for what is unique in the world."""

    kind: RefKind
    ns: str
    value: str

    @model_validator(mode="before")
    @classmethod
    def _normal(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("value"), str) and "kind" in data:
            return {**data, "value": normal(str(data["kind"]), data["value"])}
        return data

    def __str__(self) -> str:
        return f"{self.kind}:{self.ns}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str()`. Raises `ValueError` when *text* is not `kind:ns:value`."""
        kind, _, rest = text.partition(":")
        ns, sep, value = rest.partition(":")
        if not sep:
            raise ValueError(f"not a reference: {text!r} (expected kind:namespace:value)")
        return cls.model_validate({"kind": kind, "ns": ns, "value": value})


def normal(kind: str, value: str) -> str:
    """Normal form of *value* for *kind*. Raises `ValueError` on an address, subnet or MAC that is none."""
    if kind == "addr":
        return str(ip_address(value.strip()))
    if kind == "subnet":
        return str(ip_network(value.strip(), strict=False))
    if kind == "mac":
        digits = re.sub(r"[^0-9a-f]", "", value.lower())
        if not _MAC.match(digits):
            raise ValueError(f"not a MAC address: {value!r}")
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    if kind in ("name", "domain"):
        return value.strip().rstrip(".").lower()
    return value.strip()


def addr(site: str, ip: str) -> Ref:
    """An IP address seen at *site*."""
    return Ref(kind="addr", ns=f"site/{site}", value=ip)


def mac(site: str, value: str) -> Ref:
    """A MAC address seen at *site*."""
    return Ref(kind="mac", ns=f"site/{site}", value=value)


def service(site: str, ip: str, transport: str, port: int) -> Ref:
    """A transport endpoint seen at *site*; the key of a `Service`."""
    return Ref(kind="service", ns=f"site/{site}", value=f"{ip_address(ip)}/{transport}/{port}")
