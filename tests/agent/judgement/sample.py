"""Material for the judgement's tests: observations, statuses and plans as the probes of this version write them, by hand.

`Client` builds a believable small client for the real inventory; `example_world` the tiny worlds of the risk catalogue's examples.
"""

from __future__ import annotations

from typing import Any

from agent.catalogs.risks import Example, ExampleHost
from agent.inventory.consoles import consoles, coverage
from agent.inventory.directory.overview import overview
from agent.inventory.inspections import inspections, local_admins
from agent.inventory.nps.servers import servers
from agent.inventory.protection.conflicts import conflicts
from agent.inventory.protection.gather import gather as protection
from agent.inventory.server import runs_server
from agent.inventory.software.gather import gather
from agent.judgement.looked import Looked
from agent.judgement.world import World
from agent.material import Material
from agent.model.answers import Answers
from agent.model.asset import Asset, Port
from agent.model.attribution import Provider
from agent.model.base import hash_id
from agent.model.bodies import ArpEntry, DeviceAttribute, TcpPort
from agent.model.inventory import Inventory
from agent.model.judged import EngagementFacts, SiteFacts
from agent.model.known import Known
from agent.model.ref import addr, mac, service
from agent.model.service import Service
from tests.agent.judgement.sample_run import DAY, KEY, NOW, Run, make_body, sha

FORMER = Provider(
    id="former-oldmsp",
    role="former",
    name="Old MSP",
    aliases=("OldMSP Services",),
    domains=("oldmsp.example",),
    networks=("203.0.113.16/28",),
    tools=("ScreenConnect",),
    ids={"crowdstrike": ("f" * 32,), "ninja": ("old-division",)},
)
OURS = Provider(id="ours", role="ours", name="Us", domains=("us.example",))


def engagement(*sites: SiteFacts, **more: Any) -> EngagementFacts:
    facts: dict[str, Any] = {
        "id": hash_id("sample"),
        "client": "Client SA",
        "language": "en",
        "sector": "office",
        "mandate_signed_by": "A. Person",
        "mandate_signed_on": "2026-09-01",
        "mandate_from": "2026-09-10",
        "mandate_to": "2026-12-31",
        "mandate_sha256": sha("mandate"),
        "mandate_allows": ("sweep", "directory", "devices", "endpoints", "public-names"),
        "mode": "cooperative",
        "former": ("Old MSP",),
        "contract_ends": "2026-10-31",
        "operator": "T. Echnician",
        "us": "Us",
        "keep_until": "2027-12-31",
        "sites": sites,
    }
    return EngagementFacts.model_validate({**facts, **more})


def material(
    facts: EngagementFacts, runs: tuple[Run, ...], answers: Answers | None = None, **more: Any
) -> Material:
    fields: dict[str, Any] = {
        "engagement": facts,
        "providers": (OURS, FORMER),
        "answers": answers or Answers(),
        "client": {"client.name": facts.client, "client.domains": "client.example"},
        "runs": tuple(r.facts for r in runs),
        "observations": tuple((r.id, o) for r in runs for o in r.observations),
        "statuses": tuple((r.id, s) for r in runs for s in r.statuses),
        "ledger": (),
        "plans": tuple((r.id, p) for r in runs for p in r.plans),
        "key": KEY,
        "now": NOW,
    }
    return Material(**{**fields, **more})


def example_world(example: Example) -> World:
    """The world of a catalogue example: the hosts stand at 192.0.2.1, .2, ... of one site; nothing was asked, only seen."""
    site = SiteFacts(id="hq", address="", hours="", networks=("192.0.2.0/24",))
    run = Run(site, NOW - DAY, "run-1")
    assets: list[Asset] = []
    services: list[Service] = []
    for n, host in enumerate(example.hosts, 1):
        asset, mine = _example_host(run, f"192.0.2.{n}", host)
        assets.append(asset)
        services += mine
    m = material(engagement(site), (run,))
    left = gather(m.observations, assets, m.providers, m.key)
    shields = protection(m.observations, assets, m.providers, m.key)
    lists = consoles(m.observations, assets, m.providers)
    inventory = Inventory(
        assets=tuple(assets),
        services=tuple(services),
        software=left,
        protection=shields,
        clashes=conflicts(shields, left, runs_server(assets)),
        inspections=inspections(m.observations, assets, left),
        local_admins=local_admins(m.observations, assets),
        consoles=lists,
        console_coverage=coverage(lists, assets),
        directory=overview([o for _, o in m.observations], m.providers),
        nps=servers(m.observations, [o for _, o in m.observations], assets, m.providers),
    )
    return World(m, inventory, Looked(m))


def _example_host(run: Run, ip: str, host: ExampleHost) -> tuple[Asset, list[Service]]:
    seen = [
        run.see("example", ip, ip, make_body(s.kind, s.body, f"hq/{ip}", s.expires_in_days))
        for s in host.sights
    ]
    ids = tuple(o.id for o in seen)
    id_ = hash_id("example", ip)
    macs = [o.body.mac for o in seen if isinstance(o.body, ArpEntry)]
    here = (addr("hq", ip),) if host.presence in ("live", "gone") else ()
    unknown = host.device_class == "unknown"
    asset = Asset(
        id=id_,
        same_as=(),
        identifiers=(),
        ports=(Port(mac=mac("hq", macs[0]) if macs else None, addrs=here),),
        merged=(),
        kept_apart=(),
        presence=host.presence,
        device_class=Known[str].not_asked() if unknown else Known[str].of(host.device_class, ids),
        class_conf=0 if unknown else 900,
        attrs={
            o.body.name: Known[str].of(o.body.value, (o.id,))
            for o in seen
            if isinstance(o.body, DeviceAttribute)
        },
        sites=("hq",),
        first_seen=run.started,
        last_seen=run.started,
        evidence=ids,
    )
    services: list[Service] = []
    for port in sorted({o.body.port for o in seen if isinstance(o.body, TcpPort)}):
        mine = [o for o in seen if getattr(o.body, "port", None) == port]
        said = next((getattr(o.body, "protocol", "") for o in mine if o.body.kind == "banner"), "")
        services.append(
            Service(
                asset=id_,
                at=service("hq", ip, "tcp", port),
                transport="tcp",
                port=port,
                state="open",
                protocol=Known[str].of(said, ids) if said else Known[str].not_asked(),
                product=Known[str].not_asked(),
                version=Known[str].not_asked(),
                title=Known[str].not_asked(),
                auth=Known[str].not_asked(),
                process=Known[str].not_asked(),
                last_seen=run.started,
                evidence=tuple(o.id for o in mine),
            )
        )
    return asset, services


