"""UDP services of the assets: those that answered a question of their own protocol. Silence says nothing, so none is ever called gone."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from agent.inventory.attributes import DEVICE, Claim, nothing, settle
from agent.inventory.endpoint import Endpoint
from agent.model.base import Us
from agent.model.bodies import Body
from agent.model.bodies_udp import DnsServer, SipPeer, SsdpAnswer, UdpPort
from agent.model.known import Known
from agent.model.ref import Ref
from agent.model.service import Service

_SSDP = 1900


def udp_services(e: Endpoint, asset: str) -> list[Service]:
    """The UDP services of endpoint *e*, by port."""
    told: dict[int, dict[str, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    evidence: dict[int, set[str]] = defaultdict(set)
    last: dict[int, int] = defaultdict(int)
    for run, o in e.seen:
        port = _port(o.body)
        if port is None:
            continue
        if isinstance(o.body, UdpPort):
            last[port] = max(last[port], o.at)
        evidence[port].add(o.id)
        for what, value in _words(o.body):
            if value:
                told[port][what].append(Claim(value, DEVICE, o.at, run, o.id))
    if e.ip is None:
        return []
    # What was only heard in answer to the whole link opens no port.
    return [
        _service(e, asset, port, told[port], last[port], evidence[port]) for port in sorted(last)
    ]


def _service(
    e: Endpoint, asset: str, port: int, told: dict[str, list[Claim]], at: Us, evidence: set[str]
) -> Service:
    def known(what: str) -> Known[Any]:
        return settle(told[what], single=False)[0] if told[what] else nothing()

    return Service(
        asset=asset,
        at=Ref(kind="service", ns=e.ns, value=f"{e.ip}/udp/{port}"),
        transport="udp",
        port=port,
        state="open",
        protocol=known("protocol"),
        product=known("product"),
        version=known("version"),
        title=known("title"),
        auth=known("auth"),
        process=nothing(),
        last_seen=at,
        evidence=tuple(sorted(evidence)),
    )


def _port(b: Body) -> int | None:
    if isinstance(b, UdpPort | DnsServer):
        return b.port
    if isinstance(b, SipPeer):
        return b.port if b.transport == "udp" else None
    return _SSDP if isinstance(b, SsdpAnswer) else None


def _words(b: Body) -> tuple[tuple[str, str], ...]:
    if isinstance(b, UdpPort):
        return (("protocol", b.protocol),)
    if isinstance(b, DnsServer):
        return (("product", b.version),)
    if isinstance(b, SipPeer):
        return (("product", b.server or b.user_agent), ("auth", b.realm and "sip-challenge"))
    return (("product", b.server),) if isinstance(b, SsdpAnswer) else ()
