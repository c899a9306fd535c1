"""Our end of the nmap helper: which hosts and ports nmap was asked for, and one child process for each small shard of them.

A shard that takes too long or whose nmap dies costs itself only. nmap's words are kept as its own (`service.told`, `os.told`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address
from typing import Any

from agent.contract import NmapAnswer
from agent.model.scope import ScopeRule
from agent.net.json_child import ChildError, JsonChild

MODULE = "scanners.nmap_helper"
AT_ONCE = 3
"""Helpers at a time; one nmap asks one host."""
START_S = 60.0
SPARE_S = 45.0
"""Beyond nmap's own time-out for a host: the helper kills nmap 30 s after it."""
_LAB = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True)
class NmapWish:
    """What the technician named: every host, or some, each with ports or with all its open ones (empty)."""

    everything: bool = False
    hosts: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> NmapWish:
        """From `all`, `ADDRESS` and `ADDRESS:PORT,PORT` (IPv6 in brackets). Raises `ValueError` with what is wrong."""
        hosts: dict[str, tuple[int, ...]] = {}
        everything = False
        for word in words:
            if word == "all":
                everything = True
                continue
            host, ports = _split(word)
            hosts[host] = tuple(sorted({*hosts.get(host, ()), *ports}))
        return cls(everything, hosts)

    def ports(self, host: str, found: list[int]) -> list[int]:
        """Of the open ports *found*, those nmap shall look at."""
        if host in self.hosts:
            named = self.hosts[host]
            return [p for p in found if not named or p in named]
        return found if self.everything else []

    def system(self, host: str) -> bool:
        """May nmap guess its system? Its odd packets are for hosts named one by one."""
        return host in self.hosts


def _split(word: str) -> tuple[str, tuple[int, ...]]:
    host, ports = word, ""
    if word.startswith("["):
        host, _, ports = word[1:].partition("]")
        ports = ports.removeprefix(":")
    elif word.count(":") == 1:
        host, ports = word.split(":")
    try:
        address = str(ip_address(host))
        numbers = tuple(int(p) for p in ports.split(",")) if ports else ()
    except ValueError:
        raise ValueError(
            f"'{word[:60]}' is neither 'all' nor ADDRESS nor ADDRESS:PORT,PORT"
        ) from None
    if wrong := [n for n in numbers if not 0 < n < 65536]:
        raise ValueError(f"{wrong[0]} is no port")
    return address, numbers


class NmapPort:
    """`contract.NmapPort`. `port_offset` as in the dialer: the loopback lab only."""

    def __init__(self, scope: ScopeRule, wish: NmapWish, port_offset: int = 0) -> None:
        self.wish = wish
        self._scope, self._offset = scope, port_offset
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def look(
        self, host: str, ports: tuple[int, ...], *, system: bool, timeout_s: int
    ) -> NmapAnswer:
        """nmap's `-sV --version-light` (and `-O`) of one host. Raises `ChildError`; the helper checks the scope again."""
        offset = self._offset if ip_address(host) in _LAB else 0
        request = {
            "id": 1,
            "hosts": [host],
            "ports": [p + offset for p in ports],
            "arguments": ["-sV", "--version-light", *(["-O"] if system else [])],
            "timeout_s": timeout_s,
        }
        async with self._slots, await JsonChild.start(MODULE) as child:
            try:
                async with asyncio.timeout(START_S):
                    await child.tell({"scope": self._scope.model_dump(mode="json")})
                    ready = await child.hear()
                if not ready.get("ready"):
                    raise ChildError(str(ready.get("error", "the nmap helper did not start"))[:300])
                async with asyncio.timeout(timeout_s + SPARE_S):
                    await child.tell(request)
                    found = await child.hear()
            except TimeoutError:
                raise ChildError(f"nmap took longer than {timeout_s:.0f} s") from None
        if "error" in found:
            raise ChildError(str(found["error"])[:300])
        rows: list[dict[str, Any]] = found.get("ports", [])
        return NmapAnswer(
            version=str(ready.get("version", ""))[:20],
            ports=tuple({**r, "port": int(r["port"]) - offset} for r in rows),
            systems=tuple(found.get("os", ())),
        )
