"""The pure rule of scope: may a packet be sent to this address? Part of the model because the raw helper checks it once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Any, Literal, Self

from agent.model.base import M

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Verdict = Literal["allowed", "denied", "never", "mandate"]

RAW_PRINT_PORTS: frozenset[int] = frozenset({515, 6101, 9200, *range(9100, 9108)})
"""Ports on which a printer prints whatever it is sent: a connection may be tried, no byte is ever written."""
OT_PORTS: frozenset[int] = frozenset({102, 502, 1911, 4840, 4911, 20000, 44818, 47808})
"""Industrial protocols: only a connection, and only where the engagement opts in."""


class ScopeRule(M):
    """Allowed networks, carved out by `never` (nothing, ever) and `unreached` (seen, not asked). Texts: CIDR, address or a-b range."""

    allowed: tuple[str, ...]
    never: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()

    @cached_property
    def _nets(self) -> tuple[list[Network], list[Network], list[Network]]:
        def nets(texts: tuple[str, ...]) -> list[Network]:
            return [n for t in texts for n in parse_range(t)]

        return nets(self.allowed), nets(self.never), nets(self.unreached)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A rule made anew: pydantic's own copy would keep judging by the networks of the old one, and check nothing."""
        return type(self).model_validate({**self.model_dump(), **(update or {})})

    def judge(self, host: str, action: str | None = None) -> Verdict:
        """Verdict for the literal address *host*; a name is `denied`, as whoever answers for it could send us anywhere."""
        try:
            address = ip_address(host)
        except ValueError:
            return "denied"
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        allowed, never, unreached = self._nets
        if any(address in n for n in never):
            return "never"
        if any(address in n for n in unreached) or not any(address in n for n in allowed):
            return "denied"
        if address.is_multicast or address.is_unspecified or self._edge(address):
            return "denied"
        if action is not None and action not in self.actions:
            return "mandate"
        return "allowed"

    def covers(self, network: str) -> bool:
        """Is all of *network* inside the allowed networks? Then a question to everybody on it reaches nobody outside them.

        Single addresses in `never` or `unreached` may lie in it: they see what every machine of the link sees, and are not asked.
        """
        net = ip_network(network, strict=False)
        return any(
            (isinstance(net, IPv4Network) and isinstance(n, IPv4Network) and net.subnet_of(n))
            or (isinstance(net, IPv6Network) and isinstance(n, IPv6Network) and net.subnet_of(n))
            for n in self._nets[0]
        )

    def _edge(self, address: Address) -> bool:
        """The network and broadcast address of a scope network are no hosts (RFC 919); /31 and /32 have none (RFC 3021)."""
        return any(
            address in (n.network_address, n.broadcast_address)
            for n in self._nets[0]
            if isinstance(n, IPv4Network) and n.prefixlen < 31
        )

    def hosts(self) -> Iterator[str]:
        """Every address that may be asked, in order, each once."""
        seen: set[Address] = set()
        for n in sorted(self._nets[0], key=lambda n: (n.version, int(n.network_address))):
            for a in n.hosts():
                if a not in seen and self.judge(str(a)) == "allowed":
                    seen.add(a)
                    yield str(a)

    def size(self) -> int:
        """Number of addresses in the allowed networks, before `never` is taken out."""
        return sum(n.num_addresses for n in self._nets[0])


def parse_range(text: str) -> list[Network]:
    """Networks of a CIDR, an address or an inclusive range `a-b`. Raises `ValueError` when it is none of them."""
    if "-" in text:
        first, _, last = (part.strip() for part in text.partition("-"))
        a, b = ip_address(first), ip_address(last)
        if isinstance(a, IPv4Address) and isinstance(b, IPv4Address):
            return list(summarize_address_range(a, b))
        if isinstance(a, IPv6Address) and isinstance(b, IPv6Address):
            return list(summarize_address_range(a, b))
        raise ValueError(f"a range of one address family, please: {text!r}")
    return [ip_network(text.strip(), strict=False)]
