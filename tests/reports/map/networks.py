"""Networks to draw: one of a small firm with everything a map has to show, and regular ones of any size. Plain values of the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from agent.model.asset import Asset, Port
from agent.model.base import hash_id
from agent.model.judged import Judged
from agent.model.known import Known
from agent.model.ref import addr, mac
from agent.model.topology import (
    End,
    Gap,
    Guessed,
    Hidden,
    Link,
    LinkKind,
    LinkSource,
    Place,
    Topology,
)

NOW = 1_795_421_467_000_000
SEEN = ("e" * 32,)


@dataclass
class Network:
    """Collects boxes, links and places; `build` gives the topology."""

    site: str = "siege"
    assets: dict[str, Asset] = field(default_factory=dict[str, Asset])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    nodes: list[str] = field(default_factory=list[str])
    hidden: list[Hidden] = field(default_factory=list[Hidden])
    links: list[Link] = field(default_factory=list[Link])
    places: list[Place] = field(default_factory=list[Place])
    gaps: list[Gap] = field(default_factory=list[Gap])
    vlans: dict[int, str] = field(default_factory=dict[int, str])

    def asset(self, name: str, kind: str, **told: str) -> str:
        """A device of class *kind*; its address and MAC count up."""
        n = len(self.assets) + 1
        id_ = hash_id("map", self.site, n)
        hardware = f"00:1b:21:{n // 65536:02x}:{n // 256 % 256:02x}:{n % 256:02x}"
        known = {k: Known[Any].of(v, SEEN) for k, v in {"name": name, **told}.items()}
        self.assets[id_] = Asset(
            id=id_,
            same_as=(),
            identifiers=(),
            ports=(
                Port(
                    mac=mac(self.site, hardware),
                    addrs=(addr(self.site, f"10.{n // 62500}.{n // 250 % 250}.{n % 250 + 1}"),),
                ),
            ),
            merged=(),
            kept_apart=(),
            presence="live",
            device_class=Known[str].not_asked() if kind == "unknown" else Known[str].of(kind, SEEN),
            class_conf=0 if kind == "unknown" else 900,
            attrs=known,
            sites=(self.site,),
            first_seen=NOW,
            last_seen=NOW,
            evidence=SEEN,
        )
        self.labels[id_] = name
        return id_

    def node(self, name: str, kind: str = "switch", **told: str) -> str:
        id_ = self.asset(name, kind, **told)
        self.nodes.append(id_)
        return id_

    def guess(self, guess: Guessed, name: str = "", conf: int = 700) -> str:
        id_ = hash_id("hidden", self.site, len(self.hidden))
        self.hidden.append(Hidden(id=id_, guess=guess, name=name, conf=conf, evidence=SEEN))
        return id_

    def link(
        self,
        a: str,
        a_port: str,
        b: str,
        b_port: str,
        *,
        kind: LinkKind = "cable",
        source: LinkSource = "both_sides",
        conf: int = 990,
        mbps: int = 1000,
        vlans: Iterable[int] = (),
        blocked: bool = False,
        members: tuple[str, ...] = (),
        label: str = "",
    ) -> None:
        ends = sorted(
            (
                End(node=a, port=a_port, members=members, label=label),
                End(node=b, port=b_port, members=members),
            ),
            key=lambda e: (e.node, e.port),
        )
        self.links.append(
            Link(
                a=ends[0],
                b=ends[1],
                kind=kind,
                source=source,
                conf=conf,
                mbps=mbps,
                vlans=tuple(vlans),
                blocked=blocked,
                evidence=SEEN,
            )
        )

    def plug(
        self, name: str, kind: str, at: str, port: str, vlan: int = 10, shared: bool = False
    ) -> str:
        """An endpoint on *port* of box *at*."""
        id_ = self.asset(name, kind)
        hardware = self.assets[id_].ports[0].mac
        assert hardware is not None
        self.places.append(
            Place(
                asset=id_,
                mac=hardware.value,
                at=End(node=at, port=port),
                vlans=(vlan,) if vlan else (),
                shared=shared,
                conf=950,
                evidence=SEEN,
            )
        )
        return id_

    def build(self) -> Topology:
        return Topology(
            site=self.site,
            nodes=tuple(sorted(self.nodes)),
            hidden=tuple(self.hidden),
            links=tuple(self.links),
            places=tuple(self.places),
            vlans=self.vlans,
            gaps=tuple(self.gaps),
        )


def firm() -> Network:
    """A firm: firewall, core stack, LAG, two uplinks of which one is blocked, guessed boxes, Wi-Fi, a box without account."""
    n = Network(vlans={10: "Bureautique", 20: "Téléphonie", 30: "Serveurs", 99: "Administration"})
    wall = n.node("fw-siege", "firewall", vendor="Fortinet", model="FortiGate 60F")
    core = [n.node(f"core-{i}", vendor="Aruba", model="5406R", serial=f"SG0{i}") for i in (1, 2)]
    n.link(wall, "internal1", core[0], "A1", vlans=(10, 20, 30, 99))
    n.link(core[0], "stack1", core[1], "stack1", kind="stack", mbps=0)
    dist = n.node("sw-dist-entrepot", vendor="Cisco", model="C9300-24T")
    n.link(
        core[0],
        "Trk1",
        dist,
        "Port-channel1",
        kind="lag",
        mbps=20000,
        vlans=(10, 20, 30),
        members=("Te1/1/1", "Te1/1/2"),
    )
    floors = [n.node(f"sw-etage{i}", vendor="Aruba", model="2530-48G") for i in (1, 2, 3)]
    for i, sw in enumerate(floors):
        n.link(core[0], f"A{i + 2}", sw, "49", vlans=(10, 20, 99))
        n.link(core[1], f"B{i + 2}", sw, "50", vlans=(10, 20, 99), blocked=True)
        for k in range(24 - 6 * i):
            n.plug(f"pc-{i + 1}{k:02d}", "workstation", sw, str(k + 1), 10)
        for k in range(12 - 4 * i):
            n.plug(f"tel-{i + 1}{k:02d}", "voip_phone", sw, str(k + 25), 20)
        n.plug(f"imp-etage{i + 1}", "printer", sw, "45", 10)
    ap = [
        n.node(f"borne-{i}", "access_point", vendor="Ubiquiti", model="U6-Pro")
        for i in (1, 2, 3, 4)
    ]
    for i, a in enumerate(ap):
        n.link(floors[i % 3], str(40 + i), a, "eth0", source="one_side", conf=900, vlans=(10, 99))
        for k in range(3 + i):
            n.plug(f"mobile-{i}{k}", "mobile", a, "wlan0", 10)
    mesh = n.node("pont-parking", "access_point")
    n.link(ap[3], "wlan1", mesh, "wlan1", kind="wireless", source="controller", conf=900, mbps=300)
    n.plug("camera-parking", "camera", mesh, "eth0", 99)
    dark = n.node("10.0.0.77", "switch")
    n.gaps.append(Gap(kind="no_account", node=dark, status=("snmp/refused",)))
    n.link(dist, "Gi1/0/24", dark, "", source="spanning_tree", conf=800)
    dumb = n.guess("unmanaged_switch", conf=750)
    n.link(dist, "GigabitEthernet1/0/7", dumb, "", source="mac_tables", conf=750, vlans=(10,))
    for k in range(5):
        n.plug(f"scanette-{k}", "iot", dumb, "", 10, shared=True)
    host = n.guess("hypervisor", conf=820)
    n.link(core[1], "B24", host, "", source="mac_tables", conf=820, vlans=(30,), mbps=10000)
    for name, kind in (
        ("srv-ad1", "domain_controller"),
        ("srv-compta", "server"),
        ("srv-fic", "server"),
    ):
        n.plug(name, kind, host, "", 30, shared=True)
    esx = n.node("esx-1", "hypervisor", vendor="VMware", model="ESXi 7.0")
    n.link(core[0], "A24", esx, "vmnic0", source="one_side", conf=920, mbps=10000, vlans=(30,))
    vswitch = n.node("vSwitch0", "switch")
    n.link(esx, "vmnic0", vswitch, "uplink", kind="virtual", source="controller", conf=990)
    n.plug("srv-rds", "virtual_machine", vswitch, "vm-12", 30)
    n.plug("nas-1", "nas", core[0], "A20", 30)
    n.plug("nvr-1", "nvr", dist, "Gi1/0/3", 99)
    told = n.guess("neighbour", name="MikroTik-labo", conf=900)
    n.link(floors[2], "48", told, "ether1", source="one_side", conf=900)
    lost = n.node("sw-atelier", "switch", vendor="Netgear", model="GS724T")
    n.plug("plc-1", "plc", lost, "g3", 10)
    n.gaps.append(Gap(kind="no_neighbours", node=lost))
    n.gaps.append(Gap(kind="partial_table", node=dist, status=("snmp/partial",)))
    n.gaps.append(Gap(kind="unplaced", node=None, count=7))
    return n


def campus(
    nodes: int, fan: int = 20, endpoints: int = 0, uplinks: int = 1, site: str = "siege"
) -> Network:
    """A tree of *nodes* switches, *fan* behind each, *endpoints* on each leaf; *uplinks* 2: leaves also hang on the next parent."""
    n = Network(site, vlans={10: "Bureautique", 20: "VoIP"})
    made = [n.node("gw", "gateway")]
    while len(made) < nodes:
        k = len(made)
        parent = (k - 1) // fan if k > 1 else 0
        made.append(n.node(f"sw-{k:04d}", vendor="Aruba", model="2530"))
        n.link(
            made[parent], f"Gi1/0/{k % fan + 1}", made[k], "Gi1/0/48", vlans=(10, 20)[: 1 + k % 2]
        )
        if uplinks > 1 and parent > 1:
            n.link(made[parent - 1], f"Gi2/0/{k % fan + 1}", made[k], "Gi1/0/47", blocked=True)
    for sw in made[max(1, len(made) // 2) :] if endpoints else ():
        for k in range(endpoints):
            n.plug(f"pc-{k}", "workstation" if k % 3 else "voip_phone", sw, f"Gi1/0/{k + 1}", 10)
    return n


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any network: loops, rings, parallel cables, stacks, guessed boxes, devices of a few classes, links from a box to itself."""
    n = Network()
    kinds = st.sampled_from(("switch", "switch", "switch", "router", "gateway", "access_point"))
    ids = [n.node(f"n{k}", draw(kinds)) for k in range(draw(st.integers(0, 14)))]
    guesses: st.SearchStrategy[Guessed] = st.sampled_from(
        ("unmanaged_switch", "hypervisor", "neighbour")
    )
    ids += [n.guess(draw(guesses)) for _ in range(draw(st.integers(0, 2)))]
    if not ids:
        return n
    at = st.sampled_from(ids)
    link_kinds: st.SearchStrategy[LinkKind] = st.sampled_from(
        ("cable", "cable", "cable", "lag", "stack", "wireless", "virtual")
    )
    sources: st.SearchStrategy[LinkSource] = st.sampled_from(
        ("both_sides", "one_side", "spanning_tree", "mac_tables")
    )
    for k in range(draw(st.integers(0, 24))):
        n.link(
            draw(at), f"a{k}", draw(at), f"b{k}", kind=draw(link_kinds), source=draw(sources),
            blocked=draw(st.booleans()), conf=draw(st.integers(0, 1000)),
        )  # fmt: skip
    classes = st.sampled_from(("workstation", "printer", "server", "gateway", "unknown"))
    for k in range(draw(st.integers(0, 20))):
        n.plug(f"e{k}", draw(classes), draw(at), f"Gi1/0/{k}", draw(st.sampled_from((0, 10, 20))))
    return n


