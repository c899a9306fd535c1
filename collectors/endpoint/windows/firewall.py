"""Rules of the Windows firewall that let something in, of the machine and by policy (MS-FASP 2.2.37, their form in the registry)."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.windows.registry import SERVICES, Registry, shown

PLACES = (
    rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy\FirewallRules",
    r"SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules",
)
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def firewall_rules() -> Source:
    def source(views: Views) -> Iterator[Row]:
        for place in PLACES:
            for name, value in Registry().values(place).items():
                yield from rule(name, shown(value))

    return source


def rule(name: str, text: str) -> Iterator[Row]:
    """`v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5938|App=C:\\...|Name=...|`: one row, if it lets something in."""
    told: dict[str, list[str]] = {}
    for part in text.split("|"):
        key, sign, value = part.partition("=")
        if sign:
            told.setdefault(key, []).append(value)

    def one(key: str) -> str:
        return (told.get(key) or [""])[0]

    if one("Action") == "Allow" and one("Dir") == "In":
        protocol = _PROTOCOLS.get(one("Protocol"), one("Protocol"))
        port = ",".join([*told.get("LPort", ()), *told.get("LPort2_10", ())]) or "any"
        state = "on" if one("Active") == "TRUE" else "off"
        yield (one("Name") or name, one("App"), protocol, port, state)
