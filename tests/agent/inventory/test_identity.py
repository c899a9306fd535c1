"""Identity by hand: what merges, what must not, and what is said about it."""

from __future__ import annotations

import pytest

from agent.model.base import canonical
from tests.agent.inventory.seen import Story, arp, at, ident, name, page, port, ssh, tls

M1, M2, M3 = "00:1b:21:00:00:10", "00:1b:21:55:00:20", "3c:52:82:00:00:30"
VM1, VM2 = "00:0c:29:aa:00:01", "00:0c:29:bb:00:02"
K1, K2 = "K1" * 20, "K2" * 20


def _apart(s: Story) -> None:
    assert all(len(addresses) == 1 for addresses in s.sets()), s.sets()


def test_same_mac_alone_never_merges() -> None:
    s = Story().run().see("192.168.1.5", arp(M1)).run().see("192.168.1.9", arp(M1))
    _apart(s)


def test_same_address_alone_never_merges() -> None:
    s = Story().run().see("192.168.1.5", arp(M1)).run().see("192.168.1.5", arp(M2))
    assert len(s.inventory().assets) == 2


def test_dhcp_move_is_one_asset_and_the_old_address_is_history() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), name("pc-1"))
    s.run().see("192.168.1.9", arp(M1), name("pc-1")).asked(
        "arp", ip192_168_1_5="silent", ip192_168_1_9="answered"
    )
    (asset,) = s.inventory().assets
    assert [a.value for a in asset.addrs] == ["192.168.1.9"]
    old = next(i for i in asset.identifiers if i.ref.value == "192.168.1.5")
    assert old.demoted == "left_moved"
    assert asset.presence == "live"


def test_the_next_holder_of_an_address_is_another_asset() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), name("pc-1"), port(22))
    s.run().see("192.168.1.5", arp(M2), name("pc-2"), port(22))
    s.see("192.168.1.6", arp(M1), name("pc-1"))
    inventory = s.inventory()
    assert len(inventory.assets) == 2
    assert inventory.labels[at(inventory, "192.168.1.5").id] == "pc-2"
    assert [x.asset for x in inventory.services] == [at(inventory, "192.168.1.5").id]


def test_multi_homed_by_serial_and_name() -> None:
    both = (ident("serial", "FTX1234A"), name("fw-1"))
    s = Story().run().see("192.168.1.1", arp(M1), *both).see("192.168.1.2", arp(M3), *both)
    (asset,) = s.inventory().assets
    assert len(asset.ports) == 2
    assert asset.merged[0].feature == "serial+name"
    assert {i.strength for i in asset.identifiers if i.ref.kind == "serial"} == {"unique"}


def test_serial_alone_on_two_cards_is_not_enough() -> None:
    s = Story().run()
    for ip, mac in (("192.168.1.1", M1), ("192.168.1.2", M3)):
        s.see(ip, arp(mac), ident("serial", "FTX1234A"))
    _apart(s)
    for asset in s.inventory().assets:
        assert any(w.feature == "serial:not_enough_signs" for w in asset.kept_apart)
        assert not [i for i in asset.identifiers if i.strength == "unique"]


def test_legs_in_two_networks_merge_by_key_and_name() -> None:
    s = Story().run().see("192.168.1.1", arp(M1), ssh(K1), name("srv-1"))
    s.see("192.168.2.1", ssh(K1), name("srv-1"))
    assert s.sets() == [["a/192.168.1.1", "a/192.168.2.1"]]


def test_clones_in_one_network_stay_apart_and_their_key_is_demoted() -> None:
    s = Story().run().see("192.168.1.5", arp(VM1), ssh(K1), name("srv-1"))
    s.see("192.168.1.6", arp(VM2), ssh(K1), name("srv-2"))
    _apart(s)
    for asset in s.inventory().assets:
        key = next(i for i in asset.identifiers if i.ref.kind == "ssh_key")
        assert (key.strength, key.demoted) == ("shared", "contradicted")
        assert any(w.feature == "ssh_key:contradicted" for w in asset.kept_apart)


