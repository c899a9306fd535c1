"""What the collector looks for, from the catalogues of remote access and of protection."""

from __future__ import annotations

from agent.catalogs.protection import Product, products
from agent.catalogs.remote_access import Tool, tools
from collectors.endpoint.wanted import Value, Wanted

_INSTALLERS = (
    r"[?&]k=[A-Za-z0-9%+/=_-]{16,700}",
    r"(?:integratorlogin|serveraddress|agentactivationserver|meshserver|meshid)=[^&\"'\s]{1,253}",
)
"""Arguments of installers that name whose they are (agent/catalogs/installer_links.py); `k` is a public key."""


def wanted() -> Wanted:
    """Everything the shipped catalogue names."""
    known = tools()
    shields = products()
    every: tuple[Tool | Product, ...] = (*known, *shields)
    return Wanted(
        keep=(
            *(i.pattern for t in known for i in t.identifiers if i.on == "command"),
            *_INSTALLERS,
        ),
        paths=tuple(p.removeprefix("~") for t in every for p in t.path),
        programs=tuple(p for t in known for p in t.process if p[0] != "~"),
        values=tuple(
            Value(t.id, place, i.key) for t in every for i in t.identifiers for place in i.places
        ),
        extensions=tuple(e for t in known for e in t.extension),
    )
