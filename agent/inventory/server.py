"""Does a machine run a server's system? Rules of protection differ there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.model.asset import Asset
from agent.model.base import Id

_SERVERS = frozenset({"server", "domain_controller", "hypervisor", "nas"})
_DESKS = frozenset({"workstation", "laptop", "tablet", "mobile"})


def runs_server(assets: Sequence[Asset]) -> Callable[[Id], bool | None]:
    """For `conflicts`: what the system is called decides, then the class; None where neither tells."""
    by_id = {a.id: a for a in assets}

    def server(asset: Id) -> bool | None:
        one = by_id.get(asset)
        if one is None:
            return None
        system = str(one.attrs["os"].value or "") if "os" in one.attrs else ""
        if "windows" in system.lower():
            return "server" in system.lower()
        kind = one.device_class.value
        return True if kind in _SERVERS else False if kind in _DESKS else None

    return server