def test_clones_that_kept_their_name_stay_apart() -> None:
    s = Story().run()
    for ip, mac in (("192.168.1.5", VM1), ("192.168.1.6", VM2)):
        s.see(ip, arp(mac), ssh(K1), name("srv-1"), ident("smbios", "ab" * 16))
    _apart(s)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("serial", "To be filled by O.E.M."),
        ("serial", "00000000"),
        ("serial", "Default string"),
        ("serial", "123456789"),
        ("serial", "System Serial Number"),
        ("serial", "None"),
        ("smbios", "03000200-0400-0500-0006-000700080009"),
        ("smbios", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("engine_id", "8000000000"),
        ("chassis", "........"),
    ],
)
def test_placeholders_are_demoted_and_never_merge(scheme: str, value: str) -> None:
    s = Story().run().see("192.168.1.5", arp(M1), ident(scheme, value), name("srv-1"))
    s.see("192.168.2.5", arp(M3), ident(scheme, value), name("srv-1"))
    _apart(s)
    found = [i for a in s.inventory().assets for i in a.identifiers if i.ref.kind == scheme]
    assert {i.demoted for i in found} == {"placeholder"}


def test_vendor_certificate_merges_nothing() -> None:
    s = Story().run()
    for ip, mac in (("192.168.1.5", "44:19:b6:00:00:01"), ("192.168.1.6", "44:19:b6:00:00:02")):
        s.see(ip, arp(mac), tls("ab" * 32, "CN=localhost,O=HIKVISION"), name("camera"))
    _apart(s)
    found = [i for a in s.inventory().assets for i in a.identifiers if i.ref.kind == "cert_key"]
    assert {i.demoted for i in found} == {"vendor_default"}


@pytest.mark.parametrize(
    "mac",
    [
        "00:00:5e:00:01:01",
        "00:00:5e:00:02:07",
        "00:00:0c:07:ac:01",
        "00:00:0c:9f:f0:01",
        "00:07:b4:00:01:02",
    ],
)
def test_virtual_router_is_nobody(mac: str) -> None:
    s = Story().run().see("192.168.1.2", arp(M1), ssh(K1), name("fw-a"), ident("serial", "AAA11"))
    s.see("192.168.1.3", arp(M3), ssh(K2), name("fw-b"), ident("serial", "BBB22"))
    s.see("192.168.1.1", arp(mac), ssh(K1), name("fw-a"), ident("serial", "AAA11"))
    s.run().see("192.168.1.1", arp(mac), ssh(K2), name("fw-b"), ident("serial", "BBB22"))
    _apart(s)
    inventory = s.inventory()
    shared = at(inventory, "192.168.1.1")
    assert len(inventory.assets) == 3
    assert shared.ports[0].virtual
    assert shared.part_of is None
    assert {i.demoted for i in shared.identifiers if i.ref.kind != "addr"} == {"virtual_router"}
    real = at(inventory, "192.168.1.2")
    assert all(i.demoted is None for i in real.identifiers if i.ref.kind == "name")


def test_made_up_mac_is_no_sign() -> None:
    s = Story().run().see("192.168.1.5", arp("52:54:00:00:00:01"), name("vm"))
    s.run().see("192.168.1.9", arp("52:54:00:00:00:01"), name("vm"))
    _apart(s)


def test_one_range_at_two_sites() -> None:
    s = Story().run("a").see("192.168.1.1", arp(M1), name("gw"), page("Login"))
    s.run("b").see("192.168.1.1", arp(M3), name("gw"), page("Login"))
    assert s.sets() == [["a/192.168.1.1"], ["b/192.168.1.1"]]
    assert sorted(a.sites for a in s.inventory().assets) == [("a",), ("b",)]


def test_one_device_at_two_sites() -> None:
    for signs in ((ident("serial", "PF2ABCDE"),), (arp(M1), name("pc-9"))):
        s = Story().run("a").see("192.168.1.40", *signs).run("b").see("192.168.1.52", *signs)
        (asset,) = s.inventory().assets
        assert asset.sites == ("a", "b")


def test_roaming_by_mac_alone_stays_apart() -> None:
    s = Story().run("a").see("192.168.1.40", arp(M1)).run("b").see("192.168.1.52", arp(M1))
    assert len(s.inventory().assets) == 2


def test_proxy_arp_router_swallows_nobody() -> None:
    s = Story().run().see("192.168.1.1", arp(M1), name("router-x"))
    s.see("192.168.1.20", arp(M1), ssh(K1)).see("192.168.1.21", arp(M1), ssh(K1))
    _apart(s)