HQ = SiteFacts(
    id="hq",
    address="1 Street",
    hours="Mon-Fri",
    networks=("192.0.2.0/27",),
    never=(("192.0.2.30", "card terminal"),),
    unreached=(("198.51.100.0/24", "VPN pool"),),
)
DEPOT = SiteFacts(id="depot", address="2 Street", hours="", networks=("192.0.2.0/28",))
SWITCH_PAGE = {"tls": False, "status": 401, "realm": "ProCurve Switch", "server": "eHTTP v2.0"}


def hq_hosts() -> dict[str, dict[str, Any]]:
    """A small office: gateway, switch, servers, workstations, NAS, printer, camera, two things without a name."""
    return {
        "192.0.2.1": {
            "mac": "00:09:0f:00:00:01",
            "ports": (443, 22),
            "banner": {22: {"protocol": "ssh", "text": "SSH-2.0-abcd"}},
            "tls.certificate": {
                443: {
                    "self_signed": True,
                    "subject": "CN=FG60F,O=Fortinet",
                    "issuer": "CN=support,O=Fortinet",
                    "expires_in_days": -5,
                }
            },
            "http.page": {443: {"tls": True, "status": 200, "title": "FortiGate"}},
        },
        "192.0.2.2": {
            "mac": "00:1b:3f:00:00:02",
            "ports": (23, 80),
            "banner": {23: {"protocol": "telnet", "text": "ProCurve J9019B Switch\r\n"}},
            "http.page": {80: SWITCH_PAGE},
        },
        "192.0.2.10": {
            "mac": "00:15:5d:00:00:10",
            "ports": (445, 3389, 1433, 443),
            "tls.certificate": {
                443: {
                    "subject": "CN=srv.client.example",
                    "names": ("srv.client.example", "rmm.oldmsp.example"),
                    "expires_in_days": 20,
                }
            },
            "http.page": {
                443: {"tls": True, "status": 200, "title": "IIS", "server": "Microsoft-IIS/7.5"}
            },
        },
        "192.0.2.11": {
            "mac": "3c:52:82:00:00:11",
            "ports": (22, 3306),
            "banner": {
                22: {"protocol": "ssh", "text": "SSH-2.0-OpenSSH_9.2p1 Debian-2"},
                3306: {"protocol": "mysql", "text": "8.0.36"},
            },
        },
        "192.0.2.12": {
            "mac": "00:11:32:00:00:12",
            "ports": (5000,),
            "http.page": {
                5000: {"tls": False, "status": 200, "title": "Synology DiskStation - Login"}
            },
        },
        "192.0.2.13": {
            "mac": "3c:52:82:00:00:13",
            "ports": (9100, 80),
            "http.page": {80: {"tls": False, "status": 200, "title": "HP LaserJet M404"}},
        },
        "192.0.2.14": {"mac": "d8:9e:f3:00:00:14", "ports": (5938, 445)},
        "192.0.2.15": {"mac": "d8:9e:f3:00:00:15"},
        "192.0.2.16": {"mac": "d2:11:22:33:44:55"},
        "192.0.2.17": {
            "mac": "44:19:b6:00:00:17",
            "ports": (80, 8040),
            "http.page": {
                80: {
                    "tls": False,
                    "status": 302,
                    "location": "https://cloud.vendor.example/",
                    "server": "Hikvision-Webs",
                },
                8040: {"tls": False, "status": 200, "server": "ScreenConnect/24.1", "title": "x"},
            },
        },
    }


def depot_hosts() -> dict[str, dict[str, Any]]:
    return {
        "192.0.2.1": {
            "mac": "00:0d:b9:00:00:01",
            "ports": (443,),
            "tls.certificate": {
                443: {"self_signed": True, "subject": "CN=pfSense-1", "issuer": "CN=pfSense-1"}
            },
            "http.page": {443: {"tls": True, "status": 200, "title": "pfSense - Login"}},
        },
        "192.0.2.2": {"mac": "3c:52:82:00:01:02", "ports": (9100,)},
        "192.0.2.3": {"mac": "3c:52:82:00:01:03"},
    }


def client(answers: Answers | None = None) -> Material:
    """Two runs at headquarters, the second without one device, and one at the depot with the same range."""
    first = Run(HQ, NOW - 10 * DAY, "run-hq-1")
    hosts = hq_hosts()
    gone = {**hosts, "192.0.2.20": {"mac": "3c:52:82:00:00:20", "ports": (3389,)}}
    first.sweep(gone, silent=("192.0.2.15",))
    second = Run(HQ, NOW - 2 * DAY, "run-hq-2")
    second.sweep(hosts, silent=("192.0.2.15",))
    third = Run(DEPOT, NOW - 3 * DAY, "run-depot")
    third.sweep(depot_hosts())
    return material(engagement(HQ, DEPOT), (first, second, third), answers)
