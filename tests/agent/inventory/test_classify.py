"""Classes, roles, systems and reasons out of whole devices: what a technician would say of them."""

from __future__ import annotations

import random

import pytest

from agent.catalogs.evidence import load_evidence
from agent.catalogs.features import Feature, features_of, load_features
from agent.inventory.weigh import Vote, decide
from agent.model import bodies
from agent.model.asset import Asset
from agent.model.bodies import Body
from agent.model.bodies_snmp import SnmpSystem, SnmpTable
from agent.model.bodies_told import OsTold
from agent.model.inventory import Inventory
from agent.model.ref import addr
from tests.agent.inventory.seen import Story, arp, at, attr, banner, name, page, port, tls

INTEL, VMWARE, RANDOM, SYNOLOGY = (
    "00:1b:21:00:00:10",
    "00:0c:29:00:00:01",
    "da:a1:19:00:00:01",
    "00:11:32:00:00:01",
)
E1, E2 = "1" * 32, "2" * 32


def one(*seen: Body) -> Asset:
    return at(Story().run().see("192.168.1.5", *seen).inventory(), "192.168.1.5")


def test_a_class_has_its_reasons() -> None:
    asset = one(arp(SYNOLOGY), page("NAS - Synology DiskStation", 5000), port(5000))
    assert (asset.device_class.value, asset.class_conf) == ("nas", 990)
    told = {(w.feature, w.strong): w for w in asset.class_why}
    assert set(told) == {("http.title", True), ("oui", False)}
    page_sign = told["http.title", True]
    assert page_sign.matched == "synology: NAS - Synology DiskStation"
    assert page_sign.weight == load_evidence().ratio("firmware")


def test_signs_of_one_voice_count_once() -> None:
    """Title, header and certificate of one page are one mouth: ten of them are not ten witnesses."""
    once = one(page("APC | Log On"))
    more = one(
        page("APC | Log On"),
        page("APC | Log On", 443),
        tls("ab" * 32, "CN=x,O=American Power Conversion"),
    )
    assert once.class_conf == more.class_conf
    other = one(page("APC | Log On"), banner("SSH-2.0-cryptlib"))
    assert other.class_conf > once.class_conf


def test_a_contradiction_is_shown_and_not_averaged() -> None:
    asset = one(page("FortiGate", 443), page("Synology DiskStation - Synology", 5000))
    assert (asset.device_class.state, asset.device_class.value) == ("conflict", None)
    assert {c for c, _ in asset.device_class.candidates} == {"firewall", "nas"}
    # More on one side decides, and the other side is still shown and still costs.
    more = one(
        page("FortiGate", 443),
        banner("SSH-2.0-FortiSSH_3.0"),
        page("Synology DiskStation - Synology", 5000),
    )
    assert more.device_class.value == "firewall"
    assert more.class_conf == load_evidence().contradicted_most
    assert "nas" in {c for c, _ in more.device_class.candidates}


def test_names_and_cards_alone_name_nothing() -> None:
    for seen in ([arp(SYNOLOGY)], [name("NPI9C2F11")], [name("firewall")], [arp(RANDOM)]):
        assert one(*seen).device_class.value is None
    weak = one(arp("3c:d9:2b:00:00:01"), name("NPI9C2F11"), port(515), port(9100))
    assert weak.device_class.value == "printer"
    assert weak.class_conf <= load_evidence().weak_most


def test_many_hints_stay_below_what_hints_may_be() -> None:
    votes = [Vote("printer", 15, f"s{i}", f"v{i}", "oui", "x", True, (E1,)) for i in range(9)]
    assert decide(votes).conf == load_evidence().weak_most


def test_a_camera_or_a_recorder() -> None:
    """The same pages are on both: only the model tells, and "unknown" beats a guess."""
    same = (
        page("index", 80, "App-webs/"),
        banner("RTSP/1.0 200 OK\r\nServer: Hikvision", 554, "rtsp"),
    )
    assert one(*same).device_class.value is None
    assert one(*same, attr("model", "DS-7608NI-K2")).device_class.value == "nvr"
    assert one(*same, attr("model", "DS-2CD2143G0-I")).device_class.value == "camera"


