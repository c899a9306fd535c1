"""`Care`: which hosts of a run are treated with care and why, from client.toml and from what the run has seen of them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from agent.catalogs.fragile import by_mac, by_port
from agent.model.bodies import ArpEntry, TcpPort
from agent.model.observation import Observation
from agent.model.scope import parse_range

ASKED = "client.toml"


class Care:
    """A host that was treated with care once stays so to the end of the run."""

    def __init__(self, ranges: tuple[str, ...] = ()) -> None:
        self._nets = [net for text in ranges for net in parse_range(text)]
        self._seen: dict[str, str] = {}

    def why(self, host: str) -> str:
        """Why care is taken with *host*: "client.toml", or the id of an entry of fragile.toml; empty where there is none."""
        address = ip_address(host)
        if any(address in net for net in self._nets):
            return ASKED
        return self._seen.get(host, "")

    def slow(self, host: str) -> bool:
        """One connection at a time, at most 10 packets a second."""
        return bool(self.why(host))

    def look(self, seen: Callable[[str], Iterable[Observation]]) -> None:
        """Take in what was observed since: MAC addresses and open ports."""
        for o in seen("arp.entry"):
            if isinstance(o.body, ArpEntry) and (entry := by_mac(o.body.mac)) is not None:
                self._seen.setdefault(o.subject.value, entry.id)
        for o in seen("tcp.port"):
            if isinstance(o.body, TcpPort) and (entry := by_port(o.body.port)) is not None:
                self._seen.setdefault(o.subject.value, entry.id)
