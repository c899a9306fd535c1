"""The ledger: what we sent, to whom, over which transport, at what rate. Reserved before sending, so never below the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.model.base import M, Us


class LedgerEntry(M):
    """`reserve` is an upper bound written before the packets leave; `settle` the count after the unit ended.

    The count is above the bound only where a peer made the kernel send more than was foreseen: the unit's status then says so.

    A reservation without a settlement (we were killed) counts in full. Packets are ours to the target, link layer included.
    """

    entry: Literal["reserve", "settle"]
    probe: str
    unit: str
    target: str
    transport: Literal["arp", "icmp", "tcp", "udp", "ndp", "other"]
    packets: int = Field(ge=0)
    bytes: int = Field(ge=0)
    at: Us
    peak_pps: int = Field(ge=0, default=0)
    estimated: bool = False
    """A program of others sent them (nmap): what was set aside for it counts, nobody counted the packets."""
