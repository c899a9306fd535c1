"""The UDP probes against Debian's real servers, in a network of their own; one look for all tests, the wire beside it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from agent.model.scope import ScopeRule
from fixtures.lab.pcap import Packet, read_pcap
from tests.scanners.udp.house import COMMANDS, HOUSE, NET, NEVER, QUIET, House, house, mac

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs(*COMMANDS),
    pytest.mark.xdist_group("udp_house"),
]
SCOPE = ScopeRule(allowed=(f"{NET}.0/28",), never=(NEVER,), actions=("sweep",))
PROBES = (
    "netbios",
    "mdns",
    "mdns_browse",
    "ssdp",
    "ssdp_search",
    "snmp_engine",
    "dns_server",
    "ntp",
) + ("wsd", "wsd_search", "sip", "ipmi", "llmnr", "mssql_browser", "bacnet")
READY_S = 40
ANNOUNCED = (b"\x05\x01" + IPv4Address(QUIET).packed, b"\xcc\x00\x04" + IPv4Address(HOUSE).packed)
"""Management addresses as LLDP (IEEE 802.1AB 8.5.9) and CDP have them: the first announcements may be without."""
FIRST = ("netbios", "mdns", "snmp_engine", "dns_server", "ntp", "sip", "ipmi")
"""Probes that every server of the house but the media server answers when asked alone."""


@dataclass
class Seen:
    found: dict[str, Any]
    wire: list[Packet]

    def bodies(self, probe: str, kind: str, subject: str = HOUSE) -> list[dict[str, Any]]:
        return [
            body
            for by, about, _, what, body in self.found["seen"]
            if (by, what) == (probe, kind) and about.endswith(f":{subject}")
        ]

    def outcomes(self, probe: str) -> dict[str, str]:
        """By address."""
        return {
            about.rsplit(":", 1)[1].split("/")[0]: outcome
            for by, about, outcome, _ in self.found["asks"]
            if by == probe
        }


def _open_to_all(folder: str) -> Path:
    Path(folder).chmod(0o777)
    return Path(folder)


@pytest.fixture(scope="module")
def net() -> Iterator[House]:
    # Not pytest's own folder: nmbd, named and lldpd look at theirs as other users, who may not pass through that one.
    with (
        tempfile.TemporaryDirectory(prefix="handover-house-", ignore_cleanup_errors=True) as base,
        house(_open_to_all(base)) as made,
    ):
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            asks = made.look(SCOPE.model_dump_json(), HOUSE, *FIRST)["asks"]
            if all(outcome == "answered" for _, _, outcome, _ in asks):
                break
            time.sleep(0.5)
        yield made


@pytest.fixture(scope="module")
def seen(net: House) -> Seen:
    with net.capture("look") as path:
        found = net.look(SCOPE.model_dump_json(), f"{HOUSE},{QUIET}", *PROBES)
    return Seen(found, read_pcap(Path(path)))


def test_every_unit_is_done(seen: Seen) -> None:
    assert {outcome for outcome, _ in seen.found["units"].values()} == {"done"}
    assert all(strength == "weak" for *_, strength in seen.found["asks"])


def test_samba(seen: Seen) -> None:
    (status,) = seen.bodies("netbios", "netbios.status")
    assert (status["computer"], status["workgroup"]) == ("SRV-SAMBA", "LABO")
    assert "file_server" in status["roles"]
    assert seen.bodies("netbios", "host.name") == [
        {"v": 1, "name": "SRV-SAMBA", "source": "netbios"}
    ]


@pytest.mark.parametrize("probe", ["mdns", "mdns_browse"])
def test_avahi(seen: Seen, probe: str) -> None:
    offers = {b["service"]: b for b in seen.bodies(probe, "mdns.service")}
    assert set(offers) == {"_ipp._tcp", "_googlecast._tcp", "_workstation._tcp"}
    assert offers["_ipp._tcp"]["txt"]["ty"] == "Kyocera ECOSYS M3145idn"
    assert offers["_ipp._tcp"]["port"] == 631
    told = {(b["name"], b["value"]) for b in seen.bodies(probe, "device.attribute")}
    assert ("model", "ECOSYS M3145idn") in told and ("vendor", "Kyocera") in told
    assert {b["name"] for b in seen.bodies(probe, "host.name")} == {"imp-test"}


def test_a_secret_in_a_record_is_not_kept(seen: Seen) -> None:
    assert "hunter2canary" not in str(seen.found)


def test_minidlna_answers_the_group_only_and_is_read_all_the_same(seen: Seen) -> None:
    (answer,) = seen.bodies("ssdp_search", "ssdp.answer")
    assert "MiniDLNA" in answer["server"]
    (device,) = seen.bodies("ssdp", "upnp.device")
    assert device["friendly_name"] == "Mediatheque"
    assert device["serial"] == "SN-4711-0815"
    # A media server is a program: its author is not the maker of the machine.
    assert not seen.bodies("ssdp", "device.attribute")
    assert not seen.bodies("ssdp", "device.identity")


def test_snmpd(seen: Seen) -> None:
    (engine,) = seen.bodies("snmp_engine", "snmp.engine")
    assert (engine["form"], engine["mac"]) == ("mac", "00:11:32:00:78:02")
    assert seen.bodies("snmp_engine", "device.identity")[0]["value"] == engine["engine_id"]


def test_bind(seen: Seen) -> None:
    (server,) = seen.bodies("dns_server", "dns.server")
    assert (server["version"], server["hostname"]) == ("BIND-test 9", "ns-test")
    assert (server["recursion"], server["pointer"]) == (True, "srv-dc1.labo.example")


def test_ntpsec(seen: Seen) -> None:
    (server,) = seen.bodies("ntp", "ntp.server")
    assert server["version"] == 4
    assert server["synchronised"] is (1 <= server["stratum"] <= 15 and server["leap"] != 3)


def test_wsdd(seen: Seen) -> None:
    (device,) = seen.bodies("wsd_search", "wsd.device")
    assert device["types"] == ["Computer", "Device"]


def test_sipp(seen: Seen) -> None:
    (peer,) = seen.bodies("sip", "sip.peer")
    assert (peer["status"], peer["user_agent"]) == (200, "Yealink SIP-T42S 66.85.0.5")


def test_ipmi_sim(seen: Seen) -> None:
    (bmc,) = seen.bodies("ipmi", "ipmi.bmc")
    assert (bmc["version"], bmc["asf"]) == ("2.0", True)
    assert bmc["null_user"] and "md5" in bmc["auth"]


def test_a_port_the_host_refuses_is_negative_and_nothing_is_there(seen: Seen) -> None:
    assert seen.outcomes("netbios")[QUIET] == "negative"
    assert not [row for row in seen.found["seen"] if row[1].endswith(f":{QUIET}")]


def test_industrial_ports_are_not_asked_without_leave(seen: Seen) -> None:
    assert not [k for k in seen.found["units"] if k.startswith("bacnet/") and k != "bacnet/*"]
    assert not [p for p in seen.wire if (p.src, p.dport) == (f"{NET}.1", 47808)]


def test_who_may_not_be_asked_is_named_and_gets_no_packet(seen: Seen) -> None:
    named = {
        (by, body["address"])
        for by, about, standing, kind, body in seen.found["seen"]
        if kind == "named.elsewhere" and standing == "reported" and about.startswith("subnet:")
    }
    assert named == {("mdns_browse", NEVER), ("ssdp_search", NEVER)}
    assert not [row for row in seen.found["seen"] if row[1].endswith(f":{NEVER}")]
    # Its answers are on the wire; ours to it are not. ARP beside: our kernel answers when it is asked who we are.
    assert [p for p in seen.wire if (p.src, p.dst, p.proto) == (NEVER, f"{NET}.1", "udp")]
    assert not [p for p in seen.wire if p.dst == NEVER and p.proto != "arp"]


def test_the_ledger_is_what_was_on_the_wire(seen: Seen) -> None:
    """Datagrams exactly, and nothing of ours beside them: no ICMP that answers a late answer."""
    sent: dict[str, int] = {}
    for p in seen.wire:
        if p.src == f"{NET}.1" and p.proto == "udp":
            sent[p.dst] = sent.get(p.dst, 0) + 1
    counted = {k.split()[0]: n for k, n in seen.found["sent"].items() if k.endswith(" udp") and n}
    assert sent == counted
    assert not [p for p in seen.wire if p.src == f"{NET}.1" and p.proto == "icmp"]


def test_a_link_that_is_in_scope_in_part_is_not_asked_as_a_whole(net: House) -> None:
    scope = ScopeRule(allowed=(f"{NET}.0/30",), actions=("sweep",)).model_dump_json()
    found = net.look(scope, HOUSE, "mdns_browse", "ssdp_search", "wsd_search")
    assert not [k for k in found["units"] if not k.endswith("/*")]
    assert not found["sent"]


@pytest.fixture(scope="module")
def heard(net: House) -> Seen:
    # The announcers start in the background; then they speak each second.
    with net.capture("announced") as path:
        until = time.monotonic() + READY_S
        while time.monotonic() < until and not all(m in path.read_bytes() for m in ANNOUNCED):
            time.sleep(0.2)
    with net.capture("heard") as path:
        found = net.look(SCOPE.model_dump_json(), HOUSE, "heard", rights=True)
        for _ in range(2):
            # lldpd falls silent now and then, or leaves its address out; what is tested is what we hear when it speaks.
            if Seen(found, []).bodies("heard", "link.neighbour", QUIET):
                break
            found = net.look(SCOPE.model_dump_json(), HOUSE, "heard", rights=True)
    return Seen(found, read_pcap(Path(path)))


def test_listening_sends_nothing(heard: Seen) -> None:
    assert {outcome for outcome, _ in heard.found["units"].values()} == {"done"}
    assert heard.found["sent"] == {}
    assert not [p for p in heard.wire if p.eth_src == mac(1) and p.proto != "arp"]
    # Our kernel answers who asks for us; nobody is asked.
    assert not [p for p in heard.wire if p.eth_src == mac(1) and p.arp_op == 1]


def test_without_the_right_to_raw_sockets_the_report_says_so(net: House) -> None:
    found = net.look(SCOPE.model_dump_json(), HOUSE, "heard")
    assert found["units"] == {"heard/*": ["skipped", found["units"]["heard/*"][1]]}
    assert "needs raw sockets" in found["units"]["heard/*"][1]


def test_a_switch_announces_itself_by_lldp_and_cdp(heard: Seen) -> None:
    (lldp,) = heard.bodies("heard", "link.neighbour", QUIET)
    assert (lldp["protocol"], lldp["chassis"]) == ("lldp", mac(3))
    assert lldp["description"] == "Commutateur-test"
    assert QUIET in lldp["addresses"]
    said = heard.bodies("heard", "link.neighbour", HOUSE)
    cdp = next(b for b in said if b["protocol"] == "cdp")
    assert (cdp["platform"], cdp["port"]) == ("Linux", "eth0")
    assert HOUSE in cdp["addresses"]


def test_a_dhcp_server_nobody_knows_of(heard: Seen) -> None:
    (server,) = heard.bodies("heard", "dhcp.server", mac(9))
    assert (server["message"], server["known"]) == ("offer", "")
    assert server["routers"] == [f"{NET}.14"]
    assert (server["dns"], server["domain"]) == (["10.9.9.9"], "pirate.example")


def test_a_dhcp_client_tells_its_name_and_system(heard: Seen) -> None:
    (client,) = heard.bodies("heard", "dhcp.client", "3c:52:82:aa:bb:cc")
    assert (client["hostname"], client["vendor_class"]) == ("PC-DHCP1", "MSFT 5.0")
    assert client["parameters"] == [1, 15, 3, 6]
    assert {"v": 1, "name": "PC-DHCP1", "source": "dhcp"} in heard.bodies(
        "heard", "host.name", "3c:52:82:aa:bb:cc"
    )


def test_who_is_out_of_scope_is_not_kept_for_having_been_heard(heard: Seen) -> None:
    assert not [row for row in heard.found["seen"] if row[1].endswith(f":{NEVER}")]
