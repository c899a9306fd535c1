"""The links of the vantage: which networks are on them, and whether they stayed up while somebody asked.

The networks were read once, when the run began, and stand in its header. A link that goes down in mid-sweep makes everybody behind it
silent: that is no silence of anyone's.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network

from agent.contract import Context
from agent.net.interfaces import CannotLook, LinkMark, link_mark


class LinkChanged(Exception):
    """The link was not the same all the time: what stayed silent may not have been asked."""


def on_link(ctx: Context) -> tuple[IPv4Network, ...]:
    """Networks the vantage reaches without a router: there, a host must answer ARP to speak IPv4 at all."""
    return tuple(IPv4Network(net) for net in ctx.vantage.on_link)


async def mark(ctx: Context) -> LinkMark | None:
    """How the vantage's link stands now; None where the vantage has none. Raises `CannotLook`."""
    name = ctx.vantage.interface
    return await asyncio.to_thread(link_mark, name) if name else None


async def changed(ctx: Context, before: LinkMark | None) -> str:
    """What happened to the link since *before*, in words; empty: it was up all the time, with the same addresses."""
    if before is None:
        return ""
    name = ctx.vantage.interface
    if not before.up:
        return f"{name} had no link"
    try:
        now = await mark(ctx)
    except CannotLook as error:
        return f"{name} cannot be read any more: {error}"
    if now is None or now == before:
        return ""
    if not now.up:
        return f"{name} lost its link"
    if now.flaps != before.flaps:
        return f"{name} lost its link for a time"
    return f"{name} was changed: address or card are others now"
