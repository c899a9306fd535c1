"""Where we stand: the `Vantage` of a run, from this machine's interfaces and the site's scope."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_interface

from agent.model.run import Vantage
from agent.model.scope import ScopeRule, parse_range
from agent.net.interfaces import CannotLook, Interface, gateway_mac, interfaces


def is_loopback(scope: ScopeRule) -> bool:
    """True when every allowed network lies in 127.0.0.0/8 or ::1: the lab on this very machine."""
    return all(n.network_address.is_loopback for text in scope.allowed for n in parse_range(text))


def vantage(site: str, scope: ScopeRule, *, raw: bool, port_offset: int = 0) -> Vantage:
    """The interface that is on-link with the scope, if any; what cannot be read stays `None`."""
    host = socket.gethostname()
    system = f"{platform.system()} {platform.release()}"
    if is_loopback(scope):
        return Vantage(
            site=site, host=host, mode="lab-loopback", platform=system, port_offset=port_offset
        )
    name = address = mac = None
    link: tuple[str, ...] = ()
    # Where the machine does not tell, off-link probing still works; the run says that the interface is not known.
    with suppress(CannotLook):
        found = facing(scope, interfaces())
        if found is not None:
            name, address, link = found[0].name, found[1], found[0].networks
        mac = gateway_mac()
    return Vantage(
        site=site,
        host=host,
        interface=name,
        address=address,
        gateway_mac=mac,
        on_link=link,
        mode="raw" if raw else "unprivileged",
        platform=system,
    )


def facing(scope: ScopeRule, all_of_them: Iterable[Interface]) -> tuple[Interface, str] | None:
    """(interface, its own address) that lies in the first network of *scope* any interface lies in: others of it may be beyond a router."""
    ready = [i for i in all_of_them if i.up]
    for net in (n for text in scope.allowed for n in parse_range(text)):
        for interface in ready:
            for own in map(ip_interface, interface.addresses):
                if own.version == net.version and own.network.overlaps(net):
                    return interface, str(own.ip)
    return None