def test_address_conflict_proves_nothing() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), arp(M3), ssh(K1), name("srv-1"))
    s.see("192.168.2.5", ssh(K1), name("srv-1"))
    assert len(s.inventory().assets) == 3


def test_name_at_a_contested_address_is_no_sign() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), arp(M3), name("pc-1"))
    s.run().see("192.168.1.9", arp(M1), name("pc-1")).see("192.168.1.8", arp(M3), name("pc-1"))
    assert len(s.inventory().assets) == 4


def test_dock_in_two_runs_is_two_laptops() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), name("pc-1"), ssh(K1))
    s.run().see("192.168.1.5", arp(M1), name("pc-2"), ssh(K2))
    assert len(s.inventory().assets) == 2


def test_reinstalled_host_stays_itself() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), name("pc-1"), ssh(K1))
    s.run().see("192.168.1.5", arp(M1), name("pc-1"), ssh(K2))
    assert len(s.inventory().assets) == 1


def test_contradiction_beats_links_and_is_shown() -> None:
    # 1 = 2 and 2 = 3 by serial and name, but 1 and 3 have different chassis: none of the three merges.
    signs = (ident("serial", "FTX1234A"), name("fw-1"))
    s = Story().run().see("192.168.1.1", arp(M1), *signs, ident("chassis", "CH-A1"))
    s.see("192.168.1.2", arp(M2), *signs)
    s.see("192.168.1.3", arp(M3), *signs, ident("chassis", "CH-B2"))
    _apart(s)
    assert all(a.kept_apart for a in s.inventory().assets)


def test_certificate_of_one_host_on_two_cards() -> None:
    def leg(s: Story, ip: str, mac: str, host: str) -> None:
        cert = tls("cd" * 32, f"CN={host},O=Acme", (host,), signed=True)
        s.see(ip, arp(mac), port(22), port(80), port(443), page("ERP - Login", 443), cert)

    host = Story().run()
    for ip, mac in (("192.168.1.21", VM1), ("192.168.1.22", VM2)):
        leg(host, ip, mac, "srv-erp.acme.example")
    assert host.sets() == [["a/192.168.1.21", "a/192.168.1.22"]]
    balanced = Story().run()
    for ip, mac in (("192.168.1.21", VM1), ("192.168.1.22", VM2)):
        leg(balanced, ip, mac, "www.acme.example")
    _apart(balanced)


def test_without_macs_a_second_sign_keeps_the_holder() -> None:
    same = Story().run().see("192.168.2.5", port(22), ssh(K1)).run()
    same.see("192.168.2.5", port(22), ssh(K1))
    assert len(same.inventory().assets) == 1
    other = Story().run().see("192.168.2.5", port(22), ssh(K1)).run()
    other.see("192.168.2.5", port(22), ssh(K2))
    assert len(other.inventory().assets) == 2


def test_same_day_one_holder() -> None:
    s = Story().run().see("192.168.1.5", arp(M1)).run(days=0).see("192.168.1.5", port(80))
    assert len(s.inventory().assets) == 1
    s = Story().run().see("192.168.1.5", arp(M1)).run(days=9).see("192.168.1.5", port(80))
    assert len(s.inventory().assets) == 2


def test_a_chain_that_ends_in_a_contradiction_joins_nothing() -> None:
    # Each link is good by itself; the ends have different serials.
    s = Story().run().see("192.168.1.1", ident("serial", "FTX1234A"), ssh(K1))
    middle = (ident("serial", "FTX1234A"), ident("serial", "FTX9876B"), ssh(K1))
    s.see("192.168.2.1", *middle, tls("ef" * 32, "CN=fw-77.acme.lan"))
    s.see("192.168.1.3", ident("serial", "FTX9876B"), tls("ef" * 32, "CN=fw-77.acme.lan"))
    _apart(s)
    ends = [at(s.inventory(), ip) for ip in ("192.168.1.1", "192.168.1.3")]
    assert all(any(w.feature == "serial_differs" for w in a.kept_apart) for a in ends)


def test_one_key_in_two_certificates_in_any_order() -> None:
    s = Story().run().see("192.168.1.5", arp(M1), tls("ab" * 32, "CN=Default"))
    s.see("192.168.1.5", tls("ab" * 32, "CN=srv-7.acme.lan", number=8443))
    forward = canonical(s.inventory())
    s.seen.reverse()
    assert canonical(s.inventory()) == forward
