"""The links of the vantage. Pure: they were read once, when the run began, and stand in its header."""

from __future__ import annotations

from ipaddress import IPv4Network

from agent.contract import Context


def on_link(ctx: Context) -> tuple[IPv4Network, ...]:
    """Networks the vantage reaches without a router: there, a host must answer ARP to speak IPv4 at all."""
    return tuple(IPv4Network(net) for net in ctx.vantage.on_link)
