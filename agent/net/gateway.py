"""The way beyond the own link: a router remembers every connection that goes through it, so new ones are begun no faster than its table
empties. The raw engine keeps the same cap; this one is for connections of the kernel, whichever probe begins them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.model.raw_caps import GATEWAY_PPS
from agent.model.scope import Network, parse_range
from agent.net.pacer import Cap


@dataclass
class Gateway:
    """*link*: networks that are reached without it. None: there is nothing beyond (loopback). Nobody lies in a link that nobody knows:
    an empty one, or one without IPv6, means that everybody is taken to be beyond."""

    link: tuple[Network, ...] | None = None
    pps: float = GATEWAY_PPS
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _cap: Cap = field(init=False, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def __post_init__(self) -> None:
        self._cap = Cap(self.pps)

    @classmethod
    def beyond(cls, link: Iterable[str]) -> Gateway:
        """The gateway of a machine on *link* (ranges as `Vantage.on_link` has them)."""
        return cls(tuple(net for text in link for net in parse_range(text)))

    def leads_to(self, host: str) -> bool:
        if self.link is None:
            return False
        address = ip_address(host)
        if address.is_loopback or address.is_link_local:
            return False
        return not any(address in n for n in self.link if n.version == address.version)

    async def turn(self, host: str) -> None:
        """Wait until a new connection to *host* may take a place in the router's table; at once for one on the link."""
        if not self.leads_to(host):
            return
        async with self._lock:
            while (left := self._cap.ready() - self.now()) > 0:
                await self.sleep(left)
            self._cap.take(self.now())
