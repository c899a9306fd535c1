"""The name people call an asset by: its own name, else its page's title, else maker and last part of the address."""

from __future__ import annotations

import re

from agent.inventory.attributes import Claim
from agent.inventory.endpoint import Endpoint
from agent.model import bodies
from agent.model.bodies_endpoint import EndpointHost

_OWN = {"snmp": 0, "netbios": 0, "agent": 0, "smb": 0, "mdns": 1, "llmnr": 1, "dhcp": 1, "dns": 2}
_DULL = re.compile(
    r"(?i)^(index|home|login|log in|sign in|connexion|welcome|moved|redirect.*|\d{3}\b.*|error.*|not found|forbidden|unauthorized"
    r"|document|untitled|iis.*|apache2? .*default.*|welcome to nginx.*|it works!?|\W*id_\w+\W*|ups properties)$"
)
_LONGEST = 60


def names(members: list[Endpoint]) -> list[Claim]:
    """Every name the asset goes by, with the standing of its source; certificate names come last but one, the sheet's last."""
    found: list[Claim] = []
    for e in members:
        for run, o in e.seen:
            b = o.body
            if isinstance(b, bodies.HostName) and b.name.strip():
                standing = 9 if o.standing == "claimed" else _OWN.get(b.source, 3)
                name = b.name.strip().rstrip(".")
                found.append(Claim(name, standing, o.at, run, o.id, b.source))
            elif isinstance(b, EndpointHost):
                found.append(Claim(b.machine.name.strip(), 0, o.at, run, o.id, "endpoint"))
            elif isinstance(b, bodies.TlsCertificate):
                host = e.host_bound(b.spki_sha256.lower())
                if host:
                    found.append(Claim(host, 4, o.at, run, o.id, "certificate"))
    return found


def clean(text: str) -> str:
    """One line of *text*, at most 60 characters, without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in text[:400])
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def title(members: list[Endpoint]) -> str:
    """The newest page title that says something, or an empty text."""
    pages = [
        (o.at, clean(o.body.title))
        for e in members
        for _, o in e.seen
        if isinstance(o.body, bodies.HttpPage) and o.body.status < 300
    ]
    told = [(at, text) for at, text in pages if text and not _DULL.match(text)]
    return max(told, default=(0, ""))[1]


def label_of(name: str | None, page: str, vendor: str | None, ip: str | None, last: str) -> str:
    """The label; *last* is used where nothing else is known."""
    if name:
        return clean(name.split(".")[0] if "." in name else name)
    if page:
        return page
    if vendor and ip:
        return f"{clean(vendor)} {ip.rsplit('.', 1)[-1] if '.' in ip else ip}"
    return ip or last