def over(assets: Sequence[Asset]) -> Topology:
    """A topology over devices that are there already: switches in a tree, access points on them, everything else plugged in."""
    of: dict[str, list[Asset]] = defaultdict(list)
    for a in assets:
        of[a.device_class.value or "unknown"].append(a)
    n = Network(vlans={10: "<b>Bureautique</b>", 20: "\u202eVoIP"})
    switches, top = of["switch"], of["gateway"][:1]
    n.nodes = [a.id for kind in ("gateway", "switch", "access_point") for a in of[kind]]
    for k, a in enumerate(switches[1:]):
        n.link(
            switches[k // 8].id,
            f"Gi1/0/{k % 8 + 1}",
            a.id,
            "Gi1/0/48",
            vlans=(10, 20),
            label="<i>uplink</i>",
        )
    for a in top if switches else ():
        n.link(a.id, "internal", switches[0].id, "1", kind="lag", mbps=2000, vlans=(10,))
    for k, a in enumerate(of["access_point"] if switches else ()):
        n.link(switches[k % len(switches)].id, f"{k}", a.id, "eth0", source="one_side", conf=900)
    rest = [a for a in assets if a.id not in n.nodes and switches]
    for k, a in enumerate(rest):
        at, hardware = switches[k % len(switches)].id, a.ports[0].mac
        assert hardware is not None
        end = End(node=at, port=f"Gi1/0/{k // len(switches) + 10}")
        n.places.append(
            Place(
                asset=a.id, mac=hardware.value, at=end, vlans=(10,), conf=950, evidence=a.evidence
            )
        )
    if switches:
        n.gaps = [
            Gap(kind="no_account", node=switches[-1].id),
            Gap(kind="unplaced", node=None, count=3),
        ]
    return n.build()


def shown(*networks: Network, base: Judged) -> Judged:
    """*base* with the devices and maps of *networks* instead of its own."""
    return base.model_copy(
        update={
            "assets": tuple(a for n in networks for a in n.assets.values()),
            "labels": {k: v for n in networks for k, v in n.labels.items()},
            "services": (),
            "observations": (),
            "conflicts": (),
            "findings": (),
            "topologies": tuple(n.build() for n in networks),
        }
    )
