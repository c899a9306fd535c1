"""What probes plan from: shards of the scope, hosts that answered, ports found open. Pure; shared by all scanners."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address

from agent.contract import Context
from agent.model.bodies import TcpPort
from agent.model.ref import Ref, addr, service
from agent.model.scope import ScopeRule, parse_range


def subnets(scope: ScopeRule) -> Iterator[tuple[IPv4Network, tuple[str, ...]]]:
    """IPv4 pieces of the scope of at most a /24, each with its addresses that may be asked."""
    seen: set[IPv4Network] = set()
    for text in scope.allowed:
        for net in parse_range(text):
            if not isinstance(net, IPv4Network):
                continue
            pieces = [net] if net.prefixlen >= 24 else list(net.subnets(new_prefix=24))
            for piece in pieces:
                if piece in seen:
                    continue
                seen.add(piece)
                hosts = tuple(str(h) for h in piece.hosts() if scope.judge(str(h)) == "allowed")
                if hosts:
                    yield piece, hosts


def subnet_ref(site: str, net: IPv4Network) -> Ref:
    return Ref(kind="subnet", ns=f"site/{site}", value=str(net))


def answered(ctx: Context) -> list[str]:
    """Addresses of this run that answered ARP, ICMP or TCP, in order, in scope."""
    found = {
        o.subject.value
        for kind in ("arp.entry", "icmp.echo", "host.answer", "tcp.port")
        for o in ctx.seen(kind)
        if o.subject.kind == "addr" and ctx.scope.judge(o.subject.value) == "allowed"
    }
    return sorted(found, key=lambda h: (ip_address(h).version, int(ip_address(h))))


def on_link_hosts(ctx: Context) -> set[str]:
    """Addresses that lie on the link of the vantage's interface: there, one that answers no ARP is not there."""
    from agent.net.interfaces import CannotLook, interfaces

    if ctx.vantage.interface is None:
        return set()
    try:
        mine = [i for i in interfaces() if i.name == ctx.vantage.interface]
    except CannotLook:
        return set()
    return {h for h in ctx.scope.hosts() for i in mine if i.on_link(h)}


def open_ports(ctx: Context) -> dict[str, list[int]]:
    """Open TCP ports of this run by address."""
    out: dict[str, set[int]] = {}
    for o in ctx.seen("tcp.port"):
        if isinstance(o.body, TcpPort):
            out.setdefault(o.subject.value, set()).add(o.body.port)
    return {h: sorted(p) for h, p in sorted(out.items()) if ctx.scope.judge(h) == "allowed"}


def host_ref(ctx: Context, host: str) -> Ref:
    return addr(ctx.site, host)


def service_ref(ctx: Context, host: str, port: int) -> Ref:
    return service(ctx.site, host, "tcp", port)
