"""One packet the raw engine wants to leave: a frame of ours, or a datagram that makes our kernel ask for a host."""

from __future__ import annotations

from dataclasses import dataclass

from scanners.raw_helper.work import Address, Host


@dataclass(slots=True)
class Send:
    """`frame` is to leave; or, when it is None, one datagram to *poke*."""

    frame: bytes | None
    who: Address | Host
    port: int = -1
    reset: bool = False
    tried: int = 0

    @property
    def poke(self) -> bytes:
        return self.who.ip
