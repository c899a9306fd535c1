"""Values, presence, services, sheets and added assets of the inventory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.inventory import oui
from agent.inventory.build import build
from agent.inventory.mac import kind_of, next_to
from agent.inventory.services import product_of
from agent.model import bodies
from agent.model.answers import AddedAsset, Answers
from agent.model.base import canonical
from agent.model.ref import Ref, addr
from fixtures.networks.around import START, material
from tests.agent.inventory.seen import (
    Story,
    arp,
    at,
    attr,
    banner,
    ident,
    name,
    page,
    port,
    tls,
)

SYNOLOGY, INTEL = "00:11:32:00:00:01", "00:1b:21:00:00:10"


def test_vendor_by_card_and_by_word() -> None:
    s = Story().run().see("192.168.1.5", arp(SYNOLOGY)).see("192.168.1.6", arp("da:a1:19:00:00:01"))
    inventory = s.inventory()
    nas = at(inventory, "192.168.1.5")
    assert nas.attrs["vendor"].value == "Synology Incorporated"
    assert "vendor" not in at(inventory, "192.168.1.6").attrs
    s.see("192.168.1.5", attr("vendor", "Synology"))
    vendor = at(s.inventory(), "192.168.1.5").attrs["vendor"]
    assert vendor.value == "Synology"
    assert [v for v, _ in vendor.candidates] == ["Synology", "Synology Incorporated"]


def test_card_maker_alone_names_no_class() -> None:
    asset = Story().run().see("192.168.1.5", arp(SYNOLOGY)).inventory().assets[0]
    assert asset.device_class.value is None
    assert asset.class_conf <= 300
    assert asset.device_class.candidates[0][0] == "nas"


def test_classes_by_their_words() -> None:
    s = Story().run()
    s.see("192.168.1.1", arp(INTEL), page("HP LaserJet 400 M401dn"))
    s.see("192.168.1.2", page("FortiGate"))
    s.see("192.168.1.3", *[port(p) for p in (53, 88, 135, 389, 445, 464, 3268)])
    s.see("192.168.1.4", page("Welcome"), banner("hello", 21, "ftp"))
    s.see("192.168.1.6", page("FortiGate", 443), page("Synology DiskStation - Synology", 5000))
    inventory = s.inventory()
    want = {
        "192.168.1.1": ("known", "printer"),
        "192.168.1.2": ("known", "firewall"),
        "192.168.1.3": ("known", "domain_controller"),
        "192.168.1.4": ("not_asked", None),
        "192.168.1.6": ("conflict", None),
    }
    for ip, (state, value) in want.items():
        known = at(inventory, ip).device_class
        assert (known.state, known.value) == (state, value), ip
    printer = at(inventory, "192.168.1.1")
    assert printer.attrs["model"].value == "LaserJet 400 M401dn"
    assert printer.attrs["vendor"].value == "HP"


def test_newest_wins_and_both_are_kept() -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL), attr("firmware", "1.0"))
    s.run().see("192.168.1.5", arp(INTEL), attr("firmware", "2.0"))
    inventory = s.inventory()
    known = inventory.assets[0].attrs["firmware"]
    assert (known.state, known.value) == ("known", "2.0")
    assert [v for v, _ in known.candidates] == ["2.0", "1.0"]
    (conflict,) = inventory.conflicts
    assert (conflict.attribute, conflict.newest, conflict.older) == ("firmware", "2.0", "1.0")
    assert conflict.subject.value == inventory.assets[0].id


def test_old_value_seen_again_is_the_newest() -> None:
    s = Story().run()
    for firmware in ("1.0", "2.0", "1.0"):
        s.run().see("192.168.1.5", arp(INTEL), attr("firmware", firmware))
    assert s.inventory().assets[0].attrs["firmware"].value == "1.0"


def test_equal_sources_at_one_time_are_a_conflict() -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL), attr("model", "A"), attr("model", "B"))
    known = s.inventory().assets[0].attrs["model"]
    assert known.state == "conflict"
    assert known.value is None
    assert {v for v, _ in known.candidates} == {"A", "B"}


def test_unseen_needs_a_finished_look_that_met_silence() -> None:
    def last_run(outcome: str, answer: str, probe: str = "arp", other: str = "answered") -> str:
        s = Story().run().see("192.168.1.5", arp(INTEL)).run()
        s.asked(probe, outcome, ip192_168_1_5=answer, ip192_168_1_9=other)  # type: ignore[arg-type]
        return s.inventory().assets[0].presence

    assert last_run("done", "silent") == "unseen"
    # Nobody at all answered: the cable may have been out.
    assert last_run("done", "silent", other="silent") == "live"
    assert last_run("partial", "silent") == "live"
    assert last_run("failed", "error") == "live"
    assert last_run("done", "silent", "icmp") == "live"


def test_silence_at_another_site_says_nothing() -> None:
    s = Story().run("a").see("192.168.1.5", arp(INTEL)).run("b")
    s.asked("arp", ip192_168_1_5="silent", ip192_168_1_9="answered")
    assert s.inventory().assets[0].presence == "live"


def test_reported_and_claimed() -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL), standing="reported")
    assert s.inventory().assets[0].presence == "known_unseen"
    s.see("192.168.1.5", arp(INTEL))
    assert s.inventory().assets[0].presence == "live"


def test_services() -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL), port(22), port(443), port(5900))
    s.see("192.168.1.5", banner("SSH-2.0-OpenSSH_9.2p1 Debian-2"))
    s.see("192.168.1.5", page("Intranet", 443, "nginx/1.22.1"), tls("ab" * 32, "CN=x1"))
    by_port = {x.port: x for x in s.inventory().services}
    assert (by_port[22].product.value, by_port[22].version.value) == ("OpenSSH", "9.2p1")
    assert (by_port[443].protocol.value, by_port[443].title.value) == ("https", "Intranet")
    assert by_port[443].certs[0].value == "ab" * 32
    assert by_port[5900].protocol.state == "not_asked"
    assert {x.state for x in by_port.values()} == {"open"}
    s.run().see("192.168.1.5", arp(INTEL), port(443))
    s.asked("tcp_ports", ip192_168_1_5="answered")
    assert {x.port: x.state for x in s.inventory().services} == {
        22: "silent",
        443: "open",
        5900: "silent",
    }


def test_a_port_that_was_not_asked_again_stays_open() -> None:
    """`run --ports 443` after a whole run: nobody asked whether telnet is still there."""
    for ports, still in (("443", {23: "open", 5900: "open"}), ("443,5900", {23: "open"})):
        s = Story().run().see("192.168.1.5", arp(INTEL), port(23), port(443), port(5900))
        s.run().see("192.168.1.5", arp(INTEL), port(443))
        s.asked("tcp_ports", "done", {"ports": ports}, ip192_168_1_5="answered")
        states = {x.port: x.state for x in s.inventory().services}
        assert states == {23: "silent", 443: "open", 5900: "silent"} | still
    # Of an imported file: a list that is none asked nothing.
    s.run().asked("tcp_ports", "done", {"ports": "no list"}, ip192_168_1_5="answered")
    assert {x.port: x.state for x in s.inventory().services}[23] == "open"


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", ("OpenSSH", "9.2p1")),
        ("SSH-2.0-ROSSSH", ("ROSSSH", "")),
        ("220 ProFTPD 1.3.3c Server (NAS) [::ffff:192.0.2.1]", ("ProFTPD", "1.3.3c")),
        ("220 (vsFTPd 2.3.4)", ("vsFTPd", "2.3.4")),
        ("5.5.5-10.3.39-MariaDB-0+deb10u2", ("MariaDB", "10.3.39")),
        ("Microsoft-IIS/7.5", ("Microsoft-IIS", "7.5")),
        ("hello", ("", "")),
        ("", ("", "")),
    ],
)
def test_product(text: str, product: tuple[str, str]) -> None:
    assert product_of(text) == product


def test_labels() -> None:
    s = Story().run()
    s.see("192.168.1.1", name("SRV-1.acme.lan", "dns")).see("192.168.1.2", page("Intranet"))
    s.see("192.168.1.3", arp(SYNOLOGY)).see("192.168.1.4", bodies.IcmpEcho())
    s.see("192.168.1.5", page("a\x00\u202eb\n" + "x" * 300))
    inventory = s.inventory()
    labels = {ip: inventory.labels[at(inventory, f"192.168.1.{ip}").id] for ip in range(1, 6)}
    assert labels[1] == "SRV-1"
    assert labels[2] == "Intranet"
    assert labels[3] == "Synology Incorporated 3"
    assert labels[4] == "192.168.1.4"
    assert labels[5].isprintable()
    assert len(labels[5]) <= 60


def _claim(s: Story, line: int, label: str, **fields: str) -> Story:
    subject = Ref(kind="asset", ns=f"sheet/{s.site}", value=f"d1/{line}")
    body = bodies.AssetClaim(name=label, device_class="printer", fields=fields)
    return s.tell(subject, body, standing="claimed", probe="sheet")


def test_sheet_lines_join_what_they_name() -> None:
    s = Story().run()
    s.see("192.168.1.5", arp(INTEL), name("srv-1"), ident("serial", "CZC12345"))
    s.see("192.168.1.6", arp(SYNOLOGY), name("nas-1"))
    s.run()
    _claim(s, 1, "Old name", serial="CZC12345", location="Rack 2")
    _claim(s, 2, "NAS-1", mac=SYNOLOGY)
    _claim(s, 3, "nas-1", ip="192.168.1.5")  # another host's address
    _claim(s, 4, "GPS van", serial="GPS-0001")
    _claim(s, 5, "GPS van", serial="GPS-0002")
    inventory = s.inventory()
    server, nas = at(inventory, "192.168.1.5"), at(inventory, "192.168.1.6")
    assert server.attrs["location"].value == "Rack 2"
    assert server.attrs["class_claimed"].value == "printer"
    assert [w.feature for w in server.merged] == ["claim:serial"]
    assert [w.feature for w in nas.merged] == ["claim:mac+name"]
    only = [a for a in inventory.assets if a.presence == "claimed"]
    assert sorted(inventory.labels[a.id] for a in only) == ["GPS van", "GPS van", "nas-1"]
    assert all(a.device_class.value == "printer" for a in only)


def test_added_asset_and_its_id_when_it_is_seen_later() -> None:
    added = AddedAsset(
        id="van",
        name="van-gps",
        device_class="iot",
        site="a",
        by="T",
        at=START,
        fields={"serial": "GPS-0001"},
    )
    s = Story(answers=Answers(assets=(added,))).run()
    (before,) = s.inventory().assets
    assert (before.presence, before.device_class.value) == ("claimed", "iot")
    assert before.attrs["serial"].value == "GPS-0001"
    s.run().see("192.168.1.77", arp(INTEL), ident("serial", "GPS-0001"))
    (after,) = s.inventory().assets
    assert after.presence == "live"
    assert before.id in after.same_as


def test_gateway_by_the_vantage_point() -> None:
    s = Story().run().see("192.168.1.1", arp("02:00:00:00:00:01"))
    header = s.runs[0].header
    pinned = header.vantage.model_copy(update={"gateway_mac": "02:00:00:00:00:01"})
    s.runs[0] = s.runs[0].model_copy(
        update={"header": header.model_copy(update={"vantage": pinned})}
    )
    assert s.inventory().assets[0].device_class.value == "gateway"


def test_mac_kinds_and_blocks() -> None:
    assert kind_of("00:00:5e:00:01:0a") == "vrrp"
    assert kind_of("00:00:0c:07:ac:01") == "hsrp"
    assert kind_of("00:00:0c:9f:f1:01") == "hsrp"
    assert kind_of("00:07:b4:00:01:01") == "glbp"
    assert kind_of("da:a1:19:00:00:00") == "local"
    assert kind_of("01:00:5e:00:00:01") == "group"
    assert kind_of(INTEL) == "burned_in"
    assert next_to("00:1b:21:00:00:10", "00:1b:21:00:00:11")
    assert not next_to("00:15:5d:00:00:10", "00:15:5d:00:00:11")
    # MA-S beats MA-M beats MA-L: a block of the registry itself is nobody's.
    assert oui.vendor("8c:1f:64:00:00:00") != "IEEE Registration Authority"
    assert "IEEE" in oui.source()


_TEXT = st.text(max_size=80)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(page, _TEXT, st.sampled_from((80, 443)), _TEXT),
            st.builds(banner, _TEXT),
            st.builds(name, _TEXT, st.sampled_from(("dns", "netbios", "\x00"))),
            st.builds(ident, st.sampled_from(("serial", "smbios", "engine_id", "sid")), _TEXT),
            st.builds(attr, st.sampled_from(("vendor", "os", "class", "x")), _TEXT),
            st.builds(arp, _TEXT),
            st.builds(tls, _TEXT, _TEXT),
        ),
        max_size=8,
    )
)
def test_hostile_words_break_nothing(said: list[bodies.Body]) -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL), *said).run().see("192.168.1.6", *said)
    inventory = s.inventory()
    assert canonical(inventory)
    assert all(label.isprintable() and len(label) <= 60 for label in inventory.labels.values())


def test_five_thousand_assets() -> None:
    s = Story().run()
    for n in range(5000):
        ip = f"10.{n // 60000}.{n // 250}.{n % 250 + 1}"
        mac = f"00:1b:21:{n // 65536:02x}:{n // 256 % 256:02x}:{n % 256:02x}"
        s.see(ip, arp(mac), port(22), banner("SSH-2.0-OpenSSH_9.2p1"), name(f"pc-{n}", "dns"))
    inventory = s.inventory()
    assert len(inventory.assets) == 5000
    assert len(inventory.services) == 5000


def test_site_of_an_address_is_kept() -> None:
    s = Story().run("a").see("192.168.1.5", arp(INTEL)).run("b").see("192.168.1.5", arp(SYNOLOGY))
    refs = {str(r) for a in s.inventory().assets for r in a.addrs}
    assert refs == {str(addr("a", "192.168.1.5")), str(addr("b", "192.168.1.5"))}


def test_ids_depend_on_the_engagement_key() -> None:
    s = Story().run().see("192.168.1.5", arp(INTEL))
    m = material(s.runs, s.seen)
    assert build(m).assets[0].id != build(replace(m, key=b"other")).assets[0].id


def test_lines_with_a_name_only_are_as_many_things_as_lines() -> None:
    s = Story().run()
    _claim(s, 1, "Imprimante")
    _claim(s, 2, "Imprimante")
    assert len(s.inventory().assets) == 2
    _claim(s.run(), 2, "Imprimante")  # the same sheet again
    assert len(s.inventory().assets) == 2


def test_added_asset_keeps_its_id_when_it_is_renamed() -> None:
    def added(text: str) -> str:
        asset = AddedAsset(id="b1", name=text, device_class="iot", site="a", by="T", at=START)
        return Story(answers=Answers(assets=(asset,))).run().inventory().assets[0].id

    assert added("Badge reader") == added("Badge reader, door 2")


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        ("QL-820NWB", "Brother QL-820NWB", "known"),
        ("QL-820NWB", "QL-820NWBc", "conflict"),
        ("Hewlett Packard", "Hewlett-Packard", "known"),
        ("7.2", "7.2-64570", "known"),
        ("1.0", "1.0.2", "conflict"),
        ("Server 2019", "Windows Server 2019 Standard", "known"),
        ("2019 Server", "Windows Server 2019 Standard", "conflict"),
    ],
)
def test_who_says_more_does_not_contradict(one: str, other: str, state: str) -> None:
    story = Story().run().see("10.0.0.1", attr("model", one), attr("model", other))
    assert story.inventory().assets[0].attrs["model"].state == state


def test_an_icon_is_no_model() -> None:
    """A NAS announces itself as Xserve for the sake of the Finder."""
    seen = Story().run().see("10.0.0.1", attr("model", "Xserve"), attr("model", "DS920+"))
    assert seen.inventory().assets[0].attrs["model"].value == "DS920+"
    assert (
        "model"
        not in Story().run().see("10.0.0.1", attr("model", "Xserve")).inventory().assets[0].attrs
    )
