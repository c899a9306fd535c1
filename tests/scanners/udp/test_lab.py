"""The UDP probes on the lab without privileges: every UDP service of the truth is found, nothing else, and nothing is fetched outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agent.context import RunContext
from agent.model.bodies import DeviceAttribute, DeviceIdentity, HostName
from agent.model.bodies_udp import (
    NamedElsewhere,
    NetbiosStatus,
    SnmpEngine,
    UdpPort,
    UpnpDevice,
    WsdDevice,
)
from agent.model.observation import Observation
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.pacer import Pacer
from agent.net.udp import LiveDatagrams
from agent.registry import PROBES
from agent.run import Engine
from fixtures.lab import Lab
from fixtures.lab.truth import SiteTruth
from scanners.udp.asking import AsksHosts
from tests.scanners.link_child import Memory, NoAccounts
from tests.scanners.udp.child import there

pytestmark = pytest.mark.xdist_group("loopback_udp")
OFFSET = 20000


@dataclass
class Looked:
    site: SiteTruth
    store: Memory

    def on(self, host_id: str) -> list[Observation]:
        addrs = self.site.host(host_id).addrs
        return [o for o in self.store.observations if o.subject.value in addrs]


@pytest.fixture(scope="module")
def looked() -> Iterator[Looked]:
    with Lab(mode="loopback") as lab:
        site = lab.truth().site("siege")
        yield Looked(site, asyncio.run(_look(site)))


async def _look(site: SiteTruth) -> Memory:
    scope = ScopeRule(
        allowed=tuple(n.net for n in site.networks), never=site.never, actions=("sweep",)
    )
    where = Vantage(site="siege", host="x", mode="lab-loopback", port_offset=OFFSET)
    pacer, store = Pacer(20_000, 2_000, 2_000), Memory()
    known = [there(addr) for addr, _ in site.live()]
    door = LiveDatagrams(scope, pacer, where, port_offset=OFFSET)
    ctx = RunContext(
        site="siege",
        scope=scope,
        vantage=where,
        quiet=False,
        dial=LiveDialer(scope, pacer, port_offset=OFFSET),
        pace=pacer,
        raw=None,
        raw_why="",
        accounts=NoAccounts(),
        seen_kind=lambda kind: [o for o in [*known, *store.observations] if o.body.kind == kind],
        udp=door,
    )
    probes = [p for p in PROBES if isinstance(p, AsksHosts)]
    try:
        await Engine(probes, ctx, store, b"key").run()
    finally:
        await door.close()
    return store


def test_every_udp_service_is_found_and_no_other(looked: Looked) -> None:
    found = {
        (o.subject.value, o.body.port)
        for o in looked.store.observations
        if isinstance(o.body, UdpPort)
    }
    there_is = {(addr, port) for addr, port, _ in looked.site.udp_services()}
    print(f"\nUDP services {len(found & there_is)}/{len(there_is)}, ghosts {len(found - there_is)}")
    assert (there_is - found, found - there_is) == (set(), set())
    assert len(there_is) > 40
    assert {s.outcome for s in looked.store.statuses} == {"done"}


def test_what_windows_says(looked: Looked) -> None:
    dc = looked.on("srv-dc1")
    (status,) = [o.body for o in dc if isinstance(o.body, NetbiosStatus)]
    assert (status.computer, status.workgroup) == ("SRV-DC1", "LABOMARTIN")
    assert "domain_controllers" in status.roles
    assert status.mac == looked.site.host("srv-dc1").macs[0]
    names = {o.body.name for o in looked.on("pc-labo2") if isinstance(o.body, HostName)}
    assert names == {"PC-LABO2", "pc-labo2"}


def test_what_makers_say(looked: Looked) -> None:
    (engine,) = [o.body for o in looked.on("sw-coeur") if isinstance(o.body, SnmpEngine)]
    assert (engine.vendor, engine.mac) == ("Cisco", looked.site.host("sw-coeur").macs[0])
    (camera,) = [o.body for o in looked.on("cam-entree") if isinstance(o.body, WsdDevice)]
    assert camera.hardware == "DS-2CD2143"
    (nas,) = [o.body for o in looked.on("nas1") if isinstance(o.body, UpnpDevice)]
    assert (nas.manufacturer, nas.model_name) == ("Synology", "DS920+")
    serials = {
        o.body.value
        for o in looked.on("nas1")
        if isinstance(o.body, DeviceIdentity) and o.body.scheme == "serial"
    }
    assert serials == {nas.serial}
    models = {
        o.body.value
        for o in looked.on("imp-accueil")
        if isinstance(o.body, DeviceAttribute) and o.body.name == "model"
    }
    assert models == {"ECOSYS M3145idn"}


def test_a_location_outside_is_named_and_never_fetched(looked: Looked) -> None:
    trap = looked.on("piege-redirection")
    (named,) = [o for o in trap if isinstance(o.body, NamedElsewhere)]
    assert isinstance(named.body, NamedElsewhere)
    assert (named.body.address, named.body.by) == (looked.site.outside, "ssdp/location")
    assert named.standing == "reported"
    assert not [o for o in trap if isinstance(o.body, UpnpDevice)]
    assert not [e for e in looked.store.ledger if e.target == looked.site.outside]
    # Nor is the path asked for at the host that named it.
    (addr,) = looked.site.host("piege-redirection").addrs
    settled = [e for e in looked.store.ledger if e.entry == "settle" and e.probe == "ssdp"]
    tcp = [e.packets for e in settled if (e.target, e.transport) == (addr, "tcp")]
    assert tcp == [0]