def test_a_general_class_helps_its_special_one() -> None:
    web = page("IIS Windows Server", 443, "Microsoft-IIS/10.0")
    ports = [port(p) for p in (88, 389, 464, 3268)]
    controller = one(web, *ports)
    assert controller.device_class.value == "domain_controller"
    assert controller.class_conf > one(*ports).class_conf
    assert one(web, banner("220 Microsoft FTP Service", 21, "ftp")).device_class.value == "server"


def test_roles_beside_the_class() -> None:
    nas = one(page("NAS - Synology DiskStation", 5000), page("UniFi Protect", 7443))
    assert nas.device_class.value == "nas"
    assert set(nas.roles) == {"nvr"}
    virtual = one(arp(VMWARE), page("FreePBX Administration"))
    assert (virtual.device_class.value, set(virtual.roles)) == ("pbx", {"virtual_machine"})
    # vmkernel cards carry the same block: a hypervisor is not its own guest.
    host = one(arp(VMWARE), page('" + ID_EESX_Welcome + "', 443))
    assert (host.device_class.value, set(host.roles)) == ("hypervisor", set())
    nested = one(
        page("UniFi Dream Machine", 443),
    )
    assert nested.device_class.value == "gateway"


def test_the_gateway_is_a_role_of_the_firewall() -> None:
    s = Story().run().see("192.168.1.1", arp("00:00:5e:00:01:01"), page("FortiGate", 443))
    firewall = at(s.inventory(), "192.168.1.1")
    assert firewall.device_class.value == "firewall"
    assert set(firewall.roles) == {"gateway"}


@pytest.mark.parametrize(
    ("seen", "system"),
    [
        ([banner("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")], "Debian 12"),
        ([banner("SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.5")], "Ubuntu 20.04"),
        ([page("x", 80, "Apache/2.2.15 (CentOS)")], "CentOS 6"),
        ([page("IIS7", 80, "Microsoft-IIS/7.5")], "Windows Server 2008 R2"),
        (
            [page("x", 80, "Microsoft-IIS/10.0"), attr("os", "Windows Server 2019 Standard")],
            "Windows Server 2019 Standard",
        ),
        ([page("FortiGate")], "FortiOS"),
        # The more exact of two readings, whichever came last.
        (
            [banner("SSH-2.0-OpenSSH_9.2p1 Debian-2"), page("x", 80, "nginx/1.22 (Debian)")],
            "Debian 12",
        ),
    ],
)
def test_the_system_by_its_words(seen: list[Body], system: str) -> None:
    known = one(*seen).attrs["os"]
    assert (known.state, known.value) == ("known", system)


def test_what_a_person_claims_is_no_sign() -> None:
    s = Story().run().see("192.168.1.5", page("FortiGate"), standing="claimed")
    assert all(a.device_class.value is None for a in s.inventory().assets)


def test_order_of_arrival_does_not_matter() -> None:
    seen = [
        page("FortiGate", 443),
        banner("SSH-2.0-FortiSSH_3.0"),
        page("NAS - Synology DiskStation", 5000),
        arp(SYNOLOGY),
        name("fw1"),
    ]
    first = one(*seen)
    for seed in range(5):
        random.Random(seed).shuffle(seen)
        again = one(*seen)
        assert (again.device_class.value, again.class_conf) == (
            first.device_class.value,
            first.class_conf,
        )
        assert [w.matched for w in again.class_why] == [w.matched for w in first.class_why]


def test_hostile_text_is_cut() -> None:
    asset = one(page("FortiGate " + "\u202e<script>" * 500))
    assert asset.device_class.value == "firewall"
    assert all(len(w.matched) < 120 for w in asset.class_why)


def test_rows_that_wait_for_a_probe_read_nothing() -> None:
    waiting = {f.kind for f in load_features() if f.waits and f.reader is None}
    assert not waiting & {"http.page", "banner", "tls.certificate", "device.attribute"}
    row = Feature(name="x.y", kind="no.such", field="a.b", voice="x")
    assert row.waits
    assert list(row.texts(bodies.IcmpEcho())) == []
    assert features_of("no.such") == ()


