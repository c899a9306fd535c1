"""Endpoint documents and SNMP tables -> what protects the host they came from."""

from __future__ import annotations

from agent.inventory.protection.gather import gather
from agent.inventory.protection.told_by_endpoint import traces
from agent.model.asset import Asset
from agent.model.base import hash_id
from agent.model.bodies import Body
from agent.model.bodies_endpoint import EndpointTable
from agent.model.bodies_snmp import SnmpTable
from agent.model.endpoint_tables import TABLES
from agent.model.known import Known
from agent.model.observation import Observation
from agent.model.protection import ProtectionItem
from agent.model.ref import Ref

HOST, OTHER = "a" * 32, "b" * 32
Row = dict[str, str]


def seen(body: Body, at: int = 1, host: str = HOST) -> Observation:
    return Observation(
        id=hash_id(body.plain(), at, host),
        probe="test",
        probe_rev=1,
        unit="u",
        subject=Ref(kind="addr", ns="site/lyon", value="192.0.2.7"),
        standing="reported",
        channel="endpoint",
        at=at,
        mono=at,
        body=body,
    )


def table(name: str, *rows: Row, at: int = 1) -> Observation:
    """*rows* in the columns of the table; what a row leaves out, its machine did not say."""
    cells = tuple(tuple(row.get(c) for c in TABLES[name]) for row in rows)
    return seen(EndpointTable(table=name, rows=cells), at)


def asset(*evidence: str, host: str = HOST) -> Asset:
    return Asset(
        id=host,
        same_as=(),
        identifiers=(),
        ports=(),
        merged=(),
        kept_apart=(),
        presence="live",
        device_class=Known[str].not_asked(),
        class_conf=0,
        attrs={},
        first_seen=1,
        last_seen=1,
        evidence=evidence,
    )


def found(*observations: Observation) -> dict[str, ProtectionItem]:
    items = gather(
        [("run", o) for o in observations], [asset(*(o.id for o in observations))], (), b"k" * 32
    )
    assert {i.asset for i in items} <= {HOST}
    return {i.product: i for i in items}


def test_a_windows_machine_as_it_tells_of_itself() -> None:
    services = table(
        "services",
        {
            "name": "WinDefend",
            "display": "Microsoft Defender Antivirus Service",
            "state": "running",
        },
        {
            "name": "ekrn",
            "state": "running",
            "command": r'"C:\Program Files\ESET\ESET Security\ekrn.exe"',
        },
        {"name": "VeeamEndpointBackupSvc", "state": "stopped", "account": "ACME\\veeam"},
        {"name": "Spooler", "state": "running", "account": "LocalSystem"},
    )
    packages = table("packages", {"name": "ESET Endpoint Security", "version": "11.1.2052.0"})
    told = table(
        "protection",
        {"kind": "antivirus", "name": "ESET Security", "state": "on", "updated": "2026-11-22"},
        {
            "kind": "antivirus",
            "name": "Windows Defender",
            "state": "passive",
            "updated": "2026-11-20",
        },
        {"kind": "firewall", "name": "ESET Firewall", "state": "off"},
        {"kind": "antivirus", "name": "Nobody's Antivirus", "state": "on"},
    )
    by = found(services, packages, told)
    assert set(by) == {"defender_av", "eset", "veeam_agent"}
    assert {p: (i.form, i.engine) for p, i in by.items()} == {
        "defender_av": ("passive", "no"),
        "eset": ("running", "yes"),
        "veeam_agent": ("off", "no"),
    }
    assert (by["eset"].version.value, by["eset"].updated.value) == ("11.1.2052.0", "2026-11-22")
    assert by["eset"].evidence == tuple(sorted((services.id, packages.id, told.id)))
    assert by["veeam_agent"].accounts == ("ACME\\veeam",)
    assert by["veeam_agent"].updated.state == "not_asked"
    # Without its own word, Defender may be active or passive.
    alone = found(services)
    assert (alone["defender_av"].form, alone["defender_av"].engine) == ("unknown", "unknown")


def test_the_word_of_the_system_in_each_state() -> None:
    for state, form in {"on": "running", "off": "off", "expired": "off", "unknown": "installed", "": "installed"}.items():  # fmt: skip
        row = {"kind": "antivirus", "name": "Webroot SecureAnywhere", "state": state}
        assert found(table("protection", row))["webroot"].form == form, state
    # Switched on where others can only guess.
    on = {"kind": "antivirus", "name": "Elastic Defend", "state": "on"}
    assert found(table("protection", on))["elastic"].engine == "yes"


def test_values_are_those_the_catalogue_names() -> None:
    rows = [
        {"tool": "crowdstrike", "place": "HKLM", "key": "CU", "value": "F" * 32},
        {"tool": "crowdstrike", "place": "HKLM", "key": "Token", "value": "hunter2"},
        {"tool": "screenconnect", "place": "HKLM", "key": "CU", "value": "x"},
    ]
    one = table("values", *rows)
    assert [t.values for t in traces([("run", one)], {one.id: HOST})] == [{"CU": "F" * 32}]
    (item,) = found(one).values()
    assert (item.product, item.instance) == ("crowdstrike", {"instance": "F" * 32})
    assert item.form == "residue"


def test_the_newest_telling_counts() -> None:
    before = table("services", {"name": "ekrn", "state": "running"}, at=1)
    after = table("services", {"name": "Spooler", "state": "running"}, at=2)
    assert set(found(before)) == {"eset"}
    assert found(before, after) == found(after, before) == {}


def test_linux_and_macos() -> None:
    units = table("units", {"name": "falcon-sensor.service", "state": "active"})
    assert found(units)["crowdstrike"].engine == "yes"
    units = table("units", {"name": "falcon-sensor.service", "state": "failed"})
    assert found(units)["crowdstrike"].form == "off"
    daemons = table("launchd", {"name": "com.apple.XprotectFramework.PluginService"})
    assert (found(daemons)["xprotect"].builtin, found(daemons)["xprotect"].form) == (
        True,
        "installed",
    )


def test_snmp_tells_shown_names_and_what_runs() -> None:
    services = SnmpTable(
        table="services",
        columns=("name", "state"),
        rows=(("ESET Service", 1), ("Print Spooler", 1)),
    )
    runs = SnmpTable(
        table="processes",
        columns=("index", "name", "path"),
        rows=((1, "sfc.exe", "C:\\Program Files\\Cisco\\AMP\\8.1.7\\"), (2, "sfc.exe", "")),
    )
    by = found(seen(services), seen(runs))
    assert {p: i.form for p, i in by.items()} == {"eset": "running", "cisco_amp": "running"}


def test_what_belongs_to_no_asset_is_left_out() -> None:
    one = table("services", {"name": "ekrn", "state": "running"})
    assert list(traces([("run", one)], {})) == []
    assert [t.host for t in traces([("run", one)], {one.id: OTHER})] == [OTHER]
