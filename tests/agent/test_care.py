"""Who is treated with care: asked for in client.toml, known by its MAC, or by a port found open; once so, to the end of the run."""

from __future__ import annotations

from agent.care import ASKED, Care
from agent.model.bodies import ArpEntry, Body, HttpPage, TcpPort
from agent.model.bodies_services import IppPrinter
from agent.model.observation import Observation
from agent.model.ref import addr


def sight(host: str, body: Body) -> Observation:
    return Observation(
        id="0" * 32,
        probe="p",
        probe_rev=1,
        unit="u",
        subject=addr("here", host),
        standing="direct",
        channel="tcp",
        at=1,
        mono=1,
        body=body,
    )


def test_care_by_range_by_mac_and_by_port() -> None:
    seen = [
        sight("10.0.0.5", ArpEntry(mac="00:90:e8:00:00:01")),
        sight("10.0.0.6", TcpPort(port=9100)),
        sight("10.0.0.7", TcpPort(port=443)),
    ]
    care = Care(("10.0.1.0/24",))
    assert not care.slow("10.0.0.5")
    care.look(lambda kind: [o for o in seen if o.body.kind == kind])
    assert [care.why(f"10.0.0.{n}") for n in (5, 6, 7)] == ["serial-servers", "print-port", ""]
    assert care.why("10.0.1.9") == ASKED
    care.look(lambda _kind: [])
    assert care.slow("10.0.0.6"), "care does not end with a sight"


def test_care_by_what_a_device_says_it_is() -> None:
    seen = [
        sight("10.0.0.5", IppPrinter(port=631, status=0, make_and_model="HP LaserJet Pro M404dn")),
        sight("10.0.0.6", HttpPage(port=80, tls=False, status=200, title="SIMATIC 1200")),
        sight("10.0.0.7", HttpPage(port=80, tls=False, status=200, title="Synology DiskStation")),
    ]
    claimed = sight("10.0.0.8", seen[0].body).model_copy(update={"standing": "claimed"})
    care = Care()
    care.look(lambda kind: [o for o in (*seen, claimed) if o.body.kind == kind])
    assert [care.why(f"10.0.0.{n}") for n in (5, 6, 7, 8)] == ["printers", "automation", "", ""]
