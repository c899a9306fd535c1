"""How fast the raw engine may send, by send time: the one place of its defaults, for the run and for the helper program."""

from __future__ import annotations

from dataclasses import dataclass

GATEWAY_PPS = 100.0
"""New connections a second through one gateway, in every profile. A Linux router keeps each SYN for 120 s (nf-conntrack sysctl,
tcp_timeout_syn_sent), and one with 256 MB has room for 16,384 (nf_conntrack_max): 100 a second fill 12,000 of these, 200 overrun them."""


@dataclass(frozen=True)
class RawCaps:
    """Packets by send time. `host`: in any 100 ms, all we cause counted; None lifts it. The others: a second, in all, by broadcast on the
    link, new connections through one gateway (they fill its session table)."""

    host: int | None = 5
    total: float = 1000.0
    broadcast: float = 500.0
    gateway: float = GATEWAY_PPS
