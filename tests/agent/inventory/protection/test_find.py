"""Every product as its maker installs it, in each state; none where nothing is; whose it is; whatever the order and however hostile."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.protection import Product, products
from agent.inventory.protection.find import protection
from agent.model.attribution import Provider
from agent.model.base import hash_id
from agent.model.protection import ProtectionItem
from agent.model.software import Trace, TraceKind
from tests.agent.inventory.software.disguises import stock

KEY, HOST = b"k" * 32, "a" * 32
OURS = Provider(
    id="ours",
    role="ours",
    name="Horizon",
    domains=("horizon.example",),
    tools=("SentinelOne",),
    ids={"CrowdStrike": ("0123456789ABCDEF0123456789ABCDEF-12",)},
)
FORMER = Provider(
    id="former",
    role="former",
    name="InfoSud Services",
    domains=("infosud.example",),
    networks=("203.0.113.0/24", "2001:db8:7::/48"),
    tools=("ESET Protect", "N-central"),
    ids={"crowdstrike": ("FEDCBA9876543210FEDCBA9876543210-34",), "screenconnect": ("9" * 32,)},
)
PROVIDERS = (OURS, FORMER)
RUNNING: tuple[TraceKind, ...] = ("service", "unit", "launchd", "process")
DEFENDER = "defender_av"


def trace(kind: TraceKind, name: str, host: str | None = HOST, **fields: object) -> Trace:
    fields.setdefault("evidence", (hash_id(kind, name, host),))
    return Trace(host=host, kind=kind, channel="test", name=name, **fields)  # type: ignore[arg-type]


def found(*traces: Trace) -> tuple[ProtectionItem, ...]:
    return protection(traces, PROVIDERS, KEY)


def only(*traces: Trace) -> ProtectionItem:
    (item,) = found(*traces)
    return item


def names(product: Product, kind: str) -> list[str]:
    return [e.partition(" ")[2] for e in product.examples if e.startswith(f"{kind} ")]


def default(product: Product, where: str, state: str = "running") -> list[Trace]:
    return [
        trace(kind, name, path=where, state=state)
        for kind in RUNNING
        for name in names(product, kind)
    ]


def test_recall_of_every_product() -> None:
    """As installed; by bare names only (what SNMP tells); installed and stopped; package alone; files alone; a service called otherwise."""
    missed: dict[str, list[str]] = {}
    told: dict[str, int] = {}
    for product in products():
        where = next(iter(names(product, "path")), "")
        runs = "unknown" if product.modes else "running"
        services = [k for k in ("service", "unit", "launchd") if names(product, k)]
        stopped = [t for t in default(product, where, "stopped") if t.kind != "process"]
        forms: dict[str, tuple[list[Trace], str]] = {
            "default": (default(product, where), runs),
            "bare names": (default(product, ""), runs),
            "shown names": (
                [
                    trace("service", n, display=n, state="running")
                    for n in names(product, "display")
                ],
                runs,
            ),
            "stopped": (stopped if services else [], "off"),
            "package alone": (
                [trace("package", n) for n in names(product, "package")],
                "installed",
            ),
            "files alone": ([trace("path", "", path=where)] if where else [], "residue"),
            "renamed": (
                [trace("process", "helper.exe", path=where, state="running")] if where else [],
                runs,
            ),
        }
        for form, (some, state) in forms.items():
            if not some:
                continue
            told[form] = told.get(form, 0) + 1
            hits = [i for i in found(*some) if i.product == product.id]
            if [i.form for i in hits] != [state]:
                missed.setdefault(form, []).append(product.id)
    for form, count in told.items():
        print(f"{form}: {count - len(missed.get(form, []))} of {count}; {missed.get(form, [])}")
    assert told["default"] == len(products())
    # Their names are anybody's: the folder has to be seen.
    assert missed == {"bare names": ["carbonblack_appcontrol"], "shown names": ["cove"]}


def test_the_engine_that_is_seen_to_run() -> None:
    for product in products():
        where = next(iter(names(product, "path")), "")
        (item,) = [i for i in found(*default(product, where)) if i.product == product.id]
        wanted = {"yes": "yes", "part": "yes", "option": "unknown", "no": "no"}[product.real_time]
        if product.modes:
            wanted = "unknown"
        assert item.engine == wanted, product.id


def test_a_clean_machine_has_what_is_built_in_and_no_more() -> None:
    """All names of the stock lists on one machine, so that one weak name would find another to lean on."""
    traps = {"AVP", "KAVFS", "VeeamBackupSvc", "clamav-daemon.service"}
    all_of = [t for t in stock() if t.name not in traps]
    assert len(all_of) > 700
    items = found(*all_of)
    assert [i.product for i in items if not i.builtin] == []
    assert {i.product for i in items} == {
        DEFENDER,
        "defender_endpoint",
        "windows_backup",
        "time_machine",
        "xprotect",
    }


@pytest.mark.parametrize(
    ("told", "form", "engine"),
    [
        ("Normal", "running", "yes"),
        ("Passive", "passive", "no"),
        ("Passive Mode", "passive", "no"),
        ("SxS Passive Mode", "passive", "no"),
        ("EDR Block Mode", "passive", "no"),
        ("Not running", "off", "no"),
        ("Something new", "unknown", "unknown"),
        ("", "unknown", "unknown"),
        ("Abnormal", "unknown", "unknown"),
    ],
)
def test_defender_is_passive_only_where_it_says_so(told: str, form: str, engine: str) -> None:
    values = {"AMRunningMode": told} if told else {}
    service = trace("service", "WinDefend", state="running", values=values)
    assert (only(service).form, only(service).engine) == (form, engine)
    # Told apart from the service, it is the same.
    apart = only(
        trace("service", "WinDefend", state="running"),
        trace("registry_value", "AMRunningMode", values=values),
    )
    assert (apart.form, apart.engine) == (form, engine)


def test_told_in_two_ways_is_unknown() -> None:
    item = only(
        trace("service", "WinDefend", state="running", values={"AMRunningMode": "Normal"}),
        trace("process", "MsMpEng.exe", values={"AMRunningMode": "Passive Mode"}),
    )
    assert (item.form, item.engine) == ("unknown", "unknown")
    item = only(trace("service", "WinDefend", state="stopped", values={"AMRunningMode": "Normal"}))
    assert (item.form, item.engine) == ("unknown", "unknown")


def test_an_agent_that_runs_does_not_stand_for_its_engine() -> None:
    agent = trace("service", "EraAgentSvc", state="running")
    assert (only(agent).form, only(agent).engine) == ("running", "unknown")
    off = only(agent, trace("service", "ekrn", state="stopped"))
    assert (off.form, off.engine) == ("off", "no")
    on = only(agent, trace("service", "ekrn", state="running"))
    assert (on.form, on.engine) == ("running", "yes")
    # One whose engine is a part of its own goes on without it.
    edr = trace("service", "hurukai", state="running")
    item = only(edr, trace("service", "hurukai-av", state="stopped"))
    assert (item.form, item.engine) == ("running", "no")


def test_a_name_that_is_anybodys_needs_another_sign() -> None:
    for name in ("Backup Service Controller", "Online Backup Service", "Parity", "MMS", "lockhart"):
        assert found(trace("service", name, state="running")) == (), name
    assert found(trace("process", "sfc.exe")) == ()
    assert found(trace("service", "MMS"), trace("process", "mms.exe")) == ()
    folder = r"C:\Program Files\Backup Manager\BackupFP.exe"
    assert only(trace("service", "Backup Service Controller", path=folder)).product == "cove"
    assert (
        only(trace("process", "sfc.exe", path=r"C:\Program Files\Cisco\AMP\8.1\sfc.exe")).product
        == "cisco_amp"
    )
    started = f'"{folder}" -service'
    assert only(trace("service", "Backup Service Controller", command=started)).product == "cove"
    item = only(trace("service", "MMS"), trace("service", "AcrSch2Svc"))
    assert [a.name for a in item.artefacts] == ["AcrSch2Svc", "MMS"]


def test_the_folder_decides_between_two_that_share_a_name() -> None:
    folder = r"C:\Program Files (x86)\StorageCraft\ShadowProtect\ShadowProtectSvc.exe"
    assert only(trace("service", "ShadowProtectSvc", path=folder)).product == "shadowprotect"
    by = {
        i.product: [a.name for a in i.artefacts]
        for i in found(
            trace("service", "stc_raw_agent"), trace("service", "ShadowProtectSvc", path=folder)
        )
    }
    assert by == {"datto_siris": ["stc_raw_agent"], "shadowprotect": ["ShadowProtectSvc"]}
    both = found(trace("service", "stc_raw_agent"), trace("service", "ShadowProtectSvc"))
    assert {i.product for i in both} == {"datto_siris", "shadowprotect"}


@pytest.mark.parametrize(
    ("one", "owner"),
    [
        (trace("service", "CSFalconService", values={"CU": "fedcba9876543210fedcba9876543210-34"}), "former"),
        (trace("service", "CSFalconService", values={"CU": "0123456789ABCDEF0123456789ABCDEF-12"}), "ours"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "vac.infosud.example:6180"}), "former"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "vac.infosud.example:6180:0"}), "former"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "https://[2001:db8:7::7]:6180/x"}), "former"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "2001:db8:7::7"}), "former"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "203.0.113.7:6180"}), "former"),
        (trace("service", "VeeamManagementAgentSvc", values={"CloudGatewayAddress": "infosud.example.evil.test:6180"}), "unknown"),
        (trace("process", "BackupFP.exe", values={"PartnerName": "InfoSud Services"}), "unknown"),
        (trace("service", "CSFalconService", values={"CU": "fedcba9876543210fedcba9876543210"}), "former"),
        (trace("service", "CSFalconService", values={"CU": "fedcba9876543210"}), "unknown"),
        (trace("service", "CSFalconService", values={"CU": "9" * 32}), "unknown"),  # an id of another tool
        (trace("service", "CSFalconService", values={"CU": "0" * 32}), "unknown"),
        (trace("service", "ekrn"), "unknown"),
    ],
)  # fmt: skip
def test_whose_it_is_and_why(one: Trace, owner: str) -> None:
    item = only(one)
    assert item.owner.owner == owner
    if owner == "unknown":
        assert item.owner.provider is None
    else:
        assert any(w.strong and w.evidence == one.evidence for w in item.owner.for_)


def test_who_is_known_to_use_it_is_a_suspicion_and_no_more() -> None:
    assert only(trace("service", "ekrn")).owner.suspected == ("former",)
    assert only(trace("service", "SentinelAgent")).owner.suspected == ("ours",)
    words = only(trace("process", "BackupFP.exe", values={"PartnerName": "InfoSud Services"}))
    assert words.owner.suspected == ("former",)
    assert only(trace("service", "WRSVC")).owner.suspected == ()


def test_no_value_is_kept_that_the_catalogue_does_not_name() -> None:
    values = {"CU": "0" * 32, "Token": "hunter2", "Password": "hunter2", "AccountKey": "hunter2"}
    item = only(trace("service", "CSFalconService", values=values))
    assert item.instance == {"instance": "0" * 32}
    assert "hunter2" not in item.model_dump_json()


def test_accounts_of_a_domain_are_told_from_those_of_the_machine() -> None:
    accounts = {"ACME\\svc-backup", "backup@acme.lan"}
    own = {
        "LocalSystem",
        "NT AUTHORITY\\LocalService",
        "AUTORITE NT\\Système",
        ".\\veeam",
        "NT SERVICE\\x",
        "",
    }
    some = [trace("service", "VeeamBackupSvc", account=a) for a in sorted(accounts | own)]
    assert set(only(*some).accounts) == accounts


def test_the_version_is_that_of_the_package() -> None:
    parts = [trace("driver", "eamonm", version="1.2"), trace("service", "ekrn", version="10.1.5")]
    assert only(*parts).version.state == "conflict"
    assert (
        only(*parts, trace("package", "ESET Endpoint Security", version="10.1")).version.value
        == "10.1"
    )
    assert only(trace("service", "ekrn")).version.state == "not_asked"


def test_a_policy_protects_nothing_yet() -> None:
    assert found(trace("policy_package", "Sophos Endpoint Agent")) == ()
    assert found(trace("service", "ekrn", host=None, state="running")) == ()


def test_hosts_are_apart() -> None:
    here, there = trace("service", "MMS"), trace("service", "AcrSch2Svc", host="b" * 32)
    assert [(i.asset, len(i.artefacts)) for i in found(here, there)] == [("b" * 32, 1)]


@given(st.randoms(use_true_random=False))
def test_the_order_of_traces_never_matters(r: random.Random) -> None:
    some = [t for p in products()[::4] for t in default(p, "")[:4]]
    some += [trace("service", "WinDefend", host="b" * 32, values={"AMRunningMode": "Normal"})]
    some += [trace("package", "ESET Endpoint Security", version=v) for v in ("1", "2")]
    shuffled = [*some, *some]
    r.shuffle(shuffled)
    assert found(*shuffled) == found(*some)


HOSTILE = st.one_of(
    st.text(max_size=300), st.text(alphabet="\x00\x1b\n\u202eekrn. \\/()\ud800", max_size=60)
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_whatever_a_machine_says_is_read(name: str, command: str, path: str) -> None:
    for kind in ("service", "process", "package", "path", "driver", "launchd"):
        found(trace(kind, name, command=command, path=path, account=name, evidence=("e" * 32,)))


def test_what_is_shown_holds_no_control_characters_and_an_end() -> None:
    long = "ESET File Security \x1b[31m\u202e" + "9" * 900
    (shown,) = only(trace("package", long, command="\x00" * 9000)).artefacts
    assert shown.name.isprintable()
    assert shown.value.isprintable()
    assert (len(shown.name), len(shown.value)) == (253, 500)