def test_where_a_row_may_walk() -> None:
    class Nested(bodies.Body):
        KIND = "test.nested"
        txt: dict[str, str] = {}
        pairs: tuple[tuple[str, str], ...] = ()
        words: tuple[str, ...] = ()
        flag: bool = False
        first: str = ""
        second: str = ""

    body = Nested(
        txt={"Model": "A1"},
        pairs=(("ty", "P2"), ("x", "no")),
        words=("b", "model=C3"),
        flag=True,
        first="VMware",
        second="6.5",
    )
    bodies.KINDS.pop("test.nested")

    def read(field: str, **only: tuple[str, ...]) -> list[str]:
        row = Feature(name="a.b", kind="test.nested", field=field, voice="v", only=only)
        return list(row.texts(body))

    assert read("txt.model") == ["A1"]
    assert read("pairs.ty") == ["P2"]
    assert read("words.model") == ["C3"]
    assert read("words") == ["b", "model=C3"]
    assert read("flag") == ["true"]
    assert read("first second") == ["VMware 6.5"]
    assert read("first", second=("6.5",)) == ["VMware"]
    assert read("first", second=("7.0",)) == []
    assert read("nothing.here") == []


def test_a_role_gets_its_line_in_the_checklist() -> None:
    from agent.catalogs.selector import Selector
    from agent.judgement.judge import judge
    from fixtures.networks.around import material

    s = Story().run().see("192.168.1.1", arp("00:00:5e:00:01:01"), page("FortiGate", 443))
    m = material(s.runs, s.seen, s.statuses, s.plans, ("a",), s.answers)
    inventory: Inventory = s.inventory()
    judged = judge(m, inventory)
    asset = at(inventory, "192.168.1.1")
    assert addr("a", "192.168.1.1") in asset.addrs
    lines = {
        i.id for i in judged.checklist if any(str(x.subject).endswith(asset.id) for x in i.lines)
    }
    assert {"7.credentials.firewalls", "7.credentials.gateways"} <= lines, lines
    assert Selector.parse("asset:class=gateway").takes("gateway")


def test_what_nmap_takes_a_host_for_supports_and_never_decides_alone() -> None:
    told = OsTold(tool="nmap", name="HP printer", accuracy=980, device_type="printer")
    alone = Story().run("a").see("192.0.2.10", told).inventory().assets[0]
    assert alone.device_class.state != "known"
    assert alone.device_class.candidates[0][0] == "printer"
    both = Story().run("a").see("192.0.2.10", told, port(515), port(9100)).inventory().assets[0]
    assert both.device_class.value == "printer"
    general = told.model_copy(update={"device_type": "general purpose"})
    assert (
        not Story()
        .run("a")
        .see("192.0.2.10", general)
        .inventory()
        .assets[0]
        .device_class.candidates
    )


def test_what_the_snmp_agent_says_names_the_device() -> None:
    """One voice: class, model, serial and firmware by the family's own objects, each a claim of the catalogue."""
    values = SnmpTable(
        table="identity_values",
        columns=("object", "tag", "value"),
        rows=(
            ("1.3.6.1.4.1.6574.1.5.1.0", 4, "DS920+"),
            ("1.3.6.1.4.1.6574.1.5.2.0", 4, "20B0SQTEST01"),
            ("1.3.6.1.4.1.6574.1.5.3.0", 4, "DSM 7.2-64570"),
        ),
    )
    linux = SnmpSystem(
        descr="Linux nas 4.4.302 #1 SMP", object_id="1.3.6.1.4.1.8072.3.2.10", name="nas"
    )
    story = Story().run().see("192.168.1.5", linux, values)
    asset = at(story.inventory(), "192.168.1.5")
    (table,) = [o.id for _, o in story.seen if o.body is values]
    assert asset.device_class.value == "nas"
    assert asset.class_conf >= 900
    assert asset.attrs["vendor"].value == "Synology"
    assert asset.attrs["model"].value == "DS920+"
    assert asset.attrs["serial"].value == "20B0SQTEST01"
    assert asset.attrs["firmware"].value == "7.2-64570"
    # What proves the serial is the observation it stood in.
    assert asset.attrs["serial"].candidates == (("20B0SQTEST01", (table,)),)


def test_a_plain_agent_on_a_common_platform_is_no_more_than_that() -> None:
    linux = SnmpSystem(
        descr="Linux x 5.10.0-28-amd64 #1 SMP", object_id="1.3.6.1.4.1.8072.3.2.10", name="x"
    )
    asset = one(linux)
    assert "vendor" not in asset.attrs
    assert "model" not in asset.attrs
